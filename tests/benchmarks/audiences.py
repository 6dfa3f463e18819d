"""Planning for a million members, and counting segments of them."""

import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from bot.database import open_database
from bot.process import bulk_work
from bot.runtime import read_rulebook
from campaigns import definitions, outbox, statements
from campaigns.members.find import count_audience
from campaigns.planner import start_campaign
from campaigns.segments import parse_segment
from tests.benchmarks import mailing
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.crowds import settle_in
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import Ground, postgres_ground
from tests.benchmarks.readings import Stopwatch, own_cpu, profiled

T = TypeVar("T")
_ROUNDS = 5
_MEMBERS = 1_000_000

# A rule, and the same question as somebody who knows the tables would write it.
_RULES = {
    "idle_days >= 180": "SELECT count(*) AS n FROM members WHERE idle_since < $1",
    "idle_days >= 180 and tier in (优质, 高端)": (
        "SELECT count(*) AS n FROM members WHERE idle_since < $1 AND tier IN ('优质', '高端')"
    ),
    'attr.园区 = "御东产业园3区"': "SELECT count(*) AS n FROM members WHERE attrs ->> '园区' = '御东产业园3区'",
    "logins >= 10 and not (city in (大同, 朔州) or trade = 餐饮酒店)": (
        "SELECT count(*) AS n FROM members"
        " WHERE login_count >= 10 AND city NOT IN ('大同', '朔州') AND trade <> '餐饮酒店'"
    ),
    "reachable.email and idle_days >= 180": """
        SELECT count(*) AS n FROM members m WHERE idle_since < $1
          AND EXISTS (SELECT 1 FROM contacts c WHERE c.member_id = m.id AND c.active AND c.email <> ''
            AND NOT EXISTS (SELECT 1 FROM suppressions s
                            WHERE s.channel = 'email' AND s.address = c.email AND s.lifted_at IS NULL))
          AND NOT EXISTS (SELECT 1 FROM suppressions s
                          WHERE s.member_id = m.id AND s.channel IS NULL AND s.lifted_at IS NULL AND s.until IS NULL)
        """,
}


def planning(bench: Bench) -> dict[str, Figures]:
    """Segment → policy → ledger: every member of the audience gets its one row."""
    count = bench.size(_MEMBERS)
    with postgres_ground() as ground:
        bench.say(ground.about)
        run(_settle(bench, ground, count))
        ground.rest()
        bench.tick("planning", 0)
        found = run(_plan(ground, count))
        for line in ground.statements():
            bench.say(line)
    return {"planning": found}


def segments(bench: Bench) -> dict[str, Figures]:
    """Each rule beside the query written by hand; `ratio` is the worst of them."""
    count = bench.size(_MEMBERS)
    with postgres_ground() as ground:
        bench.say(ground.about)
        run(_settle(bench, ground, count))
        ratios = run(_compare(bench, ground))
    return {"segments": {"members": count, "ratio": max(ratios), "median_ratio": statistics.median(ratios)}}


async def _settle(bench: Bench, ground: Ground, count: int) -> None:
    bench.tick(f"{count:,} members", 0)
    async with open_database(ground.settings()):
        await settle_in(count)
    bench.rest()


async def _plan(ground: Ground, count: int) -> Figures:
    settings = ground.settings()
    async with open_database(settings):
        now = datetime.now(UTC)
        folder = await definitions.load_campaign(ground.templates, mailing.KEY)
        await definitions.approve(folder, by="benchmark", now=now)
        book = await read_rulebook(settings)
        watch, before = Stopwatch({"database": ground.postgres}), own_cpu()
        watch.start()
        with profiled(), bulk_work():  # as the command does
            occurrence = await start_campaign(mailing.KEY, now, book)
        seconds, own, beside = watch.wall(), own_cpu() - before, watch.cpu()
        assert occurrence is not None
        planned = await outbox.read_planned(occurrence)
    if planned["fates"] != {"send": count}:
        raise WrongResult(f"{count} members should get a message each, got {planned['fates']}")
    return {
        "members": count,
        "per_s": round(count / seconds),
        "cpu_us": round(own / count * 1e6, 1),
        "database_us": round(beside["database"] / count * 1e6, 1),
    }


async def _compare(bench: Bench, ground: Ground) -> list[float]:
    async with open_database(ground.settings()):
        return [await _ratio(bench, rule, by_hand) for rule, by_hand in _RULES.items()]


async def _ratio(bench: Bench, rule: str, by_hand: str) -> float:
    """Turn by turn, so that a busy minute of the machine slows down both."""
    now, segment = datetime.now(UTC), parse_segment(rule)
    since = [now - timedelta(days=180)] if "$1" in by_hand else []
    ours: list[float] = []
    theirs: list[float] = []
    for turn in range(_ROUNDS):
        bench.tick(rule, turn, _ROUNDS)
        found = await _timed(ours, lambda: count_audience(segment, now))
        [row] = await _timed(theirs, lambda: statements.query(by_hand, *since))
        if found != row["n"]:
            raise WrongResult(f"{rule}: {found} members, by hand {row['n']}")
    bench.rest()
    own, hand = statistics.median(ours), statistics.median(theirs)
    bench.say(f"{own * 1000:7.0f} ms, by hand {hand * 1000:7.0f} ms, {own / hand:.2f}×  {found:,} members: {rule}")
    return round(own / hand, 2)


async def _timed(times: list[float], work: Callable[[], Awaitable[T]]) -> T:
    began = time.perf_counter()
    found = await work()
    times.append(time.perf_counter() - began)
    return found
