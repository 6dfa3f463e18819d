"""The carriers behind an SMS provider: what becomes of a message and when, and the way back of what customers say."""

import hashlib
import heapq
import random
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from bot.sandbox.pushing import Delivery, Door
from bot.sandbox.stage import Accepted, Stage
from campaigns.terms import ChannelName

EMPTY_NUMBER = "MK:0001"
PASSING = ("MK:0010", "MK:0010", "MK:0023", "MK:0005", "EXPIRED", "UNDELIV")  # not the number's fault for ever
REFUSALS = {"R", "T", "TD", "退订"}
NOISE = re.compile(r"[\W_]+")
ONE_SEGMENT, LONG_SEGMENT = 70, 67

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Quirks:
    """How carriers and pushes behave; every share is 0 to 1."""

    soonest: timedelta = timedelta(seconds=2)
    latest: timedelta = timedelta(seconds=60)
    empty_share: float = 0.01  # of numbers: nobody has them
    failure_share: float = 0.02  # of messages: switched off, no coverage …
    missing_share: float = 0.0  # of messages: no receipt ever
    late_share: float = 0.0  # of messages: the receipt takes days or weeks
    latest_of_the_late: timedelta = timedelta(days=21)
    unknown_share: float = 0.0  # of receipts: one about a message that nobody sent comes with them
    duplicate_share: float = 0.05  # of messages: the receipt comes two or three times
    reply_duplicate_share: float = 0.05  # of replies: pushed twice
    largest_batch: int = 500  # receipts in one push; where many are due, each push holds any number up to it


@dataclass(frozen=True, slots=True)
class Fate:
    """What the carrier made of one message, and when it said so."""

    code: str
    at: datetime
    delivered: bool


class SmsCarrier(ABC):
    """Phones, the way to them and back. One provider's formats are in the class derived from this.

    `name` is the provider's in the dice and labels, `good` its code of a delivery, `yes` see Door. `is_empty` says
    which numbers nobody has (default: a seeded share; those in `stage.unknown` always).
    """

    def __init__(
        self,
        stage: Stage,
        quirks: Quirks,
        is_empty: Callable[[str], bool] | None,
        *,
        name: str,
        good: str,
        yes: str,
    ) -> None:
        self.quirks = quirks
        self.reports = Door(f"{name} receipts", stage.timetable.later, yes)
        self.replies = Door(f"{name} reply", stage.timetable.later, yes)
        self._stage, self._name, self._good = stage, name, good
        self._is_empty = is_empty or self._is_seldom_empty
        self._dice = stage.dice(f"{name} carrier")
        self._planned = 0
        self._due: list[tuple[datetime, int, Accepted]] = []
        self._said: dict[str, Delivery] = {}

    @abstractmethod
    def sent(self, row: Accepted) -> bool:
        """Whether it went out by this provider."""

    @abstractmethod
    def report_item(self, row: Accepted, fate: Fate, newer: bool) -> Item:
        """One receipt as it is pushed; `newer` adds what newer pushes hold."""

    @abstractmethod
    def reply_body(self, phone: str, text: str, answering: Accepted | None, number: int) -> object:
        """A push of one customer's words; asked for once for each. `number` is this reply's own, in every run."""

    @abstractmethod
    def refuse(self, phone: str, signs: Sequence[str] | None) -> None:
        """This number wants nothing more of these signatures, None: of any."""

    def repeated(self, body: object) -> object:
        """The same push a second time, where that looks different."""
        return body

    def misbehave(self, dice: random.Random) -> None:
        """From now on receipts come late, never, again and about strangers, in shares of these dice."""
        self.quirks = replace(
            self.quirks,
            failure_share=dice.uniform(0.02, 0.1),
            missing_share=dice.uniform(0.02, 0.1),
            late_share=dice.uniform(0.02, 0.1),
            unknown_share=dice.uniform(0.02, 0.1),
            duplicate_share=dice.uniform(0.1, 0.3),
            reply_duplicate_share=dice.uniform(0.1, 0.3),
        )
        self._dice = dice

    def connect(self, reports: str | None, replies: str | None) -> None:
        """From now on receipts and replies go to these addresses; None keeps them here."""
        self.reports.url, self.replies.url = reports, replies

    async def close(self) -> None:
        await self.reports.close()
        await self.replies.close()

    def fate_of(self, row: Accepted) -> Fate:
        """What becomes of an accepted message; the same in every run."""
        dice = self._dice_of("receipt", row)
        at = row.at + self.quirks.soonest + (self.quirks.latest - self.quirks.soonest) * dice.random()
        roll, passing = dice.random(), dice.choice(PASSING)
        if dice.random() < self.quirks.late_share:
            at += self.quirks.latest_of_the_late * dice.random()
        if row.to in self._stage.unknown or self._is_empty(row.to):
            return Fate(EMPTY_NUMBER, at, False)
        if row.to in self._stage.full or roll < self.quirks.failure_share:
            return Fate(passing, at, False)
        return Fate(self._good, at, True)

    def plan_report(self, row: Accepted) -> None:
        if self._dice_of("receipt missing", row).random() < self.quirks.missing_share:
            return
        at = self.fate_of(row).at
        self._planned += 1
        heapq.heappush(self._due, (at, self._planned, row))
        self._stage.timetable.at(at, partial(self._report_due, at), f"{self._name} receipts")

    async def push_reports(self, rows: Sequence[Accepted]) -> None:
        items = [self._item(row) for row in rows]
        strangers = [self._about_nobody(row) for row in rows if self._dice.random() < self.quirks.unknown_share]
        await self.reports.deliver(Delivery(items + strangers))
        again = [item for item in items if self._dice.random() < self.quirks.duplicate_share]
        for _ in range(self._dice.randint(1, 2) if again else 0):
            self._repeat(self.reports, again)

    async def say(self, phone: str, text: str, *, answering: Accepted | None = None, reply_id: str = "") -> bool:
        """The customer of this phone writes back. True once our door has taken it.

        `answering` defaults to the last SMS on that phone. The same `reply_id` again is the same reply: it is
        pushed anew only where the provider has given up. A word of refusal closes the signature for this
        number, whatever becomes of the push.
        """
        answering = answering or self._last_on(phone)
        self._hear_refusal(phone, text, answering)
        reply_id = reply_id or f"{phone} {len(self._said)}"
        known = self._said.get(reply_id)
        if known is not None and not known.lost:
            return known.taken
        if known is None:
            known = Delivery(self.reply_body(phone, text, answering, number_of(f"reply {reply_id}")))
        delivery = self._said[reply_id] = Delivery(known.body)
        await self.replies.deliver(delivery)
        if delivery.taken and self._dice.random() < self.quirks.reply_duplicate_share:
            self._repeat(self.replies, self.repeated(delivery.body))
        return delivery.taken

    async def _report_due(self, moment: datetime) -> None:
        """Whatever is due by now: one receipt where time creeps, many where the clock has jumped."""
        until = max(moment, self._stage.now())
        rows = []
        while self._due and self._due[0][0] <= until:
            rows.append(heapq.heappop(self._due)[2])
        self._dice.shuffle(rows)  # no order is promised
        while rows:
            size = self._dice.randint(1, self.quirks.largest_batch)
            await self.push_reports(rows[:size])
            rows = rows[size:]

    def _repeat(self, door: Door, body: object) -> None:
        delay = timedelta(seconds=self._dice.randint(5, 300))
        self._stage.timetable.later(delay, partial(door.deliver, Delivery(body)), f"{self._name} push repeated")

    def _item(self, row: Accepted) -> Item:
        return self.report_item(row, self.fate_of(row), self._dice.random() < 0.5)

    def _about_nobody(self, row: Accepted) -> Item:
        strange = number_of(f"nobody's {row.provider_id} {row.to}")
        return self._item(Accepted(row.channel, row.to, "", row.at, row.words, str(strange)))

    def _last_on(self, phone: str) -> Accepted | None:
        sent = [row for row in self._stage.ledger.sent_to(ChannelName.SMS, phone) if self.sent(row)]
        return sent[-1] if sent else None

    def _hear_refusal(self, phone: str, text: str, answering: Accepted | None) -> None:
        if is_refusal(text):
            # Out of the blue it can be meant for any of them.
            self.refuse(phone, [answering.words["sign"]] if answering else None)

    def _dice_of(self, about: str, row: Accepted) -> random.Random:
        return self._stage.dice(f"{self._name} {about} {row.provider_id} {row.to}")

    def _is_seldom_empty(self, phone: str) -> bool:
        return self._stage.dice(f"empty number {phone}").random() < self.quirks.empty_share


def is_refusal(text: str) -> bool:
    """The words providers act upon by themselves; exact, whatever stands around them."""
    return NOISE.sub("", unicodedata.normalize("NFKC", text)).upper() in REFUSALS


def number_of(about: str) -> int:
    """Eighteen digits at most, the same for the same words."""
    return int(hashlib.sha256(about.encode()).hexdigest(), 16) % 10**18


def segments(text: str) -> int:
    """How many are paid for; every character counts one, Latin too."""
    return 1 if len(text) <= ONE_SEGMENT else -(-len(text) // LONG_SEGMENT)
