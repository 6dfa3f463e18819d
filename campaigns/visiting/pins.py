"""Visits on a day that a person chose: they stand, and what they break is named. What is never broken moves them."""

from collections.abc import Sequence

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked, day_of
from campaigns.visiting.values import Conflict, Kept, Kind, Planned, Rule, VisitRules

Found = tuple[list[Planned], list[Conflict]]


def seat_pins(cases: Sequence[Case], diary: Diary, worked: Worked, rules: VisitRules, first: int, last: int) -> Found:
    visits: list[Planned] = []
    conflicts: list[Conflict] = []
    for case in cases:
        for pin in sorted((one for one in case.member.kept if one.pinned), key=lambda one: one.on):
            if not first <= pin.on.toordinal() <= last:
                continue
            won = _firm(case, pin, diary, worked)
            if won is None:
                conflicts += [_conflict(case, pin, lost, Rule.PIN) for lost in _broken(case, pin)]
                visits.append(_seated(case, pin, diary, worked))
            else:
                conflicts.append(_conflict(case, pin, Rule.PIN, won))
    return visits, conflicts


def _firm(case: Case, pin: Kept, diary: Diary, worked: Worked) -> Rule | None:
    """The rule that is never broken and stands in the way."""
    place = worked.place(pin.on.toordinal())
    if place is None:
        return Rule.WORKDAYS
    if pin.on.toordinal() in diary.away:
        return Rule.ABSENCE
    if pin.on.toordinal() <= case.quiet:
        return Rule.QUIET
    return None if diary.room[place] > 0 else Rule.CAPACITY


def _broken(case: Case, pin: Kept) -> list[Rule]:
    day = pin.on.toordinal()
    if case.in_care(day) is not None:
        return []  # resting days in care are named there
    return [rule for rule, lost in ((Rule.MONTH, not case.fits(day)), (Rule.RENEWAL_REST, case.resting(day))) if lost]


def _seated(case: Case, pin: Kept, diary: Diary, worked: Worked) -> Planned:
    day = pin.on.toordinal()
    in_care = case.in_care(day) is not None
    kind = Kind.CARE if in_care else Kind.REGULAR if pin.kind is Kind.CARE else pin.kind
    diary.take(worked.before(day))
    case.add(day, bound=not in_care)
    return Planned(case.member.id, case.member.owner, day_of(day), kind, day_of(day))


def _conflict(case: Case, pin: Kept, lost: Rule, won: Rule) -> Conflict:
    return Conflict(case.member.id, case.member.owner, lost, won, pin.on)
