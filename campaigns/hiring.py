"""What companies look for, now and by their own plans: groups for joint recruiting, and follow-ups with a day."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from tortoise.transactions import in_transaction

from campaigns import hiring_plans, statements, visits
from campaigns.calendar import WorkCalendar
from campaigns.hiring_plans import Plan, PlanLine, PlanState
from campaigns.matching import Cluster, Need, clusters_of, occupations_of
from campaigns.results import NewPlan
from campaigns.terms import SHANGHAI
from campaigns.visits import VisitTask

AHEAD = timedelta(days=14)
"""So long before the month of a plan the company is asked again."""
_AGAIN = timedelta(days=7)
_MORNING = time(9, 30)


@dataclass(frozen=True, slots=True)
class Company:
    """One that could be invited."""

    id: int
    no: str
    name: str
    trade: str
    city: str
    owner: str
    live_postings: int


async def needs_now(owners: Collection[str] | None = None) -> list[Need]:
    """Of every live posting; with `owners` of these people's members alone."""
    db = statements.connection()
    ours = "" if owners is None else f" AND m.owner {statements.ids_in(db, '$1', 'text')}"
    given: list[Any] = [] if owners is None else [statements.id_list(db, sorted(owners))]
    rows = await statements.query(
        f"""
        SELECT p.member_id, m.trade, CASE WHEN p.city = '' THEN m.city ELSE p.city END AS city,
          CASE WHEN p.title = '' THEN p.category ELSE p.title END AS role, p.heads
        FROM postings p JOIN members m ON m.id = p.member_id WHERE p.state = 'live'{ours} ORDER BY p.id
        """,
        *given,
    )
    return [Need(**{**row, "heads": row["heads"] or 1}) for row in rows]


async def needs_planned(plans: Sequence[Plan]) -> list[Need]:
    known = {one.id: one for one in await companies([one.member_id for one in plans])}
    return [
        Need(one.member_id, known[one.member_id].trade, known[one.member_id].city, one.role, one.heads, one.month)
        for one in plans
        if one.member_id in known
    ]


async def clusters_now(today: date, owners: Collection[str] | None = None) -> list[Cluster]:
    """Of live postings and of what is planned for this month and later and not advertised yet."""
    live = await needs_now(owners)
    planned = await needs_planned(await hiring_plans.plans_ahead(today, owners))
    return clusters_of([*live, *_not_advertised(planned, live)])


def _not_advertised(planned: Sequence[Need], live: Sequence[Need]) -> list[Need]:
    """Those whose company has not every occupation of it in a live posting: what is there twice counts once."""
    there: dict[int, set[str]] = {}
    for one in live:
        there.setdefault(one.member_id, set()).update(occupations_of(one.role))
    return [one for one in planned if not set(occupations_of(one.role)) <= there.get(one.member_id, set())]


async def tell_plan(
    member_id: int, plan: NewPlan, *, outcome_id: int | None, by: str, now: datetime, calendar: WorkCalendar
) -> int:
    """Written down once for a role and month, with one task open that asks about it. Returns the plan's number."""
    async with in_transaction():
        plan_id = await hiring_plans.add_plan(member_id, plan, outcome_id=outcome_id, by=by, now=now)
        line = await hiring_plans.find_plan(plan_id)
        if line is None:  # of nobody we know
            return plan_id
        last = await visits.find_visit(line.visit_id) if line.visit_id else None
        if last and last.state == "open":
            await visits.rewrite_note(last.id, _asked(line))
        else:
            await hiring_plans.give_visit(plan_id, await _follow_up(line, last, now, calendar))
    return plan_id


async def _follow_up(line: PlanLine, last: VisitTask | None, now: datetime, calendar: WorkCalendar) -> int:
    """On a worked day; what was asked about before opens another."""
    day = _day_to_ask(line.month, now.astimezone(SHANGHAI).date(), again=last is not None)
    due = day if calendar.is_workday(day) else calendar.next_workday(day)
    return await visits.open_visit(
        line.member_id,
        category="hiring_plan",
        cause=f"plan:{line.id}" + (f":{last.id}" if last else ""),
        opened_at=now,
        due_at=max(datetime.combine(due, _MORNING, SHANGHAI), now + timedelta(hours=1)),
        note=_asked(line),
    )


def _day_to_ask(month: date, today: date, *, again: bool) -> date:
    """Two weeks before the month. Who was asked today already is asked when it begins, else in a week."""
    if not again:
        return max(month - AHEAD, today)
    return next((day for day in (month - AHEAD, month) if day > today), today + _AGAIN)


def _asked(line: PlanLine) -> str:
    return f"计划{line.month:%Y-%m}招{line.role}{line.heads}人，问问还招不招、参不参加招聘会"


async def settle_plan(plan_id: int, state: PlanState, *, by: str, now: datetime) -> None:
    """Hired or dropped, and its task is done; open again leaves the task as it is. Raises StateError."""
    async with in_transaction():
        await hiring_plans.settle_plan(plan_id, state, by=by, now=now)
        line = await hiring_plans.find_plan(plan_id)
        task = await visits.find_visit(line.visit_id) if line and line.visit_id else None
        if task and task.state == "open" and state is not PlanState.OPEN:
            await visits.close_visit(task.id, outcome={"result": str(state)}, at=now, by=by)


async def companies(member_ids: Collection[int], owners: Collection[str] | None = None) -> list[Company]:
    """Those of these members that there are, and that these people own."""
    db = statements.connection()
    rows = await statements.query(
        "SELECT id, no, name, trade, city, owner, live_postings FROM members "
        f"WHERE id {statements.ids_in(db, '$1')} ORDER BY live_postings DESC, id",
        statements.id_list(db, list(dict.fromkeys(member_ids))),
    )
    return [Company(**row) for row in rows if owners is None or row["owner"] in owners]


async def ids_by_number(numbers: Collection[str]) -> dict[str, int]:
    return await statements.ids_of("members", list(numbers))


async def who_needs(occupations: Collection[str], owners: Collection[str] | None = None) -> list[int]:
    """Members with a live posting of one of these occupations, or of what these titles mean, most heads first."""
    wanted = {*occupations, *(meant for one in occupations for meant in occupations_of(one))}
    heads: dict[int, int] = {}
    for need in await needs_now(owners):
        if wanted & set(occupations_of(need.role)):
            heads[need.member_id] = heads.get(need.member_id, 0) + need.heads
    return sorted(heads, key=lambda one: (-heads[one], one))
