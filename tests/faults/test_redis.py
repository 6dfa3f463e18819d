"""Redis is a doorbell: flushed or gone in mid-campaign nothing is lost, and the worker needs no restart."""

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from bot.runtime import open_runtime
from bot.settings import Settings
from bot.worker import working
from tests import servers
from tests.faults.books import Books, balanced
from tests.faults.scene import LONG, Stage, all_settled, ids_in, stage_on, start_nudge
from tests.faults.table import Rows
from tests.fleet import until

_AWAY = pytest.mark.parametrize("away", [3, pytest.param(60, marks=LONG)], ids=["short", "long"])  # seconds


@pytest.fixture
def own_redis(redis_server: str) -> Iterator[tuple[int, Path]]:
    """A port and a folder for a Redis that the test itself starts and stops."""
    try:
        servers.redis_binary()
    except servers.MissingServer as exc:
        pytest.skip(f"a Redis given by TEST_REDIS_URL alone cannot be stopped: {exc}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="huifang-test-") as folder:
        Path(folder).chmod(0o777)
        yield port, Path(folder)


@pytest.fixture
async def stage(
    sqlite_database: Settings, own_redis: tuple[int, Path], tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    async with stage_on(sqlite_database, f"redis://127.0.0.1:{own_redis[0]}/0", tmp_path, request.node) as made:
        yield made


async def test_redis_flushed_in_mid_campaign_loses_nothing_and_sends_nothing_twice(
    stage: Stage, own_redis: tuple[int, Path], rows: Rows
) -> None:
    with servers.redis_on(*own_redis):
        async with open_runtime(stage.patient) as runtime, working(runtime) as worker:
            planned = await _in_mid_campaign(stage)
            async with contextlib.aclosing(Redis.from_url(stage.settings.redis_url)) as redis:
                for _ in range(5):
                    await redis.flushall()
                    await asyncio.sleep(0.1)
            went_on = await stage.goes_on()
            rows.add("F6", "Redis flushed five times", await _all_sent_once(stage, planned), went_on=went_on)
            assert not worker.done()


@_AWAY
@pytest.mark.parametrize("trouble", ["full", "asks for a password"])
async def test_redis_that_takes_nothing_more_is_waited_for(
    stage: Stage, own_redis: tuple[int, Path], trouble: str, away: int, rows: Rows
) -> None:
    with servers.redis_on(*own_redis):
        async with (
            open_runtime(stage.patient) as runtime,
            working(runtime) as worker,
            contextlib.aclosing(Redis.from_url(stage.settings.redis_url)) as redis,
        ):
            planned = await _in_mid_campaign(stage)
            if trouble == "full":
                await redis.config_set("maxmemory", 1)  # and no key may be thrown out
            else:
                await redis.config_set("requirepass", "another")
                await redis.client_kill_filter(_type="normal", skipme=True)
            await asyncio.sleep(away)
            assert await ids_in("queued")  # there is work left for when it is itself again
            await redis.config_set("maxmemory", 0)
            await redis.config_set("requirepass", "")
            went_on = await stage.goes_on()
            rows.add("F6", f"Redis {trouble} for {away} s", await _all_sent_once(stage, planned), went_on=went_on)
            assert not worker.done()


@_AWAY
async def test_redis_away_for_a_while_loses_nothing_and_work_goes_on_once_it_is_back(
    stage: Stage, own_redis: tuple[int, Path], away: int, rows: Rows
) -> None:
    with contextlib.ExitStack() as first:
        first.enter_context(servers.redis_on(*own_redis))
        async with open_runtime(stage.patient) as runtime, working(runtime) as worker:
            planned = await _in_mid_campaign(stage)
            await asyncio.to_thread(first.close)
            await asyncio.sleep(away)
            assert await ids_in("queued")  # there is work left for when it is back
            with servers.redis_on(*own_redis):
                went_on = await stage.goes_on()
                rows.add("F6", f"Redis gone for {away} s", await _all_sent_once(stage, planned), went_on=went_on)
                assert not worker.done()


async def _in_mid_campaign(stage: Stage) -> set[int]:
    stage.slow_down(sms=0.6, mail=0.2)
    planned = await start_nudge(stage, sms=380, mail=20)
    await until(lambda: ids_in("sent"), "some are sent")
    assert await ids_in("queued")
    return planned


async def _all_sent_once(stage: Stage, planned: set[int]) -> Books:
    stage.slow_down(sms=0.01, mail=0.01)
    await all_settled(stage)
    assert await ids_in("sent", "delivered") == planned
    return await balanced(stage, planned, at_most=0)
