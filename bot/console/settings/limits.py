"""The limits of policy.toml as the settings show them: each with what it changes, and as it is typed."""

from bot.console.settings.diagnosis_limits import DIAGNOSIS_GROUPS, shown_thresholds
from bot.console.settings.limit import Group, Limit
from bot.wording import TIER_PARTS
from campaigns.policy import PolicySettings
from campaigns.terms import Tier
from campaigns.tier_rules import PARTS


def _hours(kind: str) -> tuple[Limit, ...]:
    return (
        Limit(f"hours.{kind}.from", "time", "从几点"),
        Limit(f"hours.{kind}.to", "time", "到几点"),
        Limit(f"hours.{kind}.days", "days", "哪些天"),
    )


GROUPS = (
    Group("营销什么时候能发", "不在这个时段的营销推到下一个能发的时刻，不会丢", _hours("marketing")),
    Group("节日问候什么时候能发", "问候在节前最后一个能发的时刻发；过了节就不再发", _hours("greeting")),
    Group("服务提醒什么时候能发", "有未读简历、套餐到期这类提醒。回答客户的话不受时段限制", _hours("service")),
    Group(
        "一家企业最多收几次",
        "营销和问候合计，所有联系人、所有渠道算在一起。满了就推迟，0是一次也不发",
        (
            Limit("company.window_days", "number", "在任意多少天里", "天"),
            *(Limit(f"company.touches.{tier}", "number", str(tier), "次") for tier in Tier),
            Limit("company.apart_hours", "number", "两次之间至少隔", "小时"),
        ),
    ),
    Group(
        "一个人最多收几条营销短信",
        "同一个联系人，超过的改走别的渠道或推迟",
        (
            Limit("contact.window_days", "number", "在任意多少天里", "天"),
            Limit("contact.marketing_sms", "number", "最多", "条"),
        ),
    ),
    Group("企业微信群发", "同一位客户一个自然月最多收几条", (Limit("wecom.mass_a_month", "number", "最多", "条"),)),
    Group(
        "付多少算满分",
        "客户分级里付费一项：近12个月付到这么多就是满分，下一晚按新的算。权重和线在“客户分级”里改",
        (Limit("tiers.paid_full", "number", "近12个月付费", "元"),),
    ),
    Group(
        "一位求职者最多介绍给几家",
        "满了就先不再介绍这一位；0是一家也不介绍。企业那边照“一家企业最多收几次”",
        (
            Limit("seeker.window_days", "number", "在任意多少天里", "天"),
            Limit("seeker.introductions", "number", "最多", "家"),
        ),
    ),
    Group(
        "会员页上的下一步",
        "刚联系过的先不找；套餐快到期的提醒打电话",
        (
            Limit("advice.rest_days", "number", "联系过以后满", "天"),
            Limit("advice.renewal_from", "number", "到期前，从还剩", "天"),
            Limit("advice.renewal_to", "number", "到还剩", "天"),
        ),
    ),
    Group("推迟到什么时候为止", "到时还不能发的就不发了", (Limit("defer.at_most_days", "number", "最多推迟", "天"),)),
    Group(
        "像是退订、还没核对",
        "这家企业先停这么久，等人核对；一封也不发",
        (Limit("doubt.pause_hours", "number", "停", "小时"),),
    ),
    Group(
        "多大的活动可以自己批准",
        "有审批权的人自己送审的活动，不超过这么多家可以自己批准，再多要别人批准；0是一律要别人批准。别人送审的不受限制",
        (Limit("approval.own_up_to", "number", "自己批准最多", "家"),),
    ),
    Group(
        "新活动留多少不发，用来比",
        "从空白新做的活动，对照组一开始填这个数，每个活动在“为了什么”一步可以另改；已经有的活动不变。"
        "写10，就是每100家里约10家不发，看得出活动有没有用；0是都发，看不出",
        (Limit("campaign.hold_out_percent", "number", "每100家里留", "家"),),
    ),
)
TIER_GROUPS = (
    Group(
        "每一项最多几分",
        "五项加起来100分；不知道的一项不算，其余的按比例放大",
        tuple(Limit(f"tiers.weights.{part}", "number", TIER_PARTS[part], "分") for part in PARTS),
    ),
    Group(
        "分到哪一级",
        "按分数从高到低排，前百分之几到这一级为止，一条线比一条线大；剩下的是低端",
        tuple(Limit(f"tiers.cuts.{tier}", "number", str(tier), "前百分之几") for tier in list(Tier)[:-1]),
    ),
    Group(
        "什么时候不动",
        "过线不够多、或者刚进这一级的不换，免得来回跳",
        (
            Limit("tiers.margin.points", "number", "过线至少", "分"),
            Limit("tiers.margin.days", "number", "进这一级至少", "天"),
        ),
    ),
)
SERVICE_GROUPS = (
    Group(
        "谁打电话",
        "高端由负责人一对一，低端只群发",
        tuple(Limit(f"service.caller.{tier}", "caller", str(tier)) for tier in Tier),
    ),
    Group(
        "最多隔几天打一次",
        "0是不定期。优质一个月打几次，所以是10天；高端的负责人本来就一对一地照看，"
        "14天是最久不能不联系的底线，不是一个月打几次",
        tuple(Limit(f"service.every_days.{tier}", "number", str(tier), "天") for tier in Tier),
    ),
    Group(
        "最多收几条",
        "营销和问候合计，任意30天里；天数在发送规则里改。0是一次也不发",
        tuple(Limit(f"company.touches.{tier}", "number", str(tier), "次") for tier in Tier),
    ),
)
ALL_GROUPS = (*GROUPS, *TIER_GROUPS, *SERVICE_GROUPS[:2], *DIAGNOSIS_GROUPS)
LIMITS = {limit.key: limit for group in ALL_GROUPS for limit in group.limits}


def shown(policy: PolicySettings) -> dict[str, str]:
    """Every key's value as it is typed."""
    hours = {
        f"hours.{kind}.{name}": value
        for kind, one in policy.hours.items()
        for name, value in (
            ("from", f"{one.opens:%H:%M}"),
            ("to", f"{one.closes:%H:%M}"),
            ("days", "workdays" if one.workdays_only else "all"),
        )
    }
    return {
        **hours,
        **{f"company.touches.{tier}": str(most) for tier, most in policy.company_touches.items()},
        "company.window_days": str(policy.company_window.days),
        "company.apart_hours": str(round(policy.company_apart.total_seconds()) // 3600),
        "contact.marketing_sms": str(policy.contact_sms),
        "contact.window_days": str(policy.contact_sms_window.days),
        **{f"tiers.weights.{part}": str(weight) for part, weight in zip(PARTS, policy.tiers.weights, strict=True)},
        **{f"tiers.cuts.{tier}": str(share) for tier, share in zip(Tier, policy.tiers.shares, strict=False)},
        "tiers.margin.points": str(policy.tiers.margin_points),
        "tiers.margin.days": str(policy.tiers.margin_days),
        "tiers.paid_full": str(policy.tiers.paid_full),
        **{f"service.caller.{tier}": str(level.caller) for tier, level in policy.service.items()},
        **{f"service.every_days.{tier}": str(level.every_days) for tier, level in policy.service.items()},
        "wecom.mass_a_month": str(policy.customer_mass),
        "seeker.introductions": str(policy.seeker_introductions),
        "seeker.window_days": str(policy.seeker_window.days),
        "advice.rest_days": str(policy.rest_days),
        "advice.renewal_from": str(policy.renewal_from),
        "advice.renewal_to": str(policy.renewal_to),
        "defer.at_most_days": str(policy.defer_at_most.days),
        "doubt.pause_hours": str(round(policy.doubt_pause.total_seconds()) // 3600),
        "approval.own_up_to": str(policy.own_up_to),
        "campaign.hold_out_percent": str(policy.usual_hold_out),
        **shown_thresholds(policy.diagnosis),
    }
