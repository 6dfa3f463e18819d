"""Replies whose sender nobody knows: listed for staff, linked to a member, or put away."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from campaigns import outbox
from campaigns.errors import StateError
from campaigns.intents import IntentTable
from campaigns.members import consent, people
from campaigns.members.find import Match
from campaigns.models import Event
from campaigns.replies.events import reply_from
from campaigns.replies.reading import Words, take_words
from campaigns.terms import ChannelName, Intent

PAGE = 50
_LARGEST = 2**63 - 1  # a number of the database


@dataclass(frozen=True, slots=True)
class Stranger:
    """What somebody said, in their exact words."""

    id: int
    at: datetime
    channel: ChannelName
    address: str = field(repr=False)
    text: str
    subject: str


async def list_unknown(page: int = 1) -> Sequence[Stranger]:
    """Newest first."""
    rows = await _unknown().order_by("-id").offset((max(page, 1) - 1) * PAGE).limit(PAGE)
    return [_stranger(row) for row in rows]


async def count_unknown() -> int:
    return await _unknown().count()


async def link_unknown(
    event_id: int, member_id: int, *, now: datetime, table: IntentTable, doubt_pause: timedelta = consent.PAUSE
) -> Intent:
    """Their address becomes a contact's of this member, and their words are taken as any reply's: once.

    Raises StateError where somebody was quicker.
    """
    async with in_transaction():
        reply = reply_from((await _held(event_id)).payload)
        contact_id = await people.add_sender(member_id, reply.channel, reply.address)
        answered = await outbox.last_message_to(reply.channel, reply.address, reply.at)
        words = Words(reply.at, reply.text, reply.channel, reply.address, reply.automatic, event_id, answered)
        intent = await take_words(Match(member_id, contact_id), words, now, table, doubt_pause)
        await Event.filter(id=event_id).update(outcome="applied")
    return intent


async def put_away(event_id: int) -> None:
    """Nobody needs to know who it was. Raises StateError where it is not there any more."""
    async with in_transaction():
        await _held(event_id)
        await Event.filter(id=event_id).update(outcome="ignored")


async def _held(event_id: int) -> Event:
    row = await _unknown().filter(id=min(event_id, _LARGEST)).select_for_update(no_key=True).first()
    if row is None:
        raise StateError("这一条已经有人办了 (done by somebody else)")
    return row


def _unknown() -> QuerySet[Event]:
    return Event.filter(outcome="unmatched", kind="reply")


def _stranger(row: Event) -> Stranger:
    reply = reply_from(row.payload)
    return Stranger(row.id, reply.at, reply.channel, reply.address, reply.text, reply.subject)
