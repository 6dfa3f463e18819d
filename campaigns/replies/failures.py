"""What failures mean together: of one address in a row, and the share of a run's messages that its words spoil."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

from campaigns import definitions, outbox
from campaigns.errors import StateError
from campaigns.members import consent
from campaigns.models import Event, Message
from campaigns.terms import ChannelName, DeliveryState, Reaction, Receipt

SOFT = "soft"  # why an address was closed: no single failure was final
_LOOKED_AT = 20
_LEAST = 3  # fewer say nothing about a share


@dataclass(frozen=True, slots=True)
class _Patience:
    """So many failures of a kind, the first so long before the last, and nothing delivered between them."""

    failures: int
    over: timedelta


_PATIENCE: Mapping[tuple[ChannelName, Reaction], _Patience] = {
    (ChannelName.SMS, Reaction.RETRY): _Patience(3, timedelta(days=7)),  # suspended, out of service
    (ChannelName.EMAIL, Reaction.RETRY): _Patience(3, timedelta(days=7)),
    (ChannelName.EMAIL, Reaction.DEFER_RECIPIENT): _Patience(5, timedelta(days=14)),  # the mailbox is full
}
# Of the messages of one run on one channel.
_BLOCKED = 0.05  # by carriers, for the words
_COMPLAINTS = 0.003  # receiving providers turn a sender away there


async def heed_receipt(receipt: Receipt, message_id: int, channel: ChannelName, address: str) -> None:
    """What a receipt means beyond its message; it has been written there before."""
    if receipt.code == "complaint":
        await _watch_share(message_id, receipt.code, _COMPLAINTS, "投诉太多")
    if receipt.reaction is Reaction.SUPPRESS:
        reason = receipt.code or "bounced"
        await consent.suppress_address(channel, address, at=receipt.at, reason=reason, source=receipt.event_id[:128])
    elif receipt.reaction is Reaction.PAUSE_TEMPLATE:
        await _watch_share(message_id, receipt.code, _BLOCKED, "运营商拦截")
    elif receipt.reaction and (patience := _PATIENCE.get((channel, receipt.reaction))):
        await _lose_patience(receipt, receipt.reaction, channel, address, patience)


# ---- one address ----------------------------------------------------------------------------------------------------


async def _lose_patience(
    receipt: Receipt, reaction: Reaction, channel: ChannelName, address: str, patience: _Patience
) -> None:
    moments = await _failures_in_a_row(channel, address, reaction)
    if len(moments) >= patience.failures and max(moments) - min(moments) >= patience.over:
        await consent.suppress_address(channel, address, at=receipt.at, reason=SOFT, source=receipt.event_id[:128])


async def _failures_in_a_row(channel: ChannelName, address: str, reaction: Reaction) -> list[datetime]:
    """When what went there last failed in this way, back to the last delivery."""
    told = (await outbox.messages_to(channel, address)).filter(
        state__in=(DeliveryState.DELIVERED, DeliveryState.BOUNCED), settled_at__isnull=False
    )
    rows = await told.order_by("-settled_at", "-id").limit(_LOOKED_AT)
    run = list(takewhile(lambda row: row.state == DeliveryState.BOUNCED, rows))
    alike = await _told_as(reaction, [row.id for row in run])
    return [row.settled_at for row in run if row.id in alike and row.settled_at]


async def _told_as(reaction: Reaction, message_ids: Sequence[int]) -> set[int]:
    events = await Event.filter(message_id__in=list(message_ids), kind="receipt")
    return {event.message_id for event in events if event.message_id and event.payload.get("reaction") == reaction}


# ---- one run of a campaign ------------------------------------------------------------------------------------------


async def _watch_share(message_id: int, code: str, most: float, why: str) -> None:
    """Stop the campaign where too many of a run's messages end by this code."""
    message = await Message.get(id=message_id)
    run = Message.filter(occurrence_id=message.occurrence_id, channel=message.channel)
    spoilt = await run.filter(code=code).count()
    if spoilt < _LEAST:
        return
    gone = await run.filter(sent_at__isnull=False).count()
    if spoilt > most * gone:
        key = (await outbox.read_occurrence(message.occurrence_id)).campaign_key
        with contextlib.suppress(StateError):  # paused or cancelled before
            await definitions.pause(key, note=f"{why}：{code}，{spoilt}/{gone} 条")
