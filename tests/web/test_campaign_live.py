"""A campaign's page asks for its numbers again as long as they may change, and for itself when more than they did."""

import re
from datetime import timedelta

import httpx
import pytest

from bot.runtime import Runtime
from campaigns import definitions, edits, planner
from campaigns.models import Message
from tests.web_cast import NOW, add_contact, add_member, add_unread, approved

KEY = "unread_resumes"
PAGE = f"/campaigns/{KEY}"
HTMX = {"hx-request": "true"}


def asked_again(text: str) -> str:
    """The address that the numbers are asked from every five seconds; "" where they are not."""
    found = re.search(r'id="progress"[^>]* hx-get="([^"]+)" hx-trigger="every 5s"', text)
    return found[1].replace("&amp;", "&") if found else ""


@pytest.fixture
async def one_to_write_to(runtime: Runtime) -> None:
    member = await add_member("Q1")
    await add_contact(member)
    await add_unread(member, "P1", 5)


async def on_start(runtime: Runtime) -> None:
    files = await definitions.standing_files(runtime.settings.huifang_templates, KEY)
    text = files["campaign.toml"].partition("[schedule]")[0] + '[schedule]\nkind = "on_start"\n'
    text = re.sub(r"(?m)^segment = .*$", 'segment = "all"', re.sub(r"(?m)^hold_out = .*$", "hold_out = 0", text))
    await edits.write_files(KEY, {"campaign.toml": text}, by="营销甲", now=NOW)
    await approved(runtime, KEY)
    await planner.begin_campaign(KEY, NOW, runtime.rulebook)


@pytest.mark.usefixtures("one_to_write_to")
async def test_an_approved_one_shows_its_progress_by_itself_and_rests_when_it_is_over(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await on_start(runtime)
    page = (await browser.get(PAGE)).text
    assert "正在排，几秒钟就有数" in page
    address = asked_again(page)
    assert "HX-Trigger" not in (await browser.get(address, headers=HTMX)).headers

    await planner.plan_due(NOW, runtime.rulebook)
    answer = await browser.get(address, headers=HTMX)
    assert answer.headers["HX-Trigger"] == "moved"
    page = (await browser.get(PAGE)).text
    assert 'hx-trigger="moved from:body"' in page
    assert "走到哪一步" in page
    address = asked_again(page)
    assert "HX-Trigger" not in (await browser.get(address, headers=HTMX)).headers

    assert await Message.all().update(state="delivered", due_at=None)
    assert asked_again((await browser.get(address, headers=HTMX)).text) == ""
    assert asked_again((await browser.get(PAGE)).text) == ""


async def test_one_whose_date_is_still_to_come_is_looked_at(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    page = (await browser.get(PAGE)).text
    assert "还没有发过" in page
    assert asked_again(page)


async def test_what_somebody_else_stopped_is_read_anew(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await approved(runtime, KEY)
    await definitions.start(KEY, now=NOW)
    address = asked_again((await browser.get(PAGE)).text)
    await definitions.cancel(KEY)
    answer = await browser.get(address, headers=HTMX)
    assert answer.headers["HX-Trigger"] == "moved"
    assert asked_again(answer.text) == ""


@pytest.mark.usefixtures("one_to_write_to")
async def test_receipts_are_waited_for_a_day(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await on_start(runtime)
    await planner.plan_due(NOW, runtime.rulebook)
    assert await Message.all().update(state="sent", due_at=None)
    assert asked_again((await browser.get(PAGE)).text)
    runtime.clock.set(NOW + timedelta(days=2))  # type: ignore[attr-defined]
    assert asked_again((await browser.get(PAGE)).text) == ""


async def test_a_draft_is_not_asked_for(browser: httpx.AsyncClient) -> None:
    assert asked_again((await browser.get(PAGE)).text) == ""
