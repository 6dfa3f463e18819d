"""Over every page stands the sandbox's time; a manager says whether it jumps."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta
from typing import cast

import httpx
import pytest

from bot.channels.base import Channel
from bot.conductor import Conductor
from bot.runtime import Runtime
from campaigns import marks
from campaigns.models import AuditEntry, Campaign, Message, Occurrence
from campaigns.rights import Role
from campaigns.terms import ChannelName
from tests.web_cast import NOW, add_contact, add_member, add_message, approved, as_staff


async def test_every_page_tells_the_sandboxes_time_and_that_it_jumps(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/tasks")).text
    assert "演练时间：2026年" in page
    assert "时钟就一步步跳到要发的那一刻" in page


async def test_a_manager_lets_it_go_at_real_pace_and_jump_again(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.MANAGER) as manager:
        answer = await manager.post("/virtual-time", data={"pace": "real", "to": "/tasks"})
        assert answer.headers["location"] == "/tasks"
        assert "时钟现在照真实快慢走" in (await manager.get("/tasks")).text
        await manager.post("/virtual-time", data={"pace": "jump", "to": "https://elsewhere.example/"})
        assert "时钟就一步步跳到要发的那一刻" in (await manager.get("/tasks")).text
    assert await AuditEntry.filter(action="clock_changed").count() == 2


async def test_an_agent_reads_the_time_and_has_no_button(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.AGENT) as agent:
        page = (await agent.get("/tasks")).text
    assert "演练时间：" in page
    assert "/virtual-time" not in page


async def test_by_the_walls_clock_nothing_is_said_of_it(runtime: Runtime) -> None:
    runtime.clock._virtual = None
    async with as_staff(runtime) as admin:
        assert "演练时间" not in (await admin.get("/tasks")).text
        assert (await admin.post("/virtual-time", data={"pace": "real"})).status_code == 404


@pytest.mark.parametrize("jumps", [True, False])
async def test_the_clock_goes_on_to_what_waits_unless_it_is_to_go_at_real_pace(runtime: Runtime, jumps: bool) -> None:
    await _message_in_three_days(runtime)
    if not jumps:
        await marks.write_mark(marks.AT_REAL_PACE, "1")
    await _follow(runtime, seconds=1.5)
    assert (runtime.clock() >= NOW) is jumps


async def _message_in_three_days(runtime: Runtime) -> None:
    member = await add_member("Q1")
    contact = await add_contact(member, email="li@example.com")
    campaign = await approved(runtime, "unread_resumes")
    await add_message(campaign, member, contact, state="planned", sent_at=None)
    await Campaign.filter(id=campaign.id).update(state="running")
    await Occurrence.all().update(planned_at=NOW)
    await Message.all().update(due_at=NOW)
    runtime.clock.set(NOW - timedelta(days=3))
    runtime.planning_held = True


async def _follow(runtime: Runtime, *, seconds: float) -> None:
    """For so long, before a channel that nobody sends on."""
    standing = replace(runtime, channels={ChannelName.EMAIL: cast(Channel, object())})
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(Conductor(standing, None).follow(), seconds)
