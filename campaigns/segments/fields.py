"""The fields a rule may name: nothing outside this table, and the custom columns, reaches a query."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from campaigns.terms import ChannelName, Tier

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class Kind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"  # one of a few words
    TAG = "tag"  # any of a few words, several at once
    COUNT = "count"
    AGE = "age"  # full units since a stored moment
    COUNTDOWN = "countdown"  # days until a stored date, by the calendar of Shanghai
    MOMENT = "moment"  # compared with a date (that whole day in Shanghai) or a time
    FLAG = "flag"  # yes or no


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a rule may ask of a member. `label` and `explanation` are for staff.

    `column` is a column of table members (for reachable.*, of contacts), `fact` the attribute of Facts.
    """

    name: str
    kind: Kind
    label: str
    english: str
    explanation: str
    example: str
    column: str = ""
    fact: str = ""
    unit: timedelta | None = None  # kinds age and countdown
    measure: str = ""  # the Chinese measure word of a number
    optional: bool = False  # may be empty, so that `is empty` makes sense
    channel: ChannelName | None = None  # reachable.*
    choices: Mapping[str, str] = field(
        default_factory=dict, hash=False
    )  # kinds choice and tag: word → what staff call it
    percent: bool = False  # stored from 0 to 1, asked for in full percents
    attr: str = ""  # a custom column's name, as in the export


ATTR_PREFIX = "attr."
ANY_ATTR = "attr.*"  # in the table, it stands for every custom column


def attr_field(name: str) -> Field:
    """The field of one custom column."""
    return Field(
        name=ATTR_PREFIX + name,
        kind=Kind.TEXT,
        label=f"自定义字段“{name}”",
        english=f"custom column “{name}”",
        explanation="导出文件中的自定义列，文字",
        example=f'{ATTR_PREFIX}{name} = "…"',
        optional=True,
        attr=name,
    )


def _text(name: str, label: str, english: str, explanation: str, example: str) -> Field:
    fact = "member_no" if name == "no" else name
    return Field(name, Kind.TEXT, label, english, explanation, example, column=name, fact=fact, optional=True)


def _count(name: str, label: str, measure: str, english: str, explanation: str, column: str = "") -> Field:
    column = column or name
    return Field(
        name,
        Kind.COUNT,
        label,
        english,
        explanation,
        f"{name} >= 3",
        column=column,
        fact=column,
        measure=measure,
    )


def _reachable(channel: ChannelName, column: str, label: str, english: str) -> Field:
    name = f"reachable.{channel}"
    explanation = f"{label}：至少一位在用联系人有该地址、地址未被屏蔽，且企业没有拒绝联系"
    return Field(name, Kind.FLAG, label, english, explanation, name, column=column, channel=channel)


_ACTIVITY = {
    "never_in": "从未回来",
    "active": "活跃",
    "cooling": "转冷",
    "dormant": "休眠",
    "paying_dormant": "付费休眠",
}
_FINDINGS = {
    "site_fault": "网站的错",
    "unread": "简历没看",
    "never_looked": "从没看过",
    "post_incomplete": "职位没写全",
    "pay_unclear": "薪资没写清",
    "pay_low": "薪资偏低",
    "stale": "太久没刷新",
    "low_view": "浏览少",
    "view_no_apply": "没人投",
    "scarce": "缺人",
    "renew_soon": "快到期",
}
_ALL = (
    Field(
        "tier",
        Kind.CHOICE,
        "客户分级",
        "the tier",
        "高端、优质、一般、低端 之一",
        "tier in (优质, 高端)",
        column="tier",
        fact="tier",
        choices={tier: tier for tier in Tier},
    ),
    Field(
        "activity",
        Kind.CHOICE,
        "活跃状态",
        "the activity",
        "昨晚算出的：active 活跃、cooling 转冷、dormant 休眠、paying_dormant 付费休眠、never_in 从未回来；还没算过为空",
        "activity in (dormant, paying_dormant)",
        column="activity_state",
        fact="activity_state",
        optional=True,
        choices=_ACTIVITY,
    ),
    Field(
        "p_active",
        Kind.COUNT,
        "还活跃的可能",
        "the chance that the account is alive",
        "昨晚按登录算出的，0到100，满了多少个百分点；登录记录不全为空",
        "p_active < 20",
        column="p_active",
        fact="p_active",
        measure="%",
        optional=True,
        percent=True,
    ),
    Field(
        "finding",
        Kind.TAG,
        "诊断发现",
        "a finding",
        "昨晚诊断发现的问题，可以有几个：unread 简历没看、never_looked 从没看过、post_incomplete 职位没写全、"
        "pay_unclear 薪资没写清、pay_low 薪资偏低、stale 太久没刷新、low_view 浏览少、view_no_apply 没人投、"
        "scarce 缺人、renew_soon 快到期、site_fault 网站的错",
        "finding = unread",
        column="findings",
        fact="findings",
        optional=True,
        choices=_FINDINGS,
    ),
    _text("trade", "行业", "the trade", "企业所属行业", "trade = 物流仓储"),
    _text("nature", "企业性质", "the nature", "民营、国企、个体等", "nature in (民营, 国企)"),
    _text("size", "企业规模", "the size", "人数范围，按导出文件原样", 'size = "20-99人"'),
    _text("city", "地区", "the city", "企业所在地区", "city in (大同, 朔州)"),
    _text("plan", "会员套餐", "the plan", "当前套餐名称", "plan != 免费"),
    Field(
        "renewal_days",
        Kind.COUNTDOWN,
        "距到期天数",
        "the number of days until the plan expires",
        "从今天（北京时间）到套餐到期日的天数，已过期为负数；没有到期日为空",
        "renewal_days >= 10 and renewal_days <= 20",
        column="plan_expires_on",
        fact="plan_expires_on",
        unit=DAY,
        measure="天",
        optional=True,
    ),
    Field(
        "registered_days",
        Kind.AGE,
        "注册天数",
        "the number of full days since registration",
        "注册至今满了多少个 24 小时",
        "registered_days >= 365",
        column="registered_at",
        fact="registered_at",
        unit=DAY,
        measure="天",
    ),
    Field(
        "registered_at",
        Kind.MOMENT,
        "注册时间",
        "the registration",
        "可与日期（北京时间的那一整天）或时间比较",
        "registered_at >= 2026-01-01",
        column="registered_at",
        fact="registered_at",
    ),
    Field(
        "last_login_at",
        Kind.MOMENT,
        "最近登录时间",
        "the last login",
        "可与日期（北京时间的那一整天）或时间比较；从未登录为空",
        "last_login_at is empty",
        column="last_login_at",
        fact="last_login_at",
        optional=True,
    ),
    Field(
        "idle_days",
        Kind.AGE,
        "未登录天数",
        "the number of full days since the last login",
        "最近一次登录至今满了多少个 24 小时；从未登录的从注册时间算起",
        "idle_days >= 90",
        column="idle_since",
        fact="idle_since",
        unit=DAY,
        measure="天",
    ),
    _count("logins", "登录次数", "次", "the number of logins", "累计登录次数", "login_count"),
    _count("postings", "职位数", "个", "the number of postings", "发布过的职位，不论状态"),
    _count("live_postings", "在招职位数", "个", "the number of open postings", "正在招聘的职位"),
    _count("applications", "收到简历数", "份", "the number of applications", "所有职位收到的投递"),
    _count(
        "unread_resumes",
        "未读简历数",
        "份",
        "the number of unread résumés",
        "还没有查看过的投递，职位不论状态",
    ),
    Field(
        "oldest_unread_hours",
        Kind.AGE,
        "最早未读小时数",
        "the number of full hours the oldest unread résumé has waited",
        "最早一份未读简历投递至今的整小时数；没有未读为空",
        "oldest_unread_hours >= 72h",
        column="oldest_unread_at",
        fact="oldest_unread_at",
        unit=HOUR,
        measure="小时",
        optional=True,
    ),
    _text(
        "stage",
        "成长阶段",
        "the stage",
        "registered已注册、activated已激活、posting在发布、receiving收简历、reading看简历、"
        "hiring招到人、renewing临续费",
        "stage in (registered, activated)",
    ),
    _text("owner", "负责客服", "the owner", "负责该企业的客服姓名", "owner = 李娜"),
    _text("no", "会员编号", "the member number", "导出文件中的会员编号", "no = Q100000"),
    _text("name", "企业名称", "the company name", "企业全称，按导出文件原样", "name contains 物流"),
    Field(
        "consent",
        Kind.FLAG,
        "有联系人同意接收",
        "a contact has consented",
        "至少一位在用联系人明确同意接收营销信息",
        "consent",
    ),
    _reachable(ChannelName.EMAIL, "email", "邮件可达", "reachable by e-mail"),
    _reachable(ChannelName.SMS, "mobile", "短信可达", "reachable by SMS"),
    _reachable(ChannelName.WECHAT, "openid", "微信可达", "reachable by WeChat"),
    Field(
        ANY_ATTR,
        Kind.TEXT,
        "自定义字段",
        "a custom column",
        '导出文件中的任意自定义列；名字里有空格或标点时写 attr."合同 编号"',
        "attr.园区 = 开发区",
        optional=True,
    ),
)

FIELDS: Mapping[str, Field] = {field.name: field for field in _ALL}
