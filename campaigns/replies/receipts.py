"""What a provider says of a delivery: the state it moves a message to, and what it means beyond."""

import contextlib
from collections.abc import Collection
from datetime import datetime

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from campaigns import conversations, definitions, outbox
from campaigns.errors import StateError
from campaigns.models import Event, Message
from campaigns.outbox import Delivery
from campaigns.replies.events import Taken, receipt_from, take_once
from campaigns.replies.failures import heed_receipt
from campaigns.terms import ChannelName, Reaction, Receipt


async def take_receipt(receipt: Receipt, *, message_id: int | None, now: datetime) -> Taken:
    """One by itself. `message_id` is our message it speaks of, where it carried our key or the provider's id told."""

    async def apply(stored: int) -> Taken:
        return Taken(await apply_receipt(receipt, message_id))

    return await take_once(receipt, message_id, now, apply)


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
            outcome = await apply_receipt(receipt_from(event.payload), event.message_id)
            await Event.filter(id=event.id).update(outcome=outcome)
        applied += outcome == "applied"
    return applied


async def apply_receipt(receipt: Receipt, message_id: int | None) -> str:
    if receipt.of_call:
        return await _apply_to_call(receipt)
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
    if not receipt.delivered:
        await conversations.reopen_undelivered([message.id])
    if message.channel and message.address:
        await heed_receipt(receipt, message.id, ChannelName(message.channel), message.address)
    return "applied"


async def _apply_to_call(receipt: Receipt) -> str:
    """The provider's word on all that went in one call. Words that it judged stop their campaign."""
    messages = await outbox.messages_of_call(receipt.channel, receipt.provider_id)
    if not messages:
        return "waiting" if await outbox.has_open_calls(receipt.channel) else "unmatched"
    if receipt.reaction is Reaction.UNKNOWN:
        await outbox.note_code(messages, receipt.code)
    else:
        await outbox.record_receipts(
            Delivery(message_id, receipt.delivered, receipt.code, receipt.at) for message_id in messages
        )
    if receipt.reaction is Reaction.PAUSE_TEMPLATE:
        key = await outbox.campaign_of(messages[0])
        with contextlib.suppress(StateError):  # cancelled in the meantime: it says no more anyway
            await definitions.pause(key, note=f"群发没有通过：{receipt.code} (a mass send was turned down)")
    return "applied"
