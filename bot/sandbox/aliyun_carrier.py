"""The carriers behind Aliyun: what becomes of a message and when, and the pushes of receipts and customers' words."""

import hashlib
import heapq
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from bot.sandbox.aliyun_account import Account, segments
from bot.sandbox.aliyun_push import (
    DELIVERED,
    EMPTY_NUMBER,
    LARGEST_BATCH,
    PASSING,
    Delivery,
    Door,
    Fate,
    Item,
    other_type,
    reply_item,
    report_item,
)
from bot.sandbox.stage import Accepted, Stage
from campaigns.terms import ChannelName

REFUSALS = {"R", "T", "TD", "退订"}
NOISE = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Quirks:
    """How carriers and pushes behave; every share is 0 to 1."""

    soonest: timedelta = timedelta(seconds=2)
    latest: timedelta = timedelta(seconds=60)
    empty_share: float = 0.01  # of numbers: nobody has them
    failure_share: float = 0.02  # of messages: switched off, no coverage …
    missing_share: float = 0.0  # of messages: no receipt ever
    duplicate_share: float = 0.05  # of messages: the receipt comes two or three times
    reply_duplicate_share: float = 0.05  # of replies: pushed twice, the id once a number and once a string


class Carrier:
    """Phones, the way to them and back.

    `is_empty` says which numbers nobody has (default: a seeded share; those in `stage.unknown` always).
    """

    def __init__(
        self, stage: Stage, account: Account, quirks: Quirks, is_empty: Callable[[str], bool] | None = None
    ) -> None:
        self.quirks = quirks
        self.reports = Door("sms receipts", None, stage.timetable.later)
        self.replies = Door("sms reply", None, stage.timetable.later)
        self._stage, self._account = stage, account
        self._is_empty = is_empty or self._is_seldom_empty
        self._dice = stage.dice("sms carrier")
        self._planned = 0
        self._due: list[tuple[datetime, int, Accepted]] = []
        self._said: dict[int, Delivery] = {}

    def connect(self, reports: str | None, replies: str | None) -> None:
        """From now on receipts and replies go to these addresses; None keeps them here."""
        self.reports.url, self.replies.url = reports, replies

    async def close(self) -> None:
        await self.reports.close()
        await self.replies.close()

    def fate_of(self, row: Accepted) -> Fate:
        """What becomes of an accepted message; the same in every run."""
        dice = self._stage.dice(f"sms receipt {row.provider_id} {row.to}")
        at = row.at + self.quirks.soonest + (self.quirks.latest - self.quirks.soonest) * dice.random()
        roll, passing = dice.random(), dice.choice(PASSING)
        if row.to in self._stage.unknown or self._is_empty(row.to):
            return Fate(EMPTY_NUMBER, at)
        if row.to in self._stage.full or roll < self.quirks.failure_share:
            return Fate(passing, at)
        return Fate(DELIVERED, at)

    def plan_report(self, row: Accepted) -> None:
        dice = self._stage.dice(f"sms receipt missing {row.provider_id} {row.to}")
        if dice.random() < self.quirks.missing_share:
            return
        at = self.fate_of(row).at
        self._planned += 1
        heapq.heappush(self._due, (at, self._planned, row))
        self._stage.timetable.at(at, partial(self._report_due, at), "sms receipts")

    async def push_reports(self, rows: Sequence[Accepted]) -> None:
        items = [self._report_item(row) for row in rows]
        await self.reports.deliver(Delivery(items))
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
        self._hear(phone, text, answering)
        sequence_id = _sequence_id(reply_id or f"{phone} {len(self._said)}")
        known = self._said.get(sequence_id)
        if known is not None and not known.lost:
            return known.taken
        item = self._reply_item(phone, text, answering, sequence_id)
        delivery = self._said[sequence_id] = Delivery([item])
        await self.replies.deliver(delivery)
        if delivery.taken and self._dice.random() < self.quirks.reply_duplicate_share:
            self._repeat(self.replies, [item | {"sequence_id": other_type(item["sequence_id"])}])
        return delivery.taken

    async def _report_due(self, moment: datetime) -> None:
        """Whatever is due by now: one receipt where time creeps, many where the clock has jumped."""
        until = max(moment, self._stage.now())
        rows = []
        while self._due and self._due[0][0] <= until:
            rows.append(heapq.heappop(self._due)[2])
        self._dice.shuffle(rows)  # no order is promised
        for start in range(0, len(rows), LARGEST_BATCH):
            await self.push_reports(rows[start : start + LARGEST_BATCH])

    def _repeat(self, door: Door, items: list[Item]) -> None:
        delay = timedelta(seconds=self._dice.randint(5, 300))
        self._stage.timetable.later(delay, partial(door.deliver, Delivery(items)), "sms push repeated")

    def _report_item(self, row: Accepted) -> Item:
        size, newer = segments(row.words["text"]), self._dice.random() < 0.5
        return report_item(row.to, row.at, self.fate_of(row), row.words, (row.provider_id, row.key), size, newer)

    def _last_on(self, phone: str) -> Accepted | None:
        sent = self._stage.ledger.sent_to(ChannelName.SMS, phone)
        return sent[-1] if sent else None

    def _hear(self, phone: str, text: str, answering: Accepted | None) -> None:
        if NOISE.sub("", unicodedata.normalize("NFKC", text)).upper() in REFUSALS:
            # Out of the blue it can be meant for any of them.
            signs = [answering.words["sign"]] if answering else self._account.signs
            self._account.blocked.update((sign, phone) for sign in signs)

    def _reply_item(self, phone: str, text: str, answering: Accepted | None, sequence_id: int) -> Item:
        dice, words = self._dice, answering.words if answering else {}
        shown = sequence_id if dice.random() < 0.5 else str(sequence_id)
        return reply_item(phone, text, self._stage.now(), words, shown, dice.random() < 0.5)

    def _is_seldom_empty(self, phone: str) -> bool:
        return self._stage.dice(f"empty number {phone}").random() < self.quirks.empty_share


def _sequence_id(about: str) -> int:
    return number_of(f"reply {about}") % 10**15


def number_of(about: str) -> int:
    """Eighteen digits at most, the same for the same words."""
    return int(hashlib.sha256(about.encode()).hexdigest(), 16) % 10**18
