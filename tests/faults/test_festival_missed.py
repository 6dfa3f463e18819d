"""The system was down over a festival's slot: on the day a greeting is late, after the day there is none."""

from datetime import datetime, timedelta

import pytest

from bot.clock import ProductClock
from bot.runtime import open_runtime, read_rulebook, set_clock
from bot.worker import plan, working
from campaigns import definitions, planner
from campaigns.models import Message, Occurrence
from tests.cast import crowd
from tests.faults.books import balanced
from tests.faults.scene import Stage, ids_in, is_over
from tests.faults.table import Rows
from tests.fleet import until

_SIZE = 200
_DOWN = timedelta(hours=6)
_BEFORE = datetime.fromisoformat("2026-12-20T10:00:00+08:00")
_SLOT = datetime.fromisoformat("2026-12-21T09:30:00+08:00")  # the last workday before the winter solstice
_ENDS = datetime.fromisoformat("2026-12-23T00:00:00+08:00")


@pytest.mark.parametrize("planned", [True, False], ids=["planned", "missed"])
async def test_down_for_six_hours_over_the_slot_the_greeting_goes_the_same_day(stage: Stage, planned: bool) -> None:
    await _greet(stage, planned=planned)
    sent = await _work(stage, at=_SLOT + _DOWN)
    assert sent
    assert set(await Message.exclude(state="suppressed").values_list("state", flat=True)) == {"sent"}


@pytest.mark.parametrize("planned", [True, False], ids=["planned", "missed"])
async def test_down_until_the_festival_is_over_no_greeting_goes(
    stage_on_both: Stage, planned: bool, rows: Rows
) -> None:
    stage = stage_on_both
    await _greet(stage, planned=planned)
    assert await _work(stage, at=_ENDS + timedelta(hours=10)) == 0
    assert (await Occurrence.get()).useless_at == _ENDS
    books = await balanced(stage, await ids_in("expired", "suppressed"), at_most=0)
    assert books.messages == await Message.all().count()
    how = "planned, then down over its slot" if planned else "down over its slot, planned afterwards"
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    rows.add("F20", f"greeting {how}, till after the day, {kind}", books, result="0 greetings sent")


@pytest.mark.parametrize("planned", [True, False], ids=["planned", "missed"])
async def test_down_for_six_hours_before_midnight_of_the_festival_none_goes_after_it(
    stage: Stage, planned: bool
) -> None:
    await _greet(stage, planned=planned)
    assert await _work(stage, at=_ENDS - timedelta(hours=1)) == 0  # at eleven at night nobody is written to
    assert await _work(stage, at=_ENDS + timedelta(hours=10)) == 0


async def _greet(stage: Stage, *, planned: bool) -> None:
    """The shipped greeting for 200 members, running since the day before its slot."""
    await _set_clock(stage, _BEFORE)
    await crowd(_SIZE)
    folder = await definitions.load_campaign(stage.settings.huifang_templates, "festival_greeting")
    await definitions.approve(folder, by="tests", now=_BEFORE)
    if planned:
        await planner.start_campaign("festival_greeting", _BEFORE, await read_rulebook(stage.settings))
    else:
        await definitions.start("festival_greeting", now=_BEFORE)


async def _work(stage: Stage, *, at: datetime) -> int:
    """A worker that is started at that moment, until nothing is left that could be sent. Returns how many were."""
    await _set_clock(stage, at)
    async with open_runtime(stage.settings) as runtime:
        await plan(runtime)
        async with working(runtime):
            await until(is_over, "nothing is due")
    return stage.accepted()


async def _set_clock(stage: Stage, moment: datetime) -> None:
    clock = ProductClock()
    clock.set(moment)
    await set_clock(clock, stage.settings)
