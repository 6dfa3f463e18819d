"""`huifang campaign status --watch`, and several workers under one."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from bot.clock import ProductClock
from bot.runtime import set_clock
from bot.settings import Settings
from campaigns.models import Message
from tests.cast import NOW, crowd, run_tiny
from tests.days.conftest import Call
from tests.fleet import Child, started, until


async def test_it_tells_how_far_a_campaign_is_until_nothing_is_due(sqlite_database: Settings, tmp_path: Path) -> None:
    await crowd(5)
    await run_tiny(tmp_path, channels=["sms"])
    clock = ProductClock()
    clock.set(NOW)
    await set_clock(clock, sqlite_database)
    with started(
        "campaign", "status", "tiny", "--watch", "--json", settings=_of(sqlite_database), folder=tmp_path
    ) as watcher:
        [first] = json.loads(await watcher.line())["campaigns"]
        assert (first["campaign"], first["planned"], first["gone"], first["due"]) == ("tiny", 5, 0, 5)
        assert first["seconds_left"] is None
        await Message.all().update(state="sent", due_at=None)
        last = first
        while last["due"]:
            [last] = json.loads(await watcher.line())["campaigns"]
        assert await asyncio.to_thread(watcher.process.wait, 20) == 0
    assert (last["gone"], last["due"], last["channels"]) == (5, 0, {})
    assert last["per_second"] > 0


def test_a_campaign_nobody_approved_cannot_be_watched(call: Call) -> None:
    done = call("campaign", "status", "nobody", "--watch")
    assert done.code == 1
    assert "nobody" in done.err
    assert "approve" not in done.err  # there is nothing of this name to approve


async def test_a_worker_without_any_channel_says_that_it_will_send_nothing(
    sqlite_database: Settings, redis_server: str, tmp_path: Path
) -> None:
    with started(
        "worker", "--json", settings={**_of(sqlite_database), "redis_url": redis_server}, folder=tmp_path
    ) as worker:
        await worker.line()
        await worker.terminate()
    assert "SANDBOX_URL" in worker.errors()


@pytest.mark.timeout(120)
async def test_of_several_workers_one_that_dies_is_replaced_and_a_word_ends_them_all(
    sqlite_database: Settings, redis_server: str, tmp_path: Path
) -> None:
    settings = {**_of(sqlite_database), "redis_url": redis_server}
    with started("worker", "--processes", "2", "--json", settings=settings, folder=tmp_path) as parent:
        assert json.loads(await parent.line()) == {"workers": 2}
        try:
            assert [json.loads(await parent.line())["worker"] for _ in range(2)] == ["ready", "ready"]
            before = _children(parent)
            assert len(before) == 2
            os.kill(before[0], signal.SIGKILL)
            await until(lambda: _replaced(parent, before), "another takes its place")
            assert before[1] in _children(parent)
            parent.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(parent.process.wait, 60) == 0
        finally:
            for orphan in _children(parent):
                os.kill(orphan, signal.SIGKILL)
        assert "code -9" in parent.errors()
        assert _children(parent) == []


@pytest.mark.timeout(240)
async def test_workers_end_with_the_process_that_kept_them_however_it_ended(
    sqlite_database: Settings, redis_server: str, tmp_path: Path
) -> None:
    settings = {**_of(sqlite_database), "redis_url": redis_server}
    with started("worker", "--processes", "2", "--json", settings=settings, folder=tmp_path) as parent:
        for _ in range(3):
            await parent.line()
        workers = _children(parent)
        parent.kill()
        try:
            await until(lambda: _gone(workers), "its workers end")
        finally:
            for orphan in workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(orphan, signal.SIGKILL)


def _of(settings: Settings) -> dict[str, object]:
    return {"huifang_var": settings.huifang_var, "huifang_secret": settings.huifang_secret}


def _children(parent: Child) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(parent.process.pid)], capture_output=True, text=True, check=False)
    return sorted(map(int, found.stdout.split()))


async def _replaced(parent: Child, before: list[int]) -> bool:
    now = await asyncio.to_thread(_children, parent)
    return len(now) == 2 and before[0] not in now


async def _gone(processes: list[int]) -> bool:
    return not any(_lives(process) for process in processes)


def _lives(process: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False
