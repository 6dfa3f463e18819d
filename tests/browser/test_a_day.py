"""What staff do in a day, from page to page, with nothing but the screen."""

import pytest
from playwright.async_api import expect

from bot.commands.serving import House
from bot.conductor import Conductor
from campaigns.models import Contact, SavedSegment, Touch
from campaigns.rights import Role
from campaigns.terms import ChannelName
from tests import cast
from tests.browser.hands import answer_as_customer, look_at_phone, open_conversation, save_segment, write_answer
from tests.browser.house import ledger, start
from tests.browser.surfing import NARROW, Surfer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]


@pytest.mark.parametrize("script", [True, False])
async def test_a_customer_answers_on_the_phone_page_and_is_answered_from_the_inbox(
    home: House, surfer: Surfer, script: bool
) -> None:
    player, conductor = await cast.jinbei(), Conductor(home.runtime, home.sandbox)
    await Contact.filter(id=player.contact_id).update(openid=None)
    await start(home, "unread_resumes")
    await conductor.settle()
    [arrived] = ledger(home, ChannelName.EMAIL)
    customer, staff = await surfer.stranger(NARROW), await surfer.colleague(java_script_enabled=script)

    await answer_as_customer(customer, home, arrived, "忘记密码了，怎么登录？")
    await conductor.settle()
    await open_conversation(staff, "晋北餐饮")
    await expect(staff.locator("#chat")).to_contain_text("忘记密码了")
    await write_answer(staff, "我把登录链接发到您邮箱了，点开就能看简历。")
    await conductor.settle()
    await look_at_phone(customer, home, arrived)
    await expect(customer.locator("main")).to_contain_text("我把登录链接发到您邮箱了")

    await staff.goto(f"/members/{player.no}")
    for words in ("忘记密码了", "我把登录链接发到您邮箱了"):
        await expect(staff.locator("main")).to_contain_text(words)
    assert await Touch.filter(member_id=player.member_id).count() == 3


async def test_a_segment_is_counted_while_it_is_written_and_saved(home: House, surfer: Surfer) -> None:
    await cast.crowd(12)
    page = await surfer.colleague(Role.MANAGER)
    await page.goto("/segments/new")
    await page.get_by_label("规则").fill("idle_days >= 90")
    await expect(page.locator("#look, #side").first).to_contain_text("12")
    await save_segment(page, "三个月没来", "idle_days >= 90")
    assert (await SavedSegment.get(name="三个月没来")).rule


async def test_keys_do_what_hands_do(home: House, surfer: Surfer) -> None:
    await cast.crowd(3)
    page = await surfer.colleague()
    await page.goto("/members")
    await page.keyboard.press("/")
    await page.keyboard.type("第1002")
    await page.keyboard.press("Enter")
    await expect(page.locator("main")).to_contain_text("第1002商行")
    await expect(page.locator("main")).not_to_contain_text("第1003商行")
    await page.goto("/")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    assert home.web.url in page.url
