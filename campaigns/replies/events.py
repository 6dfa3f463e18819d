"""The table of what providers told us: each event once, under its provider's id."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.models import Event
from campaigns.terms import ChannelName, InboundEvent, Intent, ReachChange, Reaction, Receipt, Reply, StaffLine, Summons

STAFF_LINE = "staff_line"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an inbound event: `outcome` is applied, repeat, waiting, unmatched or ignored."""

    outcome: str
    intent: Intent | None = None


async def take_once(
    event: InboundEvent, message_id: int | None, now: datetime, apply: Callable[[int], Awaitable[Taken]]
) -> Taken:
    """Store an event, then apply it, being given the id it is stored under: the second time it changes nothing."""
    stored = await _store(event, message_id, now)
    async with in_transaction():
        # not applied: it is new, or a crash came between storing and applying; held, for it may be pushed twice at once
        if await Event.filter(id=stored, outcome="").select_for_update(no_key=True).first() is None:
            await statements.run("UPDATE events SET repeats = repeats + 1 WHERE id = $1", stored)
            return Taken("repeat")
        taken = await apply(stored)
        await statements.run("UPDATE events SET outcome = $2 WHERE id = $1", stored, taken.outcome)
    return taken


def event_row(event: InboundEvent, message_id: int | None, now: datetime, outcome: str = "") -> dict[str, Any]:
    """As `statements.add_events` takes it."""
    return {
        "channel": event.channel,
        "event_id": event.event_id,
        "kind": _kind(event),
        "received_at": now,
        "payload": statements.as_json(event),
        "outcome": outcome,
        "message_id": message_id,
    }


def receipt_from(payload: Mapping[str, object]) -> Receipt:
    reaction = payload.get("reaction")
    return Receipt(
        event_id=str(payload["event_id"]),
        channel=ChannelName(str(payload["channel"])),
        at=datetime.fromisoformat(str(payload["at"])),
        delivered=bool(payload["delivered"]),
        provider_id=str(payload["provider_id"]),
        address=str(payload["address"]),
        reaction=Reaction(str(reaction)) if reaction else None,
        code=str(payload["code"]),
        of_call=bool(payload.get("of_call")),
    )


def reply_from(payload: Mapping[str, object]) -> Reply:
    return Reply(
        event_id=str(payload["event_id"]),
        channel=ChannelName(str(payload["channel"])),
        at=datetime.fromisoformat(str(payload["at"])),
        address=str(payload["address"]),
        text=str(payload["text"]),
        key=str(payload.get("key") or ""),
        automatic=bool(payload.get("automatic")),
        mail_id=str(payload.get("mail_id") or ""),
        subject=str(payload.get("subject") or ""),
    )


async def mail_of(event_id: int) -> tuple[str, str]:
    """The Message-ID and the subject of a mail that came in; both empty where it is none."""
    stored = await Event.get_or_none(id=event_id)
    payload = stored.payload if stored else {}
    return str(payload.get("mail_id") or ""), str(payload.get("subject") or "")


async def count_events() -> Mapping[str, int]:
    """What came in: kind:outcome → number, and `repeats`."""
    rows = await statements.query("SELECT kind, outcome, count(*) AS n FROM events GROUP BY kind, outcome")
    repeats = await statements.query("SELECT kind, sum(repeats) AS n FROM events GROUP BY kind")
    counts = {f"{row['kind']}:{row['outcome'] or 'stored'}": int(row["n"]) for row in rows}
    return counts | {f"{row['kind']}:repeat": int(row["n"]) for row in repeats if row["n"]}


async def _store(event: InboundEvent, message_id: int | None, now: datetime) -> int:
    """The id it is stored under, now or since it came before."""
    for stored, _, _ in await statements.add_events([event_row(event, message_id, now)]):
        return stored
    return int((await Event.get(channel=event.channel, event_id=event.event_id)).id)


def _kind(event: InboundEvent) -> str:
    match event:
        case Reply():
            return "auto_reply" if event.automatic else "reply"
        case Receipt():
            return "receipt"
        case ReachChange():
            return "reach"
        case Summons():
            return "summons"
        case StaffLine():
            return STAFF_LINE
