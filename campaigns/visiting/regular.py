"""The regular visits: each so long after the last one as its tier says, in what the owed ones left of the days."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from heapq import heappop, heappush

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked, day_of
from campaigns.visiting.values import Conflict, Kind, Planned, VisitRules

Found = tuple[list[Planned], list[Conflict]]
_Waiting = tuple[int, int, int, Case]


def plan_regular(
    cases: Sequence[Case], diary: Diary, worked: Worked, rules: VisitRules, first: int, last: int
) -> Found:
    """Day by day. Who is due waits with a number that never changes, so nobody is overtaken for ever."""
    ready: list[_Waiting] = []  # by the day it may be visited from
    waiting: list[_Waiting] = []  # by its number in the queue
    held = _hold(cases, diary, worked, rules, first, last)
    for case in cases:
        _expect(case, ready, rules, first, first)
    visits: list[Planned] = []
    for place in range(worked.before(first), worked.upto(last)):
        day = worked.days[place]
        while ready and ready[0][0] <= day:
            _, due, member_id, case = heappop(ready)
            heappush(waiting, (due + case.rank * rules.head_start, due, member_id, case))
        while waiting and (diary.room[place] > 0 or _weaker(held[place], waiting[0])):
            number, due, member_id, case = heappop(waiting)
            if not _may(case, rules, day) or due != _due(case, rules, day, first):
                _expect(case, ready, rules, _again(case, rules, day), first)
                continue
            if diary.room[place] > 0:
                diary.take(place)
            elif (other := _weaker(held[place], (number, due, member_id, case))) is not None:
                held[place].remove(other)
                other[3].give_up(day)
                _expect(other[3], ready, rules, day + 1, first)
            case.add(day)
            visits.append(Planned(member_id, case.member.owner, day_of(day), Kind.REGULAR, day_of(due)))
            _expect(case, ready, rules, day + 1, first)
        visits += [
            Planned(key, one.member.owner, day_of(day), Kind.REGULAR, day_of(due)) for _, due, key, one in held[place]
        ]
    return visits, []


def _hold(
    cases: Sequence[Case], diary: Diary, worked: Worked, rules: VisitRules, first: int, last: int
) -> Mapping[int, list[_Waiting]]:
    """Place → the visits that keep it, with their numbers: those that are due and break nothing."""
    held: dict[int, list[_Waiting]] = defaultdict(list)
    for case in cases:
        for day in case.kept(Kind.REGULAR):
            place = worked.place(day)
            if place is None or not first <= day <= last or diary.room[place] <= 0 or not _may(case, rules, day):
                continue
            due = _due(case, rules, day, first)
            if due is not None and due <= day:
                diary.take(place)
                case.hold(day)
                held[place].append((due + case.rank * rules.head_start, due, case.member.id, case))
    return held


def _weaker(held: Sequence[_Waiting], one: _Waiting) -> _Waiting | None:
    """Who gives way: of a lower tier, and behind it in the queue; of these the last."""
    return max((other for other in held if other[3].rank > one[3].rank and other[0] > one[0]), default=None)


def _expect(case: Case, ready: list[_Waiting], rules: VisitRules, day: int, first: int) -> None:
    """The next visit, on `day` or later."""
    due = _due(case, rules, day, first)
    if due is not None:
        heappush(ready, (max(due, day), due, case.member.id, case))


def _due(case: Case, rules: VisitRules, day: int, first: int) -> int | None:
    """So long after the last visit before `day`; who never had one is due at once."""
    every = _pace(case, rules)
    if every is None:
        return None
    place = bisect_left(case.visits, day)
    return case.visits[place - 1] + every if place else first


def _pace(case: Case, rules: VisitRules) -> int | None:
    every = rules.every[case.member.tier]
    if every is None or not case.member.urgent:
        return every
    return min(every, -(-rules.month // max(1, case.limit)))


def _may(case: Case, rules: VisitRules, day: int) -> bool:
    return (
        not case.resting(day) and case.in_care(day) is None and case.fits(day) and _held_soon(case, rules, day) is None
    )


def _held_soon(case: Case, rules: VisitRules, day: int) -> int | None:
    """A regular visit that keeps its day and would follow too soon."""
    place = bisect_left(case.held, day)
    soon = place < len(case.held) and case.held[place] - day < (_pace(case, rules) or 0)
    return case.held[place] if soon else None


def _again(case: Case, rules: VisitRules, day: int) -> int:
    """The first day after `day` on which it is worth asking again."""
    if (end := case.in_care(day)) is not None:
        return end + 1
    if case.resting(day) and case.renewal is not None:
        return case.renewal + 1
    if (soon := _held_soon(case, rules, day)) is not None:
        return soon + 1
    return max(day + 1, case.next_fitting(day)) if not case.fits(day) else day + 1
