"""The clock jumps in mid-campaign: the product's, which tests and the sandbox may set, and the machine's."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.clock import ProductClock
from bot.runtime import open_runtime, set_clock
from bot.worker import working
from campaigns import definitions
from campaigns.models import Member, Occurrence
from campaigns.terms import ChannelName
from tests import servers
from tests.cast import NOW, approve_tiny, crowd, run_tiny
from tests.faults.books import balanced
from tests.faults.scene import LONG, Stage, all_settled, ids_in, is_over, start_tiny
from tests.faults.table import Rows
from tests.fleet import started, until

_LOOKS = 2.5  # seconds in which a worker looks into the ledger at least twice
_AT_TEN = 'kind = "recurring"\nevery = "day"\nat = "10:00"\ndays = "all"'
_MONDAYS = 'kind = "recurring"\nevery = "week"\nweekday = "mon"\nat = "09:00"\ndays = "all"'
_TEN = NOW.replace(hour=10, minute=0)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@pytest.mark.both_in_full
@pytest.mark.parametrize("size", [80, pytest.param(1000, marks=LONG)], ids=["short", "long"])
async def test_a_slot_that_comes_again_is_not_planned_again(stage_on_both: Stage, size: int, rows: Rows) -> None:
    stage = stage_on_both
    await crowd(size)
    await approve_tiny(stage.folder / "templates", schedule=_AT_TEN)
    await definitions.start("tiny", now=NOW)
    async with open_runtime(stage.patient) as runtime, working(runtime):
        for moment, slots in (
            (_TEN, 1), (_TEN - _DAY, 1), (_TEN, 1), (_TEN - _HOUR, 1), (_TEN + _HOUR, 1), (_TEN + _DAY, 2), (_TEN, 2),
        ):  # fmt: skip
            await _set_clock(stage, moment)
            await stage.has_accepted(slots * size)
            await asyncio.sleep(_LOOKS)
            assert stage.accepted() == slots * size
        await until(is_over, "every message has its fate", seconds=60)
    assert await Occurrence.all().count() == 2
    assert set(stage.arrived(ChannelName.SMS).values()) == {2}
    books = await balanced(stage, await ids_in("sent", "delivered"), at_most=0)
    assert books.messages == 2 * size
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    done = f"product's clock −1 day, +1 day, ±1 h over a daily slot, {kind}"
    rows.add("F10", done, books, result="each slot once")


@pytest.mark.both_in_full
@pytest.mark.parametrize("size", [300, pytest.param(2000, marks=LONG)], ids=["short", "long"])
async def test_a_jump_into_the_quiet_hours_stops_the_wire_and_a_jump_back_lets_it_go_on(
    stage_on_both: Stage, size: int, rows: Rows
) -> None:
    stage = stage_on_both
    await crowd(size)
    await start_tiny(stage, schedule=_MONDAYS, **{"class": "marketing", "channels": ["email"]})
    planned = await ids_in("queued")
    stage.slow_down(sms=0.1, mail=0.1)
    async with open_runtime(stage.patient) as runtime, working(runtime):
        await stage.goes_on()
        await _set_clock(stage, NOW + 12 * _HOUR)
        await asyncio.sleep(_LOOKS)
        await until(_wire_is_still, "what was on the wire is settled")
        still = stage.accepted()
        await asyncio.sleep(_LOOKS)
        assert stage.accepted() == still
        assert still < len(planned)
        stage.slow_down(sms=0.01, mail=0.01)
        await _set_clock(stage, NOW + _DAY)
        await until(is_over, "every message has its fate", seconds=60)
    books = await balanced(stage, planned, at_most=0)
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    rows.add("F10", f"product's clock +12 h into the quiet hours, then on to the morning, {kind}", books)


@pytest.mark.parametrize(
    ("size", "jump"),
    [
        pytest.param(100, -_DAY, id="short"),
        *(pytest.param(2000, by, marks=LONG, id=f"long {by}") for by in (-_DAY, _DAY, -_HOUR, _HOUR)),
    ],
)
async def test_a_jump_of_the_workers_machine_stalls_nothing(
    stage_on_postgres: Stage, size: int, jump: timedelta, library: Path, rows: Rows
) -> None:
    """By mail: a provider of SMS refuses what is signed at another time of day."""
    stage = stage_on_postgres
    half = size // 2
    for number in range(2):
        members = await crowd(half, first=1001 + number * half)
        await Member.filter(id__in=members).update(trade=f"第{number}行")
    by_mail = {"schedule": _MONDAYS, "channels": ["email"], "segment": "trade = 第0行"}
    await start_tiny(stage, **by_mail)
    await _set_clock(stage, NOW + _DAY + _HOUR)  # what is due stays due an hour or a day before
    offset = stage.folder / "offset"
    offset.write_text("+0")
    environment = {
        **stage.environment,
        "lease_seconds": 10,
        "ld_preload": library,
        "faketime_timestamp_file": offset,
        "faketime_cache_duration": 1,
        "faketime_dont_fake_monotonic": 1,
    }
    with started("worker", settings=environment, folder=stage.folder) as worker:
        await stage.goes_on()
        offset.write_text(f"{jump.total_seconds():+.0f}")
        await asyncio.sleep(_LOOKS)
        await run_tiny(stage.folder / "templates", "later", **{**by_mail, "segment": "trade = 第1行"})
        went_on = await stage.goes_on(seconds=20)
        await all_settled(stage)
        assert await worker.terminate() == 0
    books = await balanced(stage, await ids_in("sent", "delivered", "unknown"), at_most=0)
    assert books.messages == size
    rows.add("F10", f"worker's machine {jump.total_seconds() / 3600:+.0f} h in mid-campaign", books, went_on=went_on)


@pytest.fixture(scope="module")
def library() -> Path:
    try:
        return servers.faketime_library()
    except servers.MissingServer as exc:
        pytest.skip(str(exc))


async def _set_clock(stage: Stage, moment: datetime) -> None:
    clock = ProductClock()
    clock.set(moment)
    await set_clock(clock, stage.settings)


async def _wire_is_still() -> bool:
    return not await ids_in("sending")
