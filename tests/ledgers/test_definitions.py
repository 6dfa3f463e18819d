"""Campaigns as staff run them: approved, started, paused, resumed, cancelled, each bound to its words."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import definitions, outbox, planner
from campaigns.definitions import CampaignRow
from campaigns.errors import InputError, StateError
from campaigns.models import Campaign, ContentVersion
from tests.cast import NOW, TEMPLATES, approve_tiny, crowd, rulebook, run_tiny, states, write_tiny

pytestmark = pytest.mark.usefixtures("database")

SHIPPED = {
    "auto_replies", "festival_greeting", "forgotten_account", "recruiting_tips", "renewal_visit", "unread_resumes",
    "who_is_hiring",
}  # fmt: skip


async def test_the_shipped_campaigns_are_there_and_can_be_approved() -> None:
    assert set(await definitions.campaign_keys(TEMPLATES)) == SHIPPED
    for key in SHIPPED:
        row = await definitions.approve(await definitions.load_campaign(TEMPLATES, key), by="tests", now=NOW)
        assert (row.key, row.state) == (key, "approved")


async def test_an_unknown_campaign_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="unread_resumes"):
        await definitions.load_campaign(TEMPLATES, "nonsense")


async def test_the_same_words_are_one_version_and_other_words_another(tmp_path: Path) -> None:
    first = await approve_tiny(tmp_path)
    assert (await approve_tiny(tmp_path)).version_id == first.version_id
    second = await approve_tiny(tmp_path, title="换了标题")
    assert second.version_id != first.version_id
    assert (second.id, second.definition.title) == (first.id, "换了标题")
    assert await ContentVersion.all().count() == 2


async def test_what_the_lint_refuses_is_not_approved(tmp_path: Path) -> None:
    write_tiny(tmp_path, channels=["sms"])
    (tmp_path / "tiny" / "sms.toml").write_text('template_code = ""\ntext = "没有编号"\n', encoding="utf-8")
    with pytest.raises(InputError, match="template_code"):
        await definitions.approve(await definitions.load_campaign(tmp_path, "tiny"), by="tests", now=NOW)
    assert await Campaign.all().count() == await ContentVersion.all().count() == 0


async def test_what_was_planned_keeps_the_words_it_was_planned_with(tmp_path: Path) -> None:
    await crowd(1)
    occurrence_id = await run_tiny(tmp_path)
    before = (await outbox.read_occurrence(occurrence_id)).files
    await approve_tiny(tmp_path, title="换了标题")
    assert (await outbox.read_occurrence(occurrence_id)).files == before
    (later,) = await planner.plan_due(NOW + timedelta(days=1), rulebook())
    assert "换了标题" in (await outbox.read_occurrence(later)).files["campaign.toml"]


async def test_only_an_approved_campaign_starts(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="approve tiny"):
        await definitions.start("tiny", now=NOW)
    await approve_tiny(tmp_path)
    with pytest.raises(StateError, match="approved"):
        await definitions.pause("tiny", note="")
    with pytest.raises(StateError):
        await definitions.resume("tiny", now=NOW)
    assert (await definitions.start("tiny", now=NOW)).state == "running"


async def test_approving_a_running_campaign_leaves_it_running(tmp_path: Path) -> None:
    await approve_tiny(tmp_path)
    started = await definitions.start("tiny", now=NOW)
    again = await approve_tiny(tmp_path, title="换了标题")
    assert (again.state, again.started_at, again.planned_until) == ("running", started.started_at, NOW)


async def test_a_pause_stands_though_somebody_approves_at_the_same_time(tmp_path: Path) -> None:
    await approve_tiny(tmp_path)
    await definitions.start("tiny", now=NOW)
    folder = await definitions.load_campaign(tmp_path, "tiny")
    for turns in range(12):
        await definitions.resume("tiny", now=NOW)
        approving = asyncio.create_task(definitions.approve(folder, by="tests", now=NOW))
        await asyncio.sleep(turns * 0.001)
        await definitions.pause("tiny", note="停")
        await approving
        assert (await definitions.read_campaign("tiny")).state == "paused"


async def test_a_resumed_campaign_does_not_make_up_for_the_slots_that_passed(tmp_path: Path) -> None:
    await crowd(2)
    await run_tiny(tmp_path)
    await definitions.pause("tiny", note="停一停")
    row = await definitions.read_campaign("tiny")
    assert (row.state, row.note) == ("paused", "停一停")
    assert await planner.plan_due(NOW + timedelta(days=3), rulebook()) == []
    later = NOW + timedelta(days=5)
    await definitions.resume("tiny", now=later)
    assert (await definitions.read_campaign("tiny")).note == ""
    assert await planner.plan_due(later, rulebook()) == []
    assert len(await planner.plan_due(later + timedelta(days=1), rulebook())) == 1


async def test_a_cancelled_campaign_starts_again_only_when_it_is_approved_again(tmp_path: Path) -> None:
    await crowd(2)
    occurrence_id = await run_tiny(tmp_path)
    campaign_id = await definitions.cancel("tiny")
    await outbox.cancel_queued(campaign_id)
    with pytest.raises(StateError, match="cancelled"):
        await definitions.start("tiny", now=NOW)
    row = await approve_tiny(tmp_path)
    assert (row.id, row.state, row.planned_until) == (campaign_id, "approved", None)
    again = await planner.start_campaign("tiny", NOW + timedelta(hours=1), rulebook())
    assert again is not None
    assert await states(occurrence_id) == {"suppressed:cancelled": 2}
    assert await states(again) == {"queued": 2}


async def test_only_running_campaigns_with_dates_of_their_own_are_scheduled(tmp_path: Path) -> None:
    await approve_tiny(tmp_path, "waits")
    await run_tiny(tmp_path, "runs")
    await definitions.approve(await definitions.load_campaign(TEMPLATES, "auto_replies"), by="tests", now=NOW)
    await definitions.start("auto_replies", now=NOW)
    assert [row.key for row in await definitions.scheduled_campaigns()] == ["runs"]
    assert isinstance(await definitions.find_campaign("waits"), CampaignRow)
    assert await definitions.find_campaign("nonsense") is None
