"""The words that staff read for those code uses, in the reader's language. An unknown word is shown as it stands."""

import re
from collections.abc import Mapping
from typing import Any

from bot.language import SOURCE, language, say
from campaigns.segments import Segment, explain_segment
from campaigns.terms import SHANGHAI

_RULE = re.compile(r"[a-z]+(-[a-z0-9]+)+")  # as keywords.toml names them, which the keywords page shows
_ASIDE = re.compile(r"(?: |(?<=[\u3400-\u9fff])(?=\([^()]+\)$))\(([^()\u3400-\u9fff]+)\)")
_WHERE = re.compile(r"(?:[^\s:：\u3400-\u9fff]+[:：] ?)+")

REASONS = {
    "send": "发送",
    "visit": "开回访任务",
    "hold_out": "对照组",
    "refused": "已退订",
    "paused": "暂停联系中",
    "no_contact": "没有联系人",
    "no_consent": "没有同意",
    "no_address": "没有地址",
    "blocked": "地址已屏蔽",
    "unreachable": "地址无效",
    "not_follower": "没有关注",
    "opted_out": "本人停了这个渠道",
    "template_not_approved": "模板没有通过",
    "no_window": "会话窗口已关",
    "no_credit": "没有订阅次数",
    "month_quota": "本月群发已满",
    "other_way": "换了渠道",
    "scheduled": "还没到时间",
    "outside_hours": "不在时段",
    "frequency_cap": "频次上限",
    "too_late": "过期",
    "goal_met": "目标已达成",
    "renewal_rest": "快到期了，这几天不去",
    "visit_planned": "到期前已经有一次拜访",
    "cancelled": "已取消",
    "provider_refused": "渠道拒绝",
    "retry": "稍后重试",
    "paced": "限速排队",
    "channel_closed": "渠道停了",
    "waits_for_staff": "等同事确认群发",
    "not_confirmed": "同事没有确认",
    "words": "内容有误",
    "written_to": "这个活动发过，这次不发",
    "other_trades": "行业不过这个节",
    "suppressed": "不发",
    "deferred": "推迟",
    "failed": "失败",
    "expired": "过期",
    "waiting": "待发",
    "gone": "已发出",
    "queued": "待发",
    "sending": "发送中",
    "sent": "已发",
    "delivered": "已到",
    "bounced": "退回",
    "unknown": "不确定",
    "handed_over": "开回访任务",
}

SOURCES = {"touch": "对方的回答", "link": "退订链接", "message": "发送时退回"}

CHANNELS = {
    "wechat": "公众号",
    "wechat_mass": "公众号群发",
    "wecom": "企业微信",
    "sms": "短信",
    "email": "邮件",
    "phone": "电话",
    "web": "网页",
    "fair": "招聘会",
    "gift": "礼品",
    "visit": "上门",
    "online": "在线",
    "other": "其他方式",
    "qq": "QQ",
    "post": "邮寄",
    "event": "活动现场",
}

MODES = {"custom": "会话里", "template": "模板消息", "subscribe": "订阅通知", "mass": "群发"}

CLASSES = {"service": "服务提醒", "marketing": "营销", "greeting": "问候", "answer": "自动回复"}

CAMPAIGN_STATES = {
    "draft": "没有批准",
    "approved": "已批准，没有开始",
    "running": "正在进行",
    "paused": "已暂停",
    "cancelled": "已取消",
}

INTENTS = {
    "stop": "退订",
    "complaint": "投诉",
    "interested": "有兴趣",
    "call_me": "要回电",
    "problem_post": "发不了职位",
    "problem_login": "登录不上",
    "problem_unread": "看不到简历",
    "problem_noapply": "没人投简历",
    "problem_pay": "付费问题",
    "hiring_plan": "有用工计划",
    "filled": "已招满",
    "wrong_contact": "找错人",
    "auto_reply": "自动回复",
    "thanks": "道谢",
    "unknown": "听不准",
}

ROLES = {
    "admin": ("管理员", "全部权限，包括员工和设置"),
    "manager": ("主管", "看全部会员，审批，分配，看审计日志"),
    "marketer": ("营销", "做活动，看自己部门的会员"),
    "agent": ("客服", "回复客户、办任务，看自己部门的会员"),
    "viewer": ("只读", "看全部会员，什么都不能改"),
}

RIGHTS = {
    "see": "看会员和活动",
    "addresses": "看完整号码",
    "export": "导出",
    "answer": "回复客户",
    "plan": "做活动",
    "import": "导入",
    "events": "报告网站上的事",
    "assign": "分配会员",
    "approve": "审批活动",
    "settings": "改设置",
    "staff": "管员工",
    "audit": "看审计日志",
}

HOOK_KINDS = {
    "reply": "会员回复",
    "opt_out": "退订",
    "return": "回流",
    "task_outcome": "任务有结果",
    "test": "试发",
}

ACTION_WORDS = {
    "logged_in": "登录",
    "log_in_failed": "登录没有成功",
    "logged_out": "退出",
    "proof_changed": "改密码或两步验证",
    "staff_added": "加员工",
    "staff_changed": "改员工的权限",
    "member_seen": "看会员资料",
    "exported": "导出",
    "file_written": "改素材",
    "members_exported": "导出会员",
    "members_assigned": "分配会员",
    "suppressions_changed": "改屏蔽名单",
    "key_made": "做接口令牌",
    "key_revoked": "作废接口令牌",
    "setting_changed": "改设置",
    "channel_opened": "重新打开通道",
    "channel_tested": "试通道",
    "segment_saved": "存分群",
    "segment_deleted": "删分群",
    "import_uploaded": "上传要导入的文件",
    "import_started": "导入",
    "import_deleted": "删掉导入的文件",
    "rejects_taken": "下载没导入的行",
    "written_by_hand": "写给客户",
    "conversation_changed": "会话接手、转交、关闭",
    "intent_corrected": "改正听成的意思",
    "canned_changed": "改常用语",
    "campaign_edited": "改活动内容",
    "campaign_submitted": "送审活动",
    "campaign_decided": "审批活动",
    "campaign_changed": "开始、暂停或取消活动",
    "campaign_tested": "给自己试发",
    "owner_changed": "换会员的负责人",
    "contact_left": "记联系人离开",
    "contact_changed": "改联系人",
    "member_changed": "改会员的备注或停发",
    "tier_set": "人工定级",
    "tier_ended": "人工定级到期",
    "task_changed": "办任务",
    "api_read": "程序取数",
    "api_written": "程序传数",
    "webhook_changed": "改对外通知",
    "gifts_changed": "礼品",
    "visit_recorded": "记联系的结果",
    "problem_changed": "改问题",
    "promise_changed": "改答应的事",
    "plan_changed": "改用工计划",
    "numbers_seen": "看号码",
    "target_set": "定目标",
    "clock_changed": "改演练时钟",
    "visits_changed": "排拜访",
    "keywords_changed": "改关键词表",
    "seekers_seen": "看求职者",
    "seeker_introduced": "介绍求职者",
    "introduction_changed": "记求职者的意愿和结果",
    "fair_changed": "办招聘会",
}

# Tasks opened by an answer carry its intent; these are the others.
TASKS = {
    "check_stop": "核对是不是退订",
    "return_visit": "回访",
    "renewal": "续费前回访",
    "promise": "答应的事",
    "problem": "解决问题",
    "follow_up": "再联系",
    "by_hand": "自己建的任务",
    "introduce": "介绍求职者",
    "ask_seeker": "问求职者愿不愿意",
    "tell_seeker": "告诉求职者",
    "gift": "节日送礼",
    "handover": "接手移交来的会员",
    "planned_visit": "排好的拜访",
}

TOUCHES = {
    "message": "发出",
    "reply": "回复",
    "auto_reply": "自动回复",
    "opt_out": "退订",
    "return": "从链接回来",
    "follow": "关注公众号",
    "unfollow": "取消关注公众号",
    "visit": "回访",
    "tried": "没谈上",
}

ACTIVITY = {
    "never_in": "从未回来",
    "active": "活跃",
    "cooling": "转冷",
    "dormant": "休眠",
    "paying_dormant": "付费休眠",
}
POSTING_STATES = {"live": "在招", "expired": "已过期", "offline": "已下架"}

BLOCKS = {
    "refused": "退订全部",
    "in_doubt": "存疑，先停24小时",
    "preference": "本人停了这个渠道",
    "unfollowed": "取消关注",
    "by_hand": "员工屏蔽",
    "of_site": "网站黑名单",
}

# A restored copy, until a person releases it.
HELD = "这是从备份恢复的副本，已暂停，不计划也不发送。看清单：huifang release --list，放行：huifang release"

# In a member's timeline: what the ledger says did not go out.
NOT_SENT = "not_sent"

# Nobody plans or sends on this database.
NO_WORKER = (
    "没有 worker 在跑，什么也不会发出；运行 huifang up 或 huifang worker "
    "(no worker is alive: nothing goes out until one of them runs)"
)


def fate_words(name: str) -> str:
    """`deferred:outside_hours` → 推迟：不在时段."""
    head, _, reason = name.partition(":")
    return _pair(_of(REASONS, head), _of(REASONS, reason)) if reason else _of(REASONS, head)


def refusal_words(reason: str) -> str:
    """`no_consent` → 没有同意."""
    return _of(REASONS, reason)


def reason_words(reason: str) -> str:
    """`no_consent` → 没有同意 (no consent)."""
    said = _of(REASONS, reason)
    return f"{said} ({reason.replace('_', ' ')})" if language() == SOURCE else said


def obstacle_words(obstacles: str) -> str:
    """`sms:no_consent wechat:no_window` → 短信：没有同意，公众号：会话窗口已关."""
    ways = (one.partition(":") for one in obstacles.split())
    return say("，").join(_pair(channel_words(channel), _of(REASONS, reason)) for channel, _, reason in ways)


def reach_left(one: Mapping[str, Any]) -> str:
    """What a window, accepted notices and the month still hold for one contact."""
    window, until = one["window_left"], one["window_until"]
    parts = []
    if window:
        parts.append(say("窗口还有{n}条，到{at}").format(n=window, at=f"{until.astimezone(SHANGHAI):%m-%d %H:%M}"))
    for template, left in sorted(one["credits"].items()):
        parts.append(say("{template}还能发{n}次").format(template=template, n=left))
    if one["month_left"] is not None:
        parts.append(say("本月群发还有{n}次").format(n=one["month_left"]))
    return say("；").join(parts)


def segment_words(segment: Segment) -> str:
    """Who is in it, in a sentence without its full stop."""
    return explain_segment(segment, "en" if language() == "en" else "zh")


def fault_words(said: object) -> str:
    """An error says both: `schedule.on: 没有这一天 (no such day)`. The reader's half of it, with the place."""
    text = str(said)
    english = _ASIDE.findall(text)
    if language() == SOURCE or not english:
        return (_ASIDE.split(text, maxsplit=1)[0] if english else text).partition(" (")[0]
    where = _WHERE.match(text)
    return (where[0] if where else "") + "; ".join(english)


def channel_words(name: str) -> str:
    return _of(CHANNELS, name)


def mode_words(name: str) -> str:
    return _of(MODES, name)


def class_words(name: str) -> str:
    return _of(CLASSES, name)


def campaign_state_words(name: str) -> str:
    return _of(CAMPAIGN_STATES, name)


def intent_words(name: str) -> str:
    return _of(INTENTS, name)


def evidence_words(evidence: str) -> str:
    """What a reading of an answer rests on: the word that was found, a rule of the table, or the classifier's share."""
    head, _, share = evidence.partition(" ")
    if _RULE.fullmatch(evidence):
        return say("按关键词表的{rule}").format(rule=evidence)
    if head != "classifier":
        return say("依据“{words}”").format(words=evidence)
    if not share.replace(".", "", 1).isdigit():
        return say("分类器判断")
    return say("分类器判断，把握{share}").format(share=f"{float(share):.0%}")


def task_words(category: str) -> str:
    return say(TASKS[category]) if category in TASKS else _of(INTENTS, category)


def touch_words(kind: str) -> str:
    return _of(TOUCHES, kind)


def posting_words(state: str) -> str:
    return _of(POSTING_STATES, state)


def activity_words(state: str) -> str:
    return _of(ACTIVITY, state)


def block_words(reason: str) -> str:
    return say(BLOCKS[reason]) if reason in BLOCKS else say("通道退回（{why}）").format(why=reason)


def source_words(source: str) -> str:
    """Where a stop came from: `touch:343` → 对方的回答; a colleague by name; all else came from the provider."""
    head, _, rest = source.partition(":")
    if head == "staff":
        return rest.partition(":")[0]
    return say(SOURCES.get(head, "通道的回执")) if source else ""


def _of(table: Mapping[str, str], name: str) -> str:
    return say(table[name]) if name in table else name


def _pair(what: str, why: str) -> str:
    return say("{what}：{why}").format(what=what, why=why)


def role_words(role: str) -> tuple[str, str]:
    """What a role is called, and what it may do."""
    called, may = ROLES.get(role, (role, ""))
    return say(called), say(may)


def right_words(right: str) -> str:
    return _of(RIGHTS, right)


TIER_PARTS = {"payments": "付费", "activity": "活跃度", "hiring": "招聘", "standing": "规模性质", "response": "响应"}


def tier_part_words(part: str) -> str:
    return _of(TIER_PARTS, part)


def hook_kind_words(kind: str) -> str:
    return _of(HOOK_KINDS, kind)


def action_words(action: str) -> str:
    return _of(ACTION_WORDS, action)
