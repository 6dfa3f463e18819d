"""A process that asks for tokens as fast as it gets them: python -m tests.pacing_asker, one JSON object in and out."""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass

from redis.asyncio import Redis

from bot.pacing import Demand, Limit, PaceBook, ProviderLimits, open_pace


@dataclass(frozen=True, slots=True)
class Task:
    """Begin and end are moments of the Redis clock, in seconds; `group` is what is asked for at once."""

    url: str
    name: str
    rate: float
    group: int
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Each booking: the Redis clock when it was made (microseconds, as the buckets count) and when it could be used
    (seconds), and how many. `cpu_us` is the processor time of one asking."""

    booked_at: list[float]
    usable_at: list[float]
    counts: list[int]
    cpu_us: float


def book_of(rate: float) -> PaceBook:
    return PaceBook({"email": ProviderLimits(whole=Limit(rate=rate))})


async def ask(task: Task) -> Answer:
    async with Redis.from_url(task.url) as redis:
        pace = open_pace(book_of(task.rate), redis, name=task.name)
        demand = Demand("email", "", ["a@b.example"] * task.group)
        await asyncio.sleep(max(0, task.begin - await now(redis)))
        booked_at: list[float] = []
        usable_at: list[float] = []
        counts: list[int] = []
        cpu = time.process_time()
        moment = task.begin
        while moment < task.end:
            grant = await pace.grant(demand)
            moment = await now(redis)
            booked_at.append(grant.booked_at)
            usable_at.append(moment)
            counts.append(len(grant.now))
        cost = (time.process_time() - cpu) / len(counts) * 1e6
        return Answer(booked_at, usable_at, counts, cost)


async def now(redis: Redis) -> float:
    seconds, micros = await redis.time()
    return float(seconds) + float(micros) / 1e6


if __name__ == "__main__":
    print(json.dumps(asdict(asyncio.run(ask(Task(**json.load(sys.stdin)))))))
