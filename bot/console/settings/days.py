"""设置 · 放假和上班: days of our own, beside those that were announced."""

from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.rules import text_of, write
from bot.console.settings.tabs import settings_page
from bot.console.shell import weekday
from bot.language import say
from bot.runtime import CALENDAR_FILE, Runtime
from bot.web.desk import StaffRoute, read_form
from bot.wording import fault_words
from campaigns.calendar import WorkCalendar
from campaigns.calendar_file import own_days, parse_calendar
from campaigns.errors import InputError
from campaigns.rights import Right
from campaigns.terms import SHANGHAI
from campaigns.toml_lines import set_value

_TABLES = {"off": False, "work": True}
_LONGEST_REASON = 64
_FURTHEST = timedelta(days=800)


async def days(request: Request) -> Response:
    return await _page(request)


async def add(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    typed = {name: str(form.get(name, "")).strip()[:200] for name in ("day", "kind", "reason")}
    text = await text_of(runtime, CALENDAR_FILE)
    today = runtime.clock().astimezone(SHANGHAI).date()
    if faults := _faults(typed, text, today):
        return await _page(request, typed=typed, faults=faults, status_code=422)
    reason = " ".join("".join(char for char in typed["reason"] if char.isprintable()).split())
    try:
        text = set_value(text, typed["kind"], typed["day"], reason)
        parse_calendar(text, CALENDAR_FILE)
    except InputError as exc:
        return await _page(request, typed=typed, faults={"day": fault_words(exc)}, status_code=422)
    await write(request, CALENDAR_FILE, text, {typed["kind"]: typed["day"]})
    return RedirectResponse("/settings/calendar?done=1", status_code=303)


async def remove(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    day, text = str(form.get("day", "")), await text_of(runtime, CALENDAR_FILE)
    found = next((one for one in own_days(text, CALENDAR_FILE) if one.day.isoformat() == day), None)
    if found is None:
        return RedirectResponse("/settings/calendar", status_code=303)
    table = "work" if found.is_workday else "off"
    await write(request, CALENDAR_FILE, set_value(text, table, day, None), {"removed": day})
    return RedirectResponse("/settings/calendar?done=1", status_code=303)


def _faults(typed: dict[str, str], text: str, today: date) -> dict[str, str]:
    faults: dict[str, str] = {}
    try:
        day = date.fromisoformat(typed["day"])
        typed["day"] = day.isoformat()
    except ValueError:
        return {"day": say("日期写成2026-11-24这样")}
    if not today <= day <= today + _FURTHEST:
        faults["day"] = say("写今天以后、两年以内的日子")
    elif any(one.day == day for one in own_days(text, CALENDAR_FILE)):
        faults["day"] = say("这一天已经在表里，先去掉那一行")
    if typed["kind"] not in _TABLES:
        faults["kind"] = say("选放假还是上班")
    if not 0 < len(typed["reason"]) <= _LONGEST_REASON:
        faults["reason"] = say("写上原因，64个字以内")
    return faults


async def _page(
    request: Request,
    *,
    typed: dict[str, str] | None = None,
    faults: dict[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    runtime: Runtime = request.app.state.runtime
    announced = WorkCalendar()
    found = sorted(own_days(await text_of(runtime, CALENDAR_FILE), CALENDAR_FILE), key=lambda one: one.day)
    today = runtime.clock().astimezone(SHANGHAI).date()
    return await settings_page(
        request,
        "settings/calendar.html",
        tab="calendar",
        status_code=status_code,
        days=[(one, weekday(one.day), announced.is_workday(one.day), one.day < today) for one in found],
        typed={"day": "", "kind": "off", "reason": "", **(typed or {})},
        faults=faults or {},
        today=today,
        known=announced.is_announced(today.year + 1),
        done=request.query_params.get("done") == "1",
    )


routes = [
    StaffRoute("/settings/calendar", days, right=Right.SETTINGS),
    StaffRoute("/settings/calendar", add, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute("/settings/calendar/remove", remove, right=Right.SETTINGS, methods=["POST"]),
]
