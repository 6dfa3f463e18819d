"""An inbound event stored once, then applied by its kind."""

from datetime import datetime, timedelta

from campaigns import touches
from campaigns.intents import IntentTable
from campaigns.members import binding, consent, wecom
from campaigns.members.find import match_contact, match_member
from campaigns.replies.events import Taken, take_once
from campaigns.replies.reading import handle_reply
from campaigns.replies.receipts import apply_receipt
from campaigns.replies.staff_lines import WAITING
from campaigns.terms import (
    ChannelName,
    Direction,
    InboundEvent,
    ReachChange,
    Receipt,
    Reply,
    StaffLine,
    Summons,
    TouchKind,
)


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

    async def apply(stored: int) -> Taken:
        match event:
            case Reply():
                return await handle_reply(event, stored, message_id, now, table, doubt_pause)
            case Receipt():
                return Taken(await apply_receipt(event, message_id))
            case ReachChange():
                return Taken(await _apply_reach(event))
            case Summons():
                await wecom.call_to_desk(event.desk, event.token, event.at)
                return Taken("applied")
            case StaffLine():
                return Taken(WAITING)  # it is read, and answered, beside the door

    return await take_once(event, message_id, now, apply)


async def _apply_reach(change: ReachChange) -> str:
    if change.channel is ChannelName.WECOM:
        await wecom.record_reach(change)
    else:
        await consent.record_reach(change)
    bound = await binding.bind(change.channel, change.scene, change.address, at=change.at) if change.scene else None
    match = await (match_contact(bound) if bound else match_member(change.channel, change.address))
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
