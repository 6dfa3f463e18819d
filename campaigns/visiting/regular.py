"""The regular visits: each so long after the last one as its tier says, in what the owed ones left of the days."""

from bisect import bisect_left
from collections.abc import Sequence
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
    for case in cases:
        _expect(case, ready, rules, first, first)
    visits: list[Planned] = []
    for place in range(worked.before(first), worked.upto(last)):
        day = worked.days[place]
        while ready and ready[0][0] <= day:
            _, due, member_id, case = heappop(ready)
            heappush(waiting, (due + case.rank * rules.head_start, due, member_id, case))
        while waiting and diary.room[place] > 0:
            _, due, member_id, case = heappop(waiting)
            if not _may(case, day) or due != _due(case, rules, day, first):
                _expect(case, ready, rules, _again(case, day), first)
                continue
            diary.take(place)
            case.add(day)
            visits.append(Planned(member_id, case.member.owner, day_of(day), Kind.REGULAR, day_of(due)))
            _expect(case, ready, rules, day + 1, first)
    return visits, []


def _expect(case: Case, ready: list[_Waiting], rules: VisitRules, day: int, first: int) -> None:
    """The next visit, on `day` or later."""
    due = _due(case, rules, day, first)
    if due is not None:
        heappush(ready, (max(due, day), due, case.member.id, case))


def _due(case: Case, rules: VisitRules, day: int, first: int) -> int | None:
    """So long after the last visit before `day`; who never had one is due at once."""
    every = rules.every[case.member.tier]
    if every is None:
        return None
    if case.member.urgent:
        every = min(every, -(-rules.month // max(1, case.limit)))
    place = bisect_left(case.visits, day)
    return case.visits[place - 1] + every if place else first


def _may(case: Case, day: int) -> bool:
    return not case.resting(day) and case.in_care(day) is None and case.fits(day)


def _again(case: Case, day: int) -> int:
    """The first day after `day` on which it is worth asking again."""
    if (end := case.in_care(day)) is not None:
        return end + 1
    if case.resting(day) and case.renewal is not None:
        return case.renewal + 1
    return max(day + 1, case.next_fitting(day)) if not case.fits(day) else day + 1
