"""Renewals: a row each, written once, with whose the member was then."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from campaigns import statements
from campaigns.models import Renewal as Row

TOLD, SEEN = "told", "seen"
"""The site told the renewal and when it was; the plan was found to run longer than it did."""

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Renewed:
    """`until`: the last day of the plan as renewed, by which one renewal is known from another."""

    member_id: int
    until: date
    at: datetime
    owner: str
    department: str = ""


async def keep_renewals(found: Sequence[Renewed], source: str) -> None:
    """With the owner's department of today. What is known already stays as it was first written."""
    if not found:
        return
    departments = await _departments()
    rows = [
        Row(
            member_id=one.member_id, until=one.until, at=one.at, owner=one.owner, source=source,
            department=departments.get(one.owner, ""),
        )
        for one in found
    ]  # fmt: skip
    await Row.bulk_create(rows, batch_size=_AT_ONCE, ignore_conflicts=True)


async def renewals_between(start: datetime, end: datetime) -> list[Renewed]:
    return [
        Renewed(row.member_id, row.until, row.at, row.owner, row.department)
        for row in await Row.filter(at__gte=start, at__lt=end).order_by("at", "id")
    ]


async def _departments() -> dict[str, str]:
    """Who may have a member → the department: a colleague's own, and each department itself."""
    rows = await statements.query("SELECT name, department FROM staff WHERE department <> '' ORDER BY id")
    return {row["department"]: row["department"] for row in rows} | {row["name"]: row["department"] for row in rows}
