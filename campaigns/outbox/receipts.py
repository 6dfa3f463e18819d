"""What a provider says of messages that went out: which one it means, and what that makes of it."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tortoise.queryset import QuerySet

from campaigns import statements
from campaigns.models import Contact, Message
from campaigns.terms import ChannelName, DeliveryState, WechatMode

_ON_ITS_WAY = (DeliveryState.SENDING, DeliveryState.QUEUED)
_ADDRESS = {
    ChannelName.EMAIL: "email",
    ChannelName.SMS: "mobile",
    ChannelName.WECHAT: "openid",
    ChannelName.WECOM: "external_userid",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """The provider's word on one message."""

    message_id: int
    delivered: bool
    code: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Receivable:
    """A message a provider speaks of, held until the transaction ends."""

    id: int
    channel: str
    provider_id: str
    address: str = field(repr=False)
    is_settled: bool


async def hold_receivable(
    message_ids: Collection[int], provider_ids: Collection[str], addresses: Collection[str]
) -> list[Receivable]:
    """Hold messages by id, or by a provider's id and an address; those that somebody else holds are left out."""
    return [
        Receivable(row[0], row[1] or "", row[2], row[3] or "", row[4] not in _ON_ITS_WAY)
        for row in await statements.hold_receivable(message_ids, provider_ids, addresses)
    ]


async def record_receipts(said: Iterable[Delivery]) -> set[int]:
    """The provider's word on deliveries, in one statement. Returns the messages it was news for.

    Delivered never goes back: a late failure after a success changes nothing. Of two that say the same the earlier
    stands, whichever comes first. What is still on the wire is left alone.
    """
    stands: dict[int, Delivery] = {}
    for one in said:
        other = stands.get(one.message_id)
        if other is None or (other.delivered, one.at) < (one.delivered, other.at):
            stands[one.message_id] = one
    rows = [stands[message_id] for message_id in sorted(stands)]
    return await statements.record_receipts(
        {
            "id": [row.message_id for row in rows],
            "state": [DeliveryState.DELIVERED if row.delivered else DeliveryState.BOUNCED for row in rows],
            "code": [row.code for row in rows],
            "at": [row.at for row in rows],
        }
    )


async def record_receipt(message_id: int, *, delivered: bool, code: str, at: datetime) -> bool:
    """The same for one message. False where it is still on the wire: try again after it settled."""
    if await record_receipts([Delivery(message_id, delivered, code, at)]):
        return True
    return not await Message.filter(id=message_id, state__in=_ON_ITS_WAY).exists()


async def is_sending_to(channel: ChannelName, address: str) -> bool:
    """Whether something is on the wire to this address. It is not settled until the transaction ends."""
    sending = (await messages_to(channel, address)).filter(state=DeliveryState.SENDING)
    return await sending.select_for_update(no_key=True).first() is not None


async def message_by_provider_id(channel: ChannelName, provider_id: str, address: str) -> int | None:
    """The message a provider means by its own id (one id can name a batch, so the address must fit too)."""
    found = Message.filter(channel=channel, provider_id=provider_id)
    row = await (found.filter(address=address) if address else found).first()
    return row.id if row else None


async def messages_of_call(channel: ChannelName, provider_id: str) -> list[int]:
    """All that went out in a call the provider names by its own number; held until the transaction ends."""
    found = Message.filter(channel=channel, provider_id=provider_id).order_by("id").select_for_update(no_key=True)
    return [row.id for row in await found]


async def mass_followers(message_ids: Sequence[int]) -> list[str]:
    """Whom those of these messages were for that were mass sends."""
    found = await Message.filter(id__in=list(message_ids), wechat_mode=WechatMode.MASS)
    return [row.address for row in found if row.address]


async def has_open_calls(channel: ChannelName) -> bool:
    """Whether a mass send is on its way, or its fate not known, so that the provider's number for it may yet come."""
    states = (DeliveryState.SENDING, DeliveryState.UNKNOWN)
    return await Message.filter(channel=channel, wechat_mode=WechatMode.MASS, state__in=states).exists()


async def note_code(message_ids: Sequence[int], code: str) -> None:
    """What the provider said of all of them and of none: they stand as they are."""
    await Message.filter(id__in=list(message_ids), state=DeliveryState.SENT).update(code=code[:64])


async def campaign_of(message_id: int) -> str:
    row = await Message.get(id=message_id).prefetch_related("occurrence__campaign")
    return row.occurrence.campaign.key


async def messages_to(channel: ChannelName, address: str) -> QuerySet[Message]:
    """By way of the members who have this address: an index on it would cost every message, and few are answered."""
    members = await Contact.filter(**{_ADDRESS[channel]: address}).values_list("member_id", flat=True)
    return Message.filter(member_id__in=list(members), channel=channel, address=address)
