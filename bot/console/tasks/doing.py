"""What is done with a task: its outcome written down, put off, handed on, opened again, a new one made."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found, staff_page
from bot.console.tasks import outcomes
from bot.console.tasks.outcomes import Outcome, morning_of, read_day, read_outcome
from bot.console.tasks.task import no_task, own_task, show
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import introducing, visits
from campaigns.audit import Action
from campaigns.errors import StateError
from campaigns.members import find
from campaigns.replies.calls import Call, record_call
from campaigns.rights import Right
from campaigns.terms import SHANGHAI
from campaigns.visits import VisitTask

_LONGEST_NOTE = 500


async def write_outcome(request: Request) -> Response:
    found = await own_task(request)
    if found is None:
        return await no_task(request)
    one, head = found
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock()
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    outcome, faults = read_outcome(form, _today(now))
    if outcome is None:
        return await show(request, faults=faults, typed=form)
    try:
        await record_call(one, _call(outcome, now), by=visitor_of(request).staff.name, now=now)
    except StateError as exc:
        return await show(request, faults={"result": str(exc)}, typed=form)
    if outcome.result == outcomes.TALKED:
        by, policy = visitor_of(request).staff.name, runtime.rulebook.policy
        await introducing.propose_after_visit(head.id, one.id, now, policy, by=by)
    await log(request, Action.TASK_CHANGED, f"member/{head.no}", task=one.id, result=outcome.result)
    return RedirectResponse(f"/tasks/{one.id}?done={outcome.result}", status_code=303)


def _call(outcome: Outcome, now: datetime) -> Call:
    """One that nobody answered is tried again, on the next day where none was chosen."""
    again = outcome.result in outcomes.OPEN_STILL
    on = outcome.next_on or (_today(now) + timedelta(days=1) if again else None)
    at = morning_of(on, now) if on else None
    return Call(
        result=outcome.result,
        text=outcome.note or outcomes.RESULTS[outcome.result],
        promise=outcome.promise,
        promise_at=morning_of(outcome.promise_on, now) if outcome.promise_on else None,
        again_at=at if again else None,
        next_at=None if again else at,
        refused=outcome.result == outcomes.REFUSED,
    )


async def postpone(request: Request) -> Response:
    return await _changed(request, "postpone")


async def hand(request: Request) -> Response:
    return await _changed(request, "hand")


async def reopen(request: Request) -> Response:
    return await _changed(request, "reopen")


async def _changed(request: Request, what: str) -> Response:
    found = await own_task(request)
    if found is None:
        return await no_task(request)
    one, head = found
    runtime: Runtime = request.app.state.runtime
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    try:
        fault = await _change(what, one, form, runtime.clock())
    except StateError as exc:
        fault = {"result": str(exc)}
    if fault:
        return await show(request, faults=fault, typed=form)
    await log(request, Action.TASK_CHANGED, f"member/{head.no}", task=one.id, what=what)
    return RedirectResponse(f"/tasks/{one.id}?done={what}", status_code=303)


async def _change(what: str, one: VisitTask, form: dict[str, str], now: datetime) -> dict[str, str]:
    """What is wrong; empty where it was done."""
    faults: dict[str, str] = {}
    if what == "reopen":
        await visits.reopen_visit(one.id)
    elif what == "hand":
        await visits.hand_visit(one.id, form.get("to", "")[:64])
    elif (day := read_day(form, "on", _today(now), faults)) is not None:
        await visits.postpone_visit(one.id, morning_of(day, now))
    elif not faults:
        faults["on"] = say("选一天")
    return faults


# ---- a new one ------------------------------------------------------------------------------------------------------


async def new_task(request: Request) -> Response:
    return await _new(request, {"member": request.query_params.get("member", "")[:64]}, {})


async def add_task(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock()
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    faults: dict[str, str] = {}
    head = await find.find_head(form.get("member", "").strip()[:64])
    if head is None or not visitor_of(request).staff.sees_owner(head.owner):
        faults["member"] = say("没有这个编号的企业会员。编号在会员列表里")
    day = read_day(form, "on", _today(now), faults)
    if day is None and "on" not in faults:
        faults["on"] = say("选一天")
    note = form.get("note", "").strip()
    if not 0 < len(note) <= _LONGEST_NOTE:
        faults["note"] = say("写一句要做什么，最多{n}字").format(n=_LONGEST_NOTE)
    if faults or head is None or day is None:
        return await _new(request, form, faults)
    nonce = form.get("nonce", "")[:40] or uuid4().hex  # sent twice it opens one
    made = await visits.open_visit(
        head.id,
        category="by_hand",
        cause=f"hand:{nonce}",
        opened_at=now,
        due_at=morning_of(day, now),
        note=note,
        owner=visitor_of(request).staff.name,
    )
    await log(request, Action.TASK_CHANGED, f"member/{head.no}", task=made, what="new")
    return RedirectResponse(f"/tasks/{made}", status_code=303)


async def _new(request: Request, typed: dict[str, str], faults: dict[str, str]) -> Response:
    runtime: Runtime = request.app.state.runtime
    today = _today(runtime.clock())
    head = await find.find_head(typed.get("member", "").strip())
    seen = head if head and visitor_of(request).staff.sees_owner(head.owner) else None
    if typed.get("member") and seen is None and not faults:
        return await not_found(request, here="tasks", what=say("没有这个编号的企业会员"))
    return await staff_page(
        request,
        "tasks/new.html",
        here="tasks",
        status_code=422 if faults else 200,
        typed=defaultdict(str, typed),
        faults=defaultdict(str, faults),
        head=seen,
        nonce=typed.get("nonce") or uuid4().hex,
        days=[today, today + timedelta(days=1)],
        today=today,
    )


def _today(now: datetime) -> date:
    return now.astimezone(SHANGHAI).date()


routes = [
    StaffRoute("/tasks/new", new_task, right=Right.ANSWER),
    StaffRoute("/tasks/new", add_task, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/tasks/{id:int}/outcome", write_outcome, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/tasks/{id:int}/postpone", postpone, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/tasks/{id:int}/hand", hand, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/tasks/{id:int}/reopen", reopen, right=Right.ANSWER, methods=["POST"]),
]
