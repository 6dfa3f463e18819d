"""What stopped by itself is told to whoever takes the others' tasks: once a stop, and again when it comes again."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.wecom.stops import tell_stops
from campaigns import definitions, marks, outbox
from campaigns.models import Mark
from campaigns.terms import ChannelName
from tests.cast import run_tiny
from tests.wecom.conftest import House

WHY = "内容不能用：isv.SMS_TEMPLATE_ILLEGAL"


@pytest.fixture
async def campaign(house: House, tmp_path: Path) -> str:
    await run_tiny(tmp_path / "tiny", channels=["sms"])
    return "tiny"


async def test_a_campaign_that_a_provider_stopped_is_told_once_with_its_page(house: House, campaign: str) -> None:
    await definitions.pause(campaign, note=WHY)
    assert await tell_stops(house.runtime) == 1
    assert await tell_stops(house.runtime) == 0
    (card,) = house.server.to("message/send")
    assert card["touser"] == "ShiLei"
    assert card["textcard"]["description"] == WHY
    assert card["textcard"]["url"] == f"{house.runtime.public_url}/campaigns/{campaign}"


async def test_several_workers_at_once_tell_it_once(house: House, campaign: str) -> None:
    await definitions.pause(campaign, note=WHY)
    await asyncio.gather(*(tell_stops(house.runtime) for _ in range(4)))
    assert len(house.server.to("message/send")) == 1


async def test_a_channel_that_waits_for_a_person_is_told_and_one_that_rests_is_not(house: House) -> None:
    await outbox.close_channel(ChannelName.EMAIL, "渠道停了：535 auth failed")
    resting = house.runtime.clock() + timedelta(hours=1)
    await outbox.close_channel(ChannelName.SMS, "今天的额度用完", until=resting)
    assert await tell_stops(house.runtime) == 1
    (card,) = house.server.to("message/send")
    assert "邮件" in card["textcard"]["title"]


async def test_what_a_person_paused_is_told_to_nobody(house: House, campaign: str) -> None:
    await definitions.pause(campaign, note=definitions.BY_HAND)
    assert await tell_stops(house.runtime) == 0


async def test_a_stop_that_comes_again_after_it_was_mended_is_told_again(house: House, campaign: str) -> None:
    await definitions.pause(campaign, note=WHY)
    await tell_stops(house.runtime)
    await definitions.resume(campaign, now=house.runtime.clock())
    [mark] = await marks.read_marks("told:")
    await Mark.filter(key=mark).update(value=f"{(datetime.now(UTC) - timedelta(hours=1)).isoformat()} x")
    assert await tell_stops(house.runtime) == 0
    assert await marks.read_marks("told:") == {}
    await definitions.pause(campaign, note=WHY)
    assert await tell_stops(house.runtime) == 1


async def test_where_nobody_takes_the_others_it_stands_on_the_pages_alone(house: House, campaign: str) -> None:
    house.staff_file.write_text("", encoding="utf-8")
    await definitions.pause(campaign, note=WHY)
    assert await tell_stops(house.runtime) == 0
    assert await marks.read_marks("told:") == {}
