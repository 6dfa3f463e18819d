"""One planned visit: moved to another day, where it stays, or given back to the plan."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.calendars import asked_day
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.visit_limits import usual_visits
from bot.visit_words import conflict_line, kind_words, rule_words, what_to_do
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import fault_words
from campaigns import visit_calendar, visit_moves
from campaigns.audit import Action
from campaigns.errors import InputError, StateError
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.rights import Right
from campaigns.terms import SHANGHAI
from campaigns.visit_calendar import Entry
from campaigns.visiting import FIRM, Rule

Found = tuple[Entry, Head]


async def visit(request: Request) -> Response:
    """`day` asks what that day would break."""
    found = await _own(request)
    if found is None:
        return await _none(request)
    return await _show(request, found, request.query_params.get("day", "")[:10])


async def _show(request: Request, found: Found, typed: str, fault: str = "") -> Response:
    entry, head = found
    runtime: Runtime = request.app.state.runtime
    chosen = asked_day(typed)
    if typed and chosen is None:
        fault = say("日期写成2026-11-24这样")
    broken = await _broken(runtime, entry, chosen) if chosen and not fault else []
    return await staff_page(
        request,
        "visits/visit.html",
        here="visits",
        status_code=422 if fault else 200,
        entry=entry,
        head=head,
        typed=typed,
        chosen=chosen if chosen and not fault else None,
        broken=[(rule_words(rule), rule in FIRM) for rule in broken],
        firm=bool(FIRM & set(broken)),
        fault=fault,
        conflicts=[
            (conflict_line(one.lost, one.won, one.figures), what_to_do(one.won))
            for one in await visit_calendar.conflicts_of(head.id)
        ],
        kind=kind_words,
        today=_now(request).astimezone(SHANGHAI).date(),
        may=visitor_of(request).may(Right.ANSWER) and entry.task_id is None,
        done=request.query_params.get("done", "")[:16],
    )


async def _broken(runtime: Runtime, entry: Entry, day: date) -> list[Rule]:
    usual = usual_visits(runtime.settings, runtime.rulebook.policy)
    return await visit_moves.check_move(entry, day, runtime.rulebook.calendar, usual, runtime.clock())


async def move(request: Request) -> Response:
    """Where a rule would break that a person may break, only with `anyway`."""
    found = await _own(request)
    if found is None:
        return await _none(request)
    entry, head = found
    form = await _form(request)
    typed = form.get("day", "").strip()[:10]
    day = asked_day(typed)
    if day is None:
        return await _show(request, found, typed, say("选一天"))
    runtime: Runtime = request.app.state.runtime
    if await _broken(runtime, entry, day) and not form.get("anyway"):
        return await _show(request, found, typed)
    who, usual = visitor_of(request).staff.name, usual_visits(runtime.settings, runtime.rulebook.policy)
    try:
        broken = await visit_moves.move_visit(entry, day, runtime.rulebook.calendar, usual, by=who, now=runtime.clock())
    except (InputError, StateError) as exc:
        return await _show(request, found, typed, fault_words(exc))
    told: dict[str, Any] = {"was": str(entry.day), "now": str(day), "broken": [str(rule) for rule in broken]}
    await log(request, Action.VISITS_CHANGED, f"member/{head.no}", what="moved", **told)
    return RedirectResponse(f"/visits/{entry.id}?done=moved", status_code=303)


async def release(request: Request) -> Response:
    found = await _own(request)
    if found is None:
        return await _none(request)
    entry, head = found
    try:
        await visit_calendar.pin_entry(entry.id, entry.day, was=entry.day, by="")
    except StateError as exc:
        return await _show(request, found, "", fault_words(exc))
    await log(request, Action.VISITS_CHANGED, f"member/{head.no}", what="released")
    return RedirectResponse(f"/visits/{entry.id}?done=released", status_code=303)


async def _form(request: Request) -> Mapping[str, str]:
    return {name: str(value) for name, value in (await read_form(request)).items()}


async def _own(request: Request) -> Found | None:
    """Of a member this person sees."""
    entry = await visit_calendar.find_entry(request.path_params["id"])
    head = await find.find_head_by_id(entry.member_id) if entry else None
    if entry is None or head is None or not visitor_of(request).staff.sees_owner(head.owner):
        return None
    return entry, head


async def _none(request: Request) -> Response:
    return await not_found(request, here="visits", what=say("没有这次拜访，可能重新排过了"))


def _now(request: Request) -> datetime:
    runtime: Runtime = request.app.state.runtime
    return runtime.clock()


routes = [
    StaffRoute("/visits/{id:int}", visit, right=Right.SEE),
    StaffRoute("/visits/{id:int}/move", move, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/visits/{id:int}/release", release, right=Right.ANSWER, methods=["POST"]),
]
