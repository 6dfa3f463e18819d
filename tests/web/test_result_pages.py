"""Outcomes on pages: the form of a contact, problems, their numbers, promises, plans, who is told what is mended."""

import re
from datetime import date, timedelta
from urllib.parse import urlsplit

import pytest

from bot.runtime import Runtime
from bot.sender.following import follow_up
from campaigns import hiring, hiring_plans, problems, promises
from campaigns.models import (
    AuditEntry,
    HiringPlan,
    Member,
    Message,
    Problem,
    Promise,
    Touch,
    Visit,
    VisitOutcome,
)
from campaigns.replies.results import solve_problem
from campaigns.results import Fault, NewPlan, NewProblem, NewPromise
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, as_staff

TODAY = NOW.date()
HEARD = {
    "settled": "kept",  # nobody asked
    "member": "Q1",
    "result": "talked",
    "medium": "visit",
    "used": "partly",
    "effect": "fair",
    "mood": "glad",
    "note": "上门坐了半小时",
    "problem": "few_applicants",
    "cause": "薪资偏低",
    "promise": "发候选人",
    "promise_on": "2026-12-01",
    "role": "普工",
    "heads": "5",
    "month": "2027-03",
    "next_on": "2026-12-08",
    "nonce": "n1",
}


async def a_problem(member: Member, category: str = "login", *, by: str = "林", days: int = 0, **given: Fault) -> int:
    fault = given.get("fault", Fault.SITE)
    return await problems.add_problem(
        member.id, NewProblem(category, "忘了密码", fault), owner=by, by=by, now=NOW - timedelta(days=days)
    )


# ---- the form -------------------------------------------------------------------------------------------------------


async def test_a_contact_without_a_task_is_recorded_whole_and_once(runtime: Runtime) -> None:
    member = await add_member("Q1", owner="林")
    await add_contact(member, email="c@datong.example")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert 'name="nonce"' in (await lin.get("/visits/new?member=Q1")).text
        answers = [await lin.post("/visits/new", data=HEARD) for _ in range(2)]
        assert [one.status_code for one in answers] == [303, 303]
        assert "这次联系记下了" in (await lin.get(answers[0].headers["location"])).text
    outcome = await VisitOutcome.get()
    assert (outcome.used, outcome.effect, outcome.mood, outcome.medium) == ("partly", "fair", "glad", "visit")
    assert (await Touch.get()).text == "上门坐了半小时"
    assert (await Problem.get()).cause == "薪资偏低"
    assert (await Promise.get()).due_on == date(2026, 12, 1)
    plan = await HiringPlan.get()
    assert (plan.role, plan.heads, plan.month) == ("普工", 5, date(2027, 3, 1))
    assert {one.category for one in await Visit.all()} == {"problem", "promise", "follow_up", "hiring_plan"}
    entry = await AuditEntry.get(action="visit_recorded")
    assert (entry.subject, entry.detail["problems"], entry.detail["plans"]) == ("member/Q1", 1, 1)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"member": "Q9"}, "member"),
        ({"result": ""}, "result"),
        ({"problem": "", "cause": "x"}, "problem"),
        ({"problem": "nonsense"}, "problem"),
        ({"promise_on": ""}, "promise_on"),
        ({"promise": ""}, "promise"),
        ({"promise_on": "2020-01-01"}, "promise_on"),
        ({"role": ""}, "role"),
        ({"heads": "五"}, "heads"),
        ({"heads": "99999999"}, "heads"),
        ({"month": "2026-13"}, "month"),
        ({"month": "2026-01"}, "month"),
        ({"cause": "长" * 300}, "cause"),
        ({"result": "later", "next_on": ""}, "next_on"),
    ],
)
async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(
    runtime: Runtime, change: dict[str, str], field: str
) -> None:
    await add_member("Q1", owner="林")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        answer = await lin.post("/visits/new", data={**HEARD, "note": "上门坐了半小时<b>", **change})
    assert answer.status_code == 422
    assert 'class="err"' in answer.text
    assert "上门坐了半小时&lt;b&gt;" in answer.text
    if field not in ("problem", "result"):
        assert f'id="e-{field}"' in answer.text
    assert await Touch.all().count() == await VisitOutcome.all().count() == await Visit.all().count() == 0


async def test_nobody_writes_about_members_of_others(runtime: Runtime) -> None:
    await add_member("Q1", owner="王")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.get("/visits/new?member=Q1")).status_code == 404
        assert (await lin.post("/visits/new", data=HEARD)).status_code == 422
    assert await VisitOutcome.all().count() == 0


async def test_the_outcome_of_a_task_shows_what_was_heard_and_ends_it(runtime: Runtime) -> None:
    member = await add_member("Q1", owner="林")
    task = await Visit.create(
        member_id=member.id, category="renewal", cause="tests", opened_at=NOW, due_at=NOW, note="续费"
    )
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.post(f"/tasks/{task.id}/outcome", data=HEARD)).status_code == 303
        page = (await lin.get(f"/tasks/{task.id}")).text
        found = await Problem.get()
        asked = (await lin.get(f"/tasks/{found.visit_id}")).text
    assert "上门 · 用了一部分 · 效果一般 · 满意" in page
    assert "薪资偏低" in asked
    assert f'action="/problems/{found.id}/solve"' in asked


# ---- problems -------------------------------------------------------------------------------------------------------


async def test_problems_are_narrowed_solved_and_opened_again_with_their_tasks(runtime: Runtime) -> None:
    member, other = await add_member("Q1", "甲公司", owner="林"), await add_member("Q2", "乙公司", owner="王")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        await lin.post("/visits/new", data=HEARD)
        theirs = await a_problem(other)
        page = (await lin.get("/problems")).text
        assert "薪资偏低" in page
        assert "乙公司" not in page
        assert "没有这样的问题" in (await lin.get("/problems?category=login")).text
        assert (await lin.post(f"/problems/{theirs}/solve")).status_code == 404
        ours = await Problem.get(member_id=member.id)
        solved = await lin.post(f"/problems/{ours.id}/solve", data={"back": "/problems?category=few_applicants"})
        assert solved.headers["location"] == "/problems?category=few_applicants&done=solved"
        assert (await Visit.get(id=ours.visit_id)).state == "done"
        again = await lin.post(f"/problems/{ours.id}/solve", data={"back": "//evil.example"})
        assert urlsplit(again.headers["location"]).netloc == ""
        await lin.post(f"/problems/{ours.id}/reopen")
    assert (await Visit.get(id=ours.visit_id)).state == "open"
    assert (await Problem.get(id=ours.id)).solved_at is None


async def test_a_viewer_sees_and_changes_nothing(runtime: Runtime) -> None:
    number = await a_problem(await add_member("Q1"))
    async with as_staff(runtime, Role.VIEWER) as viewer:
        page = (await viewer.get("/problems")).text
        assert "/solve" not in page
        assert (await viewer.post(f"/problems/{number}/solve")).status_code == 403
    assert (await Problem.get()).solved_at is None


async def test_every_number_of_the_statistics_leads_to_as_many_lines(runtime: Runtime) -> None:
    one = await add_member("Q1", "甲公司", owner="林", tier="优质", trade="制造业")
    two = await add_member("Q2", "乙公司", owner="王", tier="一般", trade="")
    for member, category, days in ((one, "login", 0), (one, "price", 40), (two, "login", 0), (two, "login", 800)):
        await a_problem(member, category, days=days, by=member.owner)
    await solve_problem((await Problem.filter(category="price").get()).id, by="林", now=NOW)
    async with as_staff(runtime) as admin:
        page = (await admin.get("/statistics/problems")).text
        numbers = re.findall(r'<a href="(/problems\?[^"]+)">(\d+)', page)
        assert len(numbers) >= 12
        for href, n in numbers:
            shown = (await admin.get(href.replace("&amp;", "&"))).text
            assert shown.count('class="lead"') == int(n), href
    assert "3个问题" in page  # the one of two years ago is none of these months
    assert "40天" in page
    assert "<svg" in page
    async with as_staff(runtime, Role.AGENT, login="lin", name="林") as lin:
        assert "2个问题" in (await lin.get("/statistics/problems")).text


# ---- told what is mended --------------------------------------------------------------------------------------------


async def test_a_category_is_solved_at_once_and_who_reported_it_is_told_once(runtime: Runtime) -> None:
    mailed, called, stopped = [await add_member(f"Q{n}", f"第{n}家", owner="林") for n in range(3)]
    await add_contact(mailed, email="c@datong.example")
    await add_contact(stopped, no="C9", email="d@datong.example")
    for member in (mailed, mailed, called, stopped):
        await a_problem(member)
    await a_problem(called, "few_applicants", fault=Fault.MARKET)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        await lin.post("/visits/new", data={"member": "Q2", "result": "refused"})
        assert "这一类没解决的4个都解决了" in (await lin.get("/problems?category=login")).text
        done = await lin.post("/problems/solve", data={"category": "login", "back": "/problems?category=login"})
        assert "修好了还没告诉客户的4个" in (await lin.get(done.headers["location"])).text
        asked = (await lin.get("/problems/mended?category=login")).text
        assert "邮件1条" in asked
        assert "发不了消息的1家" in asked
        assert "已退订1家" in asked
        form = {"category": "login", "pick": re.findall(r'name="pick" value="(\d+)"', asked)}
        told = await lin.post("/problems/mended", data=form)
        assert "发给1家，开了1个任务" in (await lin.get(told.headers["location"])).text
        again = await lin.post("/problems/mended", data=form)
        assert "done=meanwhile" in again.headers["location"]
    message = await Message.get()
    assert (message.member_id, message.message_class, message.state) == (mailed.id, "service", "queued")
    task = await Visit.get(cause__startswith="mended:")
    assert (task.member_id, task.category, task.owner) == (called.id, "problem", "林")
    assert "登录不上" in task.note
    assert await Problem.filter(told_at=None, category="login").count() == 1  # who refused all
    assert (await Problem.get(category="few_applicants")).solved_at is None
    assert await AuditEntry.filter(action="problem_changed").count() == 2


async def test_whom_the_message_never_reached_is_called(runtime: Runtime) -> None:
    member = await add_member("Q1", "甲公司", owner="林")
    await add_contact(member, email="c@datong.example")
    number = await a_problem(member)
    await solve_problem(number, by="王", now=NOW)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        await lin.post("/problems/mended", data={"pick": str(number)})
    await follow_up(runtime)
    assert await Visit.filter(cause__startswith="mended:").count() == 0
    await Message.all().update(state="bounced", due_at=None)
    await follow_up(runtime)
    await follow_up(runtime)
    task = await Visit.get(cause__startswith="mended:")
    assert (task.member_id, task.category, task.state) == (member.id, "problem", "open")
    assert "打电话告诉客户" in task.note


async def test_only_ones_own_members_are_told(runtime: Runtime) -> None:
    theirs = await add_member("Q1", "乙公司", owner="王")
    await add_contact(theirs, email="c@datong.example")
    number = await a_problem(theirs)
    await solve_problem(number, by="王", now=NOW)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert "乙公司" not in (await lin.get("/problems/mended")).text
        await lin.post("/problems/mended", data={"pick": str(number)})
        await lin.post("/problems/solve", data={"category": "login"})
    assert await Message.all().count() == 0
    assert (await Problem.get()).told_at is None


async def test_what_is_asked_wrongly_is_not_found(runtime: Runtime) -> None:
    async with as_staff(runtime) as admin:
        assert (await admin.get("/problems/mended?month=soon")).status_code == 404
        assert (await admin.post("/problems/solve", data={})).status_code == 404
        assert "都告诉过了" in (await admin.get("/problems/mended")).text


# ---- promises and plans ---------------------------------------------------------------------------------------------


async def test_promises_are_listed_by_their_day_and_settled(runtime: Runtime) -> None:
    member, other = await add_member("Q1", "甲公司", owner="林"), await add_member("Q2", "乙公司", owner="王")
    made = {"outcome_id": None, "visit_id": None, "now": NOW}
    late = await promises.add_promise(member.id, NewPromise("发薪资表", TODAY - timedelta(days=3)), owner="林", **made)
    theirs = await promises.add_promise(other.id, NewPromise("回电话", TODAY), owner="王", **made)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        page = (await lin.get("/promises")).text
        assert "发薪资表" in page
        assert "超期3天" in page
        assert "回电话" not in page
        assert (await lin.post(f"/promises/{theirs}", data={"state": "kept"})).status_code == 404
        assert (await lin.post(f"/promises/{late}", data={"state": "nonsense"})).status_code == 404
        assert (await lin.post(f"/promises/{late}", data={"state": "kept"})).status_code == 303
        meanwhile = await lin.post(f"/promises/{late}", data={"state": "broken"})
        assert "done=meanwhile" in meanwhile.headers["location"]
        assert "发薪资表" in (await lin.get("/promises?which=kept")).text
    assert (await Promise.get(id=late)).state == "kept"


async def test_plans_are_listed_by_month(runtime: Runtime) -> None:
    member, other = await add_member("Q1", "甲公司", owner="林"), await add_member("Q2", "乙公司", owner="王")
    for one, heads in ((member, 5), (other, 40)):
        plan = NewPlan("普工", heads, date(2027, 3, 1))
        await hiring_plans.add_plan(one.id, plan, outcome_id=None, by="林", now=NOW)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        page = (await lin.get("/plans")).text
    assert "2027年3月" in page
    assert "1个计划，5人" in page
    assert "乙公司" not in page


async def test_a_plan_is_closed_on_its_page_and_opened_again(runtime: Runtime) -> None:
    mine, theirs = await add_member("Q1", "甲公司", owner="林"), await add_member("Q2", "乙公司", owner="王")
    plan = NewPlan("普工", 5, date(2027, 3, 1))
    made = [
        await hiring.tell_plan(one.id, plan, outcome_id=None, by="林", now=NOW, calendar=runtime.rulebook.calendar)
        for one in (mine, theirs)
    ]
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        for path, state in ((f"/plans/{made[1]}", "hired"), (f"/plans/{made[0]}", "x"), ("/plans/999", "hired")):
            assert (await lin.post(path, data={"state": state})).status_code == 404
        closed = await lin.post(f"/plans/{made[0]}", data={"state": "hired"})
        assert "招到了，不再算进" in (await lin.get(closed.headers["location"])).text
        meanwhile = await lin.post(f"/plans/{made[0]}", data={"state": "dropped"})
        assert "done=meanwhile" in meanwhile.headers["location"]
        page = (await lin.get("/plans")).text
        assert ("甲公司" in page, "这里没有用工计划" in page) == (False, True)
        page = (await lin.get("/plans?state=hired")).text
        assert ("甲公司" in page, "林关的" in page) == (True, True)
        await lin.post(f"/plans/{made[0]}", data={"state": "open", "back": "/plans?state=hired"})
        assert "甲公司" in (await lin.get("/plans")).text
    entries = await AuditEntry.filter(action="plan_changed").order_by("id")
    assert [one.detail["state"] for one in entries] == ["hired", "open"]
    async with as_staff(runtime, Role.VIEWER) as viewer:
        assert "招到了</button>" not in (await viewer.get("/plans")).text


@pytest.mark.parametrize("path", ["/problems", "/problems/mended", "/statistics/problems", "/promises", "/plans"])
async def test_an_empty_page_says_what_to_do_first(runtime: Runtime, path: str) -> None:
    async with as_staff(runtime) as admin:
        page = await admin.get(f"{path}?page=99999999999&number=%27&which=x&state=x")
    assert page.status_code == 200
    assert 'class="empty"' in page.text
