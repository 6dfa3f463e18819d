"""A customer's words: matched, touched, understood, acted upon."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns import conversations, fairs, notices, outbox, touches, visits, webhooks
from campaigns.definitions import find_campaign
from campaigns.fairs import Answer
from campaigns.intents import IntentTable, Reading, StopVerdict, read_intent
from campaigns.intents.fair_answer import FairAnswer, read_fair_answer
from campaigns.members import consent
from campaigns.members.find import Match, hold_contact, match_contact, match_member, members_sharing
from campaigns.models import Message
from campaigns.replies.events import Taken
from campaigns.terms import ChannelName, Direction, Intent, MessageClass, Reply, TouchKind
from campaigns.webhooks import WebhookKind

AUTO_REPLIES = "auto_replies"
_QUIET_AFTER_ANSWER = timedelta(days=7)  # RFC 3834: at most one automatic answer to an address in this time
_OTHERS_SHOWN = 10
_TO_A_FAIR = "fair:"  # how the evidence of an answer to an invitation begins, which needs nobody
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
class Words:
    """What a customer said, in a channel or, without an address, to a person of ours who was there."""

    at: datetime
    text: str
    medium: str
    address: str = ""
    automatic: bool = False
    stored: int | None = None  # the event it came as
    answers: int | None = None  # the message of ours it answers


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
        await _heed_stranger(reply, stored, table)
        return Taken("unmatched")
    answered = message_id or await outbox.last_message_to(reply.channel, reply.address, reply.at)
    words = Words(reply.at, reply.text, reply.channel, reply.address, reply.automatic, stored, answered)
    return Taken("applied", await take_words(match, words, now, table, doubt_pause))


async def take_words(
    match: Match, words: Words, now: datetime, table: IntentTable, doubt_pause: timedelta = consent.PAUSE
) -> Intent:
    """The one path of all that customers say: touch, meaning, stop, task, notice, answer."""
    reading = await _read(match, words, now, table)
    # by its manner a machine's, but in words that may refuse: then a person looks
    automatic = words.automatic or (reading.intent is Intent.AUTO_REPLY and reading.stop is StopVerdict.NO)
    touch_id = await touches.record_touch(
        match.member_id,
        contact_id=match.contact_id,
        at=words.at,
        direction=Direction.IN,
        kind=TouchKind.AUTO_REPLY if automatic else TouchKind.REPLY,
        medium=words.medium,
        message_id=words.answers,
        event_id=words.stored,
        text=words.text,
        intent=Intent.AUTO_REPLY if automatic else reading.intent,
        evidence=reading.matched[:128],
    )
    if automatic:
        return Intent.AUTO_REPLY
    told = {"channel": words.medium, "text": words.text, "intent": reading.intent, "message": words.answers}
    await webhooks.announce(WebhookKind.REPLY, at=words.at, about={match.member_id: told}, contact_id=match.contact_id)
    others = await _stop(match, words, f"touch:{touch_id}", reading.stop, now, doubt_pause)
    settled = reading.matched.startswith(_TO_A_FAIR)
    needs_person = not settled and await _act(match, words, touch_id, reading, now, others)
    await conversations.hear(
        match.member_id,
        at=words.at,
        medium=words.medium,
        contact_id=match.contact_id,
        touch_id=touch_id,
        intent=reading.intent,
        needs_person=needs_person,
        refused=reading.stop is StopVerdict.REFUSE,
    )
    return reading.intent


async def _heed_stranger(reply: Reply, stored: int, table: IntentTable) -> None:
    """Nobody knows whose it is, yet a refusal is one: this address gets nothing more from now on."""
    if not reply.address or reply.automatic or read_intent(reply.text, table).stop is not StopVerdict.REFUSE:
        return
    address = reply.address.lower() if reply.channel is ChannelName.EMAIL else reply.address
    await consent.suppress_address(reply.channel, address, at=reply.at, reason="refused", source=f"event:{stored}")


async def _read(match: Match, words: Words, now: datetime, table: IntentTable) -> Reading:
    """An answer to a fair stands with its invitation; what else is said is read as ever, and 不来 refuses nothing."""
    said = read_fair_answer(words.text) if words.address and not words.automatic else None
    if said is None or not await fairs.hear_answer(
        match.member_id, Answer(said.answer), words.text, at=words.at, now=now, message_id=words.answers
    ):
        return read_intent(words.text, table)
    if said.rest and (rest := read_intent(said.rest, table)).intent is not Intent.THANKS:
        return rest
    intent = Intent.INTERESTED if said.answer is FairAnswer.YES else Intent.THANKS
    return Reading(intent, StopVerdict.NO, f"{_TO_A_FAIR}{said.answer}", 1.0)


async def _match(reply: Reply, message_id: int | None) -> Match | None:
    if message_id is not None:
        message = await Message.get_or_none(id=message_id)
        if message is not None and message.contact_id:
            return await match_contact(message.contact_id)
    return await match_member(reply.channel, reply.address)


async def _stop(
    match: Match, words: Words, source: str, stop: StopVerdict, now: datetime, doubt_pause: timedelta
) -> str:
    """Stop, or pause, every company this address belongs to. Returns what a person must know of the others."""
    if stop is StopVerdict.NO:
        return ""
    members = await _sharing(match, words)
    if stop is StopVerdict.REFUSE:
        await consent.record_opt_out(*members, at=now, source=source)
    else:
        await consent.pause_member(*members, at=now, source=source, lasting=doubt_pause)
    others = [no for member_id, no in members.items() if member_id != match.member_id]
    return f"\n同一地址也是 {'、'.join(others[:_OTHERS_SHOWN])} 的，一起停 (shared)" if others else ""


async def _sharing(match: Match, words: Words) -> dict[int, str]:
    """Whom these words stand for; what is said to a person's face, for one company."""
    if not words.address:
        return {match.member_id: ""}
    return await members_sharing(match, ChannelName(words.medium), words.address)


async def _act(match: Match, words: Words, touch_id: int, reading: Reading, now: datetime, others: str) -> bool:
    """Returns whether a person has to look: no answer went by itself to what asks for one, or a task says so."""
    source, intent, stop = f"touch:{touch_id}", reading.intent, reading.stop
    if intent is Intent.WRONG_CONTACT and match.contact_id is not None:
        await consent.deactivate_contact(match.contact_id)
    visited = intent in _TASKS or stop is StopVerdict.PAUSE
    if visited:
        visit_id = await visits.open_visit(
            match.member_id,
            category="check_stop" if stop is StopVerdict.PAUSE else intent,
            cause=source,
            opened_at=now,
            due_at=now + _DUE,
            contact_id=match.contact_id,
            note=words.text[:500] + others,
        )
        await notices.add_notice(visit_id, match.member_id, at=now)
    answered = stop is StopVerdict.NO and await _answer(match, words, touch_id, intent, now)
    return visited or not (answered or (intent is Intent.THANKS and stop is StopVerdict.NO))


async def _answer(match: Match, words: Words, touch_id: int, intent: Intent, now: datetime) -> bool:
    """Queue the automatic answer, where the campaign of answers runs, has words for it, and nobody is at it himself.

    Where a person of ours was there it is answered.
    """
    if not words.address:
        return True
    campaign = await find_campaign(AUTO_REPLIES)
    if campaign is None or campaign.state != "running":
        return False
    if intent not in campaign.definition.answers or words.medium not in campaign.definition.channels:
        return False
    if match.contact_id is None or await conversations.is_taken(match.member_id):
        return False
    await hold_contact(match.contact_id)  # they may write twice in one breath
    recently = Message.filter(
        message_class=MessageClass.ANSWER,
        address=words.address,
        not_before__gt=now - _QUIET_AFTER_ANSWER,
        occurrence__campaign_id=campaign.id,  # what a colleague answered by hand is none of it
    )
    if await recently.exists():
        return False
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
                "channel": words.medium,
                "address": words.address,
                "state": "queued",
                "reason": "",
                "not_before": now,
            }
        ]
    )
    await outbox.close_planning(occurrence_id, now)
    return True
