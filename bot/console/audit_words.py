"""What the audit log says beside who and when: the thing that was changed, and what of it."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from bot.console.settings.limits import LIMITS
from bot.contact_words import CONTACT_ROLES
from bot.language import say
from bot.result_words import RESULTS
from bot.wording import (
    CHANNELS,
    INTENTS,
    REASONS,
    RIGHTS,
    ROLES,
    block_words,
    channel_words,
    intent_words,
    right_words,
    role_words,
)


class Thing(NamedTuple):
    """What an entry is about: its kind, its name (empty: there is but one of it), and where it is opened."""

    kind: str
    name: str
    href: str = ""


# the head of a subject → its kind, and the page of one
_KINDS = {
    "member": ("企业会员", "/members/{}"),
    "campaign": ("营销活动", "/campaigns/{}"),
    "segment": ("分群", "/segments/{}"),
    "fair": ("招聘会", "/fairs/{}"),
    "staff": ("员工", "/staff"),
    "import": ("导入", "/imports/{}"),
    "channel": ("通道", "/settings/channels"),
    "token": ("接口令牌", "/settings/tokens"),
    "webhook": ("对外通知", "/settings/webhooks"),
    "visits": ("拜访", "/visits"),
    "field": ("自定义字段", "/settings/fields"),
    "canned": ("常用语", "/inbox/canned"),
    "file": ("设置文件", ""),
    "gift": ("礼品", "/gifts"),
    "gifts": ("礼品计划", "/gifts"),
    "suppression": ("屏蔽名单", "/settings/suppressions"),
    "suppressions": ("屏蔽名单", "/settings/suppressions"),
    "members": ("会员列表", "/members"),
    "audit": ("审计日志", "/audit"),
    "targets": ("目标", "/targets"),
    "clock": ("演练时钟", ""),
    "problems": ("问题", "/problems"),
}
_KEYS = {
    "a_day": "一天去几家",
    "active": "在用",
    "added": "加了",
    "addresses": "完整号码",
    "asked": "条件",
    "assigned": "交给",
    "audience": "圈中家数",
    "before": "原来的负责人",
    "broken": "违反的规则",
    "budget": "预算（元）",
    "cancelled": "作废条数",
    "changes": "改动处数",
    "channel": "通道",
    "contact": "联系人",
    "count": "家数",
    "deleted": "删掉",
    "department": "部门",
    "file": "文件",
    "files": "文件",
    "format": "格式",
    "influence": "影响力",
    "interests": "兴趣",
    "kind": "类型",
    "label": "名称",
    "lifted": "解除",
    "lines": "行数",
    "event": "编号",
    "kinds": "通知什么",
    "medium": "怎么联系",
    "message": "消息",
    "name": "名称",
    "now": "现在",
    "on": "日期",
    "outcome": "结果",
    "owner": "负责人",
    "parent_no": "上级联系人编号",
    "per_minute": "每分钟",
    "phones": "完整号码",
    "plan": "礼品计划",
    "plans": "用工计划数",
    "problem": "问题",
    "problems": "问题数",
    "promise": "答应的事",
    "reason": "原因",
    "restored": "换回的版本",
    "result": "结果",
    "rights": "权限",
    "role": "角色",
    "rows": "行数",
    "seeker": "求职者",
    "rejected": "拒绝",
    "updated": "改了",
    "rule": "规则",
    "shown": "显示在",
    "source": "照着做的",
    "state": "状态",
    "step": "第几步",
    "stock": "库存",
    "takes_none": "什么都不收",
    "title": "职务",
    "task": "任务",
    "tasks": "任务数",
    "to": "给",
    "tier": "分级",
    "undone": "撤销，退回",
    "until": "到期",
    "value": "价值（元）",
    "verdict": "决定",
    "version": "版本",
    "was": "原来",
    "what": "做了什么",
}
_VALUES = {
    "moved": "改了日子",
    "released": "放回自动",
    "care": "开始关注",
    "care over": "结束关注",
    "care-over": "结束关注",
    "absence": "请假",
    "absence gone": "取消请假",
    "capacity": "改一天家数",
    "approved": "批准",
    "refused": "不批准",
    "withdrawn": "撤回",
    "start": "开始",
    "pause": "暂停",
    "paused": "暂停",
    "solved": "解决",
    "told": "告诉客户",
    "kept": "办到了",
    "broken": "没办到",
    "hired": "招到了",
    "dropped": "不招了",
    "resumed": "恢复",
    "stopped": "停发",
    "lifted": "恢复",
    "note-back": "删备注",
    "contact-back": "联系人还在",
    "contacts": "联系人",
    "brief": "访前检查",
    "contact-new": "加联系人",
    "contact-primary": "设为首要联系人",
    "waiting": "等回复",
    "resume": "继续",
    "cancel": "取消",
    "stop": "停发",
    "note": "备注",
    "new": "新建",
    "rotate": "换密钥",
    "delete": "删除",
    "test": "试发一条",
    "again": "再发一次",
    "hand": "转交",
    "postpone": "推迟",
    "reopen": "重新打开",
    "close": "关闭",
    "closed": "关闭",
    "open": "打开",
    "password": "密码",
    "one-time password": "一次性密码",
    "second step on": "打开两步验证",
    "second step off": "关掉两步验证",
    "audience": "给谁",
    "purpose": "为了什么",
    "words": "写什么",
    "when": "什么时候",
    "check": "检查",
    "list": "列表",
    "member": "会员页",
    "tier-end": "按分数定级",
}


def thing_words(subject: str) -> Thing:
    """`campaign/unread_resumes` → 营销活动, unread_resumes, its page. What nobody knows stays as it was written."""
    head, _, name = subject.partition("/")
    if head in CHANNELS:
        return Thing(channel_words(head), name, "/settings/suppressions")
    if head not in _KINDS:
        return Thing("", subject)
    kind, page = _KINDS[head]
    return Thing(say(kind), name, page.format(quote(name, safe="")) if name or "{}" not in page else "")


def detail_words(detail: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`{"role": "agent", "rights": []}` → 角色 客服; what is empty says nothing."""
    told = ((key, _told(key, value)) for key, value in detail.items() if value not in ("", None, [], {}))
    return [(_named(key), words) for key, words in told]


def _named(key: str) -> str:
    if key in LIMITS:
        return say(LIMITS[key].label)
    return say(_KEYS.get(key, REASONS.get(key, key)))


def _told(key: str, value: object) -> str:
    match value:
        case bool():
            return say("是的") if value else say("否")
        case int():
            return (
                f"{value:,}"
                if key not in ("message", "task", "contact", "version", "restored", "problem", "promise")
                else str(value)
            )
        case str():
            return _one(key, value)
        case list():
            return say("、").join(_told(key, one) for one in value)
        case {"now": now, "was": was, **rest} if not rest:
            return " → ".join("—" if one == "" else _told(key, one) for one in (was, now))
        case dict():
            pairs = ((name or say("待分配"), _told("", one)) for name, one in value.items())
            return say("，").join(say("{what}：{why}").format(what=name, why=one) for name, one in pairs)
        case _:
            return json.dumps(value, ensure_ascii=False)


def _one(key: str, value: str) -> str:
    match key:
        case "role" if value in ROLES:
            return role_words(value)[0]
        case "role" if value in CONTACT_ROLES:
            return say(CONTACT_ROLES[value])
        case "rights" if value in RIGHTS:
            return right_words(value)
        case "channel" | "medium" if value in CHANNELS:
            return channel_words(value)
        case "was" | "now" if value in INTENTS:
            return intent_words(value)
        case "lifted":
            return block_words(value)
        case "result" if value in RESULTS:
            return say(RESULTS[value])
        case "what" | "verdict" | "step" | "state" | "shown" if value in _VALUES:
            return say(_VALUES[value])
        case _:
            return value
