"""Everything about one member in one document: who they are, every touch with its words, what was not sent."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bot import sender
from bot.runtime import Runtime
from bot.tokens import without_links
from bot.wording import NOT_SENT
from campaigns import outbox, planner, touches, visits
from campaigns.cells import parse_key
from campaigns.errors import InputError
from campaigns.members import find
from campaigns.outbox import NotSent
from campaigns.terms import Direction, MailWords, Words
from campaigns.touches import ALL_LINES, LineFilter, TouchRow


async def describe_member(runtime: Runtime, number: str) -> dict[str, Any]:
    """What `members.find` holds, `reach` by contact and channel, `visits`, and `timeline`, newest first.

    Raises InputError for an unknown number. The timeline holds touches, and of kind NOT_SENT what the ledger says
    became of the rest: a state and its reason.
    """
    found = await _about(runtime, number)
    lines = await _lines(runtime, await touches.timeline(found["id"]), await outbox.not_sent_to(found["id"]))
    return {**found, "timeline": lines}


async def describe_page(
    runtime: Runtime, number: str, *, limit: int, skip: int = 0, only: LineFilter = ALL_LINES
) -> dict[str, Any]:
    """The same with one page of the timeline, whether there is `more` of it, and how many are `touched` in all.

    `media` and `keys`: what the timeline can be narrowed to.
    """
    found = await _about(runtime, number)
    page = await touches.line_page(found["id"], limit=limit + 1, skip=skip, only=only)
    shown = page[:limit]
    touched = await touches.read_touches([key for kind, key in shown if kind == "touch"])
    unsent = await outbox.not_sent_to(found["id"], [key for kind, key in shown if kind != "touch"])
    media, keys = await touches.line_choices(found["id"])
    return {
        **found,
        "media": media,
        "keys": keys,
        "timeline": await _lines(runtime, touched, unsent),
        "more": len(page) > limit,
        "touched": await touches.count_of(found["id"]),
    }


async def _about(runtime: Runtime, number: str) -> dict[str, Any]:
    found = await find.describe_member(parse_key(number) or number)
    if found is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    found["visits"] = [asdict(visit) for visit in await visits.visits_of(found["id"])]
    found["reach"] = [asdict(one) for one in await planner.reach_of(found["id"], runtime.clock())]
    return found


async def _lines(runtime: Runtime, touched: Sequence[TouchRow], unsent: Sequence[NotSent]) -> list[dict[str, Any]]:
    newest = sorted(touched, key=lambda row: (row.at, row.id), reverse=True)
    lines = [*await _timeline(runtime, newest), *map(_unsent, unsent)]
    return sorted(lines, key=lambda line: line["at"], reverse=True)


async def _timeline(runtime: Runtime, rows: Sequence[TouchRow]) -> list[dict[str, Any]]:
    ours = [row.message_id for row in rows if row.message_id and row.direction is Direction.OUT]
    words = await sender.show_words(runtime, ours)
    states = await find.message_states(ours)
    campaigns = {sent.message_id: sent.campaign_key for sent in (await outbox.sent_words(ours)).values()}
    return [
        _outbound(row, words, states, campaigns) if row.direction is Direction.OUT else _inbound(row) for row in rows
    ]


def _outbound(
    row: TouchRow, words: Mapping[int, Words], states: Mapping[int, str], campaigns: Mapping[int, str]
) -> dict[str, Any]:
    message_id = row.message_id or 0
    return {
        **_line(row),
        "campaign": campaigns.get(message_id, ""),
        "state": states.get(message_id, ""),
        "text": row.text,
        **_words(words.get(message_id)),
    }


def _inbound(row: TouchRow) -> dict[str, Any]:
    return {**_line(row), "campaign": "", "state": "", "text": without_links(row.text)}  # they may quote us


def _unsent(row: NotSent) -> dict[str, Any]:
    return {
        "at": row.at,
        "direction": Direction.OUT,
        "kind": NOT_SENT,
        "medium": row.channel,
        "class": row.message_class,
        "contact_id": row.contact_id,
        "message_id": row.message_id,
        "intent": "",
        "evidence": "",
        "campaign": row.campaign_key,
        "state": row.state,
        "reason": row.reason,
        "obstacles": row.obstacles,
        "text": "",
    }


def _line(row: TouchRow) -> dict[str, Any]:
    return {
        "at": row.at,
        "direction": row.direction,
        "kind": row.kind,
        "medium": row.medium,
        "class": row.message_class,
        "contact_id": row.contact_id,
        "message_id": row.message_id,
        "intent": row.intent,
        "evidence": row.evidence,
        "by": row.by,
    }


def _words(words: Words | None) -> dict[str, str]:
    if words is None:
        return {}
    if isinstance(words, MailWords):
        return {"subject": words.subject, "text": words.text}
    return {"text": words.text}
