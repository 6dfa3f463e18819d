"""How well a rate is kept by processes that ask for more than it gives, and what one grant costs.

Run alone: python -m tests.benchmarks.pacing. Moments are the Redis clock's, read after each grant: what could have gone
on the wire by then. The burst of the beginning is left out.
"""

import asyncio
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from redis.asyncio import Redis
from rich.console import Console

from bot.pacing import Demand, Limit, Pace, PaceBook, ProviderLimits, open_pace
from tests import servers
from tests.benchmarks.bench import Bench, progress_on
from tests.benchmarks.figures import Figures, as_line, show_table
from tests.pacing_asker import Answer, Task, now

ROOT = Path(__file__).resolve().parents[2]
RATES, PROCESSES = (10, 100, 1_000, 10_000), (1, 2, 5)
GROUP = 100
SECONDS, SETTLED = 6.0, 0.5
GRANTS = 3_000


def pacing(bench: Bench) -> dict[str, Figures]:
    figures: Figures = {}
    with servers.redis() as url:
        for rate in RATES:
            for processes in PROCESSES:
                bench.tick("pacing", len(figures), len(RATES) * len(PROCESSES))
                figures[f"error_pct_at_{rate}_by_{processes}"] = round(_error(url, rate, processes), 3)
        bench.rest()
        figures["worst_error_pct"] = max(map(abs, figures.values()))
        figures |= {name: round(cost, 1) for name, cost in asyncio.run(_costs(url)).items()}
    return {"pacing": figures}


def _error(url: str, rate: float, processes: int) -> float:
    """How far the rate that went was from the limit, in percent."""
    begin = asyncio.run(_clock(url)) + 1.0 + processes / 2  # the time they need to start
    task = Task(url, f"bench:{uuid.uuid4().hex}", rate, GROUP, begin, begin + SECONDS)
    answers = _ask_together(task, processes)
    granted = sorted(
        (at, count)
        for answer in answers
        for at, count in zip(answer.usable_at, answer.counts, strict=True)
        if count and at >= begin + SETTLED
    )
    went = sum(count for _, count in granted[1:])
    return (went / (granted[-1][0] - granted[0][0]) / rate - 1) * 100


def _ask_together(task: Task, processes: int) -> Sequence[Answer]:
    command = [sys.executable, "-m", "tests.pacing_asker"]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for _ in range(processes)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(json.dumps(asdict(task)))
        child.stdin.close()
    found = []
    for child in children:
        assert child.stdout is not None
        with child.stdout:
            found.append(Answer(**json.loads(child.stdout.read())))
        child.wait()
    return found


async def _clock(url: str) -> float:
    async with Redis.from_url(url) as redis:
        return await now(redis)


async def _costs(url: str) -> Figures:
    """Processor time of this process for a grant, and what Redis says the script took."""
    one = PaceBook({"email": ProviderLimits(whole=Limit(rate=1e9))})
    many = PaceBook({"sms_aliyun": ProviderLimits(whole=Limit(rate=1e9), destinations={"*": Limit(per_day=10**9)})})
    mails = Demand("email", "", ["a@b.example"] * 50)
    numbers = Demand("sms_aliyun", "", [f"154835{number:05}" for number in range(50)])
    async with Redis.from_url(url) as redis:
        figures: Figures = {}
        for what, book, demand in (("", one, mails), ("_50_numbers", many, numbers)):
            pace = open_pace(book, redis, name=f"bench:{uuid.uuid4().hex}")
            await pace.grant(demand)  # a Redis that does not know us waits
            await redis.config_resetstat()
            figures[f"grant_us{what}"] = await _cost(pace, demand)
            script = (await redis.info("commandstats"))["cmdstat_evalsha"]
            figures[f"script_us{what}"] = float(script["usec_per_call"])
            figures[f"grant_us_in_process{what}"] = await _cost(open_pace(book, None, name="bench"), demand)
    return figures


async def _cost(pace: Pace, demand: Demand) -> float:
    began = time.process_time()
    for _ in range(GRANTS):
        await pace.grant(demand)
    return (time.process_time() - began) / GRANTS * 1e6


def main() -> None:
    aside = Console(stderr=True)
    with progress_on(aside) as progress:
        found = pacing(Bench(aside, progress))
    show_table(Console(), found)
    print(as_line(found))


if __name__ == "__main__":
    main()
