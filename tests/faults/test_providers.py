"""Providers that misbehave in every way the stand-ins know, a whole campaign long; one answer at a time is tested in
tests/channels."""

from datetime import datetime, timedelta

import pytest

from bot.clock import ProductClock
from bot.runtime import open_runtime, set_clock
from bot.worker import working
from campaigns import outbox
from campaigns.models import Message
from campaigns.terms import ChannelName
from tests.cast import NOW
from tests.faults.books import balanced
from tests.faults.scene import LONG, Stage, all_settled, ids_in, start_mix
from tests.faults.table import Rows
from tests.fleet import until

_HOUR = timedelta(hours=1)


@pytest.mark.parametrize("size", [240, pytest.param(2000, marks=LONG)], ids=["short", "long"])
async def test_a_campaign_over_providers_that_misbehave_loses_nothing_and_repeats_no_sms(
    stage_on_both: Stage, size: int, rows: Rows
) -> None:
    stage = stage_on_both
    planned = await start_mix(stage, size)
    stage.sandbox.relay.faults.shares(busy=0.05, greylist=0.15, drop_before_data=0.05, drop_after_dot=0.05)
    stage.sandbox.sms.faults.shares(
        throttled=0.05, unavailable=0.05, bad_gateway=0.05, system_error=0.05, reset_before=0.1, reset_after=0.1,
        truncate=0.1,
    )  # fmt: skip
    stage.sandbox.wechat.faults.shares(bad_gateway=0.1, busy=0.1)
    async with open_runtime(stage.settings) as runtime, working(runtime):
        for hours in (0, 2, 4, 6, 8):  # what was put off is tried again as the day goes on
            await _set_clock(stage, hours)
            await _until_nothing_is_due(NOW + hours * _HOUR)
        _behave(stage)
        await _set_clock(stage, 10)  # the fifth try's wait is over, and marketing may still be sent
        await all_settled(stage)
    books = await balanced(stage, planned)
    assert await ids_in("failed") <= await ids_in("failed", reason="provider_refused")
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    failed = len(await ids_in("failed"))
    done = f"mail, SMS and WeChat providers failing in 20 to 50% of all requests, {kind}"
    rows.add("F11–F13", done, books, result=f"held; {failed} given up after the last try")


async def _until_nothing_is_due(now: datetime) -> None:
    async def nothing_is_due() -> bool:
        for channel in ChannelName:
            await outbox.open_channel(channel)  # one that rests a minute would keep the test waiting
        if await ids_in("sending"):
            return False
        return not await Message.filter(state="queued", not_before__lte=now).exists()

    await until(nothing_is_due, "nothing is due", seconds=60)


def _behave(stage: Stage) -> None:
    for provider in (stage.sandbox.relay, stage.sandbox.sms, stage.sandbox.wechat):
        provider.faults.shares()


async def _set_clock(stage: Stage, hours: int) -> None:
    clock = ProductClock()
    clock.set(NOW + hours * _HOUR)
    await set_clock(clock, stage.settings)
