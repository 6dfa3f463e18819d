"""What is done with a task: its outcome written down, put off, handed on, opened again, a new one made."""

from collections import defaultdict
from datetime import date, datetime, timedelta
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.days_given import read_day
from bot.console.results.form import read_result
from bot.console.results.taking import answers_to, take
from bot.console.shell import not_found, staff_page
from bot.console.tasks.days import ANYWAY, day_faults
from bot.console.tasks.task import no_task, own_task, show
from bot.language import say
from bot.problem_categories import categories_in_force
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import visits
from campaigns.audit import Action
from campaigns.errors import StateError
from campaigns.members import find
from campaigns.replies.results import matter_of, reopen_task
from campaigns.results import OPEN_STILL, morning_of
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
    form = {name: str(value) for name, value in (await read_form(request)).items()}
    categories = await categories_in_force(runtime.settings.huifang_templates)
    answers = answers_to(await matter_of(one))
    result, faults = read_result(form, _today(runtime.clock()), categories, one.contact_id, answers)
    if result is not None and result.result in OPEN_STILL and result.next_on:
        faults = await day_faults(runtime, one, result.next_on, "next_on", anyway=bool(form.get(ANYWAY)))
    if result is None or faults:
        return await show(request, faults=faults, typed=form)
    key = f"task:{one.id}:{form.get('nonce', '')[:40] or uuid4().hex}"  # sent twice it is written once
    try:
        await take(request, head, result, key=key, task=one)
    except StateError as exc:
        return await show(request, faults={"result": str(exc)}, typed=form)
    return RedirectResponse(f"/tasks/{one.id}?done={result.result}", status_code=303)


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
        fault = await _change(what, one, form, runtime)
    except StateError as exc:
        fault = {"result": str(exc)}
    if fault:
        return await show(request, faults=fault, typed=form)
    await log(request, Action.TASK_CHANGED, f"member/{head.no}", task=one.id, what=what)
    return RedirectResponse(f"/tasks/{one.id}?done={what}", status_code=303)


async def _change(what: str, one: VisitTask, form: dict[str, str], runtime: Runtime) -> dict[str, str]:
    """What is wrong; empty where it was done."""
    faults: dict[str, str] = {}
    now = runtime.clock()
    if what == "reopen":
        await reopen_task(one)
    elif what == "hand":
        await visits.hand_visit(one.id, form.get("to", "")[:64])
    elif (day := read_day(form, "on", _today(now), faults)) is not None:
        faults = await day_faults(runtime, one, day, "on", anyway=bool(form.get(ANYWAY)))
        if not faults:
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
