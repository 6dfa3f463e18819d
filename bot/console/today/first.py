"""先做这几件: answers whose window closes, tasks that are late, then what is due; one action each."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from bot import wording
from bot.console.moments import short_moment, time_left
from bot.console.tasks.lists import asker_for
from bot.console.today.numbers import SOON
from bot.language import say
from bot.web.desk import Visitor
from campaigns import conversations, visit_lists
from campaigns.conversations import Line
from campaigns.rights import Right
from campaigns.terms import SHANGHAI
from campaigns.visit_lists import TaskLine, Which

MOST = 8


@dataclass(frozen=True, slots=True)
class Item:
    """`due` and `shade` (warn, bad or nothing): by when; `beside`: what stands below it."""

    order: tuple[int, datetime]
    channel: str
    name: str
    tier: str
    href: str
    what: str
    due: str
    shade: str
    beside: str
    action: str


async def first_things(visitor: Visitor, now: datetime) -> list[Item]:
    """The most pressing of both lists."""
    asker = await asker_for(visitor.staff)
    lines = await conversations.pressing(now, visitor.staff.owners, MOST)
    tasks = await visit_lists.browse_tasks(Which.DUE, asker, now)
    acts = visitor.may(Right.ANSWER)
    items = [_answer(one, now, acts) for one in lines] + [_task(one, now, acts) for one in tasks[:MOST]]
    return sorted(items, key=lambda one: one.order)[:MOST]


def _answer(line: Line, now: datetime, acts: bool) -> Item:
    until = line.window_until if line.window_until and line.window_until > now else None
    soon = until is not None and until <= now + SOON
    if until:
        due = say("剩{time}").format(time=time_left(until, now))
        beside = say("可再回{n}条").format(n=line.window_left) if line.window_left else say("窗口开着")
    else:
        due = say("{time}来的").format(time=short_moment(line.heard_at, now))
        beside = say("负责人：{name}").format(name=line.assigned) if line.assigned else say("没有人接手")
    return Item(
        order=(0 if soon else 2, until or line.heard_at),
        channel=line.medium,
        name=line.name or line.no,
        tier=line.tier,
        href=f"/inbox/{quote(line.no, safe='')}",
        what=say("“{text}”").format(text=line.text[:80]) if line.text else wording.intent_words(line.intent),
        due=due,
        shade="warn" if soon else "",
        beside=beside,
        action=say("回复对方") if acts else say("看会话"),
    )


def _task(line: TaskLine, now: datetime, acts: bool) -> Item:
    late = line.due_at < now
    words = wording.task_words(line.category)
    return Item(
        order=(1 if late else 2, line.due_at),
        channel="phone",
        name=line.member or line.member_no,
        tier=line.tier,
        href=f"/tasks/{line.id}{'#done' if acts else ''}",
        what=f"{words}{say('：')}{line.note[:80]}" if line.note else words,
        due=_late(line.due_at, now) if late else say("今天{time}前").format(time=_clock(line.due_at)),
        shade="bad" if late else "",
        beside=line.owner or say("没有负责人"),
        action=say("记结果") if acts else say("看任务"),
    )


def _late(due: datetime, now: datetime) -> str:
    """已超1天, 已超40分."""
    if days := (now - due).days:
        return say("已超{n}天").format(n=f"{days:,}")
    return say("已超{time}").format(time=time_left(now, due))


def _clock(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%H:%M}"
