"""The numbers at the top of today: what waits for a person, each with its reason and the list behind it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import Visitor
from bot.wording import channel_words
from campaigns import approvals, conversations, outbox, reports, visit_lists
from campaigns.replies import strangers
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, ChannelName

SOON = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Number:
    """`shade`: warn, bad or nothing."""

    label: str
    n: int
    href: str
    why: str
    shade: str = ""


async def numbers_for(runtime: Runtime, visitor: Visitor, closures: list[outbox.Closure]) -> list[Number]:
    now = runtime.clock()
    return [
        await _answers(visitor, now),
        await _tasks(visitor, now),
        await _approvals(visitor, runtime.rulebook.policy.own_up_to),
        await _channels(visitor, closures),
        *await _strangers(visitor),
        await _unknown(visitor),
    ]


async def _strangers(visitor: Visitor) -> list[Number]:
    """For who sees all members, and only while there are any."""
    n = await strangers.count_unknown() if visitor.staff.owners is None else 0
    return [Number(say("认不出是谁"), n, "/inbox/unknown", say("回了话，等人认"), "warn")] if n else []


async def _answers(visitor: Visitor, now: datetime) -> Number:
    owners = visitor.staff.owners
    waiting = await conversations.count_waiting(now.astimezone(SHANGHAI).date(), owners)
    closing = await conversations.count_closing(now, now + SOON, owners) if waiting else 0
    if closing:
        why = say("{n}个窗口在2小时内关闭").format(n=f"{closing:,}")
        return Number(say("等你回复"), waiting, "/inbox", why, "warn")
    return Number(say("等你回复"), waiting, "/inbox", say("没有快关的窗口") if waiting else say("都回过了"))


async def _tasks(visitor: Visitor, now: datetime) -> Number:
    due, late = await visit_lists.count_due(visitor.staff.owners, now)
    if late:
        return Number(say("到期任务"), due, "/tasks", say("{n}个已超期").format(n=f"{late:,}"), "bad")
    return Number(say("到期任务"), due, "/tasks", say("今天之内办") if due else say("今天没有要办的"))


async def _approvals(visitor: Visitor, own_up_to: int) -> Number:
    """Who may approve counts what they may answer; one's own that is too large is another's to answer."""
    may = visitor.may(Right.APPROVE)
    label = say("等你审批") if may else say("等审批")
    waiting = await approvals.waiting_requests()
    mine = [one for one in waiting if not may or approvals.may_approve(one, visitor.staff.name, own_up_to)]
    if not waiting:
        return Number(label, 0, "/campaigns/approvals", say("没有送审的活动"))
    if not mine:
        why = say("你送审的{n}个要别人批").format(n=f"{len(waiting):,}")
        return Number(label, 0, "/campaigns/approvals", why)
    href = f"/campaigns/approvals/{mine[0].id}" if len(mine) == 1 else "/campaigns/approvals"
    if visitor.staff.owners is not None:
        return Number(label, len(mine), href, say("批了才发"), "warn")
    members = sum(one.audience for one in mine)
    return Number(label, len(mine), href, say("共{n}家，批了才发").format(n=f"{members:,}"), "warn")


async def _channels(visitor: Visitor, closures: list[outbox.Closure]) -> Number:
    label = say("停了的通道")
    href = "/settings/channels" if visitor.may(Right.SETTINGS) else "/#channels"
    names = stopped(closures)
    if not names:
        return Number(label, 0, href, say("都通着"))
    words = say("、").join(say(channel_words(name)) for name in names)
    waits = await held_back(visitor)
    held = sum(waits.get(name, 0) for name in names)
    why = say("{channel}停了，压着{n}条") if held else say("{channel}停了")
    return Number(label, len(names), "/#channels", why.format(channel=words, n=f"{held:,}"), "bad")


async def _unknown(visitor: Visitor) -> Number:
    counts = await reports.unknown_by_channel(visitor.staff.owners)
    parts = [
        say("{channel}{n}条").format(channel=say(channel_words(name)), n=f"{counts[name]:,}")
        for name in ChannelName
        if counts.get(name)
    ]
    why = say("{parts}，正在问通道").format(parts=say("、").join(parts)) if parts else say("每条都有着落")
    return Number(say("结果未知"), sum(counts.values()), "/members?fate=unknown", why, "warn" if parts else "")


def stopped(closures: list[outbox.Closure]) -> list[ChannelName]:
    """Channels that are closed, wholly or at one of their providers."""
    return [name for name in ChannelName if any(belongs(one.channel, name) for one in closures)]


def belongs(closed: str, name: ChannelName) -> bool:
    return closed == name or closed.startswith(f"{name}_")


async def held_back(visitor: Visitor) -> Mapping[str, int]:
    """Channel → how many wait to be sent by it; not counted for who sees some members alone."""
    return await reports.queued_by_channel() if visitor.staff.owners is None else {}
