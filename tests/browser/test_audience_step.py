"""Step 给谁: the radio follows what somebody chooses or writes."""

import pytest
from playwright.async_api import expect

from bot.commands.serving import House
from campaigns import saved_segments
from campaigns.rights import Role
from tests import cast
from tests.browser.surfing import Surfer
from tests.web_cast import NOW

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_who_chooses_a_segment_means_it_and_who_then_goes_back_to_the_rule_means_that(
    home: House, surfer: Surfer
) -> None:
    await cast.crowd(4)
    await saved_segments.save_segment("没人", "logins = 98765", by="林", now=NOW)
    page = await surfer.colleague(Role.MANAGER)
    await page.goto("/campaigns/unread_resumes/make/audience")
    segment, line = page.get_by_label("用一个分群"), page.get_by_label("自己写一行规则")
    found = page.locator("#look .seg-count")
    await expect(line).to_be_checked()
    await page.get_by_label("规则", exact=True).fill("all")
    await expect(found).to_have_text("4家")
    await page.get_by_label("分群", exact=True).select_option("没人")
    await expect(segment).to_be_checked()
    await expect(found).to_have_text("0家")
    await line.check()
    await expect(found).to_have_text("4家")
    await segment.check()
    await expect(found).to_have_text("0家")
    await page.get_by_label("规则", exact=True).fill("all and all")
    await expect(line).to_be_checked()
    await expect(found).to_have_text("4家")
