"""Visits planned from what the ledgers know, and opened as tasks when their day comes."""

import contextlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from tortoise.transactions import in_transaction

from campaigns import marks, statements, visit_calendar, visits
from campaigns.calendar import WorkCalendar
from campaigns.terms import SHANGHAI
from campaigns.visit_calendar import Change, Entry
from campaigns.visit_facts import CATEGORY, Usual, members_now, silent_now, visitors_now
from campaigns.visiting import plan_visits

PLANNED_AT = "visits_planned"
_EVENING = time(18)


@dataclass(frozen=True, slots=True)
class Outcome:
    """`opened`: tasks of visits whose day had come; `missed`: those nobody did in time, planned anew."""

    members: int
    visits: int
    conflicts: int
    opened: int
    missed: int
    change: Change


async def plan_calendar(calendar: WorkCalendar, usual: Usual, now: datetime) -> Outcome:
    """Plan anew from today on, then open the tasks of today. What can stay where it was stays; what nobody did in time
    is missed and counts no more as made. Whoever plans or chooses a day meanwhile is quicker, and it is planned again.
    """
    while True:
        with contextlib.suppress(visit_calendar.OvertakenError):
            return await _plan_once(calendar, usual, now)


async def _plan_once(calendar: WorkCalendar, usual: Usual, now: datetime) -> Outcome:
    today = now.astimezone(SHANGHAI).date()
    late = await visits.late_visits(CATEGORY, now - timedelta(days=usual.missed))
    opened = await open_due(today - timedelta(days=1), now, late)  # of a night that was missed
    number = await visit_calendar.plan_number()
    before = await visit_calendar.entries_from(today, late)
    members = await members_now(before, now, late)
    visitors = await visitors_now({one.owner for one in members} - {""}, usual, today, late)
    last = today + timedelta(days=usual.ahead)
    plan = plan_visits(members, visitors, calendar.is_workday, today, last, usual.rules)
    async with in_transaction():
        missed = await visits.miss_visits(late, at=now)
        await visit_calendar.free_entries(today, late)
        change = await visit_calendar.write_plan(number, before, plan.visits, plan.conflicts)
    opened += await open_due(today, now)
    await marks.write_mark(PLANNED_AT, now.isoformat())
    owned = sum(one.owner != "" for one in members)
    return Outcome(owned, len(plan.visits), len(plan.conflicts), opened, missed, change)


async def planned_at() -> datetime | None:
    mark = await marks.read_mark(PLANNED_AT)
    return datetime.fromisoformat(mark) if mark else None


async def open_due(today: date, now: datetime, late: Collection[int] = ()) -> int:
    """A task for each visit whose day has come; one that is open still is not doubled but where it is one of the late
    ones, and one that was put off is brought forward; who refused since is left alone. Returns how many.
    """
    silent = await silent_now(now)
    everything = await visit_calendar.due_entries(today)
    await visit_calendar.drop_entries([one.id for one in everything if one.member_id in silent])
    due = [one for one in everything if one.member_id not in silent]
    waiting = await _open_tasks({one.member_id for one in due}, late)
    opened = 0
    for one in due:
        task_id = waiting.get(one.member_id)
        if task_id is None:
            task_id = waiting[one.member_id] = await _open(one, now)
            opened += 1
        else:
            await visits.bring_forward(task_id, _evening(one, now))
        await visit_calendar.set_task(one.id, task_id)
    return opened


async def _open(one: Entry, now: datetime) -> int:
    return await visits.open_visit(
        one.member_id, category=CATEGORY, cause=f"planned:{one.id}", opened_at=now, due_at=_evening(one, now)
    )


def _evening(one: Entry, now: datetime) -> datetime:
    return max(datetime.combine(one.day, _EVENING, SHANGHAI), now)


async def _open_tasks(member_ids: Collection[int], late: Collection[int]) -> dict[int, int]:
    """Member → its open task of the calendar."""
    rows = await statements.query("SELECT member_id, id FROM visits WHERE state = 'open' AND category = $1", CATEGORY)
    return {row["member_id"]: row["id"] for row in rows if row["member_id"] in member_ids and row["id"] not in late}
