"""One SQLite file, several processes and tasks: nobody fails, nobody waits for ever."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest
from tortoise.transactions import in_transaction

from bot.settings import Settings
from campaigns import statements
from campaigns.marks import read_mark, write_mark
from tests.cast import crowd, run_tiny

_ROOT = Path(__file__).resolve().parents[2]
_PROCESSES = 2
_ADD_A_HUNDRED = """
from campaigns.models import Mark
from tortoise.transactions import in_transaction

async def work():
    for _ in range(100):
        async with in_transaction():
            mark = await Mark.get(key="count")
            await asyncio.sleep(0)
            mark.value = str(int(mark.value) + 1)
            await mark.save()
"""
_CLAIM_ALL = """
from campaigns import outbox
from campaigns.outbox import Batch
from campaigns.terms import ChannelName
from tests.cast import NOW

async def work():
    while True:
        held = await outbox.claim(Batch(int(sys.argv[1]), ChannelName.SMS), now=NOW, limit=7)
        if held is None:
            return
        print(*(one.id for one in held.messages))
"""
_HOLD = """
import sqlite3
import sys

db = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
db.execute("COMMIT")
"""
_RUN = """
import asyncio
import sys
from bot.database import open_database
from bot.settings import load_settings

{work}

async def main():
    async with open_database(load_settings(env_file=None)):
        print("ready", flush=True)
        sys.stdin.readline()
        await work()

asyncio.run(main())
"""


@pytest.fixture
def database(sqlite_database: Settings) -> Settings:
    return sqlite_database


async def test_processes_that_read_then_write_never_fail(database: Settings) -> None:
    await write_mark("count", "0")
    await _run_at_once(database, _ADD_A_HUNDRED)
    assert await read_mark("count") == str(100 * _PROCESSES)


async def test_processes_never_claim_the_same_row(database: Settings, tmp_path: Path) -> None:
    await crowd(400)
    occurrence_id = await run_tiny(tmp_path)
    said = await _run_at_once(database, _CLAIM_ALL, str(occurrence_id))
    assert all(said), "one process took everything: nothing was shared"
    taken = " ".join(said).split()
    assert len(taken) == len(set(taken)) == 400


async def test_a_task_cancelled_while_its_transaction_begins_releases_the_lock(database: Settings) -> None:
    """At every place where beginning waits: for another process, for its thread, for the loop."""
    for turns in range(12):
        async with _other_writer(database):
            beginning = asyncio.create_task(_write("never"))
            for _ in range(turns):
                await asyncio.sleep(0.002 if turns > 6 else 0)
            beginning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await beginning
        async with asyncio.timeout(5):
            async with _other_writer(database):  # SQLite's own lock is free too
                pass
            await _write(f"after {turns}")
        assert await read_mark("who") == f"after {turns}"


async def test_a_task_cancelled_within_its_transaction_writes_nothing(database: Settings) -> None:
    await _write("before")
    inside = asyncio.Event()

    async def hang() -> None:
        async with in_transaction():
            await write_mark("who", "cancelled")
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(hang())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        assert await read_mark("who") == "before"


async def test_a_cancelled_bulk_write_leaves_no_transaction_open(database: Settings) -> None:
    rows = [[f"key{number}", "value"] for number in range(20_000)]
    for wait in (0, 0.001, 0.003, 0.01):
        task = asyncio.create_task(statements.upsert("marks", ["key"], ["key", "value"], rows))
        await asyncio.sleep(wait)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.05)  # what its thread is doing it does to the end
        async with asyncio.timeout(10), _other_writer(database):
            pass
    async with asyncio.timeout(10):
        await _write("again")


async def test_a_transaction_inside_another_undoes_only_itself(database: Settings) -> None:
    async with in_transaction():
        await write_mark("outer", "kept")
        with contextlib.suppress(RuntimeError):
            async with in_transaction():
                await write_mark("inner", "undone")
                raise RuntimeError
    assert (await read_mark("outer"), await read_mark("inner")) == ("kept", None)


async def test_many_tasks_share_one_connection(database: Settings) -> None:
    await write_mark("count", "0")

    async def add() -> None:
        async with in_transaction():
            await write_mark("count", str(int(await read_mark("count") or 0) + 1))

    await asyncio.gather(*(add() for _ in range(50)))
    assert await read_mark("count") == "50"


async def _write(who: str) -> None:
    async with in_transaction():
        await write_mark("who", who)


class _other_writer:
    """Another process that holds SQLite's write lock meanwhile."""

    def __init__(self, settings: Settings) -> None:
        self._path = settings.database.removeprefix("sqlite://")

    async def __aenter__(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-c", _HOLD, self._path, stdin=pipe, stdout=pipe
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"held\n"

    async def __aexit__(self, *problem: object) -> None:
        await self._process.communicate(b"\n")
        assert self._process.returncode == 0


async def _run_at_once(settings: Settings, work: str, *arguments: str) -> list[str]:
    """The same work in several processes that begin together. Returns what each said."""
    environment = {"DATABASE_URL": settings.database, "HUIFANG_VAR": str(settings.var), "PYTHONPATH": str(_ROOT)}
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _RUN.format(work=work), *arguments,
            env=environment, stdin=pipe, stdout=pipe, stderr=pipe,
        )
        for _ in range(_PROCESSES)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    ended = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    for process, (_, complained) in zip(processes, ended, strict=True):
        assert process.returncode == 0, complained.decode()[-2000:]
    return [said.decode() for said, _ in ended]
