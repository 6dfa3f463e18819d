"""The calendar: days off and festivals as they are known, what was sent and what will be, renewals of one's own."""

import httpx
import pytest

from bot.runtime import Runtime
from campaigns import approvals, definitions, edits, outbox
from campaigns.models import Message
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, add_message, approved, as_staff


async def test_a_month_shows_festivals_days_off_and_make_up_workdays(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/calendar?month=2026-09")).text
    for words in ("2026年9月", "中秋", "教师节", "白露", "八月", ">班<", ">休<", "9月20日 周日上班"):
        assert words in page, words
    assert "还没公布" not in page
    assert 'href="/calendar?month=2026-08"' in page
    assert 'href="/calendar?month=2026-10"' in page


async def test_a_year_that_is_not_announced_says_so(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/calendar?month=2031-10")).text
    assert "2031年放假安排还没公布" in page
    assert "国庆" in page
    assert "2031年放假安排还没公布" in (await browser.get("/calendar/2031-10-01")).text


@pytest.mark.parametrize("month", ["", "2026-13", "0001-01", "9999-12", "<script>", "2026-1", "２０２６-01"])
async def test_a_month_that_is_none_shows_the_present_one(browser: httpx.AsyncClient, month: str) -> None:
    page = await browser.get("/calendar", params={"month": month})
    assert page.status_code == 200
    assert "2026年11月" in page.text


@pytest.mark.parametrize("day", ["2026-02-30", "x", "1800-01-01", "2099-01-01", "<script>", "2026-W10-1"])
async def test_a_day_that_is_none_is_missed_in_words(browser: httpx.AsyncClient, day: str) -> None:
    assert (await browser.get(f"/calendar/{day}")).status_code == 404


async def test_the_edges_of_what_is_known_still_open(browser: httpx.AsyncClient) -> None:
    for path in ("/calendar?month=1903-01", "/calendar?month=2098-12", "/calendar/1903-01-01", "/calendar/2098-12-31"):
        assert (await browser.get(path)).status_code == 200, path


async def test_what_was_sent_what_comes_and_what_was_approved_stand_on_their_days(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    campaign = await approved(runtime, "unread_resumes")
    await approved(runtime, "recruiting_tips")
    member = await add_member("Q200001")
    message_id = await add_message(campaign, member, await add_contact(member))
    await outbox.close_planning((await Message.get(id=message_id)).occurrence_id, NOW)
    await definitions.start("unread_resumes", now=NOW)
    page = (await browser.get("/calendar")).text
    assert 'class="ev ev--done" href="/campaigns/unread_resumes?run=1"' in page
    assert 'class="ev ev--nudge" href="/campaigns/unread_resumes"' in page
    assert 'class="ev ev--ask" href="/campaigns/recruiting_tips"' in page
    day = (await browser.get("/calendar/2026-11-23")).text
    assert "09:30" in day
    assert "发完了" in day


async def test_our_own_days_off_say_why(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await edits.write_files(edits.TOP, {"calendar.toml": '[off]\n2026-11-25 = "<b>停电"\n'}, by="x", now=NOW)
    day = (await browser.get("/calendar/2026-11-25")).text
    assert "&lt;b&gt;停电" in day
    await edits.write_files(edits.TOP, {"calendar.toml": "nonsense ["}, by="x", now=NOW)
    assert (await browser.get("/calendar/2026-11-25")).status_code == 200


async def test_renewals_are_those_of_ones_own_members(runtime: Runtime) -> None:
    for number, owner in enumerate(("程雪", "程雪", "石磊")):
        await add_member(f"Q20000{number}", f"<script>{owner}", owner=owner, plan_expires_on=NOW.date())
    for role, name, seen in ((Role.AGENT, "程雪", 2), (Role.VIEWER, "王", 3), (Role.MARKETER, "丙", 0)):
        async with as_staff(runtime, role, name=name) as client:
            day = (await client.get("/calendar/2026-11-23")).text
            assert f'<span class="sub">{seen}家' in day
            assert day.count("&lt;script&gt;") >= seen
            assert "<script>程" not in day
            month = (await client.get("/calendar")).text
            assert (f"<span>到期</span><em>{seen}</em>" in month) is (seen > 0)


async def test_what_waits_for_approval_and_what_is_paused_stand_on_their_days(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await approved(runtime, "recruiting_tips")
    await definitions.start("recruiting_tips", now=NOW)
    await definitions.pause("recruiting_tips", note="停")
    templates = runtime.settings.huifang_templates
    asked = await approvals.submit(await definitions.load_campaign(templates, "unread_resumes"), 3, by="林", now=NOW)
    page = (await browser.get("/calendar")).text
    assert f'class="ev ev--ask" href="/campaigns/approvals/{asked.id}"' in page
    assert 'class="ev ev--ask" href="/campaigns/recruiting_tips"' in page
    await approvals.refuse(asked.id, by="周", now=NOW, reason="改")
    assert f"/campaigns/approvals/{asked.id}" not in (await browser.get("/calendar")).text
