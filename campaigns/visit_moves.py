"""A visit's day chosen by hand, by the same rules: one of the calendar moved, the task of one put off."""

from dataclasses import replace
from datetime import date, datetime, time, timedelta

from campaigns import statements, visit_calendar
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError, StateError
from campaigns.terms import SHANGHAI
from campaigns.visit_calendar import MOST_A_DAY, Entry
from campaigns.visit_facts import Usual, member_now, visitors_now
from campaigns.visit_planning import open_due
from campaigns.visiting import FIRM, Kind, Rule, VisitedMember, Visitor, broken_by
from campaigns.visits import OF_CALENDAR, VisitTask


async def check_move(entry: Entry, day: date, calendar: WorkCalendar, usual: Usual, now: datetime) -> list[Rule]:
    """The rules that day would break, those nobody may break first."""
    today = now.astimezone(SHANGHAI).date()
    others = [one for one in await visit_calendar.entries_of(entry.member_id, today) if one.id != entry.id]
    [visitor] = await visitors_now([entry.owner], usual, today) or [Visitor(entry.owner, 0)]
    taken = await visit_calendar.count_on(entry.owner, day) - (day == entry.day)
    member = await member_now(entry.member_id, now)
    member = replace(member, visited=(*member.visited, *(one.day for one in others)))
    return broken_by(member, visitor, calendar.is_workday, day, today, taken=taken, was=entry.day, rules=usual.rules)


async def move_visit(
    entry: Entry, day: date, calendar: WorkCalendar, usual: Usual, *, by: str, now: datetime
) -> list[Rule]:
    """Onto that day, where it then stays; returns what it breaks. Raises StateError for what is never broken."""
    today = now.astimezone(SHANGHAI).date()
    if day > today + timedelta(days=usual.ahead):
        raise InputError(f"最远只排到{usual.ahead}天以后 (at most {usual.ahead} days ahead)")
    broken = await check_move(entry, day, calendar, usual, now)
    if FIRM & set(broken):
        raise StateError("那天排不了：休息、请假、满了，或者已经过去 (that day cannot be had)")
    await visit_calendar.pin_entry(entry.id, day, was=entry.day, by=by)
    await open_due(today, now)
    return broken


async def check_put_off(task: VisitTask, day: date, calendar: WorkCalendar, usual: Usual, now: datetime) -> list[Rule]:
    """The rules that the task of a visit would break on that day. What is planned after it is planned anew, but in care
    and where a person chose the day.
    """
    today = now.astimezone(SHANGHAI).date()
    member = await member_now(task.member_id, now, {task.id})
    entries = [one for one in await visit_calendar.entries_of(task.member_id, today) if one.task_id != task.id]
    standing = [one.day for one in entries if one.pinned_by or one.kind is Kind.CARE]
    member = replace(member, visited=(*member.visited, *standing))
    broken = broken_by(
        member,
        await _visitor(member.owner, usual, today),
        calendar.is_workday,
        day,
        today,
        taken=await _taken(task, member.owner, day),
        was=task.due_at.astimezone(SHANGHAI).date(),
        rules=usual.rules,
    )
    return broken if Rule.CARE_GAP in broken or not _too_late_in_care(member, day, usual) else [*broken, Rule.CARE_GAP]


def _too_late_in_care(member: VisitedMember, day: date, usual: Usual) -> bool:
    """Whether more days than the gap allows have passed by then since the last visit, or since care began."""
    begun = [one.start - timedelta(days=1) for one in member.care if one.start <= day <= one.end]
    before = [*begun, *(one for one in member.visited if one < day)]
    return bool(begun) and (day - max(before)).days > usual.rules.care_gap


async def _visitor(owner: str, usual: Usual, today: date) -> Visitor:
    """Where nobody is in charge there is nobody's room to keep."""
    if not owner:
        return Visitor("", MOST_A_DAY)
    [visitor] = await visitors_now([owner], usual, today) or [Visitor(owner, 0)]
    return visitor


async def _taken(task: VisitTask, owner: str, day: date) -> int:
    """Visits of this colleague on that day: those of the calendar, and tasks that were put off to it."""
    start = datetime.combine(day, time(), SHANGHAI)
    kinds = ", ".join(f"'{one}'" for one in sorted(OF_CALENDAR))
    [row] = await statements.fetch(
        f"""
        SELECT (SELECT count(*) FROM planned_visits p WHERE p.owner = $1 AND p.day = $2
                AND (p.task_id IS NULL OR p.task_id NOT IN (SELECT id FROM visits WHERE id = $3 OR due_at >= $5)))
             + (SELECT count(*) FROM visits v JOIN members m ON m.id = v.member_id
                WHERE m.owner = $1 AND v.id <> $3 AND v.state = 'open' AND v.category IN ({kinds})
                AND v.due_at >= $4 AND v.due_at < $5
                AND NOT EXISTS (SELECT 1 FROM planned_visits q WHERE q.task_id = v.id AND q.day = $2)) AS n
        """,
        owner,
        day,
        task.id,
        start,
        start + timedelta(days=1),
    )
    return int(row["n"])
