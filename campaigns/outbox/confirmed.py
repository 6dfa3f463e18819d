"""Messages that wait until a person of ours sends them: out of the queue, and their end by what that person did.

Such a message is `queued` with the reason `waits_for_staff` and without a moment to fall due: no sender finds it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tortoise.expressions import F
from tortoise.queryset import QuerySet

from campaigns.models import Message
from campaigns.outbox.messages import Claimed, Settlement
from campaigns.terms import ChannelName, DeliveryState, MessageClass, Reason


async def hand_to_staff(message_ids: Collection[int], facts: Mapping[str, object]) -> set[int]:
    """Take due messages out of the queue; within a transaction. Returns those that were still there."""
    due = Message.filter(id__in=list(message_ids), state=DeliveryState.QUEUED, due_at__isnull=False)
    held = {row.id for row in await due.select_for_update(no_key=True)}
    await Message.filter(id__in=list(held)).update(
        due_at=None, reason=Reason.WAITS_FOR_STAFF, facts=dict(facts), attempts=F("attempts") + 1
    )
    return held


async def waiting_for_staff(message_ids: Collection[int]) -> list[Claimed]:
    rows = await _waiting().filter(id__in=list(message_ids)).order_by("id")
    return [
        Claimed(
            id=row.id,
            occurrence_id=row.occurrence_id,
            member_id=row.member_id,
            contact_id=row.contact_id or 0,
            message_class=MessageClass(row.message_class),
            channel=ChannelName(row.channel or ChannelName.WECOM),
            address=row.address or "",
            attempts=row.attempts,
            uncertain=row.uncertain,
        )
        for row in rows
    ]


async def end_waiting(rows: Sequence[Settlement]) -> set[int]:
    """Write what became of them; within a transaction. Returns those that were still waiting."""
    ended: set[int] = set()
    for row in rows:
        if await _waiting().filter(id=row.id).update(**_columns(row)):
            ended.add(row.id)
    return ended


async def end_due(rows: Sequence[Settlement]) -> None:
    """Write what was decided of due messages that never went on the wire, a change of channel included."""
    for row in rows:
        due = Message.filter(id=row.id, state=DeliveryState.QUEUED, due_at__isnull=False)
        await due.update(**_columns(row))


async def cancel_waiting(campaign_id: int) -> int:
    """Returns how many were waiting for a person."""
    return await (
        _waiting()
        .filter(occurrence__campaign_id=campaign_id)
        .update(state=DeliveryState.SUPPRESSED, reason=Reason.CANCELLED)
    )


def _waiting() -> QuerySet[Message]:
    return Message.filter(state=DeliveryState.QUEUED, due_at__isnull=True, reason=Reason.WAITS_FOR_STAFF)


def _columns(row: Settlement) -> dict[str, Any]:
    again = row.state is DeliveryState.QUEUED
    given = {"channel": row.channel, "contact_id": row.contact_id, "address": row.address, "not_before": row.not_before}
    return {
        "state": row.state,
        "reason": row.reason,
        "code": row.code,
        "provider_id": row.provider_id,
        "uncertain": row.uncertain,
        "sent_at": row.sent_at,
        "settled_at": row.settled_at,
        "due_at": row.not_before if again else None,
        **{name: value for name, value in given.items() if value is not None},
    }
