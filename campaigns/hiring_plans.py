"""What companies told us they will hire: role, heads, month."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from campaigns import statements
from campaigns.models import HiringPlan
from campaigns.results import NewPlan

PAGE = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """The company means to take on so many for a role from that month."""

    member_id: int
    role: str
    heads: int
    month: date


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan, and whose."""

    id: int
    member_id: int
    member_no: str
    member: str
    tier: str
    city: str
    owner: str
    role: str
    heads: int
    month: date
    told_at: datetime
    by: str


async def add_plan(member_id: int, plan: NewPlan, *, outcome_id: int | None, by: str, now: datetime) -> int:
    row = await HiringPlan.create(
        member_id=member_id,
        outcome_id=outcome_id,
        role=plan.role,
        heads=plan.heads,
        month=plan.month.replace(day=1),
        told_at=now,
        by=by,
    )
    return int(row.id)


async def plans_from(
    month: date, owners: Collection[str] | None = None, *, page: int = 1, number: str = ""
) -> Sequence[PlanLine]:
    """Of this month and later, the soonest first; with `owners` of these people's members, with `number` of one."""
    where, params = _where(month, owners, number)
    rows = await statements.query(
        f"""
        SELECT p.id, p.member_id, m.no AS member_no, m.name AS member, m.tier, m.city, m.owner, p.role, p.heads,
               p.month, p.told_at, p.by
        FROM hiring_plans p JOIN members m ON m.id = p.member_id WHERE {where}
        ORDER BY p.month, p.id LIMIT {PAGE} OFFSET {(max(page, 1) - 1) * PAGE}
        """,
        *params,
    )
    return [
        PlanLine(**{**row, "month": statements.day(row["month"]), "told_at": statements.moment(row["told_at"])})
        for row in rows
    ]


async def plans_ahead(today: date, owners: Collection[str] | None = None) -> list[Plan]:
    """All of this month and later, the soonest first; with `owners` of these people's members."""
    where, params = _where(today, owners, "")
    rows = await statements.query(
        f"""
        SELECT p.member_id, p.role, p.heads, p.month FROM hiring_plans p JOIN members m ON m.id = p.member_id
        WHERE {where} ORDER BY p.month, p.id
        """,
        *params,
    )
    return [Plan(**{**row, "month": statements.day(row["month"])}) for row in rows]


async def count_plans(month: date, owners: Collection[str] | None = None, number: str = "") -> tuple[int, int]:
    """(plans, heads)."""
    where, params = _where(month, owners, number)
    [row] = await statements.query(
        f"""
        SELECT count(*) AS n, coalesce(sum(p.heads), 0) AS heads
        FROM hiring_plans p JOIN members m ON m.id = p.member_id WHERE {where}
        """,
        *params,
    )
    return int(row["n"]), int(row["heads"])


def _where(month: date, owners: Collection[str] | None, number: str) -> tuple[str, list[Any]]:
    db = statements.connection()
    parts, params = ["p.month >= $1"], [month.replace(day=1)]
    if owners is not None:
        params.append(statements.id_list(db, sorted(owners)))
        parts.append(f"m.owner {statements.ids_in(db, f'${len(params)}', 'text')}")
    if number:
        params.append(number)  # type: ignore[arg-type]
        parts.append(f"m.no = ${len(params)}")
    return " AND ".join(parts), params
