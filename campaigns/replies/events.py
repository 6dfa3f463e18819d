"""The table of what providers told us: each event once, under its provider's id."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.models import Event
from campaigns.terms import ChannelName, InboundEvent, Intent, ReachChange, Reaction, Receipt, Reply


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an inbound event: `outcome` is applied, repeat, waiting, unmatched or ignored."""

    outcome: str
    intent: Intent | None = None


async def store(event: InboundEvent, message_id: int | None, now: datetime) -> int:
    """The id it is stored under, now or since it came before."""
    try:
        async with in_transaction():
            row = await Event.create(
                channel=event.channel,
                event_id=event.event_id,
                kind=_kind(event),
                received_at=now,
                payload=_payload(event),
                message_id=message_id,
            )
            return int(row.id)
    except IntegrityError:
        return int((await Event.get(channel=event.channel, event_id=event.event_id)).id)


def _kind(event: InboundEvent) -> str:
    match event:
        case Reply():
            return "auto_reply" if event.automatic else "reply"
        case Receipt():
            return "receipt"
        case ReachChange():
            return "reach"


def _payload(event: InboundEvent) -> dict[str, object]:
    fields = {name: getattr(event, name) for name in event.__dataclass_fields__}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


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
    )


async def count_events() -> Mapping[str, int]:
    """What came in: kind:outcome → number, and `repeats`."""
    rows = await statements.query("SELECT kind, outcome, count(*) AS n FROM events GROUP BY kind, outcome")
    repeats = await statements.query("SELECT kind, sum(repeats) AS n FROM events GROUP BY kind")
    counts = {f"{row['kind']}:{row['outcome'] or 'stored'}": int(row["n"]) for row in rows}
    return counts | {f"{row['kind']}:repeat": int(row["n"]) for row in repeats if row["n"]}
