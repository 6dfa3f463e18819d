"""Receipts that came in at the same moment: stored and applied together, in one commit."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns import conversations, outbox, statements
from campaigns.outbox import Delivery, Receivable
from campaigns.replies.events import Taken, event_row
from campaigns.replies.failures import heed_receipt
from campaigns.terms import ChannelName, Receipt

_Name = tuple[str, str]  # channel and event id


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt, and our message it speaks of where it carried our key."""

    receipt: Receipt
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Ready:
    """A receipt whose message is found and held."""

    receipt: Receipt
    message: Receivable

    @property
    def name(self) -> _Name:
        return self.receipt.channel, self.receipt.event_id

    @property
    def outcome(self) -> str:
        return "applied" if self.message.is_settled else "waiting"


async def take_group(told: Sequence[Told], now: datetime) -> list[Taken | None]:
    """Store and apply receipts, all of them or, where it raises, none.

    None stands for one that must be taken by itself (`receipts.take_receipt`): its message is not known or held by
    somebody else, or it was stored and not applied before a crash.
    """
    async with in_transaction():
        known = _Known(await _hold(told))
        ready = [known.find(one) for one in told]
        first: dict[_Name, _Ready] = {}
        for one in ready:
            if one is not None:
                first.setdefault(one.name, one)
        added = await _store(first.values(), now)
        await _apply([one for name, one in first.items() if name in added and one.message.is_settled])
        again = Counter(
            one.name for one in ready if one is not None and not (one is first[one.name] and one.name in added)
        )
        repeated = await statements.count_repeats(again)
    return [_taken(one, first, added, repeated) for one in ready]


class _Known:
    """Messages that are held, by our id and by the provider's."""

    def __init__(self, messages: Iterable[Receivable]) -> None:
        self._by_id = {message.id: message for message in messages}
        self._by_provider = {
            (message.channel, message.provider_id, message.address): message
            for message in self._by_id.values()
            if message.provider_id
        }

    def find(self, told: Told) -> _Ready | None:
        receipt, message = told.receipt, None
        if told.message_id is not None:
            message = self._by_id.get(told.message_id)
        elif receipt.provider_id and not receipt.key:
            message = self._by_provider.get((receipt.channel, receipt.provider_id, receipt.address))
        if message is None or (receipt.address and receipt.address.lower() != message.address.lower()):
            return None
        return _Ready(receipt, message)


async def _hold(told: Sequence[Told]) -> list[Receivable]:
    named = [one.receipt for one in told if one.message_id is None and one.receipt.provider_id and one.receipt.address]
    return await outbox.hold_receivable(
        {one.message_id for one in told if one.message_id is not None},
        {receipt.provider_id for receipt in named},
        {receipt.address for receipt in named},
    )


async def _store(ready: Iterable[_Ready], now: datetime) -> set[_Name]:
    """Returns those that were new."""
    rows = [event_row(one.receipt, one.message.id, now, one.outcome) for one in ready]
    return {(channel, name) for _, channel, name in await statements.add_events(rows)}


async def _apply(ready: Sequence[_Ready]) -> None:
    await outbox.record_receipts(
        Delivery(one.message.id, one.receipt.delivered, one.receipt.code, one.receipt.at) for one in ready
    )
    await conversations.reopen_undelivered([one.message.id for one in ready if not one.receipt.delivered])
    for one in ready:
        if one.message.channel and one.message.address:
            await heed_receipt(one.receipt, one.message.id, ChannelName(one.message.channel), one.message.address)


def _taken(one: _Ready | None, first: dict[_Name, _Ready], added: set[_Name], repeated: set[_Name]) -> Taken | None:
    if one is None:
        return None
    if one is first[one.name] and one.name in added:
        return Taken(one.outcome)
    return Taken("repeat") if one.name in repeated else None
