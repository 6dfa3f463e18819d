"""The scheduler killed: between a slot that is due and its plan, and in the middle of planning a large audience."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg
import pytest

from bot.clock import ProductClock
from bot.runtime import read_rulebook, set_clock
from campaigns import definitions, outbox, planner, statements
from campaigns.models import Message, Occurrence
from tests.cast import NOW, approve_tiny, crowd
from tests.faults.books import Books, planned_once
from tests.faults.scene import LONG, Stage
from tests.faults.table import Rows
from tests.fleet import started, until

_AT_TEN = 'kind = "recurring"\nevery = "day"\nat = "10:00"\ndays = "all"'
_SLOT = NOW.replace(hour=10, minute=0)
_SOON, _LATER = _SLOT.replace(minute=1), _SLOT.replace(minute=2)


@pytest.mark.parametrize("size", [2600, pytest.param(100_000, marks=LONG)], ids=["short", "long"])
async def test_a_scheduler_killed_while_planning_gives_each_member_one_fate(
    stage_on_both: Stage, size: int, rows: Rows
) -> None:
    stage = stage_on_both
    members = await _running_before_its_slot(stage, size)
    async with _written_slowly(stage):
        with started("worker", settings=stage.environment, folder=stage.folder) as worker:
            await until(Message.exists, "the first rows are written", seconds=120)
            worker.kill()
        half = await Message.all().count()
    assert 0 < half < size
    assert await outbox.due_batches(_LATER) == []  # nothing of half an audience may go

    await _plan_twice(stage)

    books = await _planned_once(members)
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    done = f"scheduler killed while planning an audience of {size:,}, {kind}"
    rows.add("F3", done, books, result="each member once")


async def test_a_scheduler_killed_between_the_slot_and_its_plan_plans_it_once(
    stage_on_postgres: Stage, rows: Rows
) -> None:
    stage = stage_on_postgres
    members = await _running_before_its_slot(stage, 600)
    gate = await asyncpg.connect(stage.settings.database)
    try:
        await gate.execute("BEGIN; LOCK TABLE messages IN SHARE MODE")  # reading goes on, no row is added
        with started("worker", settings=stage.environment, folder=stage.folder) as worker:
            await until(Occurrence.exists, "the occurrence is there")
            worker.kill()
    finally:
        await gate.close()
    assert await Occurrence.get() is not None
    assert (await Occurrence.get()).planned_at is None

    await _plan_twice(stage)

    books = await _planned_once(members)
    rows.add("F3", "scheduler killed after the slot, before the plan", books, result="each member once")


@contextlib.asynccontextmanager
async def _written_slowly(stage: Stage) -> AsyncIterator[None]:
    """Every planned row takes about a millisecond, so that nobody is through an audience before he is killed."""
    if stage.settings.database_url:
        await statements.run(
            "CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN PERFORM pg_sleep(0.001); RETURN new; END'"
        )
        await statements.run("CREATE TRIGGER slowly BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION slowly()")
    else:
        await statements.run(
            "CREATE TRIGGER slowly BEFORE INSERT ON messages BEGIN SELECT count(*) FROM"
            " (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000) SELECT i FROM n); END"
        )
    yield
    if stage.settings.database_url:
        await statements.run("DROP FUNCTION slowly CASCADE")
    else:
        await statements.run("DROP TRIGGER slowly")


async def _running_before_its_slot(stage: Stage, size: int) -> list[int]:
    """A campaign for all that runs since before its slot at ten, and a clock just past that. Returns the members."""
    members = await crowd(size)
    await approve_tiny(stage.folder / "templates", schedule=_AT_TEN)
    await definitions.start("tiny", now=NOW)
    clock = ProductClock()
    clock.set(_SLOT)
    await set_clock(clock, stage.settings)
    return members


async def _plan_twice(stage: Stage) -> None:
    book = await read_rulebook(stage.settings)
    await planner.plan_due(_SOON, book)
    await planner.plan_due(_LATER, book)


async def _planned_once(members: list[int]) -> Books:
    """One occurrence, each member in it once, its counts frozen by the first who came to its end."""
    occurrence = await Occurrence.get()
    assert occurrence.planned_at == _SOON
    assert occurrence.audience == sum(occurrence.planned.values()) == len(members)
    return await planned_once(members)
