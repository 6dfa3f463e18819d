"""请假 and 一天几家: one's own; whoever assigns members, also those of colleagues."""

from collections import defaultdict
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.calendars import asked_day
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.visit_limits import usual_visits
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import fault_words
from campaigns import planned_lists, visit_calendar
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right
from campaigns.terms import SHANGHAI


async def absences(request: Request) -> Response:
    return await _page(request, {}, {})


async def add(request: Request) -> Response:
    form = await _form(request)
    faults: dict[str, str] = {}
    owner = form.get("owner", "") or visitor_of(request).staff.name
    days = [asked_day(form.get(name, "")) for name in ("first", "last")]
    for name, day in zip(("first", "last"), days, strict=True):
        if day is None:
            faults[name] = say("选一天")
    if owner not in await _people(request):
        faults["owner"] = say("只能填自己的；别人的由主管填")
    first, last = days
    if not faults and first and last:
        runtime: Runtime = request.app.state.runtime
        who, now = visitor_of(request).staff.name, runtime.clock()
        try:
            await visit_calendar.add_absence(owner, first, last, form.get("reason", ""), by=who, now=now)
        except InputError as exc:
            faults["last"] = fault_words(exc)
    if faults:
        return await _page(request, faults, form)
    await log(request, Action.VISITS_CHANGED, "visits", what="absence", owner=owner, until=str(last))
    return RedirectResponse("/visits/absences?done=added", status_code=303)


async def remove(request: Request) -> Response:
    for owner in await _people(request):
        if await visit_calendar.remove_absence(request.path_params["id"], owner):
            await log(request, Action.VISITS_CHANGED, "visits", what="absence gone", owner=owner)
            return RedirectResponse("/visits/absences?done=removed", status_code=303)
    return await not_found(request, here="visits", what=say("没有这次请假"))


async def set_number(request: Request) -> Response:
    """How many visits a day; for whoever assigns members."""
    form = await _form(request)
    owner, text = form.get("who", ""), form.get("a_day", "").strip()
    faults: dict[str, str] = {}
    if owner not in await _people(request):
        faults["a_day"] = say("没有这位同事")
    elif not (text.isascii() and text.isdigit() and len(text) < 4):
        faults["a_day"] = say("写一个整数，没有就写0")
    else:
        try:
            await visit_calendar.set_capacity(owner, int(text))
        except InputError as exc:
            faults["a_day"] = fault_words(exc)
    if faults:
        return await _page(request, faults, form)
    await log(request, Action.VISITS_CHANGED, "visits", what="capacity", owner=owner, a_day=int(text))
    return RedirectResponse("/visits/absences?done=number", status_code=303)


async def _page(request: Request, faults: Mapping[str, str], typed: Mapping[str, str]) -> Response:
    runtime: Runtime = request.app.state.runtime
    today = runtime.clock().astimezone(SHANGHAI).date()
    people = await _people(request)
    numbers = await visit_calendar.capacities()
    usual = usual_visits(runtime.settings, runtime.rulebook.policy).a_day
    return await staff_page(
        request,
        "visits/absences.html",
        here="visits",
        status_code=422 if faults else 200,
        leaves=await visit_calendar.absences_from(today, people),
        people=people,
        numbers=[(one, numbers.get(one, usual)) for one in people],
        may_answer=visitor_of(request).may(Right.ANSWER),
        may_assign=visitor_of(request).may(Right.ASSIGN),
        faults=faults,
        typed=defaultdict(str, typed),
        today=today,
        done=request.query_params.get("done", "")[:16],
    )


async def _people(request: Request) -> list[str]:
    """Whose absences this person keeps: his own; of those he sees where he assigns members."""
    who = visitor_of(request).staff
    others = await planned_lists.list_owners(who.owners) if who.may(Right.ASSIGN) else []
    return sorted({who.name, *others})


async def _form(request: Request) -> Mapping[str, str]:
    return {name: str(value)[:300] for name, value in (await read_form(request)).items()}


routes = [
    StaffRoute("/visits/absences", absences, right=Right.SEE),
    StaffRoute("/visits/absences", add, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/visits/absences/{id:int}/remove", remove, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/visits/capacity", set_number, right=Right.ASSIGN, methods=["POST"]),
]
