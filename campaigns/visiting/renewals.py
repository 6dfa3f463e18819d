"""A visit before each renewal: in the month that ends ten days before it, best in its last ten days.

Who cannot be placed makes the others move within their own days before it is given up: so what is lost could not have
been kept without taking a place from a care visit or from a renewal of the same or a higher tier.
"""

from collections.abc import Sequence

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked, day_of
from campaigns.visiting.values import Conflict, Kind, Planned, Rule, VisitRules

Found = tuple[list[Planned], list[Conflict]]


def plan_renewals(
    cases: Sequence[Case], diary: Diary, worked: Worked, rules: VisitRules, first: int, last: int
) -> Found:
    book, room = _Book(diary), diary.room.copy()
    conflicts: list[Conflict] = []
    for case in cases:
        if case.renewal is None or case.renewal < first or seen_to(case, rules):
            continue
        if case.renewal - rules.renewal_from > last:
            continue  # its best days are yet to come
        latest = case.renewal - rules.rest
        days = [day for day in _window(case, worked, rules, first) if day <= last]
        places = [worked.before(day) for day in days if case.fits(day)]
        if not book.seat(case, _best_first(places, worked, case.renewal - rules.renewal_from)) and latest <= last:
            conflicts.append(_lost(case, days, places, diary, worked, first, latest))
    diary.room[:] = room
    return _entered(_seated_again(book, diary, worked), worked), conflicts


class _Book:
    """Who has which day. Each holds one place out of those open to it."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary
        self.open: dict[int, Sequence[int]] = {}
        self._held: dict[int, dict[int, None]] = {}  # place → ids, in the order they came
        self.cases: dict[int, Case] = {}
        self.place: dict[int, int] = {}

    def seat(self, case: Case, places: Sequence[int]) -> bool:
        """At its best free place, or where others can make room (an augmenting path, breadth first)."""
        member_id = case.member.id
        self.open[member_id] = places
        came_from: dict[int, tuple[int, int | None]] = {}  # place → who would go there, from which place
        waiting: list[tuple[int, int, int | None]] = [(place, member_id, None) for place in places]
        for place, who, left in waiting:
            if place in came_from:
                continue
            came_from[place] = (who, left)
            if self._diary.room[place] > 0:
                self._shift(place, came_from)
                self.cases[member_id] = case
                return True
            waiting += [(other, holder, place) for holder in self._held.get(place, ()) for other in self.open[holder]]
        return False

    def _shift(self, place: int, came_from: dict[int, tuple[int, int | None]]) -> None:
        self._diary.take(place)
        step: int | None = place
        while step is not None:
            who, left = came_from[step]
            if left is not None:
                del self._held[left][who]
            self._held.setdefault(step, {})[who] = None
            self.place[who] = step
            step = left


def _seated_again(found: _Book, diary: Diary, worked: Worked) -> _Book:
    """The same members, those first who can keep the day they had: whoever is seated stays seated, so all find one."""
    book = _Book(diary)
    had = {key: _kept_places(case, found.open[key], worked) for key, case in found.cases.items()}
    for member_id in sorted(found.cases, key=lambda key: not had[key]):
        places = found.open[member_id]
        book.seat(found.cases[member_id], [*had[member_id], *(one for one in places if one not in had[member_id])])
    return book


def _kept_places(case: Case, places: Sequence[int], worked: Worked) -> list[int]:
    kept = (worked.place(day) for day in case.kept(Kind.RENEWAL))
    return [place for place in kept if place is not None and place in places]


def seen_to(case: Case, rules: VisitRules) -> bool:
    latest = (case.renewal or 0) - rules.rest
    return any(latest - rules.month < day <= latest for day in case.visits)


def _window(case: Case, worked: Worked, rules: VisitRules, first: int) -> Sequence[int]:
    latest = (case.renewal or 0) - rules.rest
    return worked.days[worked.before(max(first, latest - rules.month + 1)) : worked.upto(latest)]


def _best_first(places: Sequence[int], worked: Worked, best_from: int) -> Sequence[int]:
    late = [place for place in places if worked.days[place] >= best_from]
    return [*late, *reversed([place for place in places if worked.days[place] < best_from])]


def _lost(
    case: Case, days: Sequence[int], places: Sequence[int], diary: Diary, worked: Worked, first: int, latest: int
) -> Conflict:
    capacity = sum(diary.capacity[place] for place in places)
    won = Rule.CAPACITY
    if latest < first:
        won = Rule.TODAY
    elif not days:
        won = Rule.WORKDAYS
    elif max(days) <= case.quiet:
        won = Rule.QUIET
    elif not places:
        won = Rule.MONTH
    elif all(worked.days[place] in diary.away for place in places):
        won = Rule.ABSENCE
    figures = {"worked_days": len(places), "capacity": capacity, "taken": capacity - _left(places, diary)}
    return Conflict(case.member.id, case.member.owner, Rule.RENEWAL, won, day_of(latest), figures)


def _left(places: Sequence[int], diary: Diary) -> int:
    return sum(diary.room[place] for place in places)


def _entered(book: _Book, worked: Worked) -> list[Planned]:
    """Written down at the end: until then anybody may still move."""
    found = []
    for member_id, case in book.cases.items():
        day = worked.days[book.place[member_id]]
        case.add(day)
        due = (case.renewal or 0) - case.rules.rest
        found.append(Planned(member_id, case.member.owner, day_of(day), Kind.RENEWAL, day_of(due)))
    return found
