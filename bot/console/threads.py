"""One member's conversation over all channels as it was said: the newest touches, and what has not gone out yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot import sender, wording
from bot.language import say
from bot.runtime import Runtime
from bot.tokens import without_links
from campaigns import conversations, definitions, outbox, touches
from campaigns.conversations import BY_HAND
from campaigns.members import find
from campaigns.outbox import ByHand
from campaigns.terms import SHANGHAI, DeliveryState, Direction, MailWords, TouchKind
from campaigns.touches import TouchRow

MOST = 50
_PENDING = 20
_ON_THE_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.SENDING})
_NEVER_WENT = frozenset({DeliveryState.SUPPRESSED, DeliveryState.FAILED, DeliveryState.EXPIRED})
_SAID = frozenset({TouchKind.REPLY, TouchKind.AUTO_REPLY})


@dataclass(frozen=True, slots=True)
class Said:
    """One thing in a thread. `kind`: in, out, or sys for what is no words. `state`: ok, wait or bad, with its words.

    `heard`, `was` and `why` are of theirs: the meaning that counts, the one it was first heard as, on what grounds.
    """

    kind: str
    at: datetime
    channel: str = ""
    who: str = ""
    what: str = ""
    text: str = ""
    subject: str = ""
    auto: bool = False
    state: str = ""
    state_words: str = ""
    touch_id: int = 0
    heard: str = ""
    was: str = ""
    why: str = ""
    corrected_by: str = ""


async def read_thread(runtime: Runtime, member_id: int, *, skip: int = 0) -> tuple[list[Said], bool]:
    """Oldest first, and whether there is more before it."""
    rows = await touches.latest(member_id, limit=MOST + 1, skip=skip)
    people = await find.contact_names(member_id)
    shown = rows[:MOST]
    ours = [row.message_id for row in shown if row.message_id and row.direction is Direction.OUT]
    words = await sender.show_words(runtime, ours)
    states = await find.message_states(ours)
    sent = await outbox.sent_words(ours)
    titles = {one.campaign_key: await _title(one.campaign_key) for one in sent.values()}
    corrected = await conversations.corrections_of([row.id for row in shown if row.kind in _SAID])
    said: list[Said] = []
    for row in shown:
        if row.direction is Direction.OUT and row.message_id:
            message = sent.get(row.message_id)
            key = message.campaign_key if message else ""
            ours_said = _ours(row, words.get(row.message_id), states.get(row.message_id, ""), key, titles.get(key, ""))
            said.append(_with_cause(ours_said, message.code if message else ""))
        elif row.kind in _SAID:
            said.append(_theirs(row, people, corrected))
        else:
            said.append(_event(row, people))
    if not skip:
        touched = {row.message_id for row in shown}
        pending = await outbox.written_by_hand(member_id, BY_HAND, limit=_PENDING)
        said += [_unsent(one, people) for one in pending if one.message_id not in touched and _is_open(one)]
    return sorted(said, key=lambda one: one.at), len(rows) > MOST


async def stamp(member_id: int) -> str:
    """A word that is another as soon as the thread is: for who looks every few seconds."""
    newest = [(row.id, row.message_id) for row in await touches.latest(member_id, limit=10)]
    states = await find.message_states([message_id for _, message_id in newest if message_id])
    pending = await outbox.written_by_hand(member_id, BY_HAND, limit=5)
    corrected = await conversations.corrections_of([touch_id for touch_id, _ in newest])
    talk = await conversations.find(member_id)
    return repr(
        [
            newest,
            sorted(states.items()),
            [(one.message_id, str(one.state), one.reason) for one in pending],
            sorted((key, str(one.now)) for key, one in corrected.items()),
            talk and (str(talk.state), talk.assigned, talk.follow_up_on),
        ]
    )


def _is_open(one: ByHand) -> bool:
    return one.state in _ON_THE_WAY | _NEVER_WENT


def _ours(row: TouchRow, words: object, state: str, key: str, title: str) -> Said:
    text = words.text if words is not None and hasattr(words, "text") else ""
    by_hand = key == BY_HAND
    look, told = _state(state)
    return Said(
        kind="out",
        at=row.at,
        channel=row.medium,
        who=row.by if by_hand else (say("自动回复") if key == "auto_replies" else title),
        text=text,
        subject=words.subject if isinstance(words, MailWords) else "",
        auto=not by_hand,
        state=look,
        state_words=told,
        touch_id=row.id,
    )


def _with_cause(one: Said, code: str) -> Said:
    """What did not arrive says why, as far as the provider told."""
    if one.state != "bad" or not code:
        return one
    return replace(one, state_words=say("没送到：{why}").format(why=wording.block_words(code)))


def _theirs(row: TouchRow, people: Mapping[int, str], corrected: Mapping[int, conversations.Corrected]) -> Said:
    right = corrected.get(row.id)
    return Said(
        kind="in",
        at=row.at,
        channel=row.medium,
        who=people.get(row.contact_id or 0, "") or say("对方"),
        text=without_links(row.text),  # they may quote us
        auto=row.kind is TouchKind.AUTO_REPLY,
        touch_id=row.id,
        heard=str(right.now) if right else row.intent,
        was=row.intent,
        why=wording.evidence_words(row.evidence) if row.evidence else "",
        corrected_by=right.by if right else "",
    )


def _event(row: TouchRow, people: Mapping[int, str]) -> Said:
    who = people.get(row.contact_id or 0, "")
    what = " ".join(part for part in (who, wording.touch_words(row.kind), row.text) if part)
    return Said(kind="sys", at=row.at, channel=row.medium, what=what, who=row.by, touch_id=row.id)


def _unsent(one: ByHand, people: Mapping[int, str]) -> Said:
    look, told = _state(str(one.state))
    if one.state in _NEVER_WENT:
        told = say("没送到：{why}").format(why=wording.refusal_words(one.reason or str(one.state)))
    elif one.state is DeliveryState.QUEUED and one.not_before > one.at:
        told = say("等到{at}发").format(at=f"{one.not_before.astimezone(SHANGHAI):%m-%d %H:%M}")
    return Said(
        kind="out",
        at=one.at,
        channel=str(one.channel),
        who=one.by,
        text=without_links(one.text) or say("审核过的短信，发出后显示原话"),
        subject=one.subject,
        state=look,
        state_words=told,
    )


def _state(state: str) -> tuple[str, str]:
    match state:
        case DeliveryState.QUEUED | DeliveryState.SENDING:
            return "wait", say("等发")
        case DeliveryState.SENT:
            return "ok", say("已发")
        case DeliveryState.DELIVERED:
            return "ok", say("已送达")
        case DeliveryState.BOUNCED | DeliveryState.FAILED | DeliveryState.EXPIRED | DeliveryState.SUPPRESSED:
            return "bad", say("没送到")
        case DeliveryState.UNKNOWN:
            return "ask", say("不知道到了没有")
    return "", ""


async def _title(key: str) -> str:
    found = await definitions.find_campaign(key)
    return found.definition.title if found else key


def by_day(said: Sequence[Said]) -> list[tuple[Any, list[Said]]]:
    """In Asia/Shanghai."""
    days: dict[Any, list[Said]] = {}
    for one in said:
        days.setdefault(one.at.astimezone(SHANGHAI).date(), []).append(one)
    return list(days.items())
