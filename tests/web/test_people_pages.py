"""The funnel, the targets, the handovers and the advice on a member's page, as staff meet them."""

from datetime import timedelta

import pytest

from bot.runtime import Runtime
from campaigns import visits
from campaigns.members.renewals import TOLD, Renewed, keep_renewals
from campaigns.members.staging import keep_stages
from campaigns.models import AuditEntry, Member, Target, Visit
from campaigns.rights import Role
from tests.web_cast import NOW, add_colleague, add_member, add_unread, as_staff


async def test_numbers_of_the_funnel_lead_to_their_members(runtime: Runtime) -> None:
    await add_colleague(Role.AGENT, name="甲", department="东区")
    await add_member("Q1", owner="甲")
    await add_unread(await add_member("Q2", owner="甲"), "P", 1)
    await add_unread(await add_member("Q3", owner="乙"), "P2", 1)
    await keep_stages(NOW)
    async with as_staff(runtime, Role.MANAGER) as client:
        page = (await client.get("/statistics/funnel?department=东区")).text
        assert "reached=receiving" in page
        assert "stage=registered" in page
        found = (await client.get("/members?reached=activated&department=东区")).text
        assert "Q2" in found
        assert "Q1" not in found
        assert "Q3" not in found
        assert "Q1" in (await client.get("/members?stage=registered")).text
        assert "没有这样的会员" in (await client.get("/statistics/funnel?tier=高端")).text
    async with as_staff(runtime, Role.AGENT, name="丁", department="西区") as client:
        assert "没有这样的会员" in (await client.get("/statistics/funnel")).text


async def test_a_manager_sets_a_target_and_everybody_sees_the_own(runtime: Runtime) -> None:
    member = await add_member("Q1", owner="甲")
    await add_colleague(Role.AGENT, name="甲", department="东区")
    await keep_renewals([Renewed(member.id, NOW.date(), NOW, "甲")], TOLD)
    visit = await visits.open_visit(member.id, category="return_visit", cause="a", opened_at=NOW, due_at=NOW)
    await visits.close_visit(visit, outcome={}, at=NOW, by="甲")
    async with as_staff(runtime, Role.MANAGER) as client:
        assert "这个月还没有目标" in (await client.get("/targets")).text
        wrong = await client.post("/targets", data={"month": "2026-11", "who": "甲", "kind": "visits", "goal": "很多"})
        assert wrong.status_code == 422
        assert 'value="很多"' in wrong.text
        assert (await client.post("/targets", data={"who": "无", "kind": "visits", "goal": "1"})).status_code == 422
        for who, kind in (("甲", "visits"), ("department:东区", "renewals")):
            data = {"month": "2026-11", "who": who, "kind": kind, "goal": "4"}
            assert (await client.post("/targets", data=data)).status_code == 303
        page = (await client.get("/targets")).text
        assert page.count("1，要4，还剩7天") == 2
        assert "落后" in page
        assert 'href="/targets?month=2026-10"' in page
        assert 'href="/targets?month=2026-12"' in page
        for last in ("2000-01", "2100-12"):
            assert (await client.get(f"/targets?month={last}")).text.count('rel="prev"') == (last > "2000-01")
        assert "月份 2026-13：写成 2026-11 这样" in (await client.get("/targets?month=2026-13")).text
        data = {"month": "2026-13", "who": "甲", "kind": "visits", "goal": "4"}
        assert "写成 2026-11 这样" in (await client.post("/targets", data=data)).text
    assert await AuditEntry.filter(action="target_set").count() == 2
    async with as_staff(runtime, Role.AGENT, name="丁", department="西区") as client:
        assert "东区" not in (await client.get("/targets")).text
    async with as_staff(runtime, Role.MANAGER, name="丙") as client:
        await client.post("/targets", data={"month": "2026-11", "who": "甲", "kind": "visits", "goal": "0"})
    assert [one.who for one in await Target.all()] == ["东区"]


async def test_a_handover_is_listed_and_taken_back(runtime: Runtime) -> None:
    await add_colleague(Role.AGENT, name="甲", department="东区")
    member = await add_member("Q1", owner="王")
    async with as_staff(runtime, Role.MANAGER, name="主管") as client:
        assert "还没有移交过" in (await client.get("/transfers")).text
        data = {"which": "picked", "id": str(member.id), "to": "东区", "seen": "1"}
        assert (await client.post("/members/assign", data=data)).status_code == 303
        page = (await client.get("/transfers")).text
        assert "/members?owner=%E4%B8%9C%E5%8C%BA" in page
        assert (await client.post("/transfers/1/undo")).headers["location"] == "/transfers?done=undone"
        assert (await client.post("/transfers/1/undo")).headers["location"] == "/transfers?done=none"
        assert (await client.post("/transfers/99/undo")).status_code == 404
    assert (await Member.get()).owner == "王"
    assert not await Visit.filter(state="open").exists()


@pytest.mark.parametrize(("language", "words"), [("zh", "天后套餐到期"), ("en", "The plan ends in 12 days")])
async def test_a_members_page_says_what_to_do_next(runtime: Runtime, language: str, words: str) -> None:
    await add_member("Q1", plan_expires_on=(NOW + timedelta(days=12)).date())
    async with as_staff(runtime, Role.AGENT, name="甲") as client:
        await Member.all().update(owner="甲")
        await client.post("/me/language", data={"language": language, "to": "/"})
        page = (await client.get("/members/Q1")).text
    assert words in page
