"""A campaign that is stopped while it is being sent, and goes on to its end."""

import re

import pytest
from playwright.async_api import Page, expect

from bot.commands.serving import House
from campaigns import outbox
from campaigns.models import Contact
from campaigns.rights import Role
from campaigns.terms import ChannelName
from tests import cast
from tests.browser.house import ledger, sandbox_of, start
from tests.browser.surfing import Surfer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

CROWD = 600
KEY = "unread_resumes"


async def test_what_is_paused_half_way_stands_still_and_goes_on_to_its_end(home: House, surfer: Surfer) -> None:
    await cast.crowd(CROWD, unread=4)
    await Contact.all().update(mobile=None)
    relay = sandbox_of(home).relay
    relay.faults.shares(delay=1.0)
    relay.delay_seconds = 0.3  # ten at a time: twenty seconds for all
    page = await surfer.colleague(Role.MANAGER)
    await start(home, KEY)

    await page.goto("/campaigns")
    await expect(page.get_by_role("row", name="未读简历提醒").get_by_label(re.compile("等回执[1-9]"))).to_be_visible()
    await page.get_by_role("link", name="未读简历提醒").click()
    await page.get_by_role("link", name="暂停", exact=True).click()
    asked = page.get_by_role("dialog", name="暂停？还有")
    await expect(asked.get_by_role("heading")).to_have_text(re.compile(r"暂停？还有\d+条没发"))
    await asked.get_by_role("button", name=re.compile(r"暂停\d+条")).click()
    await expect(page.get_by_role("status")).to_contain_text("暂停了")

    still = await come_to_rest(page)
    gone = len(ledger(home, ChannelName.EMAIL))
    relay.delay_seconds = 0.0
    for _ in range(2):
        assert await next_look(page) == still
    assert len(ledger(home, ChannelName.EMAIL)) == gone < CROWD

    await page.get_by_role("link", name="继续发", exact=True).click()
    asked = page.get_by_role("dialog", name="继续发剩下的")
    await asked.get_by_role("button", name=re.compile(r"继续发\d+条")).click()
    await expect(page.get_by_role("status")).to_contain_text("接着发了")
    await expect(page.get_by_role("region", name="进度").get_by_role("img")).to_have_accessible_name(
        re.compile("待发0，")
    )
    assert len(ledger(home, ChannelName.EMAIL)) > gone


async def come_to_rest(page: Page) -> str:
    """The bar once what was on the wire when it was stopped has come to its end."""
    while await outbox.on_the_wire():
        await next_look(page)
    return await next_look(page)


async def next_look(page: Page) -> str:
    """The bar, in words, when the page has asked for it again."""
    async with page.expect_response(re.compile("/progress"), timeout=30_000):
        pass
    return await page.get_by_role("region", name="进度").get_by_role("img").get_attribute("aria-label") or ""
