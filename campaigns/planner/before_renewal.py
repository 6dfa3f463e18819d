"""The tasks a campaign opens before a renewal keep the rules of the visit calendar: none in the rest, none beside a
visit that is planned, due by the day the rest begins.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, time, timedelta

from campaigns import statements
from campaigns.planner.runs import Rulebook, Run
from campaigns.terms import SHANGHAI, Facts, Reason
from campaigns.visiting import VisitRules
from campaigns.visits import OF_CALENDAR, RENEWAL

_EVENING = time(18)
_WINDOW = timedelta(days=VisitRules().month)


async def no_visit_for(run: Run, facts: Collection[Facts], now: datetime, book: Rulebook) -> Mapping[int, Reason]:
    """Member → why no task is opened for it. Two statements."""
    if run.definition.action != "visit" or run.definition.visit_category != RENEWAL:
        return {}
    today = now.astimezone(SHANGHAI).date()
    latest = {one.member_id: _latest(one.plan_expires_on, book) for one in facts if one.plan_expires_on}
    days = await _days_to_come(list(latest), today)
    reasons = {
        member_id: Reason.VISIT_PLANNED
        for member_id, day in days
        if latest[member_id] - _WINDOW < day <= latest[member_id] + timedelta(days=book.rest)
    }
    return reasons | {member_id: Reason.RENEWAL_REST for member_id, day in latest.items() if day < today}


def due_before(facts: Facts, usual: datetime, now: datetime, book: Rulebook) -> datetime:
    """On a worked day, at the latest on the one on which the rest has not begun; never before now."""
    if facts.plan_expires_on is None:
        return usual
    due = min(usual, _evening(_latest(facts.plan_expires_on, book)))
    day = due.astimezone(SHANGHAI).date()
    if not book.calendar.is_workday(day):
        due = _evening(book.calendar.last_workday_before(day))
    return max(due, now)


def _latest(renews_on: date, book: Rulebook) -> date:
    return renews_on - timedelta(days=book.rest)


def _evening(day: date) -> datetime:
    return datetime.combine(day, _EVENING, SHANGHAI)


async def _days_to_come(member_ids: Sequence[int], today: date) -> list[tuple[int, date]]:
    """(member, day) of visits that are planned and of tasks that are open; what is late is due today."""
    db = statements.connection()
    ids = statements.id_list(db, member_ids)
    planned = await statements.query(
        f"SELECT member_id, day FROM planned_visits WHERE day >= $1 AND task_id IS NULL"
        f" AND member_id {statements.ids_in(db, '$2', 'int')}",
        today,
        ids,
    )
    named = ", ".join(f"'{one}'" for one in sorted(OF_CALENDAR))
    opened = await statements.query(
        f"SELECT member_id, due_at FROM visits WHERE state = 'open' AND category IN ({named})"
        f" AND member_id {statements.ids_in(db, '$1', 'int')}",
        ids,
    )
    found = [(int(row["member_id"]), statements.day(row["day"]) or today) for row in planned]
    for row in opened:
        due = statements.moment(row["due_at"])
        found.append((int(row["member_id"]), max(due.astimezone(SHANGHAI).date() if due else today, today)))
    return found
