"""An inbound event stored once, then applied by its kind."""

from datetime import datetime, timedelta

from tortoise.transactions import in_transaction

from campaigns import statements, touches
from campaigns.intents import IntentTable
from campaigns.members import consent
from campaigns.members.find import match_member
from campaigns.models import Event
from campaigns.replies.events import Taken, store
from campaigns.replies.reading import handle_reply
from campaigns.replies.receipts import apply_receipt
from campaigns.terms import Direction, InboundEvent, ReachChange, Receipt, Reply, TouchKind


async def take_event(
    event: InboundEvent,
    *,
    message_id: int | None,
    now: datetime,
    table: IntentTable,
    doubt_pause: timedelta = consent.PAUSE,
) -> Taken:
    """Store an event under its provider's id, then apply it: the second time it comes it changes nothing.

    `message_id` is our message it speaks of, where the channel could tell and the key was ours.
    """
    stored = await store(event, message_id, now)
    async with in_transaction():
        # not applied: it is new, or a crash came between storing and applying; held, for it may be pushed twice at once
        if await Event.filter(id=stored, outcome="").select_for_update(no_key=True).first() is None:
            await statements.run("UPDATE events SET repeats = repeats + 1 WHERE id = $1", stored)
            return Taken("repeat")
        taken = await _apply(event, stored, message_id, now, table, doubt_pause)
        await Event.filter(id=stored).update(outcome=taken.outcome)
    return taken


async def _apply(
    event: InboundEvent,
    stored: int,
    message_id: int | None,
    now: datetime,
    table: IntentTable,
    doubt_pause: timedelta,
) -> Taken:
    match event:
        case Reply():
            return await handle_reply(event, stored, message_id, now, table, doubt_pause)
        case Receipt():
            return Taken(await apply_receipt(event, message_id))
        case ReachChange():
            return Taken(await _apply_reach(event))


async def _apply_reach(change: ReachChange) -> str:
    await consent.record_reach(change)
    match = await match_member(change.channel, change.address)
    if match is None:
        return "unmatched"
    if change.followed is not None:
        await touches.record_touch(
            match.member_id,
            contact_id=match.contact_id,
            at=change.at,
            direction=Direction.IN,
            kind=TouchKind.FOLLOW if change.followed else TouchKind.UNFOLLOW,
            medium=change.channel,
        )
    return "applied"
