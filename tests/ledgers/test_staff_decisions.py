"""What staff decide by command: a refusal heard by phone, one taken back, a task done, a channel opened again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.commands import deciding
from bot.database import open_database
from bot.settings import Settings
from campaigns import outbox, touches, visits
from campaigns.errors import InputError, StateError
from campaigns.members.facts import facts_for
from campaigns.models import Member
from campaigns.terms import ChannelName
from tests.conftest import copy_file

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def tables(migrated_file: Path, settings: Settings) -> None:
    copy_file(migrated_file, settings)


@pytest.fixture
async def member_id(settings: Settings) -> int:
    async with open_database(settings):
        member = await Member.create(no="Q1", name="大同机械", registered_at=NOW, idle_since=NOW)
        return int(member.id)


async def is_refused(settings: Settings, member_id: int) -> bool:
    async with open_database(settings):
        return (await facts_for([member_id], NOW))[member_id].refused


async def test_a_refusal_heard_by_phone_stops_the_company_and_stands_once_in_its_timeline(
    settings: Settings, member_id: int
) -> None:
    assert (await deciding.refuse(settings, "q1"))["new"]
    assert not (await deciding.refuse(settings, "Q1"))["new"]
    assert await is_refused(settings, member_id)
    async with open_database(settings):
        assert [(row.kind, row.medium) for row in await touches.timeline(member_id)] == [("opt_out", "phone")]


async def test_a_refusal_can_be_taken_back_but_only_where_there_is_one(settings: Settings, member_id: int) -> None:
    await deciding.refuse(settings, "Q1")
    await deciding.lift(settings, "Q1")
    assert not await is_refused(settings, member_id)
    with pytest.raises(StateError):
        await deciding.lift(settings, "Q1")


async def test_a_task_is_done_once(settings: Settings, member_id: int) -> None:
    async with open_database(settings):
        task = await visits.open_visit(member_id, category="call_me", cause="x", opened_at=NOW, due_at=NOW)
    await deciding.done(settings, task, "已回电")
    async with open_database(settings):
        assert [visit.state for visit in await visits.visits_of(member_id)] == ["done"]
    with pytest.raises(StateError):
        await deciding.done(settings, task, "又回电")


async def test_a_closed_channel_is_opened_by_name(settings: Settings) -> None:
    async with open_database(settings):
        await outbox.close_channel(ChannelName.SMS, "余额不足")
    await deciding.open_channel(settings, "sms")
    async with open_database(settings):
        assert await outbox.closed_channels(NOW) == {}
    with pytest.raises(InputError):
        await deciding.open_channel(settings, "fax")


async def test_nobody_is_refused_by_a_wrong_number(settings: Settings, member_id: int) -> None:
    with pytest.raises(InputError):
        await deciding.refuse(settings, "Q2")
    assert not await is_refused(settings, member_id)
