"""Automatic answers are off at first: the lists say so, and lead to where they are turned on."""

import httpx

from bot.commands import campaigning
from bot.runtime import Runtime
from bot.settings import Settings
from campaigns import approvals, definitions
from campaigns.rights import Role
from tests.web_cast import as_staff

KEY = "auto_replies"
OFF = "“自动回答”还没有开"


async def test_the_list_says_that_nobody_is_answered_automatically_until_it_is_approved(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    page = (await browser.get("/campaigns")).text
    assert OFF in page
    assert f'href="/campaigns/{KEY}/make/check"' in page
    async with as_staff(runtime, Role.VIEWER, name="只看") as viewer:
        seen = (await viewer.get("/campaigns")).text
        assert OFF in seen
        assert f'href="/campaigns/{KEY}/make/check"' not in seen
    assert (await browser.get(f"/campaigns/{KEY}/make/check")).status_code == 200
    assert (await browser.post(f"/campaigns/{KEY}/make/check/submit")).status_code == 303
    [asked] = await approvals.waiting_requests()
    async with as_staff(runtime, Role.MANAGER, name="程雪") as manager:
        done = await manager.post(f"/campaigns/approvals/{asked.id}/approve")
        assert done.status_code == 303, done.text
    assert (await definitions.read_campaign(KEY)).state == "running"
    assert OFF not in (await browser.get("/campaigns")).text


async def test_they_are_turned_on_by_a_command_as_well(sqlite_database: Settings) -> None:
    await campaigning.approve(sqlite_database, KEY, "李娜")
    began = await campaigning.start(sqlite_database, KEY, None)
    assert (began["state"], began["audience"]) == ("running", 0)
