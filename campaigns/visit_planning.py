"""Visits planned from what the ledgers know, opened as tasks when their day comes, moved by hand."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta

from tortoise.transactions import in_transaction

from campaigns import marks, statements, visit_calendar, visits
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError, StateError
from campaigns.results import SPOKEN, Medium
from campaigns.terms import SHANGHAI, Direction, Tier, TouchKind
from campaigns.visit_calendar import CareSpan, Change, Entry, Leave
from campaigns.visiting import (
    FIRM,
    Care,
    Kept,
    Rule,
    VisitedMember,
    Visitor,
    VisitRules,
    broken_by,
    plan_visits,
)

CATEGORY = "planned_visit"
RENEWAL = "renewal"  # of the campaign that opens tasks before a renewal: such a task is the visit
PLANNED_AT = "visits_planned"
_BACK = timedelta(days=400)  # how far back a visit still says when the next is due
_EVENING = time(18)
_SEEN_BY = ", ".join(f"'{one}'" for one in (Medium.PHONE, Medium.VISIT, Medium.GIFT))  # a letter is no visit
_SPOKEN = ", ".join(f"'{one}'" for one in sorted(SPOKEN))


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds where nobody said otherwise: visits a day, days planned ahead, days until a visit nobody made is
    missed, the rules.
    """

    a_day: int = 4
    ahead: int = 75
    missed: int = 7
    rules: VisitRules = field(default_factory=VisitRules)


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
    is missed and counts no more as made.
    """
    today = now.astimezone(SHANGHAI).date()
    late = await visits.late_visits(CATEGORY, now - timedelta(days=usual.missed))
    opened = await open_due(today - timedelta(days=1), now, late)  # of a night that was missed
    before = await visit_calendar.entries_from(today, late)
    members = await _members(before, now, late)
    visitors = await _visitors({one.owner for one in members} - {""}, usual, today, late)
    last = today + timedelta(days=usual.ahead)
    plan = plan_visits(members, visitors, calendar.is_workday, today, last, usual.rules)
    async with in_transaction():
        missed = await visits.miss_visits(late, at=now)
        await visit_calendar.free_entries(today, late)
        change = await visit_calendar.write_plan(before, plan.visits, plan.conflicts)
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
    silent = await _silent(now)
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


# ---- what the plan is made from -------------------------------------------------------------------------------------


async def _members(before: Sequence[Entry], now: datetime, late: Collection[int]) -> list[VisitedMember]:
    """Everybody who did not refuse, in ten statements whatever their number."""
    today = now.astimezone(SHANGHAI).date()
    rows = await statements.fetch("SELECT id, tier, owner, plan_expires_on FROM members")
    silent = await _silent(now)
    care = await visit_calendar.care_from(today - timedelta(days=100))
    in_care = {key for key, spans in care.items() if _covers(spans, today)}
    been, urgent = await _been(today, late, in_care), await _urgent()
    kept: dict[int, list[Kept]] = defaultdict(list)
    for one in before:
        kept[one.member_id].append(_kept(one))
    return [
        VisitedMember(
            row["id"],
            Tier(row["tier"]),
            row["owner"],
            statements.day(row["plan_expires_on"]),
            been.get(row["id"], ()),
            row["id"] in urgent,
            [Care(one.starts_on, one.ends_on) for one in care.get(row["id"], ())],
            kept.get(row["id"], ()),
            silent.get(row["id"]),
        )
        for row in rows
        if silent.get(row["id"], today) is not None
    ]


async def _silent(now: datetime, member_id: int | None = None) -> Mapping[int, date | None]:
    """Member → the last day of a silence it asked for; None where it refused for good."""
    which = "IS NOT NULL" if member_id is None else f"= {int(member_id)}"
    rows = await statements.fetch(
        f"SELECT member_id, until FROM suppressions WHERE member_id {which} AND channel IS NULL AND lifted_at IS NULL"
        " AND (until IS NULL OR until > $1)",
        now,
    )
    found: dict[int, date | None] = {}
    for row in rows:
        until = statements.moment(row["until"])
        last = _day_of(until) if until else None
        known = found.get(row["member_id"], last)
        found[row["member_id"]] = max(known, last) if known and last else None
    return found


def _covers(spans: Sequence[CareSpan], day: date) -> bool:
    return any(one.starts_on <= day <= one.ends_on for one in spans)


def _kept(one: Entry) -> Kept:
    return Kept(one.day, one.kind, pinned=bool(one.pinned_by))


async def _been(
    today: date, late: Collection[int] = (), in_care: Collection[int] = (), member_id: int | None = None
) -> Mapping[int, Sequence[date]]:
    """Member → the days it was visited: contacts by any door in which somebody was talked to, tasks of the calendar
    that are done so or without a word of how, and those that are still to be done or are today's; no late ones. In
    intensive care what is still to be done is no visit.
    """
    since = datetime.combine(today - _BACK, time(), SHANGHAI)
    which = "" if member_id is None else f" AND member_id = {int(member_id)}"
    touched = await statements.fetch(
        f"SELECT member_id, at FROM touches WHERE kind = '{TouchKind.VISIT}' AND direction = '{Direction.OUT}'"
        f" AND medium IN ({_SEEN_BY}) AND at >= $1{which}"
        f" AND id NOT IN (SELECT touch_id FROM visit_outcomes WHERE result NOT IN ({_SPOKEN}))",
        since,
    )
    done = await statements.fetch(
        "SELECT member_id, closed_at AS at FROM visits"
        f" WHERE state = 'done' AND category = $1 AND closed_at >= $2{which}"
        " AND (id NOT IN (SELECT visit_id FROM visit_outcomes WHERE visit_id IS NOT NULL)"
        f" OR id IN (SELECT visit_id FROM visit_outcomes WHERE result IN ({_SPOKEN})))",
        CATEGORY,
        since,
    )
    given = await statements.fetch(
        f"SELECT member_id, id, due_at AS at FROM visits WHERE state = 'open' AND category IN ($1, $2){which}",
        CATEGORY,
        RENEWAL,
    )
    found: dict[int, set[date]] = defaultdict(set)
    counted = [one for one in given if one["id"] not in late and one["member_id"] not in in_care]
    for row in [*touched, *done, *counted]:
        found[row["member_id"]].add(min(_day_of(statements.moment(row["at"])), today))
    for one in await visit_calendar.given_on(today, late):
        found[one.member_id].add(today)
    return {key: sorted(days) for key, days in found.items()}


def _day_of(at: datetime | None) -> date:
    assert at is not None
    return at.astimezone(SHANGHAI).date()


async def _urgent() -> frozenset[int]:
    rows = await statements.fetch("SELECT DISTINCT member_id FROM postings WHERE urgent AND state = 'live'")
    return frozenset(row["member_id"] for row in rows)


async def _visitors(owners: Collection[str], usual: Usual, today: date, late: Collection[int] = ()) -> list[Visitor]:
    """Those who have members; whoever may not log in any more visits nobody."""
    left = await statements.fetch("SELECT name FROM staff WHERE NOT active")
    gone = {row["name"] for row in left}
    numbers = await visit_calendar.capacities()
    away = away_days(await visit_calendar.absences_from(today))
    given = Counter(one.owner for one in await visit_calendar.given_on(today, late))
    return [
        Visitor(owner, numbers.get(owner, usual.a_day), frozenset(away.get(owner, ())), {today: given[owner]})
        for owner in sorted(set(owners) - gone)
    ]


async def rooms(
    owners: Collection[str], calendar: WorkCalendar, usual: Usual, first: date, last: date
) -> Mapping[date, Mapping[str, int]]:
    """Day → colleague → visits that fit on it."""
    visitors = await _visitors(owners, usual, first)
    return {
        day: {one.name: one.capacity for one in visitors if day not in one.away} if calendar.is_workday(day) else {}
        for day in _days(first, last)
    }


def away_days(leaves: Sequence[Leave]) -> Mapping[str, set[date]]:
    found: dict[str, set[date]] = defaultdict(set)
    for one in leaves:
        found[one.owner] |= set(_days(one.starts_on, one.ends_on))
    return found


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


# ---- by hand --------------------------------------------------------------------------------------------------------


async def check_move(entry: Entry, day: date, calendar: WorkCalendar, usual: Usual, now: datetime) -> list[Rule]:
    """The rules that day would break, those nobody may break first."""
    today = now.astimezone(SHANGHAI).date()
    others = [one for one in await visit_calendar.entries_of(entry.member_id, today) if one.id != entry.id]
    [visitor] = await _visitors([entry.owner], usual, today) or [Visitor(entry.owner, 0)]
    taken = await visit_calendar.count_on(entry.owner, day) - (day == entry.day)
    member = await _member(entry.member_id, now)
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


async def _member(member_id: int, now: datetime) -> VisitedMember:
    today = now.astimezone(SHANGHAI).date()
    [row] = await statements.fetch("SELECT id, tier, owner, plan_expires_on FROM members WHERE id = $1", member_id)
    urgent = await statements.fetch(
        "SELECT 1 FROM postings WHERE member_id = $1 AND urgent AND state = 'live' LIMIT 1", member_id
    )
    care = await visit_calendar.care_of(member_id, today)
    silent = await _silent(now, member_id)
    been = await _been(today, in_care={member_id} if _covers(care, today) else (), member_id=member_id)
    return VisitedMember(
        member_id,
        Tier(row["tier"]),
        row["owner"],
        statements.day(row["plan_expires_on"]),
        been.get(member_id, ()),
        bool(urgent),
        [Care(one.starts_on, one.ends_on) for one in care],
        quiet_until=silent[member_id] or date.max if silent else None,
    )
