"""日历: a month with its festivals and days off, what was sent and what will be; and one day of it."""

import contextlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.calendar_words import lunar_words, under_the_day
from bot.console.calendar_events import Event, asked_between, events_between
from bot.console.moments import short_day, weekday_of
from bot.console.shell import not_found, staff_page, weekday
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns import edits, statements
from campaigns.calendar import WorkCalendar, holiday_name
from campaigns.calendar_file import own_days
from campaigns.errors import OutreachError
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_MONTH = re.compile(r"(\d{4})-(\d\d)", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1903, 2098
_DAY = timedelta(days=1)
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Day:
    date: date
    lunar: str
    festivals: Sequence[str]
    off: bool
    mark: str  # rest, work or nothing
    why: str
    out: bool = False
    events: Sequence[Event] = field(default=())
    renewals: int = 0

    @property
    def few(self) -> Sequence[Event]:
        return self.events if len(self.events) <= _SHOWN else self.events[: _SHOWN - 1]


async def month(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    owners = visitor_of(request).staff.owners
    today = runtime.clock().astimezone(SHANGHAI).date()
    first = asked_month(request.query_params.get("month", "")) or today.replace(day=1)
    start = first - timedelta(days=first.weekday())
    following = (first + timedelta(days=32)).replace(day=1)
    end = following + timedelta(days=-following.weekday() % 7)
    days = await days_between(runtime, start, end, owners, first.month)
    return await staff_page(
        request,
        "calendar/month.html",
        here="calendar",
        first=first,
        weeks=[days[at : at + 7] for at in range(0, len(days), 7)],
        days=[one for one in days if not one.out],
        today=today,
        today_is=next((one for one in days if one.date == today), None),
        before=f"/calendar?month={(first - _DAY):%Y-%m}",
        after=f"/calendar?month={following:%Y-%m}",
        notes=_notes(runtime.rulebook.calendar, [one for one in days if not one.out]),
        hours=_hours(runtime),
        weekday=weekday,
        may_plan=visitor_of(request).may(Right.PLAN),
    )


async def one_day(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    owners = visitor_of(request).staff.owners
    asked = asked_day(request.path_params["day"])
    if asked is None:
        return await not_found(request, here="calendar", what=say("没有这一天"))
    [found] = await days_between(runtime, asked, asked + _DAY, owners, asked.month)
    return await staff_page(
        request,
        "calendar/day.html",
        here="calendar",
        found=found,
        lunar=lunar_words(asked),
        asked=asked,
        before=asked - _DAY,
        after=asked + _DAY,
        announced=runtime.rulebook.calendar.is_announced(asked.year),
        hours=_hours(runtime),
        renewing=await _renewing(asked, owners),
        weekday=weekday,
        coming=runtime.clock(),
    )


def asked_month(text: str) -> date | None:
    found = _MONTH.fullmatch(text)
    if found and _FIRST_YEAR <= int(found[1]) <= _LAST_YEAR and 1 <= int(found[2]) <= 12:
        return date(int(found[1]), int(found[2]), 1)
    return None


def asked_day(text: str) -> date | None:
    with contextlib.suppress(ValueError):
        found = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII) else None
        return found if found and _FIRST_YEAR <= found.year <= _LAST_YEAR else None
    return None


async def days_between(
    runtime: Runtime, start: date, end: date, owners: Collection[str] | None, month_no: int
) -> list[Day]:
    """From `start` to before `end`."""
    calendar = runtime.rulebook.calendar
    events: dict[date, list[Event]] = {}
    found = [*await events_between(runtime, start, end, owners), *await asked_between(runtime, start, end)]
    for event in sorted(found, key=lambda event: event.at):
        events.setdefault(event.at.astimezone(SHANGHAI).date(), []).append(event)
    renewals = await _renewals(start, end, owners)
    own = await _own(runtime)
    return [
        _day(calendar, day, own.get(day), day.month != month_no, events.get(day, []), renewals.get(day, 0))
        for day in (start + timedelta(days=n) for n in range((end - start).days))
    ]


def _day(
    calendar: WorkCalendar,
    day: date,
    own: tuple[bool, str] | None,
    out: bool,
    events: Sequence[Event],
    renewals: int,
) -> Day:
    off = not calendar.is_workday(day)
    holiday = holiday_name(day) if off else ""
    mark = "rest" if off and (day.weekday() < 5 or holiday) else "work" if not off and day.weekday() >= 5 else ""
    usual = {"rest": say("放假"), "work": say("调休上班")}.get(mark, "")
    why = own[1] if own else usual
    return Day(day, under_the_day(day), calendar.festivals_on(day), off, mark, why, out, events, renewals)


async def _own(runtime: Runtime) -> Mapping[date, tuple[bool, str]]:
    """Our own days off, with the reasons staff wrote."""
    path = runtime.settings.huifang_templates / "calendar.toml"
    disk = {"calendar.toml": path.read_text("utf-8-sig")} if path.is_file() else {}
    stand = await edits.apply_edits(edits.TOP, disk)
    with contextlib.suppress(OutreachError):
        found = own_days(stand.get("calendar.toml", ""), "calendar.toml")
        return {one.day: (one.is_workday, one.reason) for one in found}
    return {}


# ---- renewals -------------------------------------------------------------------------------------------------------


async def _renewals(start: date, end: date, owners: Collection[str] | None) -> dict[date, int]:
    where, params = _due(start, end, owners)
    rows = await statements.query(
        f"SELECT plan_expires_on AS on_day, count(*) AS n FROM members WHERE {where} GROUP BY plan_expires_on", *params
    )
    return {day: row["n"] for row in rows if (day := statements.day(row["on_day"]))}


async def _renewing(day: date, owners: Collection[str] | None) -> list[dict[str, Any]]:
    where, params = _due(day, day + _DAY, owners)
    return await statements.query(
        f"SELECT no, name, tier, plan, owner FROM members WHERE {where} ORDER BY tier_score DESC, no LIMIT 50", *params
    )


def _due(start: date, end: date, owners: Collection[str] | None) -> tuple[str, list[Any]]:
    where, params = "plan_expires_on >= $1 AND plan_expires_on < $2", [start, end]
    if owners is None:
        return where, params
    db = statements.connection()
    return f"{where} AND owner {statements.ids_in(db, '$3', 'text')}", [*params, statements.id_list(db, sorted(owners))]


# ---- what to mind ---------------------------------------------------------------------------------------------------


def _hours(runtime: Runtime) -> list[tuple[str, str]]:
    """(class of message, when it may be sent)."""
    return [
        (
            wording.class_words(kind),
            f"{say('工作日') if hours.workdays_only else say('每天')} {hours.opens:%H:%M}–{hours.closes:%H:%M}",
        )
        for kind, hours in runtime.rulebook.policy.hours.items()
    ]


def _notes(calendar: WorkCalendar, days: Sequence[Day]) -> list[tuple[bool, str]]:
    """(is it bad, what to mind)."""
    found = []
    year = days[0].date.year
    if not calendar.is_announced(year):
        found.append((True, say("{year}年放假安排还没公布，先按法定节日和周末推算").format(year=year)))
    for one in days:
        words = f"{short_day(one.date)} {weekday_of(one.date)}"
        if one.mark == "work":
            found.append((False, say("{day}上班（{why}），客户可能仍在休息").format(day=words, why=one.why)))
        busy = [event for event in one.events if event.kind != "done"]
        if len(busy) > _SHOWN:
            found.append((False, say("{day}有{n}个活动，同一家只收得到频次上限以内的").format(day=words, n=len(busy))))
    rest = [one.date for one in days if one.mark == "rest"]
    if rest:
        numbers = say("、").join(str(day.day) for day in rest)
        found.append(
            (False, say("{month}月{days}日放假，营销和问候顺延到上班那天").format(month=rest[0].month, days=numbers))
        )
    return found


routes = [
    StaffRoute("/calendar", month, right=Right.SEE),
    StaffRoute("/calendar/{day}", one_day, right=Right.SEE),
]
