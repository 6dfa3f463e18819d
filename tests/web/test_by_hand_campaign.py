"""What colleagues write by hand is a campaign too, one without a date: every page can show it."""

import re

import httpx
import pytest

from bot.runtime import Runtime
from campaigns import definitions
from campaigns.models import AuditEntry, Campaign
from tests.addresses import addresses
from tests.web_cast import add_contact, add_member


async def write_by_hand(browser: httpx.AsyncClient) -> None:
    member = await add_member("Q1")
    contact = await add_contact(member)
    found = re.search(r'name="nonce" value="([^"]+)"', (await browser.get("/inbox/Q1")).text)
    assert found
    data = {"way": f"{contact.id}:email", "text": "您好", "nonce": found[1], "back": "/inbox/Q1"}
    assert (await browser.post("/members/Q1/write", data=data)).status_code == 303


async def test_every_page_can_be_opened_after_somebody_wrote_by_hand(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await write_by_hand(browser)
    assert (await Campaign.get()).key == "by_hand"
    failed = {one.url: (await browser.get(one.url)).status_code for one in await addresses()}
    assert {url: status for url, status in failed.items() if status >= 500} == {}
    assert "同事写一条发一条" in (await browser.get("/campaigns/by_hand")).text


async def test_it_is_no_event_of_the_calendar(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await write_by_hand(browser)
    assert "/campaigns/by_hand" not in (await browser.get("/calendar")).text


@pytest.mark.parametrize("step", ["audience", "purpose", "words", "when", "check"])
async def test_its_steps_do_not_fail(browser: httpx.AsyncClient, step: str) -> None:
    await write_by_hand(browser)
    assert (await browser.get(f"/campaigns/by_hand/make/{step}")).status_code < 500


async def test_its_page_reports_and_offers_nothing_that_makes_no_sense(browser: httpx.AsyncClient) -> None:
    await write_by_hand(browser)
    page = (await browser.get("/campaigns/by_hand")).text
    assert "走到哪一步" in page
    for offered in ("#start", "#pause", "#cancel", "/make/", 'action="/campaigns/by_hand/'):
        assert offered not in page, offered


@pytest.mark.parametrize("what", ["start", "pause", "cancel"])
async def test_it_is_neither_started_nor_stopped(browser: httpx.AsyncClient, what: str) -> None:
    await write_by_hand(browser)
    answer = await browser.post(f"/campaigns/by_hand/{what}")
    assert answer.status_code == 409
    assert "同事手写的话" in answer.text
    assert (await Campaign.get()).state == "running"
    assert await AuditEntry.filter(action="campaign_changed").count() == 0


async def test_what_was_paused_elsewhere_goes_on_from_its_page(browser: httpx.AsyncClient) -> None:
    await write_by_hand(browser)
    await definitions.pause("by_hand", note="退回太多")
    page = (await browser.get("/campaigns/by_hand")).text
    assert 'href="#resume"' in page
    assert "#cancel" not in page
    assert (await browser.post("/campaigns/by_hand/resume")).status_code == 303
    assert (await Campaign.get()).state == "running"


@pytest.mark.parametrize("step", ["audience", "purpose", "words", "when", "check/submit", "check/start"])
async def test_its_steps_are_refused(browser: httpx.AsyncClient, step: str) -> None:
    await write_by_hand(browser)
    answer = await browser.post(f"/campaigns/by_hand/make/{step}", data={"go": "check"})
    assert answer.status_code == 404
    assert "没有这个营销活动" in answer.text
