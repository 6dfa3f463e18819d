"""What comes back: stored once, matched, touched, understood, acted upon."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.exceptions import IntegrityError
from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from campaigns import outbox, statements, touches, visits
from campaigns.definitions import find_campaign
from campaigns.intents import IntentTable, Reading, StopVerdict, read_intent
from campaigns.members import consent
from campaigns.members.find import Match, hold_contact, match_contact, match_member, members_sharing
from campaigns.models import Event, Message
from campaigns.terms import (
    ChannelName,
    Direction,
    InboundEvent,
    Intent,
    MessageClass,
    ReachChange,
    Reaction,
    Receipt,
    Reply,
    TouchKind,
)

AUTO_REPLIES = "auto_replies"
_QUIET_AFTER_ANSWER = timedelta(days=7)  # RFC 3834: at most one automatic answer to an address in this time
_OTHERS_SHOWN = 10
_DUE = timedelta(hours=4)  # a person should look at an answer within half a working day
# Intents a person must see, and the category of the task they become.
_TASKS = {
    Intent.COMPLAINT,
    Intent.INTERESTED,
    Intent.CALL_ME,
    Intent.PROBLEM_POST,
    Intent.PROBLEM_LOGIN,
    Intent.PROBLEM_UNREAD,
    Intent.PROBLEM_NOAPPLY,
    Intent.PROBLEM_PAY,
    Intent.HIRING_PLAN,
    Intent.WRONG_CONTACT,
    Intent.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an inbound event: `outcome` is applied, repeat, waiting, unmatched or ignored."""

    outcome: str
    intent: Intent | None = None


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
    stored = await _store(event, message_id, now)
    async with in_transaction():
        # not applied: it is new, or a crash came between storing and applying; held, for it may be pushed twice at once
        if await Event.filter(id=stored, outcome="").select_for_update(no_key=True).first() is None:
            await statements.run("UPDATE events SET repeats = repeats + 1 WHERE id = $1", stored)
            return Taken("repeat")
        taken = await _apply(event, stored, message_id, now, table, doubt_pause)
        await Event.filter(id=stored).update(outcome=taken.outcome)
    return taken


async def apply_waiting(message_ids: Collection[int] | None = None) -> int:
    """Apply receipts that came before their message was settled, or before its provider's id was known.

    Those of these messages (None: of any) and those whose message is not known yet. Returns how many were applied.
    """
    applied = 0
    waiting = Event.filter(outcome="waiting", kind="receipt")
    if message_ids is not None:
        waiting = waiting.filter(Q(message_id__in=list(message_ids)) | Q(message_id=None))
    for event in await waiting:
        async with in_transaction():
            outcome = await _apply_receipt(_receipt_from(event.payload), event.message_id)
            await Event.filter(id=event.id).update(outcome=outcome)
        applied += outcome == "applied"
    return applied


async def record_refusal(message_id: int, *, now: datetime, channel_only: bool = False) -> None:
    """A refusal by link: of everything (the one-click POST says no less), or of this channel on the preference page."""
    message = await Message.get(id=message_id)
    source = f"link:{message_id}"
    async with in_transaction():
        if channel_only and message.channel and message.address:
            channel = ChannelName(message.channel)
            new = await consent.suppress_address(channel, message.address, at=now, reason="preference", source=source)
        else:
            new = await consent.record_opt_out(*await _answered_for(message), at=now, source=source)
        if new:
            text = "只退订这个渠道" if channel_only else "退订全部"
            await _record_refusal_touch(message.member_id, message.contact_id, "web", text, now, message_id)


async def _answered_for(message: Message) -> Collection[int]:
    if not message.channel or not message.address:
        return [message.member_id]
    match = Match(message.member_id, message.contact_id)
    return await members_sharing(match, ChannelName(message.channel), message.address)


async def record_staff_refusal(member_id: int, *, now: datetime, by: str) -> bool:
    """A refusal somebody on the staff was told, by phone say. False where it stood already."""
    async with in_transaction():
        if not await consent.record_opt_out(member_id, at=now, source=f"staff:{by}"):
            return False
        await _record_refusal_touch(member_id, None, "phone", f"{by} 记下：不要再联系", now, None)
    return True


async def _record_refusal_touch(
    member_id: int, contact_id: int | None, medium: str, text: str, now: datetime, message_id: int | None
) -> None:
    await touches.record_touch(
        member_id,
        contact_id=contact_id,
        at=now,
        direction=Direction.IN,
        kind=TouchKind.OPT_OUT,
        medium=medium,
        message_id=message_id,
        text=text,
        intent=Intent.STOP,
    )


async def record_return(message_id: int, *, now: datetime) -> bool:
    """The way back in was used. True the first time; the link is then spent."""
    message = await Message.get(id=message_id)
    async with in_transaction():
        if not await touches.use_link(message_id, "way_in", now):
            return False
        await touches.record_touch(
            message.member_id,
            contact_id=message.contact_id,
            at=now,
            direction=Direction.IN,
            kind=TouchKind.RETURN,
            medium="web",
            message_id=message_id,
        )
    return True


async def count_events() -> Mapping[str, int]:
    """What came in: kind:outcome → number, and `repeats`."""
    rows = await statements.query("SELECT kind, outcome, count(*) AS n FROM events GROUP BY kind, outcome")
    repeats = await statements.query("SELECT kind, sum(repeats) AS n FROM events GROUP BY kind")
    counts = {f"{row['kind']}:{row['outcome'] or 'stored'}": int(row["n"]) for row in rows}
    return counts | {f"{row['kind']}:repeat": int(row["n"]) for row in repeats if row["n"]}


# ---- storing ------------------------------------------------------------------------------------------------------


async def _store(event: InboundEvent, message_id: int | None, now: datetime) -> int:
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


def _receipt_from(payload: Mapping[str, object]) -> Receipt:
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


# ---- applying -----------------------------------------------------------------------------------------------------


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
            return Taken(await _apply_receipt(event, message_id))
        case ReachChange():
            return Taken(await _apply_reach(event))


async def _apply_receipt(receipt: Receipt, message_id: int | None) -> str:
    if message_id is None and receipt.provider_id and not receipt.key:
        if await outbox.is_sending_to(receipt.channel, receipt.address):
            return "waiting"  # it may speak of that message, whose provider's id we are about to learn
        message_id = await outbox.message_by_provider_id(receipt.channel, receipt.provider_id, receipt.address)
    # held: were it settled meanwhile, nobody would look for this receipt again
    message = (
        await Message.filter(id=message_id).select_for_update(no_key=True).first() if message_id is not None else None
    )
    if message is None or (receipt.address and receipt.address.lower() != (message.address or "").lower()):
        return "unmatched"  # anybody may write a bounce: only one about our message and its own recipient counts
    if not await outbox.record_receipt(message.id, delivered=receipt.delivered, code=receipt.code, at=receipt.at):
        return "waiting"
    if receipt.reaction is Reaction.SUPPRESS and message.channel and message.address:
        await consent.suppress_address(
            ChannelName(message.channel),
            message.address,
            at=receipt.at,
            reason=receipt.code or "bounced",
            source=receipt.event_id[:128],
        )
    return "applied"


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


async def handle_reply(
    reply: Reply,
    stored: int,
    message_id: int | None,
    now: datetime,
    table: IntentTable,
    doubt_pause: timedelta = consent.PAUSE,
) -> Taken:
    """Match, touch, understand, act. Without a match it is kept for staff."""
    match = await _match(reply, message_id)
    if match is None:
        return Taken("unmatched")
    answered = message_id or await outbox.last_message_to(reply.channel, reply.address, reply.at)
    reading = read_intent(reply.text, table)
    # by its manner a machine's, but in words that may refuse: then a person looks
    automatic = reply.automatic or (reading.intent is Intent.AUTO_REPLY and reading.stop is StopVerdict.NO)
    touch_id = await touches.record_touch(
        match.member_id,
        contact_id=match.contact_id,
        at=reply.at,
        direction=Direction.IN,
        kind=TouchKind.AUTO_REPLY if automatic else TouchKind.REPLY,
        medium=reply.channel,
        message_id=answered,
        event_id=stored,
        text=reply.text,
        intent=Intent.AUTO_REPLY if automatic else reading.intent,
        evidence=reading.matched[:128],
    )
    if automatic:
        return Taken("applied", Intent.AUTO_REPLY)
    others = await _stop(match, reply, f"touch:{touch_id}", reading.stop, now, doubt_pause)
    await _act(match, reply, touch_id, reading, now, others)
    return Taken("applied", reading.intent)


async def _match(reply: Reply, message_id: int | None) -> Match | None:
    if message_id is not None:
        message = await Message.get_or_none(id=message_id)
        if message is not None and message.contact_id:
            return await match_contact(message.contact_id)
    return await match_member(reply.channel, reply.address)


async def _stop(
    match: Match, reply: Reply, source: str, stop: StopVerdict, now: datetime, doubt_pause: timedelta
) -> str:
    """Stop, or pause, every company this address belongs to. Returns what a person must know of the others."""
    if stop is StopVerdict.NO:
        return ""
    members = await members_sharing(match, reply.channel, reply.address)
    if stop is StopVerdict.REFUSE:
        await consent.record_opt_out(*members, at=now, source=source)
    else:
        await consent.pause_member(*members, at=now, source=source, lasting=doubt_pause)
    others = [no for member_id, no in members.items() if member_id != match.member_id]
    return f"\n同一地址也是 {'、'.join(others[:_OTHERS_SHOWN])} 的，一起停 (shared)" if others else ""


async def _act(match: Match, reply: Reply, touch_id: int, reading: Reading, now: datetime, others: str) -> None:
    source, intent, stop = f"touch:{touch_id}", reading.intent, reading.stop
    if intent is Intent.WRONG_CONTACT and match.contact_id is not None:
        await consent.deactivate_contact(match.contact_id)
    if intent in _TASKS or stop is StopVerdict.PAUSE:
        await visits.open_visit(
            match.member_id,
            category="check_stop" if stop is StopVerdict.PAUSE else intent,
            cause=source,
            opened_at=now,
            due_at=now + _DUE,
            contact_id=match.contact_id,
            note=reply.text[:500] + others,
        )
    if stop is StopVerdict.NO:
        await _answer(match, reply, touch_id, intent, now)


async def _answer(match: Match, reply: Reply, touch_id: int, intent: Intent, now: datetime) -> None:
    """Queue the automatic answer, where the campaign of answers runs and has words for it."""
    campaign = await find_campaign(AUTO_REPLIES)
    if campaign is None or campaign.state != "running":
        return
    if intent not in campaign.definition.answers or reply.channel not in campaign.definition.channels:
        return
    if match.contact_id is None:
        return
    await hold_contact(match.contact_id)  # they may write twice in one breath
    recently = Message.filter(
        message_class=MessageClass.ANSWER, address=reply.address, not_before__gt=now - _QUIET_AFTER_ANSWER
    )
    if await recently.exists():
        return
    occurrence_id = await outbox.add_occurrence(
        campaign.id,
        campaign.version_id,
        f"touch-{touch_id}",
        now,
        useless_at=now + timedelta(hours=48),
        extra={"intent": intent},
    )
    await outbox.enqueue(
        [
            {
                "occurrence_id": occurrence_id,
                "member_id": match.member_id,
                "contact_id": match.contact_id,
                "message_class": MessageClass.ANSWER,
                "channel": reply.channel,
                "address": reply.address,
                "state": "queued",
                "reason": "",
                "not_before": now,
            }
        ]
    )
    await outbox.close_planning(occurrence_id, now)
