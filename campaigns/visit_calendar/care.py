"""Intensive care: opened by staff for a member, with a reason and an end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.errors import InputError, StateError
from campaigns.models import CarePeriod
from campaigns.visit_calendar.spans import LARGEST, LONGEST_REASON, check_span

LONGEST_CARE = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class CareSpan:
    id: int
    member_id: int
    starts_on: date
    ends_on: date
    reason: str
    by: str


async def open_care(member_id: int, first: date, last: date, reason: str, *, by: str, now: datetime) -> int:
    """Raises InputError for days or a reason that are none, StateError where the member is in care already."""
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= LONGEST_REASON:
        raise InputError(f"写明为什么，1到{LONGEST_REASON}个字 (say why)")
    check_span(first, last, LONGEST_CARE)
    if await CarePeriod.filter(member_id=member_id, starts_on__lte=last, ends_on__gte=first).exists():
        raise StateError("这家企业这几天已经在重点关注，先结束原来的 (in care already)")
    row = await CarePeriod.create(member_id=member_id, starts_on=first, ends_on=last, reason=reason, by=by, at=now)
    return row.id


async def close_care(care_id: int, member_id: int, today: date, *, by: str, now: datetime) -> None:
    """Its last day was yesterday. Raises StateError for one that is over."""
    closed = {"ends_on": today - timedelta(days=1), "closed_by": by, "closed_at": now}
    open_still = CarePeriod.filter(id=care_id, member_id=member_id, ends_on__gte=today)
    if care_id > LARGEST or not await open_still.update(**closed):
        raise StateError("这段重点关注已经结束了 (over already)")


async def care_of(member_id: int, today: date) -> list[CareSpan]:
    """What is on or still to come, the earliest first."""
    rows = await CarePeriod.filter(member_id=member_id, ends_on__gte=today).order_by("starts_on")
    return [_span(row) for row in rows]


async def care_from(day: date) -> Mapping[int, Sequence[CareSpan]]:
    """Member → its care that ends on that day or later."""
    found: dict[int, list[CareSpan]] = {}
    for row in await CarePeriod.filter(ends_on__gte=day).order_by("starts_on"):
        found.setdefault(row.member_id, []).append(_span(row))
    return found


def _span(row: CarePeriod) -> CareSpan:
    return CareSpan(row.id, row.member_id, row.starts_on, row.ends_on, row.reason, row.by)
