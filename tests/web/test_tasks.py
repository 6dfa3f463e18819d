"""Tasks: who sees which, what an outcome does, what is put off, handed on and undone."""

from datetime import date, datetime, timedelta

import pytest

from bot.runtime import Runtime
from campaigns import visit_calendar, visits
from campaigns.models import AuditEntry, Member, PlannedVisit, Problem, Promise, Suppression, Touch, Visit
from campaigns.replies.results import record_visit_result
from campaigns.results import NewProblem, NewPromise, Result, VisitResult
from campaigns.rights import Role
from campaigns.terms import SHANGHAI
from tests.web_cast import NOW, add_colleague, add_contact, add_member, as_staff

HOSTILE = "<script>alert(1)</script>\"'" + "名" * 200


async def a_task(
    member: Member, *, due: datetime = NOW, note: str = "让人打个电话", cause: str = "", **columns: str
) -> int:
    contact = await add_contact(member, no=f"C{member.no}{cause}")
    return await visits.open_visit(
        member.id,
        category="call_me",
        cause=cause or f"tests:{member.no}",
        opened_at=NOW,
        due_at=due,
        contact_id=contact.id,
        note=note,
        **columns,
    )


async def test_tasks_are_listed_by_whose_and_when(runtime: Runtime) -> None:
    for number, (owner, hours) in enumerate((("林", -1), ("王", 3), ("王", 50), ("", 1))):
        await a_task(await add_member(f"Q{number}", f"第{number}家", owner=owner), due=NOW + timedelta(hours=hours))
    await add_colleague(Role.AGENT, login="wang", name="王", department="东区")
    async with as_staff(runtime, Role.AGENT, login="lin", name="林", department="东区") as lin:
        expected = {"": {0, 1}, "late": {0}, "mine": {0}, "department": {0, 1, 2}, "all": {0, 1, 2}, "done": set()}
        for which, seen in expected.items():
            page = (await lin.get(f"/tasks?which={which}")).text
            assert {one for one in range(4) if f"第{one}家" in page} == seen, which
    async with as_staff(runtime, Role.MANAGER) as manager:
        assert "第3家" in (await manager.get("/tasks")).text


async def test_a_task_of_another_departments_member_is_not_there(runtime: Runtime) -> None:
    task = await a_task(await add_member("Q1", owner="王"))
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.get(f"/tasks/{task}")).status_code == 404
        assert (await lin.post(f"/tasks/{task}/outcome", data={"result": "talked"})).status_code == 404
    assert (await Visit.get(id=task)).state == "open"


async def test_a_call_that_was_answered_closes_the_task_and_stands_in_the_timeline(runtime: Runtime) -> None:
    task = await a_task(await add_member("Q1", owner="林"))
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        form = {"result": "talked", "note": "下周再招两个", "promise": "发薪资表", "promise_on": "2026-11-25"}
        answer = await lin.post(f"/tasks/{task}/outcome", data={**form, "next_on": "2026-12-01"})
        assert answer.status_code == 303
        page = (await lin.get(answer.headers["location"])).text
    assert "下周再招两个" in page
    done = await Visit.get(id=task)
    assert (done.state, done.closed_by) == ("done", "林")
    touch = await Touch.get(kind="visit")
    assert (touch.text, touch.by, touch.medium) == ("下周再招两个", "林", "phone")
    rest = {row.category: row.due_at for row in await Visit.filter(state="open")}
    assert rest["promise"] == datetime(2026, 11, 25, 9, 30, tzinfo=NOW.tzinfo)
    assert rest["follow_up"] == datetime(2026, 12, 1, 9, 30, tzinfo=NOW.tzinfo)


@pytest.mark.parametrize(
    ("form", "due"), [({"result": "no_answer"}, 24), ({"result": "later", "next_on": "2026-11-23"}, 1)]
)
async def test_who_was_not_reached_is_called_again(runtime: Runtime, form: dict[str, str], due: int) -> None:
    task = await a_task(await add_member("Q1", owner="林"))
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.post(f"/tasks/{task}/outcome", data=form)).status_code == 303
    again = await Visit.get(id=task)
    assert again.state == "open"
    assert timedelta(0) <= again.due_at - NOW - timedelta(hours=due) < timedelta(minutes=5)


async def test_who_wants_no_more_calls_is_stopped_on_every_channel(runtime: Runtime) -> None:
    member = await add_member("Q1", owner="林")
    task = await a_task(member)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.post(f"/tasks/{task}/outcome", data={"result": "refused"})).status_code == 303
    stop = await Suppression.get(member_id=member.id)
    assert (stop.channel, stop.until) == (None, None)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, "选一个结果"),
        ({"result": "later"}, "改到哪一天"),
        ({"result": "talked", "promise": "发表"}, "答应了就定个日子"),
        ({"result": "talked", "promise_on": "2026-11-25"}, "写上答应了什么"),
        ({"result": "talked", "next_on": "2026-11-22"}, "要在今天到一年之内"),
        ({"result": "talked", "next_on": "soon"}, "日期写成"),
        ({"result": "talked", "note": "长" * 2001}, "写了2001字"),
    ],
)
async def test_an_outcome_that_lacks_something_is_asked_again_with_what_was_typed(
    runtime: Runtime, form: dict[str, str], said: str
) -> None:
    task = await a_task(await add_member("Q1"))
    async with as_staff(runtime) as admin:
        answer = await admin.post(f"/tasks/{task}/outcome", data={"note": "谈得很好", **form})
    assert answer.status_code == 422
    assert said in answer.text
    assert form.get("note", "谈得很好") in answer.text
    assert await Touch.all().count() == 0


@pytest.mark.parametrize(
    ("category", "chosen", "wrong", "left"),
    [("promise", "kept", "solved", "没办到"), ("problem", "solved", "kept", "接着办")],
)
async def test_the_form_of_a_promise_or_a_problem_asks_whether_it_is_settled(
    runtime: Runtime, category: str, chosen: str, wrong: str, left: str
) -> None:
    member = await add_member("Q1", owner="林")
    both = VisitResult(
        Result.TALKED, promise=NewPromise("发候选人", NOW.date()), problems=(NewProblem("login", "忘了密码"),)
    )
    await record_visit_result(member.id, both, key="k", by="林", now=NOW, calendar=runtime.rulebook.calendar)
    task = (await Visit.get(category=category)).id
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert left in (await lin.get(f"/tasks/{task}")).text
        for given in ({}, {"settled": wrong}):
            answer = await lin.post(f"/tasks/{task}/outcome", data={"result": "talked", "note": "谈过", **given})
            assert (answer.status_code, "任务和这件事一起办完" in answer.text) == (422, True)
        assert (await lin.post(f"/tasks/{task}/outcome", data={"result": "no_answer"})).status_code == 303
        assert (await Visit.get(id=task)).state == "open"
        whole = {"result": "talked", "settled": chosen, "nonce": "n"}
        twice = [await lin.post(f"/tasks/{task}/outcome", data=whole) for _ in range(2)]
        assert [one.status_code for one in twice] == [303, 303]
        assert 'name="settled"' not in (await lin.get(f"/tasks/{task}")).text
        settled = (await Promise.get()).state == "kept" if category == "promise" else (await Problem.get()).solved_by
        assert ((await Visit.get(id=task)).state, bool(settled)) == ("done", True)
        await lin.post(f"/tasks/{task}/reopen", data={})
    settled = (await Promise.get()).state == "kept" if category == "promise" else (await Problem.get()).solved_by
    assert ((await Visit.get(id=task)).state, bool(settled)) == ("open", False)


async def test_an_outcome_written_twice_counts_once(runtime: Runtime) -> None:
    task = await a_task(await add_member("Q1"))
    async with as_staff(runtime) as admin:
        answers = [await admin.post(f"/tasks/{task}/outcome", data={"result": "talked"}) for _ in range(2)]
    assert [one.status_code for one in answers] == [303, 422]
    assert await Touch.filter(kind="visit").count() == 1


async def test_a_task_is_put_off_handed_on_and_opened_again(runtime: Runtime) -> None:
    await add_colleague(Role.AGENT, login="wang", name="王")
    task = await a_task(await add_member("Q1"))
    async with as_staff(runtime) as admin:
        await admin.post(f"/tasks/{task}/postpone", data={"on": "2026-11-27"})
        await admin.post(f"/tasks/{task}/hand", data={"to": "王"})
        changed = await Visit.get(id=task)
        assert (changed.owner, changed.due_at.astimezone(NOW.tzinfo).day) == ("王", 27)
        await admin.post(f"/tasks/{task}/outcome", data={"result": "talked"})
        await admin.post(f"/tasks/{task}/reopen")
    assert (await Visit.get(id=task)).state == "open"
    assert await AuditEntry.filter(action="task_changed").count() == 4


@pytest.mark.parametrize("category", ["planned_visit", "renewal"])
@pytest.mark.parametrize(
    ("door", "field", "form"),
    [
        ("postpone", "on", {}),
        ("outcome", "next_on", {"result": "later"}),
        ("outcome", "next_on", {"result": "no_answer"}),
    ],
)
async def test_a_visit_of_the_calendar_is_put_off_by_its_rules(
    runtime: Runtime, category: str, door: str, field: str, form: dict[str, str]
) -> None:
    member = await add_member("Q1", plan_expires_on=date(2026, 12, 10))
    task = await visits.open_visit(member.id, category=category, cause="x", opened_at=NOW, due_at=NOW)
    async with as_staff(runtime) as admin:
        off = await admin.post(f"/tasks/{task}/{door}", data={**form, field: "2026-11-28"})
        resting = await admin.post(f"/tasks/{task}/{door}", data={**form, field: "2026-12-01"})
        assert (off.status_code, resting.status_code) == (422, 422)
        assert "这天休息，下一个工作日是2026-11-30" in off.text
        assert 'name="anyway"' not in off.text
        assert "违反：到期前几天不去" in resting.text
        assert 'name="anyway"' in resting.text
        assert 'value="2026-12-01"' in resting.text
        assert (await Visit.get(id=task)).due_at == NOW
        given = await admin.post(f"/tasks/{task}/{door}", data={**form, field: "2026-12-01", "anyway": "1"})
        assert given.status_code == 303
        assert (await admin.post(f"/tasks/{task}/{door}", data={**form, field: "2026-11-30"})).status_code == 303
    assert (await Visit.get(id=task)).due_at.date() == date(2026, 11, 30)


async def test_a_visit_is_put_off_to_no_day_that_is_full_or_of_a_colleague_who_is_away(runtime: Runtime) -> None:
    member, other = await add_member("Q1", owner="林"), await add_member("Q2", owner="林")
    task = await visits.open_visit(member.id, category="planned_visit", cause="x", opened_at=NOW, due_at=NOW)
    later = datetime(2026, 11, 26, 9, 30, tzinfo=SHANGHAI)
    await visits.open_visit(other.id, category="planned_visit", cause="y", opened_at=NOW, due_at=later)
    await visit_calendar.set_capacity("林", 1)
    await visit_calendar.add_absence("林", date(2026, 11, 25), date(2026, 11, 25), "", by="林", now=NOW)
    async with as_staff(runtime) as admin:
        for day, rule in (("2026-11-25", "请假不去"), ("2026-11-26", "一天能去几家"), ("2027-02-26", "最远只排到")):
            refused = await admin.post(f"/tasks/{task}/postpone", data={"on": day, "anyway": "1"})
            assert refused.status_code == 422
            assert rule in refused.text
            assert 'name="anyway"' not in refused.text
        assert (await admin.post(f"/tasks/{task}/postpone", data={"on": "2026-11-27"})).status_code == 303


async def test_a_visit_put_off_into_a_gap_of_care_or_a_full_month_asks_again(runtime: Runtime) -> None:
    for no, rule in (("Q1", "一个月最多几次"), ("Q2", "重点关注")):
        member = await add_member(no, owner="林")
        task = await visits.open_visit(member.id, category="planned_visit", cause=no, opened_at=NOW, due_at=NOW)
        if no == "Q1":
            day = date(2026, 11, 30)
            await PlannedVisit.create(member_id=member.id, owner="林", day=day, kind="regular", due=day, pinned_by="林")
        else:
            first = date(2026, 11, 23)
            await visit_calendar.open_care(member.id, first, date(2026, 12, 10), "x", by="林", now=NOW)
        async with as_staff(runtime) as admin:
            asked = await admin.post(f"/tasks/{task}/postpone", data={"on": "2026-12-02"})
            assert asked.status_code == 422
            assert rule in asked.text
            assert 'name="anyway"' in asked.text
            given = await admin.post(f"/tasks/{task}/postpone", data={"on": "2026-12-02", "anyway": "1"})
            assert given.status_code == 303


async def test_a_task_that_is_no_visit_may_be_put_off_to_any_day(runtime: Runtime) -> None:
    task = await a_task(await add_member("Q1", plan_expires_on=date(2026, 12, 1)))
    async with as_staff(runtime) as admin:
        assert (await admin.post(f"/tasks/{task}/postpone", data={"on": "2026-11-28"})).status_code == 303


async def test_a_task_is_made_by_hand_once_however_often_it_is_sent(runtime: Runtime) -> None:
    await add_member("Q1", owner="林")
    await add_member("Q2", owner="王")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        form = {"member": "Q1", "note": "问问年后用工", "on": "2026-11-30", "nonce": "n1"}
        for _ in range(2):
            assert (await lin.post("/tasks/new", data=form)).status_code == 303
        wrong = await lin.post("/tasks/new", data={**form, "member": "Q2", "nonce": "n2"})
    assert wrong.status_code == 422
    assert "没有这个编号的企业会员" in wrong.text
    assert [row.note for row in await Visit.all()] == ["问问年后用工"]


async def test_numbers_are_masked_until_somebody_who_may_asks_and_that_is_written_down(runtime: Runtime) -> None:
    task = await a_task(await add_member("Q1"))
    async with as_staff(runtime) as admin:
        assert "15483503031" not in (await admin.get(f"/tasks/{task}")).text
        assert "15483503031" in (await admin.post(f"/tasks/{task}/numbers")).text
    assert await AuditEntry.filter(action="numbers_seen", subject="member/Q1").count() == 1


async def test_hostile_words_are_shown_as_words(runtime: Runtime) -> None:
    task = await a_task(await add_member("Q1", HOSTILE), note=HOSTILE)
    async with as_staff(runtime) as admin:
        for path in ("/tasks", f"/tasks/{task}", "/tasks/new?member=Q1"):
            page = await admin.get(path)
            assert page.status_code == 200
            assert "<script>alert" not in page.text


async def test_the_list_says_what_to_do_where_it_is_empty(runtime: Runtime) -> None:
    async with as_staff(runtime) as admin:
        for which in ("", "late", "mine", "department", "all", "done"):
            assert 'class="empty"' in (await admin.get(f"/tasks?which={which}")).text
        assert "没有这一页" in (await admin.get("/tasks?page=9")).text
