"""The demo's visit calendar: planned for all, two colleagues away for some days, one member in intensive care."""

from datetime import date, timedelta

from bot.runtime import Runtime
from bot.visit_limits import usual_visits
from campaigns import planned_lists, visit_calendar
from campaigns.terms import SHANGHAI
from campaigns.visit_planning import Outcome, plan_calendar

_BY = "程雪"
_AWAY = ((timedelta(days=3), timedelta(days=5), "年假"), (timedelta(days=8), timedelta(days=8), "体检"))
_CARED_FOR = timedelta(days=20)
_SOON = timedelta(days=14)


async def plan_some_visits(runtime: Runtime) -> Outcome:
    """Twice: the absences and the care find a calendar that stands, as they do every day."""
    now = runtime.clock()
    today = now.astimezone(SHANGHAI).date()
    await _plan(runtime)
    for owner, (first, last, why) in zip(await planned_lists.list_owners(None), _AWAY, strict=False):
        await visit_calendar.add_absence(owner, today + first, today + last, why, by=_BY, now=now)
    await _care_for_one(runtime, today)
    return await _plan(runtime)


async def _care_for_one(runtime: Runtime, today: date) -> None:
    """The last that has a visit in the next days."""
    lines = await planned_lists.browse_planned(today + timedelta(days=1), today + _SOON, None)
    entry = await visit_calendar.find_entry(lines[-1].id) if lines else None
    if entry is not None:
        until, why = today + _CARED_FOR, "刚开通，还没有收到简历"
        await visit_calendar.open_care(entry.member_id, today, until, why, by=_BY, now=runtime.clock())


async def _plan(runtime: Runtime) -> Outcome:
    usual = usual_visits(runtime.settings, runtime.rulebook.policy)
    return await plan_calendar(runtime.rulebook.calendar, usual, runtime.clock())
