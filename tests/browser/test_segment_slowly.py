"""Somebody who builds a segment is quicker than the network."""

import asyncio

import pytest
from playwright.async_api import Route, expect

from bot.commands.serving import House
from campaigns.rights import Role
from tests import cast
from tests.browser.surfing import Surfer

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_value_typed_while_a_field_is_on_its_way_is_kept_and_counted(home: House, surfer: Surfer) -> None:
    await cast.crowd(12)
    page = await surfer.colleague(Role.MANAGER)
    await page.goto("/segments/new?rule=logins+%3D+3")
    value, asked, go_on = page.get_by_label("值", exact=True), asyncio.Event(), asyncio.Event()

    async def slowly(route: Route) -> None:
        asked.set()
        await go_on.wait()
        await route.continue_()

    await page.route("**/segments/look?by=all", slowly)
    await page.get_by_label("字段").select_option("idle_days")
    await asked.wait()
    await value.fill("90")
    await page.wait_for_timeout(800)  # longer than typing is waited for: what it asks must not be overtaken
    async with page.expect_response("**/segments/look?by=all"):
        go_on.set()
    await expect(page.get_by_label("规则")).to_have_value("idle_days = 90")
    await expect(value).to_have_value("90")
