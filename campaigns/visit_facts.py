"""What visits are planned from: members as they are, the days they were visited, colleagues and their room."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from campaigns import statements, visit_calendar, visits
from campaigns.calendar import WorkCalendar
from campaigns.results import SPOKEN, Medium
from campaigns.terms import SHANGHAI, Direction, Tier, TouchKind
from campaigns.visit_calendar import CareSpan, Entry, Leave
from campaigns.visiting import Care, Kept, VisitedMember, Visitor, VisitRules

CATEGORY, RENEWAL = visits.PLANNED, visits.RENEWAL  # the task before a renewal is the visit too
_BACK = timedelta(days=400)  # how far back a visit still says when the next is due
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


async def members_now(before: Sequence[Entry], now: datetime, late: Collection[int]) -> list[VisitedMember]:
    """Everybody who did not refuse, in ten statements whatever their number."""
    today = now.astimezone(SHANGHAI).date()
    rows = await statements.fetch("SELECT id, tier, owner, plan_expires_on FROM members")
    silent = await silent_now(now)
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


async def silent_now(now: datetime, member_id: int | None = None) -> Mapping[int, date | None]:
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


async def visitors_now(owners: Collection[str], usual: Usual, today: date, late: Collection[int] = ()) -> list[Visitor]:
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
    visitors = await visitors_now(owners, usual, first)
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


async def member_now(member_id: int, now: datetime, without: Collection[int] = ()) -> VisitedMember:
    """Without what these tasks count for."""
    today = now.astimezone(SHANGHAI).date()
    [row] = await statements.fetch("SELECT id, tier, owner, plan_expires_on FROM members WHERE id = $1", member_id)
    urgent = await statements.fetch(
        "SELECT 1 FROM postings WHERE member_id = $1 AND urgent AND state = 'live' LIMIT 1", member_id
    )
    care = await visit_calendar.care_of(member_id, today)
    silent = await silent_now(now, member_id)
    been = await _been(today, without, {member_id} if _covers(care, today) else (), member_id)
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
