"""设置: the policy and the calendar, edited by staff, followed by every process."""

from datetime import date, time

import httpx
import pytest

from bot.clock import ProductClock
from bot.commands.doctor import examine
from bot.runtime import Runtime, open_runtime, read_rules
from bot.worker import look
from campaigns import edits
from campaigns.models import AuditEntry, FileEdit
from campaigns.terms import MessageClass
from tests.web_cast import NOW

TUESDAY = date(2026, 11, 24)


async def policy_form(browser: httpx.AsyncClient, **changed: str) -> dict[str, str]:
    page = (await browser.get("/settings/policy")).text
    version = page.partition('name="version" value="')[2].partition('"')[0]
    return {"version": version, **{key.replace("__", "."): value for key, value in changed.items()}}


async def test_a_worker_and_a_page_follow_a_new_limit(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    """Two processes on one database: what is typed in one is the other's rule at its next look."""
    clock = ProductClock()
    clock.set(NOW)
    async with open_runtime(runtime.settings, clock=clock) as worker:
        data = await policy_form(browser, hours__marketing__from="10:30", doubt__pause_hours="48")
        assert (await browser.post("/settings/policy", data=data)).status_code == 303
        assert runtime.rulebook.policy.hours[MessageClass.MARKETING].opens == time(10, 30)
        assert worker.rulebook.policy.hours[MessageClass.MARKETING].opens == time(9)
        await look({"runtime": worker})
        assert worker.rulebook.policy.hours[MessageClass.MARKETING].opens == time(10, 30)
        await browser.post("/settings/calendar", data={"day": "2026-11-24", "kind": "off", "reason": "停电"})
        assert worker.rulebook.calendar.is_workday(TUESDAY)
        await look({"runtime": worker})
        assert not worker.rulebook.calendar.is_workday(TUESDAY)
    policy, calendar = await read_rules(runtime.settings)  # as a command reads them
    assert policy.doubt_pause.total_seconds() == 48 * 3600
    assert not calendar.is_workday(TUESDAY)


async def test_an_edit_keeps_the_comments_and_says_who_made_it(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await browser.post("/settings/policy", data=await policy_form(browser, company__touches__高端="1"))
    (edit,) = await edits.versions_of(edits.TOP, "policy.toml")
    on_disk = (runtime.settings.huifang_templates / "policy.toml").read_text(encoding="utf-8")
    assert edit.text == on_disk.replace('"高端" = 2', '"高端" = 1')
    assert edit.by in (await browser.get("/settings/policy")).text
    entry = await AuditEntry.filter(action="setting_changed").get()
    assert entry.detail == {"company.touches.高端": "2 → 1"}


@pytest.mark.parametrize(
    ("changed", "faults"),
    [
        ({"hours__marketing__from": "9点"}, ["e-hours-marketing-from"]),
        ({"hours__marketing__from": "21:00"}, ["e-hours-marketing-to"]),
        ({"hours__marketing__days": "sometimes"}, ["e-hours-marketing-days"]),
        ({"company__window_days": "0", "doubt__pause_hours": "-1"}, ["e-company-window_days", "e-doubt-pause_hours"]),
        ({"contact__marketing_sms": "<script>alert(1)"}, ["e-contact-marketing_sms"]),
        ({"contact__marketing_sms": ""}, ["e-contact-marketing_sms"]),
        ({"advice__rest_days": "x"}, ["e-advice-rest_days"]),
        ({"advice__renewal_from": "30"}, ["e-advice-renewal_to"]),
    ],
)
async def test_a_wrong_limit_changes_nothing_and_says_so_beside_the_field(
    browser: httpx.AsyncClient, changed: dict[str, str], faults: list[str]
) -> None:
    answer = await browser.post("/settings/policy", data=await policy_form(browser, **changed))
    assert answer.status_code == 422
    assert all(f'class="err" id="{one}"' in answer.text for one in faults)
    assert answer.text.count('class="err"') == len(faults)
    assert "<script>alert" not in answer.text
    assert await FileEdit.all().count() == 0


async def test_two_who_change_the_policy_at_once_do_not_overwrite_each_other(browser: httpx.AsyncClient) -> None:
    first = await policy_form(browser, doubt__pause_hours="48")
    second = await policy_form(browser, doubt__pause_hours="12")
    assert (await browser.post("/settings/policy", data=first)).status_code == 303
    answer = await browser.post("/settings/policy", data=second)
    assert answer.status_code == 409
    assert "别人改过了" in answer.text
    assert await FileEdit.all().count() == 1


async def test_a_day_off_is_added_and_taken_away(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    reason = '停电<script>alert(1)</script>"'
    await browser.post("/settings/calendar", data={"day": "2026-11-24", "kind": "off", "reason": reason})
    page = (await browser.get("/settings/calendar")).text
    assert "停电&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert not runtime.rulebook.calendar.is_workday(TUESDAY)
    await browser.post("/settings/calendar/remove", data={"day": "2026-11-24"})
    assert runtime.rulebook.calendar.is_workday(TUESDAY)
    assert (await browser.post("/settings/calendar/remove", data={"day": "nonsense"})).status_code == 303


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"day": "11月24日", "kind": "off", "reason": "x"}, "日期写成2026-11-24这样"),
        ({"day": "2020-01-01", "kind": "off", "reason": "x"}, "写今天以后"),
        ({"day": "2026-11-24", "kind": "maybe", "reason": "x"}, "选放假还是上班"),
        ({"day": "2026-11-24", "kind": "off", "reason": " "}, "写上原因"),
        ({"day": "2026-11-24", "kind": "off", "reason": "长" * 255}, "写上原因"),
    ],
)
async def test_a_wrong_day_changes_nothing(browser: httpx.AsyncClient, data: dict[str, str], words: str) -> None:
    answer = await browser.post("/settings/calendar", data=data)
    assert answer.status_code == 422
    assert words in answer.text
    assert await FileEdit.all().count() == 0


async def test_an_edit_that_cannot_be_read_leaves_the_rules_as_they_were(runtime: Runtime) -> None:
    await edits.write_files(edits.TOP, {"policy.toml": "[hours.marketing]\nfrom = 9"}, by="x", now=NOW)
    before = runtime.rulebook
    await look({"runtime": runtime})
    assert runtime.rulebook is before
    (rules,) = [one for one in (await examine(runtime.settings))["checks"] if one["name"] == "rules"]
    assert not rules["ok"]
    assert "hours.marketing.from" in rules["detail"]
