"""What came of a contact by hand: one path for every door, all of it or nothing, once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns import hiring, hiring_plans, notices, problem_figures, problems, promises, targets, touches, visits
from campaigns.advice import Why
from campaigns.calendar import WorkCalendar
from campaigns.caring import advise_member
from campaigns.errors import InputError, StateError
from campaigns.hiring_plans import PlanState
from campaigns.intents import IntentTable, load_table
from campaigns.members.facts import facts_for
from campaigns.models import Conversation, HiringPlan, Problem, Promise, Suppression, Touch, Visit, VisitOutcome
from campaigns.problems import ProblemSieve, sieve_from
from campaigns.promises import PromiseState, WhichPromises
from campaigns.replies.results import record_visit_result, reopen_task, settle_promise, solve_problem
from campaigns.results import (
    Effect,
    Fault,
    Medium,
    Mood,
    NewPlan,
    NewProblem,
    NewPromise,
    Result,
    Settled,
    Used,
    VisitResult,
)
from campaigns.terms import SHANGHAI
from campaigns.visits import VisitTask
from tests.cast import NOW, TEMPLATES, datong, xinping
from tests.web_cast import add_colleague

TODAY = NOW.date()
CALENDAR = WorkCalendar()
WHOLE = VisitResult(
    Result.TALKED,
    Medium.VISIT,
    text="上门谈了",
    used=Used.YES,
    effect=Effect.FAIR,
    mood=Mood.CALM,
    problems=(NewProblem("few_applicants", "薪资偏低"), NewProblem("login", "忘了密码", Fault.SITE)),
    promise=NewPromise("发候选人", TODAY + timedelta(days=4)),
    plans=(NewPlan("数控操作工", 5, date(2027, 3, 1)),),
    next_step="带薪资表去",
    next_on=TODAY + timedelta(days=14),
)
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def table() -> IntentTable:
    return load_table(TEMPLATES / "auto_replies")


async def a_task(member_id: int) -> VisitTask:
    made = await visits.open_visit(member_id, category="renewal", cause="tests", opened_at=NOW, due_at=NOW)
    found = await visits.find_visit(made)
    assert found
    return found


async def test_all_that_was_heard_is_written_down_with_its_tasks() -> None:
    member = await datong()
    task = await a_task(member.member_id)
    recorded = await record_visit_result(
        member.member_id, WHOLE, key="k", by="林", now=NOW, calendar=CALENDAR, task=task
    )
    assert (recorded.problems, recorded.promise, recorded.plans, recorded.new) == (2, True, 1, True)
    outcome = await VisitOutcome.get()
    assert (outcome.used, outcome.effect, outcome.mood, outcome.medium, outcome.visit_id) == (
        "yes", "fair", "calm", "visit", task.id,
    )  # fmt: skip
    touch = await Touch.get(id=outcome.touch_id)
    assert (touch.kind, touch.medium, touch.by, touch.text) == ("visit", "visit", "林", "上门谈了")
    assert {row.category for row in await Problem.all()} == {"few_applicants", "login"}
    assert sorted([row.category for row in await Visit.filter(state="open")]) == [
        "follow_up", "hiring_plan", "problem", "problem", "promise",
    ]  # fmt: skip
    [plan] = await hiring_plans.plans_from(TODAY)
    assert (plan.member_id, plan.role, plan.heads, plan.month) == (member.member_id, "数控操作工", 5, date(2027, 3, 1))
    assert (await Visit.get(id=task.id)).state == "done"


async def test_what_comes_twice_counts_once() -> None:
    member = await datong()
    first = await record_visit_result(member.member_id, WHOLE, key="k", by="林", now=NOW, calendar=CALENDAR)
    again = await record_visit_result(member.member_id, WHOLE, key="k", by="林", now=NOW, calendar=CALENDAR)
    assert (again.outcome_id, again.new) == (first.outcome_id, False)
    assert await Touch.all().count() == await HiringPlan.all().count() == await Promise.all().count() == 1


async def test_nothing_is_half_done_where_somebody_closed_the_task() -> None:
    member = await datong()
    task = await a_task(member.member_id)
    await visits.close_visit(task.id, outcome={}, at=NOW)
    with pytest.raises(StateError):
        await record_visit_result(member.member_id, WHOLE, key="k", by="林", now=NOW, calendar=CALENDAR, task=task)
    assert await VisitOutcome.all().count() == await Problem.all().count() == await Touch.all().count() == 0


@pytest.mark.parametrize(("category", "day"), [("renewal", 30), ("planned_visit", 30), ("reply", 28)])
async def test_the_next_try_of_a_visit_is_on_a_worked_day(category: str, day: int) -> None:
    member = await datong()
    friday = datetime(2026, 11, 27, 6, tzinfo=UTC)
    made = await visits.open_visit(member.member_id, category=category, cause="x", opened_at=friday, due_at=friday)
    task = await visits.find_visit(made)
    unheard = VisitResult(Result.NO_ANSWER)
    await record_visit_result(member.member_id, unheard, key="k", by="林", now=friday, calendar=CALENDAR, task=task)
    assert (await Visit.get(id=made)).due_at.day == day


async def test_never_again_stops_the_whole_company() -> None:
    member = await datong()
    await record_visit_result(
        member.member_id, VisitResult(Result.REFUSED), key="k", by="林", now=NOW, calendar=CALENDAR
    )
    stop = await Suppression.get(member_id=member.member_id)
    assert (stop.channel, stop.until) == (None, None)


@pytest.mark.parametrize(
    ("said", "intent", "stopped", "task"),
    [("以后别再给我打电话了，退订", "stop", 1, None), ("我要投诉你们", "complaint", 0, "complaint")],
)
async def test_the_customers_own_words_go_the_way_of_a_reply(
    table: IntentTable, said: str, intent: str, stopped: int, task: str | None
) -> None:
    member = await datong()
    result = VisitResult(Result.TALKED, contact_id=member.contact_id, said=said)
    recorded = await record_visit_result(
        member.member_id, result, key="k", by="林", now=NOW, calendar=CALENDAR, table=table
    )
    assert recorded.intent == intent
    heard = await Touch.get(direction="in")
    assert (heard.kind, heard.medium, heard.text, heard.intent) == ("reply", "phone", said, intent)
    assert await Suppression.filter(member_id=member.member_id, until=None).count() == stopped
    assert (await Conversation.get()).medium == "phone"
    if task:
        assert (await Visit.get(category=task)).note == said
        assert len(await notices.due_notices(NOW)) == 1


@pytest.mark.parametrize("medium", list(Medium))
async def test_every_contact_by_hand_weighs_as_a_message_does(medium: Medium) -> None:
    member = await datong()
    await record_visit_result(
        member.member_id, VisitResult(Result.TALKED, medium), key="k", by="林", now=NOW, calendar=CALENDAR
    )
    assert (await facts_for([member.member_id], NOW + timedelta(days=1)))[member.member_id].marketing_at == (NOW,)


async def test_a_call_that_nobody_answered_weighs_nothing_and_is_tried_again() -> None:
    member = await datong()
    task = await a_task(member.member_id)
    result = VisitResult(Result.NO_ANSWER, text="没人接")
    await record_visit_result(member.member_id, result, key="k", by="林", now=NOW, calendar=CALENDAR, task=task)
    assert (await facts_for([member.member_id], NOW + timedelta(days=1)))[member.member_id].marketing_at == ()
    assert [(row.kind, row.text) for row in await touches.timeline(member.member_id)] == [("tried", "没人接")]
    again = await Visit.get(id=task.id)
    assert (again.state, again.due_at > NOW) == ("open", True)


async def test_a_problem_is_solved_with_its_task_and_counted() -> None:
    member, other = await datong(), await xinping()
    for key, one in (("a", member), ("b", other)):
        await record_visit_result(one.member_id, WHOLE, key=key, by="林", now=NOW, calendar=CALENDAR)
    first = await Problem.filter(category="login", member_id=member.member_id).get()
    await solve_problem(first.id, by="王", now=NOW + timedelta(hours=30))
    with pytest.raises(StateError):
        await solve_problem(first.id, by="李", now=NOW)
    assert (await Visit.get(id=first.visit_id)).state == "done"
    figures = await problem_figures.problem_figures(NOW)
    assert (figures.whole.n, figures.whole.open, figures.whole.median) == (4, 3, timedelta(hours=30))
    assert figures.cells["2026-11", "login"] == 2
    assert {one.key: (one.n, one.open) for one in figures.by_tier} == {"优质": (2, 1), "一般": (2, 2)}
    assert [one.key for one in figures.by_staff] == ["林"]
    assert (await problem_figures.problem_figures(NOW, {"石磊"})).whole.n == 2
    asked = ProblemSieve(state="open", category="login", month="2026-11", trade="装饰装修", staff="林", fault="site")
    assert await problems.count_problems(asked) == 1
    assert [one.member_id for one in await problems.browse_problems(asked)] == [other.member_id]
    assert await problems.count_problems(asked, {"程雪"}) == 0
    await problems.reopen_problem(first.id)
    assert await problems.count_problems(ProblemSieve(state="open")) == 4


async def test_contacts_count_for_the_target_of_visits_and_clicks_do_not() -> None:
    await add_colleague(name="林")
    member = await datong()
    for key, what in (("a", WHOLE), ("b", VisitResult(Result.NO_ANSWER)), ("c", VisitResult(Result.TALKED))):
        task = await a_task(member.member_id) if key == "c" else None
        await record_visit_result(member.member_id, what, key=key, by="林", now=NOW, calendar=CALENDAR, task=task)
    problem = await Problem.all().order_by("id").first()
    await solve_problem(problem.id, by="林", now=NOW)
    old = await visits.open_visit(member.member_id, category="call_me", cause="old", opened_at=NOW, due_at=NOW)
    await visits.close_visit(old, outcome={}, at=NOW, by="林")
    letter = VisitResult(Result.SENT, Medium.POST, text="寄了贺卡")
    await record_visit_result(member.member_id, letter, key="d", by="林", now=NOW, calendar=CALENDAR)
    for category in ("gift", "hiring_plan", "tell_seeker"):  # called off, settled at a click
        ended = await visits.open_visit(member.member_id, category=category, cause=category, opened_at=NOW, due_at=NOW)
        await visits.close_visit(ended, outcome={"result": "called_off"}, at=NOW, by="林")
    found = await targets.read_progress(targets.month_of(NOW, CALENDAR), {"林"})
    assert {one.kind: one.done for one in found}[targets.Kind.VISITS] == 3


async def test_what_was_promised_and_not_kept_or_mended_is_the_next_thing_to_do() -> None:
    member = await datong()
    await record_visit_result(member.member_id, WHOLE, key="k", by="林", now=NOW, calendar=CALENDAR)
    late = NOW + timedelta(days=5)
    whys = [one.why for one in await advise_member(member.member_id, late)]
    assert whys[: whys.index(Why.TASK_DUE)] == [Why.PROMISE_LATE, Why.SITE_PROBLEM]


async def test_what_is_mended_of_the_site_waits_to_be_told_until_it_is() -> None:
    member = await datong()
    await record_visit_result(member.member_id, WHOLE, key="k", by="林", now=NOW, calendar=CALENDAR)
    for row in await Problem.all():
        await solve_problem(row.id, by="王", now=NOW)
    [waiting] = await problems.mended_untold(ProblemSieve(category="login"))
    assert await problems.mended_untold(ProblemSieve(category="few_applicants")) == []  # no fault of the site
    await problems.mark_told([waiting.id], NOW)
    assert await problems.mended_untold(ProblemSieve(category="login")) == []


@pytest.mark.parametrize("month", ["2026-13", "11", "soon", "0000-01"])
def test_a_month_that_is_none_is_refused(month: str) -> None:
    with pytest.raises(InputError):
        sieve_from({"month": month})


async def test_a_promise_is_overdue_then_kept_and_its_task_done() -> None:
    member = await datong()
    await record_visit_result(member.member_id, WHOLE, key="k", by="林", now=NOW, calendar=CALENDAR)
    later = TODAY + timedelta(days=5)
    assert await promises.count_promises(later) == {"open": 1, "overdue": 1, "kept": 0, "broken": 0}
    [line] = await promises.browse_promises(WhichPromises.OVERDUE, later, {"程雪"})
    assert await promises.browse_promises(WhichPromises.OVERDUE, later, {"石磊"}) == []
    await settle_promise(line.id, PromiseState.KEPT, by="林", now=NOW)
    with pytest.raises(StateError):
        await settle_promise(line.id, PromiseState.BROKEN, by="林", now=NOW)
    assert (await Visit.get(id=line.visit_id)).state == "done"
    assert (await promises.count_promises(later))[WhichPromises.KEPT] == 1
    await settle_promise(line.id, PromiseState.OPEN, by="林", now=NOW)
    assert (await promises.count_promises(later))[WhichPromises.OVERDUE] == 1


async def the_task(category: str) -> VisitTask:
    found = await visits.find_visit((await Visit.filter(category=category).order_by("id").first()).id)  # type: ignore[union-attr]
    assert found
    return found


@pytest.mark.parametrize(
    ("result", "settled", "state"),
    [
        (Result.TALKED, Settled.KEPT, ("done", "kept")),
        (Result.TALKED, Settled.BROKEN, ("done", "broken")),
        (Result.NO_ANSWER, Settled.KEPT, ("done", "kept")),
        (Result.TALKED, Settled.STILL, ("open", "open")),
        (Result.TALKED, Settled.SOLVED, ("open", "open")),
        (Result.WRONG_NUMBER, None, ("open", "open")),
        (Result.TALKED, None, ("open", "open")),
        (Result.NO_ANSWER, None, ("open", "open")),
    ],
)
async def test_a_promise_ends_with_its_task_or_both_stay_open(
    result: Result, settled: Settled | None, state: tuple[str, str]
) -> None:
    member = await datong()
    told = VisitResult(Result.TALKED, promise=NewPromise("发候选人", TODAY))
    await record_visit_result(member.member_id, told, key="a", by="林", now=NOW, calendar=CALENDAR)
    task, then = await the_task("promise"), NOW + timedelta(hours=1)
    said = VisitResult(result, text="发了", settled=settled)
    await record_visit_result(member.member_id, said, key="b", by="王", now=then, calendar=CALENDAR, task=task)
    row, promise = await Visit.get(id=task.id), await Promise.get()
    assert (row.state, promise.state) == state
    assert promise.settled_by == ("王" if state[1] != "open" else "")
    assert (row.due_at > task.due_at, await Visit.filter(category="follow_up").count()) == (state[0] == "open", 0)


@pytest.mark.parametrize(
    ("settled", "state", "solved_by"),
    [(Settled.SOLVED, "done", "王"), (Settled.STILL, "open", ""), (None, "open", ""), (Settled.KEPT, "open", "")],
)
async def test_a_problem_ends_with_its_task_or_both_stay_open(
    settled: Settled | None, state: str, solved_by: str
) -> None:
    member = await datong()
    told = VisitResult(Result.TALKED, problems=(NewProblem("login", "忘了密码", Fault.SITE),))
    await record_visit_result(member.member_id, told, key="a", by="林", now=NOW, calendar=CALENDAR)
    task = await the_task("problem")
    said = VisitResult(Result.TALKED, text="打了电话", settled=settled, next_on=TODAY + timedelta(days=9))
    await record_visit_result(member.member_id, said, key="b", by="王", now=NOW, calendar=CALENDAR, task=task)
    row = await Visit.get(id=task.id)
    assert (row.state, (await Problem.get()).solved_by) == (state, solved_by)
    assert await Visit.filter(category="follow_up").count() == (state == "done")  # else the task itself is then


async def test_what_is_settled_without_its_task_is_so_only_where_it_is_clear() -> None:
    member = await datong()
    for number in range(2):
        told = VisitResult(Result.TALKED, promise=NewPromise(f"第{number}件", TODAY))
        await record_visit_result(
            member.member_id, told, key=f"k{number}", by="林", now=NOW + timedelta(minutes=number), calendar=CALENDAR
        )
    kept = VisitResult(Result.TALKED, settled=Settled.KEPT)
    with pytest.raises(StateError, match="2件没办完"):
        await record_visit_result(member.member_id, kept, key="b", by="王", now=NOW, calendar=CALENDAR)
    assert await VisitOutcome.filter(key="b").count() == 0
    await settle_promise((await Promise.get(what="第0件")).id, PromiseState.BROKEN, by="林", now=NOW)
    task = await a_task(member.member_id)
    await record_visit_result(member.member_id, kept, key="b", by="王", now=NOW, calendar=CALENDAR, task=task)
    assert (await Promise.get(what="第1件")).state == "kept"
    assert await Visit.filter(state="open").count() == 0


async def test_a_promise_and_its_task_are_opened_again_together() -> None:
    member = await datong()
    told = VisitResult(Result.TALKED, promise=NewPromise("发候选人", TODAY))
    await record_visit_result(member.member_id, told, key="a", by="林", now=NOW, calendar=CALENDAR)
    promise, task = await Promise.get(), await the_task("promise")
    await settle_promise(promise.id, PromiseState.KEPT, by="林", now=NOW)
    await settle_promise(promise.id, PromiseState.OPEN, by="林", now=NOW)
    assert (await Visit.get(id=task.id)).state == "open"
    await settle_promise(promise.id, PromiseState.KEPT, by="林", now=NOW)
    await reopen_task(task)
    assert ((await Promise.get()).state, (await Visit.get(id=task.id)).state) == ("open", "open")


async def test_plans_are_listed_from_this_month_on_by_whose_members() -> None:
    member = await datong()
    past = NewPlan("焊工", 2, date(2026, 10, 1))
    for plan in (past, NewPlan("焊工", 3, TODAY), WHOLE.plans[0]):
        await hiring_plans.add_plan(member.member_id, plan, outcome_id=None, by="林", now=NOW)
    assert (await hiring_plans.count_plans(TODAY))[PlanState.OPEN] == (2, 8)
    assert [one.heads for one in await hiring_plans.plans_from(TODAY)] == [3, 5]
    assert await hiring_plans.plans_from(TODAY, {"石磊"}) == []
    assert set((await hiring_plans.count_plans(TODAY, number="nobody")).values()) == {(0, 0)}


async def test_a_plan_told_again_is_the_same_plan_with_the_latest_number_and_one_open_task() -> None:
    member = await datong()
    for number, (role, heads, by) in enumerate((("CNC操作工", 20, "林"), ("cnc 操作工", 15, "王"))):
        told = VisitResult(Result.TALKED, plans=(NewPlan(role, heads, date(2027, 3, 1)),))
        await record_visit_result(
            member.member_id, told, key=f"k{number}", by=by, now=NOW + timedelta(days=number), calendar=CALENDAR
        )
    other = VisitResult(Result.TALKED, plans=(NewPlan("CNC操作工", 20, date(2027, 4, 1)),))
    await record_visit_result(member.member_id, other, key="k3", by="林", now=NOW, calendar=CALENDAR)
    first, second = await hiring_plans.plans_from(TODAY)
    assert (first.heads, first.by, first.told_at, second.heads) == (15, "王", NOW + timedelta(days=1), 20)
    tasks = await Visit.filter(category="hiring_plan").order_by("id")
    assert ["招CNC操作工15人" in tasks[0].note, len(tasks), first.visit_id] == [True, 2, tasks[0].id]


async def test_a_plan_told_again_after_its_task_was_done_is_asked_about_once_more_on_a_later_day() -> None:
    member = await datong()
    plan = NewPlan("焊工", 5, date(2027, 3, 1))
    days = []
    for now in (NOW, NOW + timedelta(days=85), NOW + timedelta(days=86), NOW + timedelta(days=120)):
        await hiring.tell_plan(member.member_id, plan, outcome_id=None, by="林", now=now, calendar=CALENDAR)
        task = await Visit.filter(category="hiring_plan").order_by("-id").first()
        assert task
        days.append(task.due_at.astimezone(SHANGHAI).date())
        if now != NOW + timedelta(days=85):
            await visits.close_visit(task.id, outcome={}, at=now)
    assert days == [date(2027, 2, 15), date(2027, 3, 1), date(2027, 3, 1), date(2027, 3, 30)]
    assert await HiringPlan.all().count() == 1


async def test_a_closed_plan_closes_its_task_and_is_open_again_when_it_is_told_again() -> None:
    member = await datong()
    plan = NewPlan("焊工", 5, date(2027, 3, 1))
    number = await hiring.tell_plan(member.member_id, plan, outcome_id=None, by="林", now=NOW, calendar=CALENDAR)
    await hiring.settle_plan(number, PlanState.HIRED, by="王", now=NOW)
    with pytest.raises(StateError):
        await hiring.settle_plan(number, PlanState.DROPPED, by="王", now=NOW)
    assert (await Visit.get(category="hiring_plan")).state == "done"
    [line] = await hiring_plans.plans_from(TODAY, state=PlanState.HIRED)
    assert (line.closed_by, line.closed_at) == ("王", NOW)
    assert await hiring_plans.plans_from(TODAY) == await hiring_plans.plans_ahead(TODAY) == []
    assert (await hiring_plans.count_plans(TODAY))[PlanState.HIRED] == (1, 5)
    await hiring.tell_plan(member.member_id, plan, outcome_id=None, by="林", now=NOW, calendar=CALENDAR)
    [again] = await hiring_plans.plans_from(TODAY)
    assert (again.id, again.closed_at, again.closed_by) == (number, None, "")
    assert await Visit.filter(category="hiring_plan", state="open").count() == 1


def test_nobody_is_behind_on_the_first_day_nor_for_days_off() -> None:
    def month(day: datetime) -> targets.Month:
        return targets.month_of(day, CALENDAR)

    none = targets.Progress("林", False, targets.Kind.VISITS, goal=20, done=0)
    one = replace(none, done=1)
    assert not month(datetime(2026, 10, 1, 9, tzinfo=SHANGHAI)).is_behind(none)
    assert not month(datetime(2026, 10, 8, 9, tzinfo=SHANGHAI)).is_behind(none)  # the seven days off are over
    assert month(datetime(2026, 10, 9, 9, tzinfo=SHANGHAI)).is_behind(none)
    assert not month(datetime(2026, 12, 2, 9, tzinfo=SHANGHAI)).is_behind(one)
    assert (month(NOW).before, month(NOW).after) == ("2026-10", "2026-12")
