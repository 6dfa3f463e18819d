"""Messages that went out: what the provider says of them, which one an answer means, their words and links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tortoise.expressions import Q
from tortoise.queryset import QuerySet

from campaigns import statements
from campaigns.folders import parse_definition
from campaigns.models import Contact, ContentVersion, Message
from campaigns.terms import ChannelName, DeliveryState

_SETTLED_WITHIN = timedelta(minutes=1)
_RECEIVABLE = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.UNKNOWN)
_ADDRESS = {ChannelName.EMAIL: "email", ChannelName.SMS: "mobile", ChannelName.WECHAT: "openid"}


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


async def record_receipt(message_id: int, *, delivered: bool, code: str, at: datetime) -> bool:
    """The provider's word on a delivery. False where the message is still on the wire: try again after it settled.

    Delivered never goes back: a late failure after a success changes nothing. Of two that say the same the earlier
    stands, whichever comes first.
    """
    state = DeliveryState.DELIVERED if delivered else DeliveryState.BOUNCED
    before = {DeliveryState.SENT, DeliveryState.UNKNOWN} | ({DeliveryState.BOUNCED} if delivered else set())
    news = Message.filter(Q(state__in=before) | Q(state=state, settled_at__gt=at), id=message_id)
    changed = await news.update(state=state, code=code, settled_at=at, ask_at=None)
    if changed:
        await Message.filter(id=message_id, sent_at=None).update(sent_at=at)
        return True
    return not await Message.filter(id=message_id, state__in=[DeliveryState.SENDING, DeliveryState.QUEUED]).exists()


async def is_sending_to(channel: ChannelName, address: str) -> bool:
    """Whether something is on the wire to this address. It is not settled until the transaction ends."""
    sending = (await _messages_to(channel, address)).filter(state=DeliveryState.SENDING)
    return await sending.select_for_update(no_key=True).first() is not None


async def message_by_provider_id(channel: ChannelName, provider_id: str, address: str) -> int | None:
    """The message a provider means by its own id (one id can name a batch, so the address must fit too)."""
    found = Message.filter(channel=channel, provider_id=provider_id)
    row = await (found.filter(address=address) if address else found).first()
    return row.id if row else None


async def last_message_to(channel: ChannelName, address: str, before: datetime) -> int | None:
    """The newest message that went to an address: what an answer without a reference answers."""
    # An answer's time is in whole seconds, and ours was written when the whole group had its results.
    latest = before + _SETTLED_WITHIN
    row = (
        await (await _messages_to(channel, address))
        .filter(sent_at__lt=latest, state__in=_RECEIVABLE)
        .order_by("-sent_at", "-id")
        .first()
    )
    return row.id if row else None


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
        )
        for row in rows
        if row.channel
    }


async def sent_link(message_id: int) -> SentLink | None:
    row = await Message.get_or_none(id=message_id).prefetch_related(
        "member", "occurrence__campaign", "occurrence__version"
    )
    if row is None:
        return None
    unread = await statements.query(
        """
        SELECT p.no FROM applications a JOIN postings p ON p.id = a.posting_id
        WHERE p.member_id = $1 AND a.first_viewed_at IS NULL GROUP BY p.no ORDER BY count(*) DESC, p.no LIMIT 1
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


async def _messages_to(channel: ChannelName, address: str) -> QuerySet[Message]:
    """By way of the members who have this address: an index on it would cost every message, and few are answered."""
    members = await Contact.filter(**{_ADDRESS[channel]: address}).values_list("member_id", flat=True)
    return Message.filter(member_id__in=list(members), channel=channel, address=address)
