"""设置 · 诊断: from which figure on something is a finding is set there, and every place that diagnoses follows."""

import re
from datetime import timedelta

import httpx
import pytest

from bot.runtime import Runtime
from campaigns.members.findings import refresh_findings
from campaigns.models import Application, AuditEntry
from tests.web_cast import NOW, add_member, add_unread

AT = "/settings/diagnosis"


async def change(browser: httpx.AsyncClient, **typed: str) -> httpx.Response:
    version = re.search(r'name="version" value="(\d+)"', (await browser.get(AT)).text)
    assert version
    given = {f"diagnosis.{key}": value for key, value in typed.items()}
    return await browser.post(AT, data={"version": version[1], **given})


async def test_what_is_set_rules_the_brief_the_night_and_the_settings(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await add_unread(await add_member("Q1"), "P1", 4)
    await Application.all().update(applied_at=NOW - timedelta(days=9))
    limits = runtime.rulebook.policy.diagnosis
    assert "unread" in await refresh_findings(NOW, limits)
    before = (await browser.get("/members/Q1/brief")).text
    assert (await change(browser, unread_least="5", stale_days="30")).headers["location"] == f"{AT}?done=2"
    limits = runtime.rulebook.policy.diagnosis
    assert (limits.unread_at_least, limits.stale_after) == (5, timedelta(days=30))
    assert "unread" not in await refresh_findings(NOW, limits)
    assert (await browser.get("/members/Q1/brief")).text != before
    assert 'name="diagnosis.unread_least" value="5"' in (await browser.get(AT)).text
    assert "3 → 5" in str((await AuditEntry.filter(action="setting_changed").get()).detail)


@pytest.mark.parametrize(
    ("key", "typed"),
    [("unread_least", "0"), ("unread_least", "三"), ("pay_percent", "99"), ("renew_to", "9"), ("reads_least", "11")],
)
async def test_what_is_no_figure_is_refused_beside_its_field_and_nothing_kept(
    runtime: Runtime, browser: httpx.AsyncClient, key: str, typed: str
) -> None:
    answer = await change(browser, **{key: typed})
    assert answer.status_code == 422
    assert f'id="e-diagnosis-{key}"' in answer.text
    assert runtime.rulebook.policy.diagnosis.unread_at_least == 3
    assert await AuditEntry.filter(action="setting_changed").count() == 0
