"""The worker has members scored once a night, in a process of its own."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.runtime import open_runtime
from bot.settings import Settings
from bot.worker import _last_night, score_if_due, tier_if_due
from campaigns import edits
from campaigns.members.activity_runs import last_run_at
from campaigns.members.tier_runs import last_tiering_at
from campaigns.models import Member


async def test_members_are_scored_once_a_night_and_again_the_next(database: Settings) -> None:
    await Member.create(no="A", name="甲", registered_at=datetime(2026, 1, 1, tzinfo=UTC))
    async with open_runtime(database) as runtime:
        assert await score_if_due(runtime)
        assert not await score_if_due(runtime)
        assert (await Member.get(no="A")).activity_state == "never_in"
        first = await last_run_at()
        assert first
        runtime.clock.set(runtime.clock() + timedelta(days=1))
        assert await score_if_due(runtime)
        assert await last_run_at() != first


async def test_members_are_placed_in_tiers_once_a_night_by_the_weights_in_force(database: Settings) -> None:
    await Member.create(no="A", name="甲", registered_at=datetime(2026, 1, 1, tzinfo=UTC), size="1000人以上")
    async with open_runtime(database) as runtime:
        text = "[tiers.weights]\npayments = 0\nactivity = 0\nhiring = 0\nstanding = 100\nresponse = 0\n"
        await edits.write_files(edits.TOP, {"policy.toml": text}, by="林", now=runtime.clock())
        assert await tier_if_due(runtime)
        assert not await tier_if_due(runtime)
        placed = await Member.get(no="A")
        assert (placed.tier_score, placed.tier_reasons) == (100.0, ["1000人以上，性质未知（规模性质100.0/100）"])
        first = await last_tiering_at()
        runtime.clock.set(runtime.clock() + timedelta(days=1))
        assert await tier_if_due(runtime)
        assert await last_tiering_at() != first


@pytest.mark.parametrize(
    ("now", "due"), [("2026-11-21T02:59", "2026-11-20T03:00"), ("2026-11-21T03:00", "2026-11-21T03:00")]
)
def test_a_night_begins_at_three_in_shanghai(now: str, due: str) -> None:
    at = datetime.fromisoformat(f"{now}+08:00").astimezone(UTC)
    assert _last_night(at, 3) == datetime.fromisoformat(f"{due}+08:00")
