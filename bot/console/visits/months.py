"""A month of visits by day against what fits, mine, my department's or all; and the visits of one day."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot.console.calendars import asked_day, asked_month
from bot.console.moments import weekday_of
from bot.console.shell import not_found, staff_page
from bot.console.tasks.lists import asker_for
from bot.language import say
from bot.runtime import Runtime
from bot.visit_limits import usual_visits
from bot.visit_words import kind_words
from bot.web.desk import StaffRoute, visitor_of
from campaigns import planned_lists, visit_facts, visit_planning
from campaigns.rights import Right
from campaigns.staff import StaffMember
from campaigns.terms import SHANGHAI

_DAY = timedelta(days=1)


class Whose(StrEnum):
    ALL = "all"
    MINE = "mine"
    DEPARTMENT = "department"


_WHOSE = {Whose.ALL: "全部", Whose.MINE: "我的", Whose.DEPARTMENT: "我部门的"}


@dataclass(frozen=True, slots=True)
class Square:
    """A day of the month: `n` visits, `room` for so many in all."""

    date: date
    n: int
    room: int
    off: bool
    out: bool

    @property
    def full(self) -> bool:
        return self.n >= self.room > 0


async def month(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    today = runtime.clock().astimezone(SHANGHAI).date()
    first = asked_month(request.query_params.get("month", "")) or today.replace(day=1)
    start = first - timedelta(days=first.weekday())
    following = (first + timedelta(days=32)).replace(day=1)
    end = following + timedelta(days=-following.weekday() % 7)
    whose = whose_of(request)
    owners = await owners_of(visitor_of(request).staff, whose)
    squares = await _squares(runtime, start, end - _DAY, owners, first.month)
    lost = await planned_lists.count_conflicts(owners)
    return await staff_page(
        request,
        "visits/month.html",
        here="visits",
        first=first,
        weeks=[squares[at : at + 7] for at in range(0, len(squares), 7)],
        days=[one for one in squares if not one.out and (one.n or one.date == today)],
        today=today,
        tabs=[(one, say(_WHOSE[one]), url("/visits", one, month=f"{first:%Y-%m}")) for one in Whose],
        whose=whose,
        before=url("/visits", whose, month=f"{first - _DAY:%Y-%m}"),
        after=url("/visits", whose, month=f"{following:%Y-%m}"),
        of_day=lambda day: url(f"/visits/days/{day}", whose),
        total=sum(one.n for one in squares if not one.out),
        lost=sum(lost.values()),
        conflicts=url("/visits/conflicts", whose),
        planned_at=await visit_planning.planned_at(),
        weekday=weekday_of,
    )


async def _squares(
    runtime: Runtime, start: date, last: date, owners: frozenset[str] | None, month_no: int
) -> list[Square]:
    calendar = runtime.rulebook.calendar
    counts = await planned_lists.count_planned(start, last, owners)
    people = await planned_lists.list_owners(owners)
    rooms = await visit_facts.rooms(
        people, calendar, usual_visits(runtime.settings, runtime.rulebook.policy), start, last
    )
    return [
        Square(day, _sum(counts.get(day)), _sum(room), not calendar.is_workday(day), day.month != month_no)
        for day, room in rooms.items()
    ]


async def one_day(request: Request) -> Response:
    """The visits of a day, by colleague, with what fits for each."""
    runtime: Runtime = request.app.state.runtime
    asked = asked_day(request.path_params["day"])
    if asked is None:
        return await not_found(request, here="visits", what=say("没有这一天"))
    whose = whose_of(request)
    owners = await owners_of(visitor_of(request).staff, whose)
    lines = await planned_lists.browse_planned(asked, asked, owners)
    people = {one.owner for one in lines}
    calendar = runtime.rulebook.calendar
    rooms = await visit_facts.rooms(
        people, calendar, usual_visits(runtime.settings, runtime.rulebook.policy), asked, asked
    )
    return await staff_page(
        request,
        "visits/day.html",
        here="visits",
        asked=asked,
        groups=[(who, [one for one in lines if one.owner == who], rooms[asked].get(who, 0)) for who in sorted(people)],
        more=len(lines) == planned_lists.MOST,
        back=url("/visits", whose, month=f"{asked:%Y-%m}"),
        before=url(f"/visits/days/{asked - _DAY}", whose),
        after=url(f"/visits/days/{asked + _DAY}", whose),
        kind=kind_words,
        weekday=weekday_of,
    )


def whose_of(request: Request) -> Whose:
    with contextlib.suppress(ValueError):
        return Whose(request.query_params.get("whose", ""))
    return Whose.ALL


async def owners_of(who: StaffMember, whose: Whose) -> frozenset[str] | None:
    """Whose members' visits are asked for, of those this person sees; None is everybody's."""
    if whose is Whose.ALL:
        return who.owners
    asked = frozenset({who.name}) if whose is Whose.MINE else (await asker_for(who)).department
    return asked if who.owners is None else asked & who.owners


def url(path: str, whose: Whose, **asked: str) -> str:
    given = {**asked, "whose": "" if whose is Whose.ALL else str(whose)}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path


def _sum(counts: Mapping[str, int] | None) -> int:
    return sum((counts or {}).values())


routes = [
    StaffRoute("/visits", month, right=Right.SEE),
    StaffRoute("/visits/days/{day}", one_day, right=Right.SEE),
]
