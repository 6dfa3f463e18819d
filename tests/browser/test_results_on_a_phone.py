"""An outcome is recorded on a phone, in the dark: what is wrong is beside its field, and what came of it is listed."""

import pytest
from playwright.async_api import expect

from bot.commands.serving import House
from campaigns.rights import Role
from tests.addresses import Address
from tests.browser.surfing import NARROW, Surfer
from tests.browser.test_every_page import _TOO_WIDE, violations
from tests.web_cast import add_contact, add_member

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]
PAGES = ("/visits/new?member=Q1", "/problems", "/problems/mended", "/statistics/problems", "/promises", "/plans")


async def test_an_outcome_is_recorded_with_a_thumb(home: House, surfer: Surfer) -> None:
    member = await add_member("Q1", "大同机械制造有限公司第一分公司", owner="林", trade="制造业")
    await add_contact(member, email="c@datong.example")
    page = await surfer.colleague(Role.AGENT, NARROW, name="林", color_scheme="dark", reduced_motion="reduce")
    await page.goto("/members/Q1")
    await page.get_by_role("link", name="记一次联系").click()
    await page.get_by_text("接通，谈完").click()
    await page.get_by_text("上门", exact=True).click()
    await page.get_by_text("不满", exact=True).click()
    await page.locator("summary", has_text="有问题").click()
    await page.get_by_label("哪一类").select_option(label="登录不上")
    await page.get_by_label("原因").fill("忘了密码，找回的短信收不到")
    await page.locator("summary", has_text="答应了什么").click()
    await page.locator("#promise").fill("今天之内把密码改好")
    await page.get_by_role("button", name="记下结果").click()
    surfer.forgive("/visits/new")
    await expect(page.locator("#e-promise_on")).to_have_text("答应了就定个日子，到时提醒你")
    await expect(page.get_by_label("原因")).to_have_value("忘了密码，找回的短信收不到")
    await page.locator("#promise_on").fill(f"{home.runtime.clock():%Y-%m-%d}")
    await page.get_by_role("button", name="记下结果").click()
    await expect(page.get_by_text("这次联系记下了。")).to_be_visible()
    await page.goto("/problems?category=login")
    await page.get_by_role("button", name="这一类没解决的1个都解决了").click()
    await page.get_by_role("link", name="修好了还没告诉客户的1个").click()
    await expect(page.get_by_role("button", name="告诉1家")).to_be_visible()
    for path in PAGES:
        await page.goto(path)
        assert not await page.evaluate(_TOO_WIDE), path
        assert await violations(page, Address(path, path)) == []
    await page.goto("/problems/mended")
    await page.get_by_role("button", name="告诉1家").click()
    await expect(page.get_by_text("发给1家，开了0个任务。")).to_be_visible()
