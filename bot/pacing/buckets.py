"""Tokens of limited rate and number: the arithmetic, and buckets for a product that is one process.

A bucket knows the moment its next token comes free (`next`). A booking takes the tokens that come free first and moves
`next` behind them, so those who ask stand in line: each is told how long to wait, and nobody asks in vain. A token is
booked at most half a second ahead. Time nobody used is forgotten but for `tolerance`, which is what a burst is.

`redis_buckets` does the same inside Redis; a test holds the two against each other.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Protocol

from bot.pacing.limits import Limit
from campaigns.terms import SHANGHAI

# All moments and spans here are microseconds, moments from EPOCH: small enough that a double still tells 16 ns apart.
EPOCH = 1_700_000_000  # seconds since 1970
WINDOW = 50_000.0  # what may go at once
HORIZON = 500_000.0  # how far ahead a token is booked: pause and cancel are noticed after it
MOST_FORGIVEN = 1_000_000.0  # how late one may come for a token of a slow limit and lose nothing
_SWEEP = 10_000  # buckets in memory before those of the past are dropped


@dataclass(frozen=True, slots=True)
class Bucket:
    key: str
    limit: Limit


@dataclass(frozen=True, slots=True)
class Lane:
    """So many messages that share a destination; `bucket` None where it has no limit of its own."""

    count: int
    bucket: Bucket | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted at once: lanes side by side, all of them through the common buckets. No bucket comes twice."""

    common: tuple[Bucket, ...]
    lanes: tuple[Lane, ...]


@dataclass(frozen=True, slots=True)
class Booking:
    """`counts` of each lane may go after `wait`. `later`: when a lane's rest is worth asking for; 0: soon."""

    booked_at: float
    wait: float
    counts: tuple[int, ...]
    later: tuple[float, ...]


def totals(ask: Ask) -> list[tuple[Bucket, int]]:
    """Every bucket of an ask once, with how many messages go through it."""
    whole = sum(lane.count for lane in ask.lanes)
    return [(bucket, whole) for bucket in ask.common] + [(one.bucket, one.count) for one in ask.lanes if one.bucket]


class Buckets(Protocol):
    """Where the buckets are. `at` sets the moment for tests; left out it is the buckets' own clock.

    May raise RedisError or OSError: then nobody knows what was booked.
    """

    async def book(self, ask: Ask, at: float | None = None) -> Booking: ...

    async def put_back(self, ask: Ask, booked_at: float, at: float | None = None) -> None:
        """Every lane's count, booked at that moment, was not used."""

    async def slow_down(self, bucket: Bucket, factor: float, span: float, at: float | None = None) -> None:
        """`factor` of its rate for that time; 0 is nothing at all. Slowed already, the slower and longer counts."""

    async def used_today(self, bucket: Bucket, at: float | None = None) -> int:
        """How many tokens were taken since midnight in Shanghai."""


@dataclass(slots=True)
class _State:
    next: float | None = None
    factor: float = 1.0
    until: float = 0.0
    used: dict[str, tuple[int, int]] = field(default_factory=dict)  # quota → number of its window, count
    forgettable: float = 0.0


@dataclass(slots=True)
class _Line:
    """One bucket while one ask is answered."""

    state: _State
    next: float
    interval: float  # 0: not paced
    burst: float
    left: Sequence[tuple[float, float]]  # of each quota: how many, and when there are more
    taken: int = 0

    def room(self, edge: float) -> float:
        """How many more may go, those of them that come free by then."""
        most = min((count for count, _ in self.left), default=math.inf)
        if self.interval:
            most = min(most, self.burst, math.floor((edge - self.next) / self.interval) + 1)
        elif self.next > edge:
            return 0
        return max(0, most - self.taken)

    def refills(self) -> float:
        """When a used-up quota begins again; 0 where none is used up."""
        return max((end for count, end in self.left if count - self.taken < 1), default=0)

    def ripe(self) -> float:
        return self.next + (self.taken - 1) * self.interval if self.taken else 0

    def following(self) -> float:
        return self.next + self.taken * self.interval


class LocalBuckets:
    """Buckets of one process, by its own clock; a restart forgets them."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}
        self._sweep_at = _SWEEP

    async def book(self, ask: Ask, at: float | None = None) -> Booking:
        now = self._now(at)
        buckets = [bucket for bucket, _ in totals(ask)]
        lines = {bucket.key: self._line(bucket, now) for bucket in buckets}
        common = [lines[bucket.key] for bucket in ask.common]
        own = [lines[lane.bucket.key] if lane.bucket else None for lane in ask.lanes]
        booking = _answer(common, own, [lane.count for lane in ask.lanes], now)
        for bucket in buckets:
            self._write(bucket, lines[bucket.key], now)
        return booking

    async def put_back(self, ask: Ask, booked_at: float, at: float | None = None) -> None:
        now = self._now(at)
        for bucket, count in totals(ask):
            if state := self._states.get(bucket.key):
                self._return(state, bucket.limit, count, booked_at, now)

    async def slow_down(self, bucket: Bucket, factor: float, span: float, at: float | None = None) -> None:
        now = self._now(at)
        state = self._states.setdefault(bucket.key, _State())
        state.factor = min(factor, state.factor) if state.until > now else factor
        state.until = max(state.until, now + span)
        state.forgettable = max(state.forgettable, state.until)

    async def used_today(self, bucket: Bucket, at: float | None = None) -> int:
        state = self._states.get(bucket.key)
        today = next(number for name, number, _ in _windows(_hour(self._now(at))) if name == "d")
        return _used(state, "d", today) if state else 0

    def _return(self, state: _State, limit: Limit, count: int, booked_at: float, now: float) -> None:
        if state.next is not None:
            state.next -= count * _interval(limit, state, now)
        for name, number, _ in windows(limit, booked_at):
            if used := _used(state, name, number):
                state.used[name] = (number, max(0, used - count))

    def _now(self, at: float | None) -> float:
        return (self._clock() - EPOCH) * 1e6 if at is None else at

    def _line(self, bucket: Bucket, now: float) -> _Line:
        state, limit = self._states.get(bucket.key) or _State(), bucket.limit
        interval = _interval(limit, state, now)
        burst = limit.burst or 1 + math.floor(WINDOW / interval) if interval else math.inf
        tolerance = (burst - 1) * interval + min(interval / 2, MOST_FORGIVEN) if interval else 0.0
        free = now - tolerance
        if state.next is not None:
            # further ahead than any booking goes: the clock was set back, and must not stop us till it has caught up
            free = max(free, state.next) if state.next <= now + HORIZON + WINDOW + interval + 1 else now
        if state.factor == 0 and now < state.until:
            free = max(free, state.until)
        left = [(most - _used(state, name, number), end) for (name, number, end), most in _quotas(limit, now)]
        return _Line(state, free, interval, burst, left)

    def _write(self, bucket: Bucket, line: _Line, now: float) -> None:
        if not line.taken:
            return
        state = self._states.setdefault(bucket.key, line.state)
        if line.interval:
            state.next = line.following()
        for name, number, _ in windows(bucket.limit, now):
            state.used[name] = (number, _used(state, name, number) + line.taken)
        state.forgettable = max(line.following(), state.until, *(end for _, end in line.left), now)
        if len(self._states) > self._sweep_at:
            self._states = {key: one for key, one in self._states.items() if one.forgettable > now - MOST_FORGIVEN}
            self._sweep_at = max(_SWEEP, 2 * len(self._states))


def _answer(common: Sequence[_Line], own: Sequence[_Line | None], counts: Sequence[int], now: float) -> Booking:
    """Book what comes free first, for every lane that has something then. Writes `taken` into the lines."""
    closed = [bool(_reopens(common, line, now)) for line in own]
    starts = [
        max(now, *(one.next for one in (*common, line or _OPEN)))
        for line, shut in zip(own, closed, strict=True)
        if not shut
    ]
    begin = min(starts, default=now)
    booked, wait = [0] * len(counts), 0.0
    if begin - now > HORIZON:  # a long line: come back when it is half as long as it may be
        wait = min(HORIZON, begin - now - HORIZON / 2)
    elif starts:
        edge = begin + WINDOW
        for place, line in enumerate(own):
            if not closed[place]:
                booked[place] = _take((*common, line or _OPEN), counts[place], edge)
        wait = max(0.0, *(line.ripe() - now for line in (*common, *own, _OPEN) if line))
    ready = now + wait
    later = [
        max(0.0, _reopens(common, line, ready) - ready) if take < count else 0.0
        for line, count, take in zip(own, counts, booked, strict=True)
    ]
    return Booking(now, wait, tuple(booked), tuple(later))


def _take(path: Sequence[_Line], count: int, edge: float) -> int:
    take = int(min(count, *(line.room(edge) for line in path)))
    for line in path:
        if line is not _OPEN:
            line.taken += take
    return take


def _reopens(common: Sequence[_Line], own: _Line | None, since: float) -> float:
    """When a lane that is closed by a quota, or of itself for long, opens again; 0 where a token may come soon."""
    refills = max(line.refills() for line in (*common, own or _OPEN))
    if refills:
        return refills
    return own.following() if own and own.following() - since > HORIZON else 0


def windows(limit: Limit, at: float) -> list[tuple[str, int, float]]:
    """The natural windows its quotas count in: name, number, end."""
    return [window for window, _ in _quotas(limit, at)]


def _quotas(limit: Limit, at: float) -> list[tuple[tuple[str, int, float], int]]:
    most = (limit.per_hour, limit.per_day, limit.per_month)
    if not any(most):
        return []
    return [(window, count) for window, count in zip(_windows(_hour(at)), most, strict=True) if count]


def _hour(at: float) -> int:
    """Whole hours since 1970: Shanghai is whole hours from UTC, so its hours begin with these."""
    return int(at / 1e6 + EPOCH) // 3600


@lru_cache(maxsize=8)
def _windows(hour: int) -> tuple[tuple[str, int, float], ...]:
    start = datetime.fromtimestamp(hour * 3600, SHANGHAI)
    day = start.replace(hour=0)
    month = day.replace(day=1)
    spans = (
        ("h", start, start + timedelta(hours=1)),
        ("d", day, day + timedelta(days=1)),
        ("m", month, (month + timedelta(days=31)).replace(day=1)),
    )
    return tuple((name, _moment(begin), _moment(end)) for name, begin, end in spans)


def _moment(when: datetime) -> int:
    return (int(when.timestamp()) - EPOCH) * 1_000_000


def _used(state: _State, name: str, number: int) -> int:
    held, used = state.used.get(name, (0, 0))
    return used if held == number else 0


def _interval(limit: Limit, state: _State, now: float) -> float:
    if not limit.rate:
        return 0.0
    slowed = state.factor if now < state.until and state.factor else 1.0
    return 1e6 / limit.rate / slowed


_OPEN = _Line(_State(), -math.inf, 0.0, math.inf, [])
