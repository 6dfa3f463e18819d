"""What came of a contact by hand, from every door: touch, customer's words, problems, promises, plans, tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.transactions import in_transaction

from campaigns import gift_ledger, hiring, problems, promises, touches, visit_outcomes, visits
from campaigns.calendar import WorkCalendar
from campaigns.errors import StateError
from campaigns.intents import IntentTable
from campaigns.members.find import Match
from campaigns.problems import ProblemLine
from campaigns.promises import PromiseLine, PromiseState
from campaigns.replies.reading import Words, take_words
from campaigns.replies.refusals import record_staff_refusal
from campaigns.results import OPEN_STILL, WEIGHING, NewPromise, Result, Settled, VisitResult, morning_of
from campaigns.terms import SHANGHAI, Direction, Intent, TouchKind
from campaigns.visits import OF_CALENDAR, VisitTask

_SOLVED_WITHIN = timedelta(days=3)
PROMISE, FOLLOW_UP = "promise", "follow_up"
"""Categories of the tasks that come of an outcome."""
Matter = ProblemLine | PromiseLine
_STATES = {Settled.KEPT: PromiseState.KEPT, Settled.BROKEN: PromiseState.BROKEN}
_CLOSING = (*_STATES, Settled.SOLVED)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was written down. `new` is False where this form or message had come before: nothing was added."""

    outcome_id: int
    problems: int = 0
    promise: bool = False
    plans: int = 0
    intent: Intent | None = None
    new: bool = True


async def record_visit_result(
    member_id: int,
    result: VisitResult,
    *,
    key: str,
    by: str,
    now: datetime,
    calendar: WorkCalendar,
    table: IntentTable | None = None,
    task: VisitTask | None = None,
) -> Recorded:
    """All of it or nothing. `key` is of the form or message: what comes twice counts once.

    `calendar`: follow-ups of hiring plans and visits of the calendar are due on worked days.
    `table` reads the customer's own words; where there are none it may be left out.
    A task that a promise or a problem became ends with it; what is not `settled` stays open, and so does its task.
    Raises StateError for a task somebody else closed meanwhile, and where it is not clear what is settled.
    """
    async with in_transaction():
        if known := await visit_outcomes.find_outcome(key):
            return Recorded(known.id, new=False)
        ends = await _settle(task, member_id, result, by, now)
        if task is not None:
            await _end(task, result, by, now, calendar, ends=ends)
        touch_id = await _touch(member_id, result, by, now)
        outcome_id = await visit_outcomes.add_outcome(
            member_id, result, key=key, touch_id=touch_id, visit_id=task.id if task else None, by=by, now=now
        )
        intent = await _hear(member_id, result, now, table)
        await _problems(member_id, result, outcome_id, by, now)
        if result.promise:
            await _promise(member_id, result, result.promise, outcome_id, touch_id, by, now)
        await _plans(member_id, result, outcome_id, by, now, calendar)
        if result.next_on and not (task and not ends):
            await _follow_up(member_id, result, touch_id, by, now)
        if result.result is Result.REFUSED:
            await record_staff_refusal(member_id, now=now, by=by)
    return Recorded(outcome_id, len(result.problems), result.promise is not None, len(result.plans), intent)


async def solve_problem(problem_id: int, *, by: str, now: datetime) -> None:
    """And its task is done. Raises StateError where it is solved already."""
    async with in_transaction():
        await problems.solve_problem(problem_id, by=by, now=now)
        found = await problems.find_problem(problem_id)
        await _close(found.visit_id if found else None, {"result": "solved"}, by, now)


async def matter_of(task: VisitTask) -> Matter | None:
    """The promise or problem that became this task and is still to be done."""
    promise = await promises.promise_of_visit(task.id)
    problem = await problems.problem_of_visit(task.id)
    if promise and promise.state == PromiseState.OPEN:
        return promise
    return problem if problem and problem.solved_at is None else None


async def matters_open(member_id: int, settled: Settled) -> Sequence[Matter]:
    """Those of this member that these words may be about; of what is still to be done none."""
    if settled is Settled.SOLVED:
        return await problems.open_problems_of(member_id)
    return await promises.open_promises_of(member_id) if settled in _STATES else []


async def reopen_task(task: VisitTask) -> None:
    """And the promise or problem that became it."""
    async with in_transaction():
        await visits.reopen_visit(task.id)
        promise, problem = await promises.promise_of_visit(task.id), await problems.problem_of_visit(task.id)
        if promise and promise.state != PromiseState.OPEN:
            await promises.settle_promise(promise.id, PromiseState.OPEN, by="", now=task.opened_at)
        if problem and problem.solved_at:
            await problems.reopen_problem(problem.id)


async def reopen_problem(problem_id: int) -> None:
    """And its task. Raises StateError where it is open."""
    async with in_transaction():
        await problems.reopen_problem(problem_id)
        found = await problems.find_problem(problem_id)
        await _reopen(found.visit_id if found else None)


async def solve_problems(problem_ids: Sequence[int], *, by: str, now: datetime) -> None:
    """All of them, or none: raises StateError where one is solved already."""
    async with in_transaction():
        for problem_id in problem_ids:
            await solve_problem(problem_id, by=by, now=now)


async def settle_promise(promise_id: int, state: PromiseState, *, by: str, now: datetime) -> None:
    """Kept or broken, and its task is done; or open again with its task. Raises StateError."""
    async with in_transaction():
        await promises.settle_promise(promise_id, state, by=by, now=now)
        found = await promises.find_promise(promise_id)
        task_id = found.visit_id if found else None
        if state is PromiseState.OPEN:
            await _reopen(task_id)
        else:
            await _close(task_id, {"result": str(state)}, by, now)


async def _reopen(visit_id: int | None) -> None:
    """Where it was done."""
    task = await visits.find_visit(visit_id) if visit_id else None
    if task is not None and task.state == "done":
        await visits.reopen_visit(task.id)


async def _close(visit_id: int | None, outcome: dict[str, object], by: str, now: datetime) -> None:
    """Where nobody closed it before."""
    task = await visits.find_visit(visit_id) if visit_id else None
    if task is not None and task.state == "open":
        await visits.close_visit(task.id, outcome=outcome, at=now, by=by)


async def _settle(task: VisitTask | None, member_id: int, result: VisitResult, by: str, now: datetime) -> bool:
    """What is said of a promise or problem. Returns whether the task ends: one that became a task only with it."""
    matter = await matter_of(task) if task else None
    if matter is None:
        if result.settled in _CLOSING:
            await _settle_only(member_id, result.settled, by, now)
        return result.result not in OPEN_STILL
    if result.settled in _STATES and isinstance(matter, PromiseLine):
        await promises.settle_promise(matter.id, _STATES[result.settled], by=by, now=now)
        return True
    if result.settled is Settled.SOLVED and isinstance(matter, ProblemLine):
        await problems.solve_problem(matter.id, by=by, now=now)
        return True
    return False


async def _settle_only(member_id: int, settled: Settled, by: str, now: datetime) -> None:
    """Where the words name no task: the one that is open, with its own task."""
    found = await matters_open(member_id, settled)
    if len(found) != 1:
        raise StateError(f"这家有{len(found)}件没办完的，写清是哪个任务 (name the task: not one matter is open)")
    if settled is Settled.SOLVED:
        await solve_problem(found[0].id, by=by, now=now)
    else:
        await settle_promise(found[0].id, _STATES[settled], by=by, now=now)


async def _end(
    task: VisitTask, result: VisitResult, by: str, now: datetime, calendar: WorkCalendar, *, ends: bool
) -> None:
    """The task is done, or put off: to the next day where none was chosen; a visit of the calendar to a worked one."""
    promised = result.promise.what if result.promise else ""
    outcome = {"result": result.result, "text": result.text, "promise": promised}
    if not ends:
        on = result.next_on or (now.astimezone(SHANGHAI) + timedelta(days=1)).date()
        if task.category in OF_CALENDAR and not calendar.is_workday(on):
            on = calendar.next_workday(on)
        await visits.note_try(task.id, outcome=outcome, until=morning_of(on, now), at=now, by=by)
        return
    await visits.close_visit(task.id, outcome=outcome, at=now, by=by)
    await gift_ledger.end_with_task(task.cause, result, by=by, now=now)


async def _touch(member_id: int, result: VisitResult, by: str, now: datetime) -> int:
    return await touches.record_touch(
        member_id,
        at=now,
        direction=Direction.OUT,
        kind=TouchKind.VISIT if result.result in WEIGHING else TouchKind.TRIED,
        medium=result.medium,
        contact_id=result.contact_id,
        text=result.text,
        by=by,
    )


async def _hear(member_id: int, result: VisitResult, now: datetime, table: IntentTable | None) -> Intent | None:
    if not result.said:
        return None
    assert table is not None
    words = Words(at=now, text=result.said, medium=result.medium)
    return await take_words(Match(member_id, result.contact_id), words, now, table)


async def _problems(member_id: int, result: VisitResult, outcome_id: int, by: str, now: datetime) -> None:
    for one in result.problems:
        number = await problems.add_problem(member_id, one, outcome_id=outcome_id, owner=by, by=by, now=now)
        due = morning_of((now.astimezone(SHANGHAI) + _SOLVED_WITHIN).date(), now)
        task = await _open(
            member_id, result, problems.PROBLEM, f"problem:{number}", due, one.cause or result.text, by, now
        )
        await problems.give_visit(number, task)


async def _promise(
    member_id: int, result: VisitResult, promise: NewPromise, outcome_id: int, touch_id: int, by: str, now: datetime
) -> None:
    due = morning_of(promise.due_on, now)
    task = await _open(member_id, result, PROMISE, f"promise:{touch_id}", due, promise.what, by, now)
    await promises.add_promise(member_id, promise, outcome_id=outcome_id, visit_id=task, owner=by, now=now)


async def _plans(
    member_id: int, result: VisitResult, outcome_id: int, by: str, now: datetime, calendar: WorkCalendar
) -> None:
    for one in result.plans:
        await hiring.tell_plan(member_id, one, outcome_id=outcome_id, by=by, now=now, calendar=calendar)


async def _follow_up(member_id: int, result: VisitResult, touch_id: int, by: str, now: datetime) -> None:
    assert result.next_on is not None
    due, note = morning_of(result.next_on, now), result.next_step or result.text
    await _open(member_id, result, FOLLOW_UP, f"next:{touch_id}", due, note, by, now)


async def _open(
    member_id: int, result: VisitResult, category: str, cause: str, due: datetime, note: str, by: str, now: datetime
) -> int:
    return await visits.open_visit(
        member_id,
        category=category,
        cause=cause,
        opened_at=now,
        due_at=due,
        contact_id=result.contact_id,
        note=note,
        owner=by,
    )
