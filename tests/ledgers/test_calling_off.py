"""A campaign that is called off, and begun again: who is planned, who is not, and under which run."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from bot.commands import campaigning
from bot.database import open_database
from bot.settings import Settings
from campaigns import definitions, marks, outbox, planner
from campaigns.errors import StateError
from campaigns.models import Campaign, Message, Occurrence
from tests.cast import NOW, TEMPLATES, approve_tiny, crowd, rulebook
from tests.conftest import copy_file

FESTIVAL = 'kind = "before_festival"\nat = "10:00"'


@pytest.fixture
def ours(migrated_file: Path, settings: Settings, tmp_path: Path) -> Settings:
    copy_file(migrated_file, settings)
    for name in ("policy.toml", "site.toml"):
        shutil.copy(TEMPLATES / name, tmp_path)
    return settings.model_copy(update={"huifang_templates": tmp_path})


async def test_a_festival_called_off_and_begun_again_is_planned_again(database: Settings, tmp_path: Path) -> None:
    await crowd(3)
    await approve_tiny(tmp_path, schedule=FESTIVAL)
    first = await planner.start_campaign("tiny", NOW, rulebook())
    assert await planner.call_off("tiny", NOW) == planner.CalledOff(3, 0)
    folder = await definitions.load_campaign(tmp_path, "tiny")
    await definitions.approve(folder, by="tests", now=NOW)
    assert not (await planner.preview(folder, NOW, rulebook())).already_planned
    second = await planner.start_campaign("tiny", NOW, rulebook())
    assert second != first
    assert await Message.filter(state="queued").count() == 3
    due = (await Occurrence.get(id=second)).at
    assert await planner.plan_due(due, rulebook()) == []  # what was planned ahead is not planned again on its day
    assert await Message.filter(state="queued").count() == 3


async def test_a_run_of_every_week_called_off_and_begun_again_within_the_minute_is_planned(
    database: Settings, tmp_path: Path
) -> None:
    await crowd(2)
    for times in (1, 2, 3):
        await approve_tiny(tmp_path)
        await planner.start_campaign("tiny", NOW, rulebook())
        assert await Message.filter(state="queued").count() == 2
        await planner.start_campaign("tiny", NOW, rulebook())  # pressed twice
        assert await Occurrence.all().count() == times
        await planner.call_off("tiny", NOW)
        assert await Message.filter(state="queued").count() == 0


async def test_the_command_ends_a_planning_that_is_under_way(ours: Settings) -> None:
    async with open_database(ours):
        campaign = await approve_tiny(ours.huifang_templates)
        await definitions.start("tiny", now=NOW)
        await outbox.add_occurrence(campaign.id, campaign.version_id, "half", NOW, useless_at=None)
        await crowd(2)
    assert await campaigning.change(ours, "tiny", "cancel") == {"campaign": "tiny", "state": "cancelled"}
    async with open_database(ours):
        assert await planner.plan_due(NOW + timedelta(minutes=1), rulebook()) == []
        assert await Message.all().count() == 0


async def test_the_command_resumes_nothing_in_a_copy_that_nobody_released(ours: Settings) -> None:
    async with open_database(ours):
        await approve_tiny(ours.huifang_templates)
        await definitions.start("tiny", now=NOW)
        await definitions.pause("tiny", note="停")
        await marks.write_mark(marks.RESTORED, "paused")
    with pytest.raises(StateError, match="restored, paused"):
        await campaigning.change(ours, "tiny", "resume")
    async with open_database(ours):
        assert (await Campaign.get(key="tiny")).state == "paused"
