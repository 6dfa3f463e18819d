"""A mailing end to end: planned rows → smtp-sink, by worker processes of the product, and what it cost."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.database import open_database
from bot.runtime import read_rulebook
from bot.settings import Settings
from campaigns import definitions, statements
from campaigns.planner import start_campaign
from tests import servers
from tests.benchmarks import mailing
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.children import Child, started
from tests.benchmarks.crowds import settle_in
from tests.benchmarks.figures import Figures
from tests.benchmarks.grounds import Ground
from tests.benchmarks.readings import Stopwatch
from tests.servers import Sink

_LOOK_SECONDS = 0.2
_WARM_UP, _WARM_UP_FIRST = 500, 50_000_001


@dataclass(frozen=True, slots=True)
class Planned:
    """Occurrences: the mailing, and the few mails that workers send before they are measured."""

    mailing: int
    warm_up: int


@dataclass(frozen=True, slots=True)
class MailRun:
    """What a mailing cost. CPU in seconds over the whole run; the database's is 0.0 where the worker holds it."""

    count: int
    seconds: float
    worker_cpu: float
    database_cpu: float
    sink_cpu: float
    rss_mb: float

    def figures(self) -> Figures:
        return {
            "count": self.count,
            "per_s": round(self.count / self.seconds),
            "cpu_us": self.per_mail(self.worker_cpu),
            "rss_mb": round(self.rss_mb),
            "database_us": self.per_mail(self.database_cpu),
            "sink_us": self.per_mail(self.sink_cpu),
        }

    def per_mail(self, seconds: float) -> float:
        """In microseconds."""
        return round(seconds / self.count * 1e6, 1)


def mail_out(bench: Bench, ground: Ground, count: int, *, processes: int = 1, **settings: Any) -> MailRun:
    """Plan `count` mails, let worker processes send them all, and look whether every one arrived and was written down.

    Raises WrongResult where one was not.
    """
    bench.tick("planning", 0)
    planned = run(plan_mail(ground, count))
    ground.rest()
    with servers.smtp_sink() as sink:
        with working(ground, planned, sink, processes, **settings) as workers:
            if (before := sink.received()) != _WARM_UP:
                raise WrongResult(f"{before} of {_WARM_UP} mails came before the measured ones")
            done = _watch(bench, ground, sink, count, workers)
        received = sink.received() - before
    bench.rest()
    for line in ground.statements():
        bench.say(line)
    written = run(_read_ledger(ground, planned.mailing))
    expected = {"sent": count, "touched": count, "received": count}
    if (counted := {**written, "received": received}) != expected:
        raise WrongResult(f"expected {expected}, found {counted}")
    return done


async def plan_mail(ground: Ground, count: int) -> Planned:
    """Members, approved campaigns, their planned rows."""
    settings = ground.settings()
    async with open_database(settings):
        await settle_in(count)
        await settle_in(_WARM_UP, first=_WARM_UP_FIRST, idle=(31, 20))
        planned = Planned(*[await _start(ground, key, settings) for key in (mailing.KEY, mailing.WARM_UP)])
        if ground.is_postgres:
            await statements.run("ANALYZE messages")  # within a minute the server would do it by itself
        return planned


async def _start(ground: Ground, key: str, settings: Settings) -> int:
    now = datetime.now(UTC)
    await definitions.approve(await definitions.load_campaign(ground.templates, key), by="benchmark", now=now)
    occurrence = await start_campaign(key, now, await read_rulebook(settings))
    assert occurrence is not None
    return occurrence


@contextlib.contextmanager
def working(ground: Ground, planned: Planned, sink: Sink, processes: int, **settings: Any) -> Iterator[list[Child]]:
    """Worker processes that have opened everything and wait for the word."""
    given = ground.environment(**sink_settings(sink), **settings)
    with contextlib.ExitStack() as stack:
        workers = [
            stack.enter_context(started("mail_worker", str(planned.warm_up), str(planned.mailing), settings=given))
            for _ in range(processes)
        ]
        for worker in workers:
            worker.wait_until_ready()
        yield workers


def sink_settings(sink: Sink) -> dict[str, Any]:
    return {"smtp_host": "127.0.0.1", "smtp_port": sink.port, "smtp_connections": 4, "smtp_per_connection": 1000}


def _watch(bench: Bench, ground: Ground, sink: Sink, count: int, workers: list[Child]) -> MailRun:
    before = sink.received()
    watch = Stopwatch({"database": ground.postgres, "sink": sink.pid})
    watch.start()
    for worker in workers:
        worker.say("go")
    while any(worker.is_working() for worker in workers):
        bench.tick("sending", sink.received() - before, count)
        time.sleep(_LOOK_SECONDS)
    beside = watch.cpu()
    ended = [worker.result() for worker in workers]
    return MailRun(
        count=count,
        seconds=max(one["ended"] for one in ended) - min(one["began"] for one in ended),
        worker_cpu=sum(one["cpu"] for one in ended),
        database_cpu=beside["database"],
        sink_cpu=beside["sink"],
        rss_mb=max(one["rss_mb"] for one in ended),
    )


async def _read_ledger(ground: Ground, occurrence: int) -> dict[str, int]:
    """How many messages stand in each state, and how many have their one touch."""
    async with open_database(ground.settings()):
        states = await statements.query(
            "SELECT state, count(*) AS n FROM messages WHERE occurrence_id = $1 GROUP BY state", occurrence
        )
        [touched] = await statements.query(
            """
            SELECT count(DISTINCT t.message_id) AS once, count(*) AS n
            FROM touches t JOIN messages m ON m.id = t.message_id WHERE m.occurrence_id = $1 AND t.direction = 'out'
            """,
            occurrence,
        )
    twice = touched["n"] - touched["once"]
    counted = {row["state"]: row["n"] for row in states} | {"touched": touched["once"]}
    return counted | ({"touched twice": twice} if twice else {})
