"""How long one member's proposals take among ten thousand seekers: python -m tests.benchmarks.matching [SEEKERS]."""

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bot.database import open_database
from bot.sandbox.site import CITIES, JOBS
from bot.settings import Settings
from campaigns import introducing
from campaigns.members import seekers
from campaigns.models import Member, Posting, Seeker
from campaigns.policy import PolicySettings
from tests.cast import NOW

_ROUNDS = 20
_POSTINGS = 5


async def measure(many: int) -> dict[str, float]:
    """On SQLite; a member with five live postings, seekers of all jobs and cities, half of them of the last 90 days."""
    dice = random.Random(7)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_construct(
            **{name: field.default for name, field in Settings.model_fields.items()} | {"huifang_var": Path(folder)}
        )
        async with open_database(settings):
            member = await _settle(dice, many)
            began = time.perf_counter()
            await seekers.fill_occupations()
            read = time.perf_counter() - began
            took = [await _ask(member) for _ in range(_ROUNDS)]
            offers = await introducing.offers_for(member, NOW, PolicySettings(), most=1_000)
            return {
                "seekers": many,
                "read_s": round(read, 2),
                "offers": len(offers),
                "median_ms": round(statistics.median(took) * 1000, 1),
                "worst_ms": round(max(took) * 1000, 1),
            }


async def _settle(dice: random.Random, many: int) -> int:
    rows = [
        Seeker(
            no=f"J{number}",
            name=f"求职者{number}",
            wanted_job=dice.choice(JOBS),
            wanted_city=dice.choice(CITIES),
            pay=dice.choice((3000, 4000, 5000, 6500, 9000)),
            years=dice.randint(0, 20),
            registered_at=NOW - timedelta(minutes=dice.randint(1, 180 * 1440)),
            recommend=dice.random() < 0.8,
        )
        for number in range(many)
    ]
    await Seeker.bulk_create(rows, batch_size=1_000)
    member = await Member.create(no="Q1", name="大同机械", city=CITIES[0], registered_at=NOW, idle_since=NOW)
    for number, job in enumerate(JOBS[:_POSTINGS]):
        await Posting.create(
            no=f"P{number}", member_id=member.id, title=job, pay_min=3000, pay_max=7000, state="live", published_at=NOW
        )
    return int(member.id)


async def _ask(member: int) -> float:
    began = time.perf_counter()
    await introducing.offers_for(member, NOW, PolicySettings())
    return time.perf_counter() - began


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))))
