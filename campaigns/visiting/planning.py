"""Plans the visits of a span of days: first what is owed (care, then renewals), then the regular ones, tier first.

What was planned before stays where it is unless a rule makes it move; a day that a person chose comes before all. Each
colleague's days are a world of their own. The same input gives the same plan; nothing is drawn by lot.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, timedelta

from campaigns.visiting.care import plan_care
from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked
from campaigns.visiting.nobodys import nobodys_case
from campaigns.visiting.pins import seat_pins
from campaigns.visiting.regular import plan_regular
from campaigns.visiting.renewals import plan_renewals
from campaigns.visiting.values import Conflict, Plan, Planned, VisitedMember, Visitor, VisitRules

_BACK = 100  # days before the first one that gaps and renewals may look back to


def plan_visits(
    members: Iterable[VisitedMember],
    visitors: Collection[Visitor],
    is_workday: Callable[[date], bool],
    first: date,
    last: date,
    rules: VisitRules | None = None,
) -> Plan:
    """The visits from `first` to `last`, both included. Visits that members already had count until `first`.

    To plan on as days pass, call it each day with what has happened: a visit that took place is one of `visited`.
    """
    limits = rules or VisitRules()
    worked = Worked(_worked_days(is_workday, first, last))
    visits: list[Planned] = []
    conflicts: list[Conflict] = []
    cases: dict[str, list[Case]] = {visitor.name: [] for visitor in visitors}
    for member in members:
        case = Case(member, limits, first.toordinal())
        if member.owner in cases:
            cases[member.owner].append(case)
        else:
            pinned, lost = nobodys_case(case, worked, first.toordinal(), last.toordinal())
            visits += pinned
            conflicts += lost
    for visitor in visitors:
        mine = sorted(cases.pop(visitor.name), key=lambda case: (case.rank, case.member.id))
        diary = Diary(visitor, worked, first.toordinal())
        for part in (seat_pins, plan_care, plan_renewals, plan_regular):
            planned, lost = part(mine, diary, worked, limits, first.toordinal(), last.toordinal())
            visits += planned
            conflicts += lost
    visits.sort(key=lambda one: (one.on, one.owner, one.kind, one.member_id))
    conflicts.sort(key=lambda one: (one.on, one.member_id, one.lost))
    return Plan(visits, conflicts)


def _worked_days(is_workday: Callable[[date], bool], first: date, last: date) -> Sequence[int]:
    span = range(-_BACK, (last - first).days + 1)
    days = [first + timedelta(days=number) for number in span]
    return [day.toordinal() for day in days if is_workday(day)]
