"""What companies look for, now and by their own plans: groups for joint recruiting, and follow-ups with a day."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from campaigns import hiring_plans, statements, visits
from campaigns.calendar import WorkCalendar
from campaigns.hiring_plans import Plan
from campaigns.matching import Cluster, Need, clusters_of, occupations_of
from campaigns.terms import SHANGHAI

AHEAD = timedelta(days=14)
"""So long before the month of a plan the company is asked again."""
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
    """Of live postings and of what is planned for this month and later."""
    plans = await hiring_plans.plans_ahead(today, owners)
    return clusters_of([*await needs_now(owners), *await needs_planned(plans)])


async def open_follow_ups(plans: Iterable[Plan], now: datetime, calendar: WorkCalendar) -> list[int]:
    """A task for each plan, two weeks before its month on a worked day; the same plan opens one."""
    opened = []
    for plan in plans:
        day = max(plan.month.replace(day=1) - AHEAD, now.astimezone(SHANGHAI).date())
        due = day if calendar.is_workday(day) else calendar.next_workday(day)
        opened.append(
            await visits.open_visit(
                plan.member_id,
                category="hiring_plan",
                cause=f"plan:{plan.member_id}:{plan.month:%Y-%m}:{plan.role}"[:64],
                opened_at=now,
                due_at=max(datetime.combine(due, _MORNING, SHANGHAI), now + timedelta(hours=1)),
                note=f"计划{plan.month:%Y-%m}招{plan.role}{plan.heads}人，问问还招不招、参不参加招聘会",
            )
        )
    return opened


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
    """Members with a live posting of one of these occupations, those who want most heads first."""
    wanted = set(occupations)
    heads: dict[int, int] = {}
    for need in await needs_now(owners):
        if wanted & set(occupations_of(need.role)):
            heads[need.member_id] = heads.get(need.member_id, 0) + need.heads
    return sorted(heads, key=lambda one: (-heads[one], one))
