"""The inbox in a real browser: what comes in while one types, answers kept ready, sending by the keyboard."""

import pytest
from playwright.async_api import expect

from bot.commands.serving import House
from bot.conductor import Conductor
from campaigns import conversations
from campaigns.models import Contact, Conversation, Member, Message
from tests.browser.house import sandbox_of
from tests.browser.surfing import NARROW, WIDE, Surfer
from tests.cast import NOW

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(300)]

_PATIENCE = 30_000  # milliseconds; the page asks every five seconds


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_an_answer_comes_in_while_one_types_and_what_was_typed_stays(
    furnished: House, surfer: Surfer, size: tuple[int, int]
) -> None:
    talk = await Conversation.filter(medium="wechat").first()
    assert talk
    contact, member = await Contact.get(id=talk.contact_id), await Member.get(id=talk.member_id)
    await conversations.save_canned(
        None, title="收不到验证码", text="{联系人}您好，看看“骚扰拦截”。", by="程雪", now=NOW
    )
    page = await surfer.colleague(size=size, name="林晓芸")
    await page.goto(f"/inbox/{member.no}")
    box = page.get_by_label("要说的话")
    await box.press("/")
    await page.get_by_role("link", name="收不到验证码").click()
    await expect(box).to_have_value(f"{contact.name}您好，看看“骚扰拦截”。")
    await sandbox_of(furnished).wechat.write(contact.openid or "", "在吗，还是不行")
    await expect(page.locator("#chat")).to_contain_text("在吗，还是不行", timeout=_PATIENCE)
    await expect(box).to_have_value(f"{contact.name}您好，看看“骚扰拦截”。")
    await box.focus()
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#chat .msg--out").last).to_contain_text("看看“骚扰拦截”", timeout=_PATIENCE)
    await Conductor(furnished.runtime, furnished.sandbox).settle()
    await expect(page.locator("#chat .msg--out").last).to_contain_text("林晓芸，已发", timeout=_PATIENCE)
    assert await Message.filter(occurrence__campaign__key="by_hand").count() == 1
    await page.get_by_role("button", name="办完了").click()
    await expect(page.locator("#chat")).to_contain_text("办完了，再来消息会重新打开", timeout=_PATIENCE)
