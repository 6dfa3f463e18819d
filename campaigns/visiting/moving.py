"""What a day chosen by hand would break, told before it is chosen."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import date

from campaigns.visiting.case import Case
from campaigns.visiting.values import Rule, VisitedMember, Visitor, VisitRules

FIRM = frozenset({Rule.TODAY, Rule.WORKDAYS, Rule.ABSENCE, Rule.CAPACITY, Rule.QUIET})
"""Broken by nobody, a person's choice included."""


def broken_by(
    member: VisitedMember,
    visitor: Visitor,
    is_workday: Callable[[date], bool],
    day: date,
    today: date,
    *,
    taken: int,
    was: date,
    rules: VisitRules | None = None,
) -> list[Rule]:
    """`member.visited`: past visits and the other planned ones. `was`: the day that is left; `taken`: visits of this
    colleague on the new day already.
    """
    limits = rules or VisitRules()
    return [*_firm(member, visitor, is_workday, day, today, taken), *_soft(member, day, was, limits)]


def _firm(
    member: VisitedMember, visitor: Visitor, is_workday: Callable[[date], bool], day: date, today: date, taken: int
) -> list[Rule]:
    broken = {
        Rule.TODAY: day < today,
        Rule.WORKDAYS: not is_workday(day),
        Rule.ABSENCE: day in visitor.away,
        Rule.CAPACITY: taken >= visitor.capacity,
        Rule.QUIET: member.quiet_until is not None and day <= member.quiet_until,
    }
    return [rule for rule, lost in broken.items() if lost]


def _soft(member: VisitedMember, day: date, was: date, rules: VisitRules) -> list[Rule]:
    case = Case(member, rules, date.max.toordinal())
    new, old = day.toordinal(), was.toordinal()
    in_care = case.in_care(new) is not None
    broken = {
        Rule.MONTH: not in_care and _months(case, new) > case.limit,
        Rule.RENEWAL_REST: not in_care and case.resting(new),
        Rule.RENEWAL: _sees_to(case, old) and not _sees_to(case, new) and not any(map(_seer(case), case.visits)),
        Rule.CARE_GAP: _opens_gap(case, new, old),
    }
    return [rule for rule, lost in broken.items() if lost]


def _months(case: Case, new: int) -> int:
    """The most visits in any month the new one is in."""
    days = sorted({*case.visits, new})
    ends = [day for day in days if new <= day < new + case.rules.month]
    return max(bisect_right(days, end) - bisect_left(days, end - case.rules.month + 1) for end in ends)


def _sees_to(case: Case, day: int) -> bool:
    """Whether a visit on that day is the one before the renewal."""
    latest = (case.renewal or 0) - case.rules.rest
    return case.renewal is not None and latest - case.rules.month < day <= latest


def _seer(case: Case) -> Callable[[int], bool]:
    return lambda day: _sees_to(case, day)


def _opens_gap(case: Case, new: int, old: int) -> bool:
    for start, end in case.care:
        if start <= old <= end:
            before, after = (_worst(case, start, end, one) for one in (old, new))
            return after > max(before, case.rules.care_gap)
    return False


def _worst(case: Case, start: int, end: int, day: int) -> int:
    """The most days from one visit to the next in that care, with a visit on `day`."""
    been: Sequence[int] = sorted({*case.visits, day})
    worst = run = 0
    for one in range(start, end + 1):
        run += 1
        worst = max(worst, run)
        if one in been:
            run = 0
    return worst
