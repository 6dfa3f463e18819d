"""Several schedulers and workers on one database, and one of them asleep for longer than its lease."""

import asyncio
import contextlib
import signal
import sqlite3
from pathlib import Path

import pytest

from bot import sender
from bot.clock import ProductClock
from bot.runtime import open_runtime, set_clock
from bot.worker import working
from campaigns import definitions
from campaigns.models import Contact, Member, Message, Occurrence
from tests.cast import NOW, approve_tiny, crowd
from tests.faults.books import balanced
from tests.faults.scene import LEASE_SECONDS, LONG, Stage, all_settled, ids_in, is_over, start_mix
from tests.faults.table import Rows
from tests.fleet import Child, started, until

_SLOTS = ("10:00", "11:00", "14:00")


@pytest.mark.both_in_full
@pytest.mark.parametrize(
    ("size", "workers"),
    [(120, 2), pytest.param(2000, 2, marks=LONG), pytest.param(2000, 5, marks=LONG)],
    ids=["short", "long, two", "long, five"],
)
async def test_several_schedulers_and_workers_plan_each_slot_once_and_send_each_message_once(
    stage_on_both: Stage, size: int, workers: int, rows: Rows
) -> None:
    stage = stage_on_both
    await _a_campaign_for_each_slot(stage, size)
    with contextlib.ExitStack() as fleet:
        children = [
            fleet.enter_context(started("worker", settings=stage.patient_environment, folder=stage.folder))
            for _ in range(workers)
        ]
        for child in children:
            await child.line()
        for slot in _SLOTS:
            sent = stage.accepted()
            await _set_clock(stage, slot)
            await stage.has_accepted(sent + size // len(_SLOTS), seconds=120)
        await until(is_over, "every message has its fate", seconds=120)
        for child in children:
            assert await child.terminate() == 0
    assert await Occurrence.all().count() == len(_SLOTS)
    assert await Message.all().count() == size
    books = await balanced(stage, await ids_in("sent", "delivered"), at_most=0)
    assert books.messages == size
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    rows.add("F7", f"{workers} schedulers and workers from the start, three slots, {kind}", books)


@pytest.mark.parametrize("size", [160, pytest.param(2000, marks=LONG)], ids=["short", "long"])
async def test_a_worker_that_slept_through_its_lease_settles_nothing_and_sends_nothing_more(
    stage_on_both: Stage, size: int, rows: Rows
) -> None:
    stage = stage_on_both
    planned = await start_mix(stage, size)
    stage.slow_down(sms=0.5, mail=2.0)
    with started("worker", settings=stage.environment, folder=stage.folder) as zombie:
        await until(_to_be_sent_again, "a mail that may be sent again is on the wire")
        await _fall_asleep(zombie, stage.settings.database_file)
        caught = await ids_in("sending")
        await asyncio.sleep(2 * LEASE_SECONDS)
        stage.slow_down(sms=0.5, mail=3.0)
        async with open_runtime(stage.settings) as runtime, working(runtime):
            await sender.recover(runtime)
            again = await _on_the_wire_again(caught)
            zombie.process.send_signal(signal.SIGCONT)  # its answers are in, and another holds these messages
            await asyncio.sleep(1)
            assert not await Message.filter(id__in=sorted(again), state="sent").exists()
            stage.slow_down(sms=0.01, mail=0.01)
            went_on = await stage.goes_on()
            await all_settled(stage)
        assert await zombie.terminate() == 0
    books = await balanced(stage, planned)
    assert caught <= books.uncertain
    assert books.repeated <= caught
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    rows.add("F9", f"worker stopped (SIGSTOP) for two leases, then woken, {kind}", books, went_on=went_on)


async def _a_campaign_for_each_slot(stage: Stage, size: int) -> None:
    """A third of the members hears at each slot, every second one by mail."""
    members = await crowd(size)
    await Contact.filter(member_id__in=members[::2]).update(mobile=None)
    for number, slot in enumerate(_SLOTS):
        trade = f"第{number}行"
        await Member.filter(id__in=members[number :: len(_SLOTS)]).update(trade=trade)
        schedule = f'kind = "recurring"\nevery = "day"\nat = "{slot}"\ndays = "all"'
        key = f"tiny_{number}"
        await approve_tiny(stage.folder / "templates", key, schedule=schedule, segment=f"trade = {trade}")
        await definitions.start(key, now=NOW)


async def _fall_asleep(worker: Child, file: Path | None) -> None:
    """Stop it while a mail is on the wire that another will send again, and where it holds no lock on the file: who
    sleeps with that in hand stops everybody, and loses no lease.
    """

    async def asleep() -> bool:
        worker.process.send_signal(signal.SIGSTOP)
        if (file is None or _can_be_written(file)) and await _to_be_sent_again():
            return True
        worker.process.send_signal(signal.SIGCONT)
        return False

    await until(asleep, "it sleeps with a mail on the wire")


async def _to_be_sent_again() -> set[int]:
    return await ids_in("sending", channel="email", message_class="service")


def _can_be_written(file: Path) -> bool:
    with contextlib.closing(sqlite3.connect(file, timeout=0.2, isolation_level=None)) as own:
        try:
            own.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        own.execute("ROLLBACK")
        return True


async def _on_the_wire_again(messages: set[int]) -> set[int]:
    """Those of them that another worker has put on the wire."""

    async def again() -> bool:
        return bool(await ids_in("sending") & messages)

    await until(again, "another worker has them")
    return await ids_in("sending") & messages


async def _set_clock(stage: Stage, slot: str) -> None:
    hour, minute = map(int, slot.split(":"))
    clock = ProductClock()
    clock.set(NOW.replace(hour=hour, minute=minute))
    await set_clock(clock, stage.settings)
