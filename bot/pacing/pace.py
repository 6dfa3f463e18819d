"""What the sender asks before a group goes on the wire: which of these messages may go now?"""

import asyncio
import hashlib
import logging
import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from redis.asyncio import Redis
from redis.exceptions import RedisError

from bot.pacing.buckets import Ask, Booking, Bucket, Buckets, Lane, LocalBuckets
from bot.pacing.limits import MAIL, PaceBook, ProviderLimits
from bot.pacing.redis_buckets import RedisBuckets

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 1.0  # a Redis that takes longer is as good as gone
_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Demand:
    """A group that is ready for the wire: one address a message, all by one provider from one sender."""

    provider: str
    sender: str
    addresses: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """Which of a demand's messages, by their place in it, may go now.

    `later`: seconds for which it is not worth holding a message; it belongs back in the queue. What is in neither is
    held: ask again for it at once, the waiting is done.
    """

    demand: Demand
    now: tuple[int, ...] = ()
    later: dict[int, float] = field(default_factory=dict)
    booked_at: float = 0.0


@dataclass(slots=True)
class _Lane:
    """The messages of a demand that share a destination, by place, and how that is limited."""

    places: list[int]
    bucket: Bucket | None


class Pace:
    """Limits kept together with every process that has the same buckets."""

    def __init__(self, book: PaceBook, buckets: Buckets, *, name: str, secret: str = "") -> None:
        """`name` keeps installations apart that share a Redis; `secret` hides numbers and openids in its keys."""
        self._book, self._buckets, self._name = book, buckets, name
        self._secret = hashlib.sha256(secret.encode()).digest()
        self._away = False

    async def grant(self, demand: Demand) -> Grant:
        """Take tokens for as many as possible, and wait until they are good: half a second or a little more at most.

        A demand to many destinations never waits for the slowest: it gets what comes free first. While Redis is away
        nothing is granted, half a second at a time.
        """
        limits = self._book.providers.get(demand.provider)
        lanes = self._lanes(limits, demand) if limits else []
        ask = Ask(self._common(limits, demand), tuple(Lane(len(one.places), one.bucket) for one in lanes))
        if not ask.common and not any(lane.bucket for lane in lanes):
            return Grant(demand, tuple(range(len(demand.addresses))))
        booking = await self._book_in_time(ask)
        if booking is None:
            await asyncio.sleep(_AGAIN_SECONDS)
            return Grant(demand)
        await asyncio.sleep(booking.wait / 1e6)
        return _grant(demand, lanes, booking)

    async def give_back(self, grant: Grant, places: Collection[int] | None = None) -> None:
        """These of the granted (None: all of them) did not go after all. Lost where Redis is away."""
        unused = sorted(grant.now if places is None else places)
        limits = self._book.providers.get(grant.demand.provider)
        if limits is None or not unused:
            return
        demand = grant.demand
        left = Demand(demand.provider, demand.sender, [demand.addresses[place] for place in unused])
        lanes = tuple(Lane(len(one.places), one.bucket) for one in self._lanes(limits, left))
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._buckets.put_back(Ask(self._common(limits, left), lanes), grant.booked_at)
        except (RedisError, OSError) as exc:
            self._lost(exc)

    async def slow_down(
        self, provider: str, factor: float, seconds: float, *, sender: str = "", destination: str = ""
    ) -> bool:
        """All processes keep to `factor` (0 to 1) of a limit for a while; 0 is nothing at all.

        Of the provider's, or of one sender's or one address's destination where named. Where it is slowed already the
        slower and the longer counts. False: there is no such limit, or Redis is away.
        """
        limits = self._book.providers.get(provider)
        bucket = self._bucket(limits, provider, sender, destination) if limits else None
        if bucket is None or (factor and not bucket.limit.rate):
            return False
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                await self._buckets.slow_down(bucket, min(1.0, max(0.0, factor)), seconds * 1e6)
        except (RedisError, OSError) as exc:
            self._lost(exc)
            return False
        return True

    def most(self, provider: str, sender: str, seconds: float) -> float:
        """How many could go in that time at best; infinity where nothing limits it. No more is worth claiming."""
        limits = self._book.providers.get(provider)
        own = (limits.whole, limits.of_sender(sender)) if limits else ()
        return min((max(1, seconds * limit.rate) for limit in own if limit and limit.rate), default=math.inf)

    async def used_today(self, provider: str, sender: str = "") -> int | None:
        """How many tokens of the day's limit are taken. None: there is no such limit, or Redis is away."""
        limits = self._book.providers.get(provider)
        bucket = self._bucket(limits, provider, sender) if limits else None
        if bucket is None or not bucket.limit.per_day:
            return None
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                return await self._buckets.used_today(bucket)
        except (RedisError, OSError):
            return None

    async def _book_in_time(self, ask: Ask) -> Booking | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                booking = await self._buckets.book(ask)
        except (RedisError, OSError) as exc:  # TimeoutError is an OSError
            self._lost(exc)
            return None
        if self._away:
            log.warning("Redis is back: sending goes on")
        self._away = False
        return booking

    def _lost(self, problem: Exception) -> None:
        if not self._away:
            log.error("nothing that is paced goes out while Redis is away (%s)", type(problem).__name__)
        self._away = True

    def _common(self, limits: ProviderLimits | None, demand: Demand) -> tuple[Bucket, ...]:
        if limits is None:
            return ()
        found = [self._bucket(limits, demand.provider)]
        if demand.sender:
            found.append(self._bucket(limits, demand.provider, sender=demand.sender))
        return tuple(bucket for bucket in found if bucket)

    def _lanes(self, limits: ProviderLimits, demand: Demand) -> list[_Lane]:
        """The messages by destination, those without a limit of its own in one lane."""
        if not limits.destinations:
            return [_Lane(list(range(len(demand.addresses))), None)]
        lanes: dict[str, _Lane] = {}
        for place, address in enumerate(demand.addresses):
            name = _destination(limits, demand.provider, address)
            if limits.of_destination(name) is None:
                name = ""
            lane = lanes.get(name)
            if lane is None:
                bucket = self._bucket(limits, demand.provider, destination=address) if name else None
                lanes[name] = lane = _Lane([], bucket)
            lane.places.append(place)
        return list(lanes.values())

    def _bucket(self, limits: ProviderLimits, provider: str, sender: str = "", destination: str = "") -> Bucket | None:
        place, limit = "", limits.whole
        if destination:
            name = _destination(limits, provider, destination)
            place, limit = f":to:{name if provider == MAIL else self._digest(name)}", limits.of_destination(name)
        elif sender:
            place, limit = f":from:{sender}", limits.of_sender(sender)
        # braces: a cluster keeps the keys of one script together
        return Bucket(f"{{{self._name}:pace}}:{provider}{place}", limit) if limit else None

    def _digest(self, name: str) -> str:
        return hashlib.blake2b(name.encode(), key=self._secret, digest_size=12).hexdigest()


def open_pace(book: PaceBook, redis: Redis | None, *, name: str, secret: str = "") -> Pace:
    """Buckets in Redis, or in this process where there is none; see Pace for the rest."""
    buckets: Buckets = RedisBuckets(redis, f"{{{name}:pace}}:since") if redis is not None else LocalBuckets()
    return Pace(book, buckets, name=name, secret=secret)


def _destination(limits: ProviderLimits, provider: str, address: str) -> str:
    """What a provider's limits go by: the mail domain, else the number or openid itself."""
    if provider != MAIL:
        return address
    domain = address.rpartition("@")[2].lower()
    return limits.aliases.get(domain, domain)


def _grant(demand: Demand, lanes: Sequence[_Lane], booking: Booking) -> Grant:
    """Counts back to places. What must wait long is spread, each one token behind the other."""
    now: list[int] = []
    later: dict[int, float] = {}
    for lane, count, rest in zip(lanes, booking.counts, booking.later, strict=True):
        now += lane.places[:count]
        if rest:
            step = 1 / lane.bucket.limit.rate if lane.bucket and lane.bucket.limit.rate else 0.0
            later |= {place: rest / 1e6 + number * step for number, place in enumerate(lane.places[count:])}
    return Grant(demand, tuple(sorted(now)), later, booking.booked_at)
