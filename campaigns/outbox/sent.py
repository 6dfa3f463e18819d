"""Messages that went out: which one an answer means, their words and links."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from campaigns import statements
from campaigns.folders import parse_definition
from campaigns.models import ContentVersion, Message
from campaigns.outbox.receipts import messages_to
from campaigns.terms import ChannelName, DeliveryState

_SETTLED_WITHIN = timedelta(minutes=1)
_RECEIVABLE = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class SentWords:
    """What is needed to show a message exactly as it went out."""

    message_id: int
    files: Mapping[str, str] = field(repr=False)
    channel: ChannelName
    facts: Mapping[str, Any] | None  # None: it never went on the wire
    wechat_mode: str
    state: DeliveryState
    address: str
    campaign_key: str
    code: str = ""  # what the provider said of it last


@dataclass(frozen=True, slots=True)
class NotSent:
    """A member's fate in a run of a campaign that was no message: `suppressed` or `failed`, and why."""

    message_id: int
    at: datetime
    campaign_key: str
    state: DeliveryState
    reason: str
    obstacles: str  # what was in the way of each channel: "sms:no_consent wechat:no_window"
    channel: str  # "" where none was chosen
    contact_id: int | None
    message_class: str


@dataclass(frozen=True, slots=True)
class ByHand:
    """What a colleague wrote to one customer. `at`: when he did; `not_before`: when it may go."""

    message_id: int
    at: datetime
    state: DeliveryState
    reason: str
    code: str
    channel: ChannelName
    contact_id: int | None
    not_before: datetime
    subject: str
    text: str = field(repr=False)
    by: str


@dataclass(frozen=True, slots=True)
class SentLink:
    """What a link in a message needs to know of it."""

    message_id: int
    member_no: str
    member_name: str
    channel: str
    campaign_key: str
    sent_at: datetime | None
    posting_no: str  # of the posting with the most unread, "" where there is none
    links: Mapping[str, str]  # name → target, as the campaign stored them


async def last_message_to(channel: ChannelName, address: str, before: datetime) -> int | None:
    """The newest message that went to an address: what an answer without a reference answers."""
    # An answer's time is in whole seconds, and ours was written when the whole group had its results.
    latest = before + _SETTLED_WITHIN
    row = (
        await (await messages_to(channel, address))
        .filter(sent_at__lt=latest, state__in=_RECEIVABLE)
        .order_by("-sent_at", "-id")
        .first()
    )
    return row.id if row else None


async def sent_at(message_id: int) -> datetime | None:
    """When a message went on the wire, or was found to have been there."""
    row = await Message.get_or_none(id=message_id)
    return row.sent_at if row else None


async def sent_words(message_ids: Sequence[int]) -> dict[int, SentWords]:
    rows = await Message.filter(id__in=list(message_ids)).prefetch_related("occurrence__campaign")
    versions = {
        version.id: version
        for version in await ContentVersion.filter(id__in={row.occurrence.version_id for row in rows})
    }
    return {
        row.id: SentWords(
            message_id=row.id,
            files=versions[row.occurrence.version_id].files,
            channel=ChannelName(row.channel),
            facts=row.facts,
            wechat_mode=row.wechat_mode,
            state=DeliveryState(row.state),
            address=row.address or "",
            campaign_key=row.occurrence.campaign.key,
            code=row.code,
        )
        for row in rows
        if row.channel
    }


async def count_queued_to(member_id: int) -> int:
    """How many messages to this member wait to go out."""
    return await Message.filter(member_id=member_id, state=DeliveryState.QUEUED).count()


async def not_sent_to(member_id: int, among: Collection[int] | None = None) -> list[NotSent]:
    """What was meant for this member and did not go out, newest first; with `among` only these messages."""
    asked = Message.filter(member_id=member_id, state__in=(DeliveryState.SUPPRESSED, DeliveryState.FAILED))
    if among is not None:
        asked = asked.filter(id__in=list(among))
    rows = await asked.prefetch_related("occurrence__campaign")
    found = [
        NotSent(
            message_id=row.id,
            at=row.settled_at or row.occurrence.planned_at or row.occurrence.at,
            campaign_key=row.occurrence.campaign.key,
            state=DeliveryState(row.state),
            reason=row.reason,
            obstacles=row.obstacles or "",
            channel=row.channel or "",
            contact_id=row.contact_id,
            message_class=row.message_class,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.at, one.message_id), reverse=True)


async def written_by_hand(member_id: int, campaign: str, *, limit: int) -> list[ByHand]:
    """What colleagues wrote to this member in their own words and what became of it, newest first."""
    rows = (
        await Message.filter(member_id=member_id, occurrence__campaign__key=campaign)
        .order_by("-id")
        .limit(limit)
        .prefetch_related("occurrence")
    )
    return [_by_hand(row) for row in rows]


async def read_by_hand(message_id: int) -> ByHand:
    return _by_hand(await Message.get(id=message_id).prefetch_related("occurrence"))


async def message_of(occurrence_id: int) -> int | None:
    """The message of an occurrence that has but one."""
    row = await Message.get_or_none(occurrence_id=occurrence_id)
    return row.id if row else None


async def messages_by_member(occurrence_id: int) -> dict[int, int]:
    """Member → its message of this occurrence."""
    return dict(await Message.filter(occurrence_id=occurrence_id).values_list("member_id", "id"))


def _by_hand(row: Message) -> ByHand:
    extra = row.occurrence.extra
    lines = extra.get("written")
    return ByHand(
        message_id=row.id,
        at=row.occurrence.at,
        state=DeliveryState(row.state),
        reason=row.reason,
        code=row.code,
        channel=ChannelName(row.channel or ChannelName.EMAIL),
        contact_id=row.contact_id,
        not_before=row.not_before,
        subject=str(extra.get("subject", "")),
        text="\n".join(map(str, lines)) if isinstance(lines, list) else "",
        by=str(extra.get("by", "")),
    )


async def sent_link(message_id: int) -> SentLink | None:
    row = await Message.get_or_none(id=message_id).prefetch_related(
        "member", "occurrence__campaign", "occurrence__version"
    )
    if row is None:
        return None
    unread = await statements.query(
        f"""
        SELECT p.no FROM applications a JOIN postings p ON p.id = a.posting_id
        WHERE p.member_id = $1 AND a.first_viewed_at IS NULL AND {statements.THERE}
        GROUP BY p.no ORDER BY count(*) DESC, p.no LIMIT 1
        """,
        row.member_id,
    )
    return SentLink(
        message_id=message_id,
        member_no=row.member.no,
        member_name=row.member.name,
        channel=row.channel or "",
        campaign_key=row.occurrence.campaign.key,
        sent_at=row.sent_at,
        posting_no=unread[0]["no"] if unread else "",
        links=parse_definition(row.occurrence.version.files).links,
    )
