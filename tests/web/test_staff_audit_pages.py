"""员工 and 审计日志: what somebody leaves is said before, the last admin stays; entries by day, as a table."""

from datetime import UTC, datetime, timedelta

import httpx

from bot.runtime import Runtime
from campaigns import visits
from campaigns.audit import Action, record_audit
from campaigns.models import AuditEntry, StaffAccount
from campaigns.rights import Role
from campaigns.terms import SHANGHAI
from tests.web_cast import NOW, add_colleague, add_member, as_staff

HOSTILE = "<script>alert(1)</script>\"'"


async def test_what_stays_in_a_name_is_told_before_it_loses_the_log_in(browser: httpx.AsyncClient) -> None:
    name = f"{HOSTILE}林"
    lin = await add_colleague(Role.AGENT, name=name, department=f"东区{HOSTILE}")
    for number in range(3):
        member = await add_member(f"Q{number}", owner=name)
    await visits.open_visit(member.id, category="call", cause="x", opened_at=NOW, due_at=NOW)
    form = {"role": "marketer", "department": "东区", "grant": ["export"]}
    question = (await browser.post(f"/staff/{lin.id}", data=form)).text
    assert "3家会员、1件没办完的任务" in question
    assert "<script>alert" not in question
    assert (await StaffAccount.get(id=lin.id)).active
    assert (await browser.post(f"/staff/{lin.id}", data={**form, "sure": "1"})).status_code == 303
    row = await StaffAccount.get(id=lin.id)
    assert (row.active, row.role, row.department, row.grants) == (False, "marketer", "东区", ["export"])
    assert (await browser.post(f"/staff/{lin.id}", data={**form, "active": "1"})).status_code == 303
    assert (await StaffAccount.get(id=lin.id)).active


async def test_the_last_admin_is_not_even_asked(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    boss = await StaffAccount.all().order_by("id").first()
    assert boss is not None
    await add_colleague(Role.ADMIN, active=False)
    for sure in ({}, {"sure": "1"}):
        refused = await browser.post(f"/staff/{boss.id}", data={"role": "admin", **sure})
        assert refused.status_code == 422
        assert "最后一个管理员" in refused.text
    await add_colleague(Role.ADMIN)
    assert "停用1个员工" in (await browser.post(f"/staff/{boss.id}", data={"role": "admin"})).text


async def test_a_one_time_password_ends_the_second_step_too(browser: httpx.AsyncClient) -> None:
    lin = await add_colleague(Role.AGENT, totp_secret="JBSWY3DPEHPK3PXP")
    page = (await browser.post(f"/staff/{lin.id}/password")).text
    assert "一次性密码是" in page
    row = await StaffAccount.get(id=lin.id)
    assert (row.totp_secret, row.one_time) == ("", True)


async def test_the_log_is_filtered_by_a_day_of_shanghai(browser: httpx.AsyncClient) -> None:
    late = datetime(2026, 11, 23, 23, 59, tzinfo=SHANGHAI)
    for at, subject in ((late, "member/晚"), (late + timedelta(minutes=1), "member/早")):
        await record_audit(Action.MEMBER_SEEN, at=at, who="林", subject=subject)
    page = (await browser.get("/audit?day=2026-11-23")).text
    assert "/members/%E6%99%9A" in page
    assert "/members/%E6%97%A9" not in page
    assert "导出1条" in page
    wrong = await browser.get("/audit", params={"day": HOSTILE, "who": HOSTILE, "subject": HOSTILE, "action": HOSTILE})
    assert wrong.status_code == 422
    assert "日期写成2026-11-24这样" in wrong.text
    assert "<script>alert" not in wrong.text


async def test_the_log_is_taken_away_as_a_table_and_that_is_an_entry(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    at = datetime(2026, 11, 22, 16, tzinfo=UTC)
    await record_audit(Action.SETTING_CHANGED, at=at, who="=cmd()", subject="file/policy.toml", detail={"改": "1 → 2"})
    await record_audit(Action.MEMBER_SEEN, at=at, who="林", subject="member/Q1")
    table = (await browser.get("/audit.csv?subject=file/policy.toml&day=2026-11-23")).text
    assert "'=cmd()" in table
    assert "2026-11-23 00:00:00" in table
    assert "1 → 2" in table
    assert "member/Q1" not in table
    entry = await AuditEntry.get(action="exported")
    assert entry.detail["rows"] == 1
    assert (await browser.get("/audit.csv?day=x")).status_code == 404
    async with as_staff(runtime, Role.AGENT, grants=["audit"]) as agent:
        assert (await agent.get("/audit.csv")).status_code in (403, 404)
