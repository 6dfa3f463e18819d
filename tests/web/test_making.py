"""A campaign is made: from another or from nothing, step by step, to where somebody else answers for it."""

import asyncio
import re
from typing import Any

import httpx

from bot.runtime import Runtime
from campaigns import approvals, definitions
from campaigns.models import AuditEntry
from tests.web_cast import add_contact, add_member, add_unread

HOSTILE = "<script>alert(1)</script>\"'{{ site.name }}" + "长" * 17


async def make(browser: httpx.AsyncClient, title: str = "十二月提醒", **given: Any) -> str:
    """A new campaign; returns its key."""
    data = {"title": title, "source": "unread_resumes", **given}
    answer = await browser.post("/campaigns/new", data=data)
    assert answer.status_code == 303, answer.text
    found = re.fullmatch(r"/campaigns/([a-z0-9_]+)/make/audience", answer.headers["location"])
    assert found
    return found[1]


async def table_of(runtime: Runtime, key: str) -> definitions.Definition:
    return (await definitions.load_campaign(runtime.settings.huifang_templates, key)).definition


async def settled(browser: httpx.AsyncClient, path: str) -> str:
    """A part that is worked out beside its page."""
    for _ in range(400):
        page = (await browser.get(path, headers={"hx-request": "true"})).text
        if "正在算" not in page:
            return page
        await asyncio.sleep(0.01)
    raise AssertionError(page)


async def some(n: int = 3) -> None:
    for number in range(n):
        member = await add_member(f"Q{number}", f"大同{number}号商行")
        await add_contact(member, mobile=f"1548350303{number}", email=f"a{number}@datong.example")
        await add_unread(member, f"P{number}", number + 1)


async def test_the_whole_way_from_new_to_submitted(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await some()
    page = (await browser.get("/campaigns/new")).text
    assert 'value="unread_resumes"' in page
    assert 'value="auto_replies"' not in page
    key = await make(browser)
    assert key == "shi_er_yue_ti_xing"
    steps = f"/campaigns/{key}/make"
    answer = await browser.post(f"{steps}/audience", data={"way": "line", "rule": "unread_resumes >= 2"})
    assert answer.headers["location"] == f"{steps}/purpose"
    purpose = {"title": "十二月未读", "kind": "service", "goal": "unread_resumes = 0", "hold_out": "5"}
    answer = await browser.post(f"{steps}/purpose", data={**purpose, "useless_n": "3", "useless_unit": "d"})
    assert answer.headers["location"] == f"{steps}/words"
    answer = await browser.post(f"{steps}/when", data={"form": "on_start", "at": "09:30"})
    assert answer.headers["location"] == f"{steps}/check"
    made = await table_of(runtime, key)
    assert (made.title, made.segment, made.goal, made.hold_out) == (
        "十二月未读", "unread_resumes >= 2", "unread_resumes = 0", 0.05,
    )  # fmt: skip
    page = (await browser.get(f"{steps}/check")).text
    assert "没有要改的" in page
    assert "送审2家" in page
    answer = await browser.post(f"{steps}/check/submit")
    assert answer.headers["location"] == f"/campaigns/{key}"
    (asked,) = await approvals.waiting_requests()
    assert (asked.campaign, asked.audience) == (key, 2)
    assert await AuditEntry.filter(action="campaign_submitted", subject=f"campaign/{key}").count() == 1


async def test_the_numbers_come_by_themselves_and_need_no_script(browser: httpx.AsyncClient) -> None:
    await some()
    key = await make(browser)
    await browser.post(f"/campaigns/{key}/make/audience", data={"way": "line", "rule": "all"})
    page = await settled(browser, f"/campaigns/{key}/make/check/numbers")
    assert "规则选中" in page
    assert "3家" in page
    left = await settled(browser, f"/campaigns/{key}/make/audience/left-out?rule=unread_resumes > 1")
    assert "2家" in left
    plain = (await browser.get(f"/campaigns/{key}/make/check/numbers")).text
    assert "<!doctype html>" in plain.lower()
    assert "规则选中" in plain
