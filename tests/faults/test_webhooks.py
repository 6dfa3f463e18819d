"""Receipts and answers that come repeated, shuffled, before our own commit, two days late, or about nobody."""

import asyncio
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.clock import ProductClock
from bot.runtime import open_runtime, read_secret, set_clock
from bot.sandbox.aliyun_carrier import DELIVERED
from bot.sandbox.pushing import local
from bot.sandbox.sms_carrier import Fate, SmsCarrier
from bot.sandbox.stage import Accepted
from bot.tokens import Tokens
from bot.worker import working
from campaigns.models import Event, Message, Suppression
from campaigns.terms import ChannelName
from tests.cast import NOW
from tests.faults.books import balanced
from tests.faults.scene import LONG, Stage, addresses, all_settled, ids_in, start_nudge
from tests.faults.table import Rows
from tests.fleet import started, until

_LARGEST_PUSH = 40
_PASSING = "MK:0010"
_LATE = timedelta(hours=48)
_NOBODY = "15400009999"
_REFUSING = 10  # members who answer that they want no more


@pytest.mark.parametrize("size", [80, pytest.param(1200, marks=LONG)], ids=["short", "long"])
async def test_whatever_comes_in_whatever_order_and_however_often_ends_in_the_same_state(
    stage_on_both: Stage, size: int, rows: Rows
) -> None:
    """Each message's receipts come in an order of their own: as many orders as messages."""
    stage = stage_on_both
    planned = await start_nudge(stage, sms=size, mail=0)
    stage.sandbox.sms.faults.shares(receipt_first=0.5)
    with started("web", "--json", settings={**stage.environment, "web_port": 0}, folder=stage.folder) as web:
        doors = f"{json.loads(await web.line())['web']}hooks/{Tokens(read_secret(stage.settings)).derive('hooks')}/sms"
        stage.sandbox.sms.connect(f"{doors}/report", None)
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            provider = _Provider(stage, client, doors)
            async with open_runtime(stage.patient) as runtime, working(runtime):
                async with asyncio.timeout(120):
                    while len(provider.ends) < len(planned):
                        provider.hear_of_new_ones()
                        await provider.push_early()
                        await asyncio.sleep(0.02)
                await all_settled(stage)
                await until(_nothing_waits, "what came too early is applied", seconds=60)
            assert await addresses(await ids_in("delivered")) >= provider.delivered_early  # and never only sent again
            await provider.push("report", [provider.about_nobody(number) for number in range(5)])
            await _two_days_later(stage)
            await provider.push_late()
            await provider.push_refusals()
        assert await web.terminate() == 0

    found = await Message.filter(id__in=planned).values_list("address", "state", "code")
    assert {address: (state, code) for address, state, code in found} == provider.ends
    events = await Event.filter(kind="receipt").values_list("outcome", flat=True)
    assert events.count("unmatched") == 5  # kept, and nobody's state is touched
    assert events.count("applied") == len(events) - 5 == provider.said
    assert await Event.filter(kind="reply").count() == _REFUSING
    assert await Suppression.filter(channel=None, lifted_at=None).count() == _REFUSING
    books = await balanced(stage, planned, at_most=0)
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    done = f"receipts 1 to 5 times each, in {len(planned):,} orders, from before our commit to 48 h late, {kind}"
    rows.add("F14", done, books, result="same end in every order")


@dataclass
class _Provider:
    """The carrier's receipts beside the stand-in's own: some contradict it, all are repeated, half of them wait."""

    stage: Stage
    client: httpx.AsyncClient
    doors: str
    ends: dict[str, tuple[str, str]] = field(default_factory=dict)  # number → state and code at the end
    said: int = 0  # different receipts
    delivered_early: set[str] = field(default_factory=set)  # numbers
    _known: int = 0
    _early: list[Any] = field(default_factory=list)
    _late: list[Any] = field(default_factory=list)
    _dice: random.Random = field(default_factory=lambda: random.Random(20261123))

    def hear_of_new_ones(self) -> None:
        accepted = self.stage.sandbox.stage.ledger.rows(ChannelName.SMS)
        for row in accepted[self._known :]:
            self._plan(row)
        self._known = len(accepted)

    async def push_early(self) -> None:
        early, self._early = self._early, []
        await self.push("report", early)

    async def push_late(self) -> None:
        await self.push("report", self._late)

    async def push_refusals(self) -> None:
        refusing = self.stage.sandbox.stage.ledger.rows(ChannelName.SMS)[:_REFUSING]
        items = [
            {
                "phone_number": row.to,
                "send_time": local(row.at + _LATE),
                "content": "退订",
                "dest_code": "10690811",
                "sequence_id": number,
            }
            for number, row in enumerate(refusing, 1)
        ]
        await self.push("reply", self._repeated(items))

    async def push(self, door: str, items: Sequence[Any]) -> None:
        left = self._dice.sample(items, len(items))
        while left:
            size = self._dice.randint(1, _LARGEST_PUSH)
            answer = await self.client.post(f"{self.doors}/{door}", json=left[:size])
            assert (answer.status_code, answer.json()["code"]) == (200, 0)
            left = left[size:]

    def about_nobody(self, number: int) -> Any:
        """One of a number nobody has, the others of a real number and a message that is not ours."""
        row = self.stage.sandbox.stage.ledger.rows(ChannelName.SMS)[number]
        to = _NOBODY if number == 0 else row.to
        unheard_of = replace(row, to=to, provider_id=f"{number}^0", key="unheard of")
        return self._carrier.report_item(unheard_of, Fate(_PASSING, row.at, delivered=False), newer=True)

    def _plan(self, row: Accepted) -> None:
        """What the carrier made of it, and for half of them the contrary a minute before or after."""
        fate = self._carrier.fate_of(row)
        fates = [fate]
        if self._dice.random() < 0.5:
            minutes = timedelta(minutes=self._dice.choice((-1, 1)))
            contrary = _PASSING if fate.delivered else DELIVERED
            fates.append(Fate(contrary, fate.at + minutes, delivered=not fate.delivered))
        delivered = any(one.delivered for one in fates)
        self.ends[row.to] = ("delivered", DELIVERED) if delivered else ("bounced", fate.code)
        self.said += len(fates)
        items = [self._carrier.report_item(row, one, newer=True) for one in fates]
        for item in self._repeated(items):
            is_early = self._dice.random() < 0.5
            (self._early if is_early else self._late).append(item)
            if is_early and item["success"]:
                self.delivered_early.add(row.to)

    @property
    def _carrier(self) -> SmsCarrier:
        return self.stage.sandbox.sms.carrier

    def _repeated(self, items: Sequence[Any]) -> list[Any]:
        return [item for item in items for _ in range(self._dice.randint(1, 5))]


async def _nothing_waits() -> bool:
    return not await Event.filter(outcome__in=("", "waiting")).exists()


async def _two_days_later(stage: Stage) -> None:
    clock = ProductClock()
    clock.set(NOW + _LATE)
    await set_clock(clock, stage.settings)
