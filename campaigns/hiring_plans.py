"""What companies told us they will hire: role, heads, month."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.cells import fold
from campaigns.errors import StateError
from campaigns.models import HiringPlan, Member
from campaigns.results import NewPlan

PAGE = 50
_LARGEST = 2**63 - 1  # a number of the database


class PlanState(StrEnum):
    """`hired`: they found their people; `dropped`: they do not look for them any more."""

    OPEN = "open"
    HIRED = "hired"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Plan:
    """The company means to take on so many for a role from that month."""

    member_id: int
    role: str
    heads: int
    month: date


@dataclass(frozen=True, slots=True)
class PlanLine:
    """A plan, and whose. `visit_id`: the task that asks whether it still holds."""

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
    visit_id: int | None
    state: str
    closed_at: datetime | None
    closed_by: str


async def add_plan(member_id: int, plan: NewPlan, *, outcome_id: int | None, by: str, now: datetime) -> int:
    """One for a member, role and month: told again, the number and who told it are the latest, and it is open."""
    told: dict[str, Any] = {
        "outcome_id": outcome_id,
        "heads": plan.heads,
        "told_at": now,
        "by": by,
        "state": PlanState.OPEN,
        "closed_at": None,
        "closed_by": "",
    }
    month = plan.month.replace(day=1)
    async with in_transaction():
        if known := await _known(member_id, plan.role, month):
            await HiringPlan.filter(id=known).update(**told)
            return known
        row = await HiringPlan.create(member_id=member_id, role=plan.role, month=month, **told)
    return int(row.id)


async def _known(member_id: int, role: str, month: date) -> int | None:
    """Held with its member, so that two who are told at once write one."""
    await Member.filter(id=member_id).select_for_update(no_key=True).first()
    rows = await HiringPlan.filter(member_id=member_id, month=month).order_by("-id")
    return next((int(row.id) for row in rows if _same_role(row.role) == _same_role(role)), None)


def _same_role(role: str) -> str:
    """Neither case, nor width, nor blanks make another role."""
    return "".join(fold(role).casefold().split())


async def give_visit(plan_id: int, visit_id: int) -> None:
    """The task that asks whether it still holds."""
    await HiringPlan.filter(id=plan_id).update(visit_id=visit_id)


async def settle_plan(plan_id: int, state: PlanState, *, by: str, now: datetime) -> None:
    """Hired or dropped, or open again. Raises StateError where somebody changed it meanwhile."""
    was = [PlanState.HIRED, PlanState.DROPPED] if state is PlanState.OPEN else [PlanState.OPEN]
    closed = (None, "") if state is PlanState.OPEN else (now, by)
    changed = await HiringPlan.filter(id=plan_id, state__in=was).update(
        state=state, closed_at=closed[0], closed_by=closed[1]
    )
    if changed != 1:
        raise StateError("这个计划刚被别人改过，重新打开看看 (somebody changed this plan)")


async def find_plan(plan_id: int) -> PlanLine | None:
    return next(iter(await _lines("p.id = $1", [plan_id])), None) if plan_id <= _LARGEST else None


async def plans_from(
    month: date,
    owners: Collection[str] | None = None,
    *,
    page: int = 1,
    number: str = "",
    state: PlanState = PlanState.OPEN,
) -> Sequence[PlanLine]:
    """Of this month and later, the soonest first; with `owners` of these people's members, with `number` of one."""
    where, params = _where(month, owners, number, state)
    return await _lines(where, params, f"ORDER BY p.month, p.id LIMIT {PAGE} OFFSET {(max(page, 1) - 1) * PAGE}")


async def plans_ahead(today: date, owners: Collection[str] | None = None) -> list[Plan]:
    """All open ones of this month and later, the soonest first; with `owners` of these people's members."""
    where, params = _where(today, owners, "", PlanState.OPEN)
    rows = await statements.query(
        f"""
        SELECT p.member_id, p.role, p.heads, p.month FROM hiring_plans p JOIN members m ON m.id = p.member_id
        WHERE {where} ORDER BY p.month, p.id
        """,
        *params,
    )
    return [Plan(**{**row, "month": statements.day(row["month"])}) for row in rows]


async def count_plans(
    month: date, owners: Collection[str] | None = None, number: str = ""
) -> dict[PlanState, tuple[int, int]]:
    """State → (plans, heads), in one statement."""
    where, params = _where(month, owners, number, None)
    rows = await statements.query(
        f"""
        SELECT p.state, count(*) AS n, sum(p.heads) AS heads
        FROM hiring_plans p JOIN members m ON m.id = p.member_id WHERE {where} GROUP BY p.state
        """,
        *params,
    )
    found = {row["state"]: (int(row["n"]), int(row["heads"])) for row in rows}
    return {state: found.get(state, (0, 0)) for state in PlanState}


async def _lines(where: str, params: Sequence[Any], tail: str = "") -> list[PlanLine]:
    rows = await statements.query(
        f"""
        SELECT p.id, p.member_id, m.no AS member_no, m.name AS member, m.tier, m.city, m.owner, p.role, p.heads,
               p.month, p.told_at, p.by, p.visit_id, p.state, p.closed_at, p.closed_by
        FROM hiring_plans p JOIN members m ON m.id = p.member_id WHERE {where} {tail}
        """,
        *params,
    )
    moments = ("told_at", "closed_at")
    return [
        PlanLine(
            **{
                **row,
                **{name: statements.moment(row[name]) for name in moments},
                "month": statements.day(row["month"]),
            }
        )
        for row in rows
    ]


def _where(month: date, owners: Collection[str] | None, number: str, state: PlanState | None) -> tuple[str, list[Any]]:
    db = statements.connection()
    parts = ["p.month >= $1"]
    params: list[Any] = [month.replace(day=1)]
    if state:
        params.append(str(state))
        parts.append(f"p.state = ${len(params)}")
    if owners is not None:
        params.append(statements.id_list(db, sorted(owners)))
        parts.append(f"m.owner {statements.ids_in(db, f'${len(params)}', 'text')}")
    if number:
        params.append(number)
        parts.append(f"m.no = ${len(params)}")
    return " AND ".join(parts), params
