"""What colleagues and departments are to reach in a month, and how far they are."""

from calendar import monthrange
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from campaigns import staff, statements
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError
from campaigns.members.owners import owners_at
from campaigns.members.renewals import renewals_between
from campaigns.models import Target, Touch
from campaigns.results import Medium
from campaigns.terms import SHANGHAI

MOST = 100_000
_FIRST_YEAR, _LAST_YEAR = 2000, 2100


# Members who were spoken to on the phone or at their place, by whichever door; and visits that were done before
# outcomes were kept. A letter, a gift, a task that was called off or ended at a click is no visit.
_SPOKEN_TO = ", ".join(f"'{one}'" for one in (Medium.PHONE, Medium.VISIT))
_VISIT_TASKS = "'planned_visit', 'renewal', 'return_visit', 'call_me'"
_VISITS = f"""
    SELECT who, sum(n) AS n FROM (
      SELECT o.by AS who, count(*) AS n FROM visit_outcomes o
      WHERE o.result IN ('talked', 'refused') AND o.medium IN ({_SPOKEN_TO}) AND o.at >= $1 AND o.at < $2 GROUP BY o.by
      UNION ALL
      SELECT v.closed_by AS who, count(*) AS n FROM visits v
      WHERE v.state = 'done' AND v.category IN ({_VISIT_TASKS}) AND v.closed_at >= $1 AND v.closed_at < $2
        AND NOT EXISTS (SELECT 1 FROM visit_outcomes o WHERE o.visit_id = v.id)
      GROUP BY v.closed_by
    ) made GROUP BY who
"""


class Kind(StrEnum):
    """Visits done, members who came back by a link, plans renewed."""

    VISITS = "visits"
    RETURNS = "returns"
    RENEWALS = "renewals"


@dataclass(frozen=True, slots=True)
class Progress:
    """`goal` 0: none was set."""

    who: str
    is_department: bool
    kind: Kind
    goal: int
    done: int


@dataclass(frozen=True, slots=True)
class Month:
    """`passed` of its `days` are over or today; of a month to come none. `worked` of its `workdays` were before today:
    what is done today still counts for it.
    """

    name: str
    first: date
    days: int
    passed: int
    workdays: int
    worked: int

    @property
    def left(self) -> int:
        return self.days - self.passed

    @property
    def before(self) -> str:
        """The name of the month before; empty where that is none of ours."""
        return _name(self.first - timedelta(days=1))

    @property
    def after(self) -> str:
        return _name(self.first + timedelta(days=self.days))

    def is_behind(self, one: Progress) -> bool:
        """Less done than the workdays that are over ask for."""
        return bool(one.goal) and one.done * self.workdays < one.goal * self.worked


def _name(day: date) -> str:
    return f"{day:%Y-%m}" if _FIRST_YEAR <= day.year <= _LAST_YEAR else ""


def month_of(now: datetime, calendar: WorkCalendar, name: str = "") -> Month:
    """`name`: 2026-11; the present one without. Raises InputError."""
    today = now.astimezone(SHANGHAI).date()
    try:
        first = date.fromisoformat(f"{name}-01") if name else today.replace(day=1)
    except ValueError:
        first = date.min
    if not _FIRST_YEAR <= first.year <= _LAST_YEAR:
        raise InputError(f"月份 {name}：写成 2026-11 这样 (not a month)")
    days = monthrange(first.year, first.month)[1]
    worked = [day for day in (first + timedelta(days=n) for n in range(days)) if calendar.is_workday(day)]
    return Month(
        name=f"{first:%Y-%m}",
        first=first,
        days=days,
        passed=max(0, min(days, (today - first).days + 1)),
        workdays=len(worked),
        worked=sum(day < today for day in worked),
    )


async def set_target(
    month: Month, who: str, kind: Kind, goal: int, *, is_department: bool = False, by: str, now: datetime
) -> None:
    """A goal of 0 takes it away. Raises InputError for who is neither on the staff nor a department."""
    if not 0 <= goal <= MOST:
        raise InputError(f"目标写0到{MOST}的整数 (a whole number from 0 to {MOST})")
    known = {one.department if is_department else one.name for one in await staff.list_staff()}
    if not who or who not in known:
        raise InputError(f"没有{'部门' if is_department else '员工'}{who} (nobody of that name)")
    key: dict[str, Any] = {"month": month.name, "who": who, "is_department": is_department, "kind": str(kind)}
    if goal == 0:
        await Target.filter(**key).delete()
        return
    await Target.update_or_create(**key, defaults={"goal": goal, "by": by, "at": now})


async def read_progress(month: Month, owners: Collection[str] | None = None) -> list[Progress]:
    """Every department, then every colleague, by kind; with `owners` of these names alone. Eight queries.

    A return and a renewal are whose the member was then: what is given away later takes nothing out of a month.
    """
    everybody = await staff.list_staff()
    goals = {(row.is_department, row.who, row.kind): row.goal for row in await Target.filter(month=month.name)}
    start, end = _bounds(month)
    renewed = await renewals_between(start, end)
    counts = {
        Kind.VISITS: await _visits(start, end),
        Kind.RETURNS: await _returns(start, end),
        Kind.RENEWALS: Counter(one.owner for one in renewed),
    }
    of_departments = Counter(one.department for one in renewed)
    found = []
    for is_department, who, names in _groups(everybody):
        if owners is not None and who not in owners:
            continue
        for kind in Kind:
            done = sum(counts[kind][name] for name in names)
            if is_department and kind is Kind.RENEWALS:
                done = of_departments[who]
            found.append(Progress(who, is_department, kind, goals.get((is_department, who, kind), 0), done))
    return found


def _groups(everybody: Sequence[staff.StaffMember]) -> list[tuple[bool, str, frozenset[str]]]:
    """(is it a department, its name, the names that count for it)."""
    departments: dict[str, set[str]] = {}
    for one in everybody:
        if one.department:
            departments.setdefault(one.department, {one.department}).add(one.name)
    people = sorted(one.name for one in everybody if one.active)
    return [
        *((True, name, frozenset(names)) for name, names in sorted(departments.items())),
        *((False, name, frozenset({name})) for name in people),
    ]


def _bounds(month: Month) -> tuple[datetime, datetime]:
    start = datetime.combine(month.first, time(), SHANGHAI)
    return start, datetime.combine(month.first + timedelta(days=month.days), time(), SHANGHAI)


async def _visits(start: datetime, end: datetime) -> Counter[str]:
    return Counter({row["who"]: int(row["n"]) for row in await statements.query(_VISITS, start, end)})


async def _returns(start: datetime, end: datetime) -> Counter[str]:
    """A member counts once for each who had it when it came back."""
    rows = Touch.filter(kind="return", direction="in", at__gte=start, at__lt=end)
    owners = await owners_at(set(await rows.values_list("member_id", "at")))
    return Counter(owner for owner, _ in {(owner, member_id) for (member_id, _), owner in owners.items()})
