"""Colleagues: the days they are away, and how many visits they make a day."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.errors import InputError
from campaigns.models import Absence, Capacity
from campaigns.visit_calendar.spans import LARGEST, LONGEST_REASON, check_span

LONGEST_ABSENCE = timedelta(days=366)
MOST_A_DAY = 50


@dataclass(frozen=True, slots=True)
class Leave:
    id: int
    owner: str
    starts_on: date
    ends_on: date
    reason: str


async def add_absence(owner: str, first: date, last: date, reason: str, *, by: str, now: datetime) -> int:
    """Raises InputError for days that are none, or nobody."""
    _check_owner(owner)
    check_span(first, last, LONGEST_ABSENCE)
    reason = " ".join(reason.split())[:LONGEST_REASON]
    row = await Absence.create(owner=owner, starts_on=first, ends_on=last, reason=reason, by=by, at=now)
    return row.id


async def remove_absence(absence_id: int, owner: str) -> bool:
    return absence_id <= LARGEST and bool(await Absence.filter(id=absence_id, owner=owner).delete())


async def absences_from(day: date, owners: Collection[str] | None = None) -> list[Leave]:
    """Those that end on that day or later, the earliest first; with `owners` these people's alone."""
    rows = Absence.filter(ends_on__gte=day)
    if owners is not None:
        rows = rows.filter(owner__in=sorted(owners))
    return [_leave(row) for row in await rows.order_by("starts_on", "id")]


async def set_capacity(owner: str, a_day: int) -> None:
    """Raises InputError for a number nobody could visit."""
    _check_owner(owner)
    if not 0 <= a_day <= MOST_A_DAY:
        raise InputError(f"一天0到{MOST_A_DAY}家 (0 to {MOST_A_DAY} a day)")
    await Capacity.update_or_create(owner=owner, defaults={"a_day": a_day})


async def capacities() -> Mapping[str, int]:
    return {row.owner: row.a_day for row in await Capacity.all()}


def _check_owner(owner: str) -> None:
    if not 0 < len(owner) <= 64:
        raise InputError("写明是哪位同事 (say which colleague)")


def _leave(row: Absence) -> Leave:
    return Leave(row.id, row.owner, row.starts_on, row.ends_on, row.reason)
