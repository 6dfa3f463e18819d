"""kill -9 at each point of a send: claimed, marked, on the wire, answered, settled.

The points are reached from outside. A lock on the messages makes the worker's next write wait; whether that write is
committed after the worker is dead (the server does not hear of its death) or thrown away is the test's choice.
"""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from bot.runtime import open_runtime
from bot.worker import working
from campaigns.models import Claim
from tests.faults.books import Books, balanced
from tests.faults.scene import LONG, Stage, all_settled, ids_in, start_mix
from tests.faults.table import Rows
from tests.fleet import started, until

_SIZES = pytest.mark.parametrize("size", [120, pytest.param(2000, marks=LONG)], ids=["short", "long"])


@pytest.fixture
async def stage(stage_on_postgres: Stage) -> Stage:
    return stage_on_postgres


@_SIZES
async def test_killed_after_the_claim_and_before_the_mark_nothing_is_uncertain(
    stage: Stage, size: int, rows: Rows
) -> None:
    planned = await start_mix(stage, size)
    async with _worker_at_a_lock(stage) as server:
        assert await Claim.all().count()
        await server.forget_what_waits()
    assert stage.accepted() == 0
    books = await _finish(stage, planned)
    assert not books.uncertain
    rows.add("F2", "killed after the claim, before the mark", books)


@_SIZES
async def test_killed_after_the_mark_and_before_the_wire_nothing_is_sent_twice(
    stage: Stage, size: int, rows: Rows
) -> None:
    planned = await start_mix(stage, size)
    async with _worker_at_a_lock(stage):
        pass  # the mark is committed for a worker that is dead
    marked = await ids_in("sending")
    assert marked
    assert stage.accepted() == 0
    books = await _finish(stage, planned)
    assert books.uncertain == marked
    assert not books.repeated
    rows.add("F2", "killed after the mark, before the wire", books)


@_SIZES
async def test_killed_while_the_provider_has_it_and_before_its_answer(stage: Stage, size: int, rows: Rows) -> None:
    planned = await start_mix(stage, size)
    stage.slow_down(sms=1, mail=60)  # of a mail: written down, and the 250 comes late
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await stage.has_accepted(1)
        worker.kill()
    caught = await ids_in("sending")
    books = await _finish(stage, planned)
    assert caught
    assert caught == books.uncertain
    assert books.most <= 2
    rows.add("F2", "killed after the final dot, before the answer was read", books)


@_SIZES
async def test_killed_after_the_answer_and_before_the_commit(stage: Stage, size: int, rows: Rows) -> None:
    planned = await start_mix(stage, size)
    async with _worker_at_a_lock(stage, after_a_mark=True) as server:
        await server.forget_what_waits()
    assert stage.accepted()
    caught = await ids_in("sending")
    books = await _finish(stage, planned)
    assert caught == books.uncertain
    assert books.repeated <= caught
    assert books.most <= 2
    rows.add("F2", "killed after the answer, before the commit", books)


@_SIZES
async def test_killed_after_the_commit_nothing_is_sent_twice(stage: Stage, size: int, rows: Rows) -> None:
    planned = await start_mix(stage, size)
    async with _worker_at_a_lock(stage, after_a_mark=True):
        on_the_wire = await ids_in("sending")
    marked = await ids_in("sending")
    settled = await ids_in("sent")
    assert settled & on_the_wire
    books = await _finish(stage, planned)
    assert books.uncertain == marked
    assert not settled & (books.uncertain | books.repeated)
    rows.add("F2", "killed after the commit", books)


# ---- parts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Server:
    """Connections of the test's own beside the product's: one holds a lock, the other looks."""

    holding: asyncpg.Connection
    looking: asyncpg.Connection

    async def lock(self, state: str) -> None:
        """From now on nobody writes the messages that are in this state now; reading goes on."""
        await self.holding.execute(f"BEGIN; SELECT 1 FROM messages WHERE state = '{state}' FOR UPDATE")

    async def unlock(self) -> None:
        await self.holding.execute("COMMIT")

    async def someone_waits(self) -> bool:
        return bool(await self.looking.fetchval(f"SELECT count(*) {_WAITING}"))

    async def forget_what_waits(self) -> None:
        """What the dead worker had asked for is never done."""
        await self.looking.execute(f"SELECT pg_terminate_backend(pid) {_WAITING}")

    async def is_done(self) -> bool:
        return not await self.looking.fetchval(f"SELECT count(*) {_AT_IT}")


# the statement that settles and marks; others may wait beside it
_AT_IT = "FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%WITH held AS%' AND pid <> pg_backend_pid()"
_WAITING = f"{_AT_IT} AND wait_event_type = 'Lock'"


@contextlib.asynccontextmanager
async def _worker_at_a_lock(stage: Stage, *, after_a_mark: bool = False) -> AsyncIterator[_Server]:
    """A worker killed while its write waits: its first, or the one that follows what is on the wire now."""
    url = stage.settings.database
    server = _Server(await asyncpg.connect(url), await asyncpg.connect(url))
    # SMS still on the wire when the lock is there, on a busy machine too: their settling is what waits for it
    stage.slow_down(sms=5 if after_a_mark else 0.5, mail=0.5)
    stage.sandbox.wechat.delay_seconds = 60  # its settling is a transaction of several statements
    try:
        with started("worker", settings=stage.environment, folder=stage.folder) as worker:
            if after_a_mark:
                await until(lambda: ids_in("sending"), "something is on the wire")
            await server.lock("sending" if after_a_mark else "queued")
            await until(server.someone_waits, "the worker waits")
            worker.kill()
        yield server
        await server.unlock()
        await until(server.is_done, "what waited is done or forgotten")
    finally:
        await server.holding.close()
        await server.looking.close()


async def _finish(stage: Stage, planned: set[int]) -> Books:
    """A worker that is started afterwards brings everything to its end; the books are right."""
    stage.slow_down(sms=0.01, mail=0.01)
    async with open_runtime(stage.settings) as runtime, working(runtime):
        await all_settled(stage)
    return await balanced(stage, planned)
