"""The status page of a restored copy says that it waits, how much is uncertain, and how to go on."""

from datetime import timedelta

import httpx

from bot.runtime import Runtime
from campaigns import restored
from campaigns.restored import Uncertain
from campaigns.terms import ChannelName
from tests.web_cast import NOW, add_contact, add_member, add_message, approved


async def test_a_held_copy_says_so_until_it_is_released(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    assert "从备份恢复" not in (await browser.get("/")).text
    campaign, member = await approved(runtime, "unread_resumes"), await add_member("Q1")
    contact = await add_contact(member)
    await add_message(campaign, member, contact, channel=ChannelName.SMS, state="queued", sent_at=None)
    await restored.hold(made_at=NOW, now=NOW + timedelta(hours=1))
    page = (await browser.get("/")).text
    assert "从备份恢复" in page
    assert "0条会发，1条说不清" in page
    assert "huifang release --list" in page
    await restored.release(Uncertain.MAIL, now=NOW + timedelta(hours=1))
    assert "从备份恢复" not in (await browser.get("/")).text
