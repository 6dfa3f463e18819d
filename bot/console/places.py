"""The places of the console, in the order of the day, and how much waits in each for the one who looks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.language import say
from bot.web.desk import Visitor
from campaigns import approvals, conversations, visit_lists
from campaigns.policy import PolicySettings
from campaigns.rights import Right
from campaigns.terms import SHANGHAI


@dataclass(frozen=True, slots=True)
class Place:
    """`count` waits there; `hot` where it is late or a customer waits."""

    key: str
    href: str
    icon: str
    label: str
    letter: str = ""  # after g on the keyboard
    count: int = 0
    hot: bool = False


# key, address, icon, words, who sees it (None: everybody); in groups
_GROUPS: tuple[tuple[tuple[str, str, str, str, Right | None], ...], ...] = (
    (
        ("today", "/", "today", "今日", Right.SEE),
        ("inbox", "/inbox", "inbox", "会话", Right.SEE),
        ("tasks", "/tasks", "task", "任务", Right.SEE),
        ("visits", "/visits", "cal", "拜访", Right.SEE),
        ("problems", "/problems", "alert", "问题", Right.SEE),
    ),
    (
        ("members", "/members", "firm", "企业会员", Right.SEE),
        ("segments", "/segments", "seg", "分群", Right.SEE),
        ("campaigns", "/campaigns", "send", "营销活动", Right.SEE),
        ("calendar", "/calendar", "cal", "日历", Right.SEE),
        ("fairs", "/fairs", "people", "招聘会", Right.SEE),
        ("templates", "/templates", "file", "素材", Right.SEE),
        ("gifts", "/gifts", "gift", "礼品", Right.SEE),
        ("funnel", "/statistics/funnel", "down2", "漏斗", Right.SEE),
        ("targets", "/targets", "okc", "目标", Right.SEE),
        ("transfers", "/transfers", "people", "移交", Right.ASSIGN),
    ),
    (
        ("settings", "/settings", "gear", "设置", Right.SETTINGS),
        ("staff", "/staff", "people", "员工", Right.STAFF),
        ("audit", "/audit", "file", "审计日志", Right.AUDIT),
        ("phone", "/phone", "device", "手机", Right.SEE),
    ),
)
_LETTERS = {
    "today": "t",
    "inbox": "i",
    "tasks": "r",
    "members": "m",
    "segments": "s",
    "campaigns": "c",
    "calendar": "d",
    "templates": "l",
    "settings": "e",
    "visits": "v",
    "problems": "p",
    "fairs": "f",
    "gifts": "w",
    "funnel": "u",
    "targets": "o",
    "transfers": "x",
    "staff": "y",
    "audit": "a",
    "phone": "n",
}
Count = Callable[[Visitor, datetime, PolicySettings], Awaitable[tuple[int, bool]]]


async def places_for(visitor: Visitor, now: datetime, policy: PolicySettings, *, sandboxed: bool) -> list[list[Place]]:
    """The groups, each with the places this person may open; the phone only beside a sandbox."""
    counts = {key: await count(visitor, now, policy) for key, count in _COUNTS.items()}
    return [
        [
            Place(key, href, icon, say(label), _LETTERS.get(key, ""), *counts.get(key, (0, False)))
            for key, href, icon, label, right in group
            if (right is None or visitor.may(right)) and (key != "phone" or sandboxed)
        ]
        for group in _GROUPS
    ]


async def _tasks_due(visitor: Visitor, now: datetime, policy: PolicySettings) -> tuple[int, bool]:
    due, late = await visit_lists.count_due(visitor.staff.owners, now)
    return due, late > 0


async def _waiting(visitor: Visitor, now: datetime, policy: PolicySettings) -> tuple[int, bool]:
    waiting = await conversations.count_waiting(now.astimezone(SHANGHAI).date(), visitor.staff.owners)
    return waiting, True


async def _approvals(visitor: Visitor, now: datetime, policy: PolicySettings) -> tuple[int, bool]:
    if not visitor.may(Right.APPROVE):
        return 0, False
    return await approvals.count_waiting(visitor.staff.name, policy.own_up_to), False


_COUNTS: Mapping[str, Count] = {"campaigns": _approvals, "tasks": _tasks_due, "inbox": _waiting}
