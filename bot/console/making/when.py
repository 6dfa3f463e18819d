"""什么时候: at once, on a day, again and again, or before festivals; beside it the two weeks that come."""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.console.calendars import days_between
from bot.console.making.frame import Draft, making_page, no_campaign, overtaken, read_draft, save_step, with_values
from bot.console.making.moments import FORMS, Bounds, nearest, schedule_of
from bot.console.moments import weekday_of
from bot.console.shell import weekday
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, read_form, visitor_of
from campaigns.errors import InputError
from campaigns.rights import Right
from campaigns.schedule import WEEKDAYS, BeforeFestival, Once, OnStart, Recurring, due_occurrences, parse_schedule
from campaigns.terms import SHANGHAI, MessageClass

_AHEAD = timedelta(days=14)
_A_MONDAY = date(2026, 11, 23)
_USUAL = "09:30"


async def show(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    return await _step(request, draft, _written(request, draft), draft.table.get("schedule", {}), {})


async def save(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    form = await read_form(request)
    typed = {name: str(form.get(name, "")).strip()[:32] for name in ("form", "on", "at", "weekday", "again")}
    table, faults = schedule_of(typed, _bounds(request, draft))
    if faults or form.get("go") == "look":
        return await _step(request, draft, typed, {} if faults else table, faults)
    answer = await save_step(request, draft, "when", with_values(draft, schedule=table))
    return answer or await _step(request, draft, typed, table, {"since": overtaken()})


def _written(request: Request, draft: Draft) -> dict[str, str]:
    """The form as campaign.toml fills it; a schedule it cannot show is the first choice of all."""
    runtime: Runtime = request.app.state.runtime
    bounds = _bounds(request, draft)
    near = nearest(runtime.clock().astimezone(SHANGHAI) + timedelta(days=1), bounds)
    typed = {"form": "on_start", "on": f"{near:%Y-%m-%d}" if near else "", "at": _USUAL, "weekday": "mon", "again": ""}
    try:
        schedule = parse_schedule(draft.table.get("schedule", {}))
    except (InputError, AttributeError):
        return typed
    again = schedule.again_after.days if schedule.again_after else 0
    if again:
        typed["again"] = str(again)
    match schedule:
        case OnStart():
            return typed
        case Once(at=at):
            local = at.astimezone(SHANGHAI)
            return {**typed, "form": "once", "on": f"{local:%Y-%m-%d}", "at": f"{local:%H:%M}"}
        case Recurring(at=clock, weekday=None, workdays_only=workdays):
            return {**typed, "form": "workday" if workdays else "day", "at": f"{clock:%H:%M}"}
        case Recurring(at=clock, weekday=int(on)):
            return {**typed, "form": "week", "weekday": WEEKDAYS[on], "at": f"{clock:%H:%M}"}
        case BeforeFestival(at=clock):
            return {**typed, "form": "festival", "at": f"{clock:%H:%M}"}
    raise AssertionError(schedule)


def _bounds(request: Request, draft: Draft) -> Bounds:
    runtime: Runtime = request.app.state.runtime
    hours = runtime.rulebook.policy.hours
    given = str(draft.table.get("class", ""))
    kind = next((one for one in hours if one == given), MessageClass.MARKETING)
    return Bounds(kind, hours[kind], runtime.rulebook.calendar, runtime.clock())


async def _step(
    request: Request, draft: Draft, typed: Mapping[str, str], table: Mapping[str, Any], faults: Mapping[str, str]
) -> Response:
    bounds = _bounds(request, draft)
    return await making_page(
        request,
        draft,
        "when",
        faults=faults,
        typed=typed,
        forms=[(name, say(words)) for name, words in FORMS.items()],
        weekdays=[(name, weekday_of(_A_MONDAY + timedelta(days=at))) for at, name in enumerate(WEEKDAYS)],
        bounds=bounds,
        opens=bounds.hours.next_open(bounds.now, bounds.calendar),
        weekday=weekday,
        answers=bool(draft.definition and draft.definition.answers),
        **await _coming(request, draft, table),
    )


async def _coming(request: Request, draft: Draft, table: Mapping[str, Any]) -> dict[str, Any]:
    """The next 14 days, and when this one would be sent on them."""
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock()
    today = now.astimezone(SHANGHAI).date()
    days = await days_between(runtime, today, today + _AHEAD, visitor_of(request).staff.owners, today.month)
    own: dict[date, list[datetime]] = {}
    try:
        for due in due_occurrences(parse_schedule(table), runtime.rulebook.calendar, now, now + _AHEAD):
            own.setdefault(due.at.astimezone(SHANGHAI).date(), []).append(due.at)
    except (InputError, AttributeError):  # not decided yet
        own = {}
    here = re.compile(rf"/campaigns/{re.escape(draft.key)}(\?|$)")
    return {
        "days": [(day, own.get(day.date, []), [one for one in day.events if not here.match(one.href)]) for day in days],
        "today": today,
    }


routes = [
    StaffRoute("/campaigns/{key}/make/when", show, right=Right.PLAN),
    StaffRoute("/campaigns/{key}/make/when", save, right=Right.PLAN, methods=["POST"]),
]
