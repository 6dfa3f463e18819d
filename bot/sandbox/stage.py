"""What all stand-ins share: the clock, the dice, the ledger of all accepted, the timetable, the faults."""

import asyncio
import contextlib
import heapq
import json
import logging
import random
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]  # aware; virtual in demo and tests
Action = Callable[[], Awaitable[None]]
Listener = Callable[["Accepted"], None]

LIES = ("forget",)


class Line(StrEnum):
    """Where a stand-in takes messages that is not, to the product, a channel to members."""

    WECOM_STAFF = "wecom_staff"  # by WeCom to our own people, tasks to confirm among them


Where = ChannelName | Line

POLL_SECONDS = 0.2  # real time: the virtual clock jumps, nobody tells us when


@dataclass(frozen=True, slots=True)
class Accepted:
    """One message a stand-in took over, as the customer gets it.

    `key` is the sender's own id (local part of the Message-ID, OutId, clientmsgid), "" where the protocol has
    none. `words` holds only what JSON can say. `at` is the stage's time.
    """

    channel: Where
    to: str
    key: str
    at: datetime
    words: Mapping[str, Any] = field(default_factory=dict)
    provider_id: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "channel": str(self.channel),
            "to": self.to,
            "key": self.key,
            "at": self.at.isoformat(),
            "provider_id": self.provider_id,
            "words": dict(self.words),
        }


class Ledger:
    """Every message accepted, in order; with a path also a JSON line each, to outlive a killed process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._rows: list[Accepted] = []
        self._by_key: dict[tuple[Where, str], list[Accepted]] = {}
        self._by_address: dict[tuple[Where, str], list[Accepted]] = {}
        for row in _take_up(path) if path else []:
            self._remember(row)
        self._file = path.open("a", encoding="utf-8") if path else None

    def write(self, row: Accepted) -> None:
        """On disk before it is remembered: the provider answers only after this returns."""
        if self._file:
            self._file.write(json.dumps(row.as_json(), ensure_ascii=False) + "\n")
            self._file.flush()
        self._remember(row)

    def rows(self, channel: Where | None = None) -> list[Accepted]:
        return [row for row in self._rows if channel in (None, row.channel)]

    def by_key(self, channel: Where, key: str) -> list[Accepted]:
        """More than one where the same message was sent twice."""
        return list(self._by_key.get((channel, key), ()))

    def sent_to(self, channel: Where, address: str) -> list[Accepted]:
        """What stands in one customer's mailbox or phone, oldest first."""
        return list(self._by_address.get((channel, same_address(channel, address)), ()))

    def keys(self, channel: Where) -> Counter[str]:
        """How often each key was accepted; rows without a key are not in it."""
        return Counter(row.key for row in self._rows if row.channel is channel and row.key)

    def counts(self) -> dict[str, int]:
        """Accepted messages per channel, for every channel there is, and per other line that has any."""
        found = Counter(row.channel for row in self._rows)
        return {str(channel): found[channel] for channel in (*ChannelName, *found)}

    def as_json(self, channel: Where | None = None) -> list[dict[str, Any]]:
        return [row.as_json() for row in self.rows(channel)]

    def close(self) -> None:
        if self._file:
            self._file.close()

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Accepted]:
        return iter(list(self._rows))

    def _remember(self, row: Accepted) -> None:
        self._rows.append(row)
        self._by_key.setdefault((row.channel, row.key), []).append(row)
        self._by_address.setdefault((row.channel, same_address(row.channel, row.to)), []).append(row)


def same_address(channel: Where, address: str) -> str:
    """Mailboxes are the same in any case; a follower's openid is not."""
    return address.casefold() if channel is ChannelName.EMAIL else address


def read_ledger(path: Path) -> list[Accepted]:
    """The rows of a ledger file. A torn last line (killed while writing) was never answered: left out."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [_from_json(json.loads(line)) for line in whole.split("\n") if line]


def _take_up(path: Path) -> list[Accepted]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        return []
    rows = read_ledger(path)
    # Cut a torn line off, or the next row would be glued to it.
    data = path.read_bytes()
    if not data.endswith(b"\n"):
        path.write_bytes(data[: data.rfind(b"\n") + 1])
    return rows


def _from_json(row: Mapping[str, Any]) -> Accepted:
    return Accepted(
        channel=_where(row["channel"]),
        to=row["to"],
        key=row["key"],
        at=datetime.fromisoformat(row["at"]),
        words=row["words"],
        provider_id=row["provider_id"],
    )


def _where(name: str) -> Where:
    return Line(name) if name in list(Line) else ChannelName(name)


@dataclass(frozen=True, slots=True, order=True)
class _Entry:
    at: datetime
    number: int  # first in, first out where two share a moment
    label: str = field(compare=False)
    action: Action = field(compare=False)


@dataclass(frozen=True, slots=True)
class Failure:
    """An action that raised. Kept: a simulator that swallows its own faults looks like a quiet customer."""

    at: datetime
    label: str
    error: str


class Timetable:
    """What happens later, in the stage's time: receipts, pushes tried again, customers' answers."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._heap: list[_Entry] = []
        self._number = 0
        self._running = asyncio.Lock()
        self.failures: list[Failure] = []

    def later(self, delay: timedelta, action: Action, label: str = "") -> datetime:
        """Run `action` once, `delay` of stage time from now. Returns the moment."""
        return self.at(self._now() + delay, action, label)

    def at(self, moment: datetime, action: Action, label: str = "") -> datetime:
        if moment.tzinfo is None:
            raise ValueError("the timetable takes aware moments only")
        self._number += 1
        heapq.heappush(self._heap, _Entry(moment, self._number, label or _name_of(action), action))
        return moment

    def next_at(self) -> datetime | None:
        return self._heap[0].at if self._heap else None

    def last_at(self) -> datetime | None:
        return max((entry.at for entry in self._heap), default=None)

    async def run_due(self, now: datetime | None = None) -> int:
        """Run everything due at `now` (default: the stage's), earliest first, one after the other.

        Returns how many it ran, when they and those of the background task have ended. What an action
        schedules for a moment that has come runs in the same call. An action must not call this: it would
        wait for itself.
        """
        ran = 0
        async with self._running:
            while self._heap and self._heap[0].at <= (now or self._now()):
                await self._run_one(heapq.heappop(self._heap))
                ran += 1
        return ran

    def __len__(self) -> int:
        return len(self._heap)

    async def _run_one(self, entry: _Entry) -> None:
        try:
            await entry.action()
        except Exception as error:
            # The kind only: the text of an SMTP or HTTP error can hold an address.
            log.error("sandbox: %s failed: %s", entry.label, type(error).__name__)
            self.failures.append(Failure(entry.at, entry.label, f"{type(error).__name__}: {error}"))


def _name_of(action: Action) -> str:
    return getattr(action, "__qualname__", type(action).__name__)


class FaultPlan:
    """Which fault the next request meets: first what was ordered, then by seeded shares; none by default.

    The names are the stand-in's own ("busy", "drop_after_dot" …); it refuses the ones it does not know.
    """

    def __init__(self, dice: random.Random, known: Collection[str], name: str = "") -> None:
        self.name = name
        self._dice = dice
        self._known = tuple(known)
        self._shares: dict[str, float] = {}
        self._ordered: deque[str] = deque()

    def shares(self, **shares: float) -> None:
        """From now on this share of requests meets this fault, `busy=0.02`. Replaces what was set."""
        self._check(shares)
        if sum(shares.values()) > 1 + 1e-9:
            raise ValueError("the shares of all faults add up to more than 1")
        self._shares = dict(shares)

    def misbehave(self, dice: random.Random, share: float) -> None:
        """From now on this share of requests meets one of all the faults there are, which and when by the dice.

        Left out are lies (a provider that says yes and keeps nothing) and a provider's own codes, which are numbers.
        """
        honest = [fault for fault in self._known if fault not in LIES and not fault.isdecimal()]
        weights = [dice.uniform(0.2, 1) for _ in honest]
        whole = sum(weights)
        self._dice = dice
        self.shares(**{fault: share * weight / whole for fault, weight in zip(honest, weights, strict=True)})

    def as_json(self) -> dict[str, float]:
        """The share of each fault."""
        return {fault: round(share, 4) for fault, share in self._shares.items()}

    def order(self, *faults: str) -> None:
        """The next requests meet these, one each; "" is a request that goes well."""
        self._check(fault for fault in faults if fault)
        self._ordered.extend(faults)

    def draw(self) -> str:
        """The fault for this request, "" for none. One call for each request."""
        if self._ordered:
            return self._ordered.popleft()
        roll = self._dice.random()
        for fault, share in self._shares.items():
            if roll < share:
                return fault
            roll -= share
        return ""

    def _check(self, faults: Iterable[str]) -> None:
        if unknown := set(faults) - set(self._known):
            raise ValueError(f"unknown fault {sorted(unknown)}; there are {', '.join(sorted(self._known))}")


class Stage:
    """The clock, the dice, the ledger and the timetable that every stand-in is given.

    `ledger_path`: a JSONL file that is read at the start and appended to. `unknown` and `full` are addresses
    of any channel that nobody has (no such mailbox, an empty number), or that take nothing more; written as
    `same_address` writes them.
    """

    def __init__(self, now: Clock, seed: int, ledger_path: Path | None = None) -> None:
        self.now = now
        self.seed = seed
        self.ledger = Ledger(ledger_path)
        self.timetable = Timetable(now)
        self.listeners: list[Listener] = []
        self.fault_plans: list[FaultPlan] = []
        self.refusals: Counter[tuple[Where, str]] = Counter()
        self._lost: set[tuple[Where, str, str]] = set()
        self.unknown: set[str] = set()
        self.full: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    def dice(self, name: str) -> random.Random:
        """A seeded stream of its own for each part: one more roll in one part changes nothing in another."""
        return random.Random(f"{self.seed}:{name}")

    def fault_plan(self, name: str, known: Collection[str]) -> FaultPlan:
        plan = FaultPlan(self.dice(f"faults of {name}"), known, name)
        self.fault_plans.append(plan)
        return plan

    def misbehave(self, seed: int, share: float = 0.2) -> None:
        """Every stand-in on this stage meets every kind of fault; the same seed is the same faults."""
        for plan in self.fault_plans:
            plan.misbehave(random.Random(f"{seed}:faults of {plan.name}"), share)

    def accept(self, channel: Where, to: str, *, key: str, words: Mapping[str, Any], provider_id: str) -> Accepted:
        """Write one message down, then tell the listeners. Call it before the provider's answer leaves."""
        row = Accepted(channel, to, key, self.now(), words, provider_id)
        self.ledger.write(row)
        for listener in self.listeners:
            self._tell(listener, row)
        return row

    def refuse(self, channel: Where, code: str | int) -> None:
        """One call, or one message of a call, was refused with this code of the provider's own."""
        self.refusals[channel, str(code)] += 1

    def lose(self, row: Accepted) -> None:
        """It was accepted and never reaches the customer: an empty number, a bounce, a receipt of failure."""
        self._lost.add(_place_of(row))

    def reached(self, row: Accepted) -> bool:
        """Whether the customer has it: only then can they read or answer it."""
        return _place_of(row) not in self._lost

    async def run(self) -> None:
        """Run what falls due, for ever. Polls in real time: the clock jumps without telling anybody."""
        while True:
            await self.timetable.run_due()
            await asyncio.sleep(POLL_SECONDS)

    def start(self) -> None:
        """`run` in the background."""
        if self._task is None:
            self._task = asyncio.create_task(self.run(), name="sandbox timetable")
            self._task.add_done_callback(_say_if_dead)

    async def stop(self) -> None:
        """End the background task and close the ledger. Raises what the task died of."""
        task, self._task = self._task, None
        self.ledger.close()
        if task is None:
            return
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    def _tell(self, listener: Listener, row: Accepted) -> None:
        try:
            listener(row)
        except Exception as error:
            log.error("sandbox: a listener failed: %s", type(error).__name__)
            self.timetable.failures.append(Failure(row.at, "listener", f"{type(error).__name__}: {error}"))


def _place_of(row: Accepted) -> tuple[Where, str, str]:
    return row.channel, row.provider_id, row.to


def _say_if_dead(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("sandbox: the timetable died: %r; nothing due will happen any more", task.exception())
