"""The regular visits: each so long after the last one as its tier says, in what the owed ones left of the days."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from heapq import heappop, heappush

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked, day_of
from campaigns.visiting.overdue import overdue
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
        while _come(ready, waiting, day, rules) and (diary.room[place] > 0 or _weaker(held[place], waiting[0])):
            number, due, member_id, case = heappop(waiting)
            if not _may(case, rules, day):
                _expect(case, ready, rules, _again(case, rules, day), first)
                continue
            if due != next_due(case, day, first):  # an owed visit came since it began to wait
                _expect(case, ready, rules, day, first)
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
    return visits, list(overdue(cases, visits, partial(_since, first), diary, worked, rules, last))


def _come(ready: list[_Waiting], waiting: list[_Waiting], day: int, rules: VisitRules) -> bool:
    """Who may be visited from that day on begins to wait; whether anybody does."""
    while ready and ready[0][0] <= day:
        _, due, member_id, case = heappop(ready)
        heappush(waiting, (due + case.rank * rules.head_start, due, member_id, case))
    return bool(waiting)


def _since(first: int, case: Case, day: int) -> int | None:
    due = next_due(case, day, first)
    return None if due is None else max(due, first)


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
            due = next_due(case, day, first)
            if due is not None and due <= day:
                diary.take(place)
                case.hold(day)
                held[place].append((due + case.rank * rules.head_start, due, case.member.id, case))
    for case in cases:
        for day in _needless(case, diary, worked, rules, first):
            place = worked.before(day)
            held[place] = [one for one in held[place] if one[3] is not case]
            diary.room[place] += 1
    return held


def _needless(case: Case, diary: Diary, worked: Worked, rules: VisitRules, first: int) -> Iterator[int]:
    """The visits that keep a late day while an earlier one has room: they are given up."""
    for day in [*case.held]:
        since = worked.before(max(next_due(case, day, first) or day, first))
        before = range(since, worked.before(day))
        if len(before) < rules.late:
            continue
        case.give_up(day)
        if any(diary.room[place] > 0 and _may(case, rules, worked.days[place]) for place in before):
            yield day
        else:
            case.hold(day)


def _weaker(held: Sequence[_Waiting], one: _Waiting) -> _Waiting | None:
    """Who gives way: of a lower tier, and behind it in the queue; of these the last."""
    return max((other for other in held if other[3].rank > one[3].rank and other[0] > one[0]), default=None)


def _expect(case: Case, ready: list[_Waiting], rules: VisitRules, day: int, first: int) -> None:
    """The next visit, on `day` or later."""
    due = next_due(case, day, first)
    if due is not None:
        heappush(ready, (max(due, day), due, case.member.id, case))


def next_due(case: Case, day: int, first: int) -> int | None:
    """So long after the last visit before `day`; who never had one is due at once."""
    every = _pace(case)
    if every is None:
        return None
    place = bisect_left(case.visits, day)
    return case.visits[place - 1] + every if place else first


def _pace(case: Case) -> int | None:
    every = case.rules.every[case.member.tier]
    if every is None:
        return None
    apart = -(-case.rules.month // max(1, case.limit))
    return apart if case.member.urgent else max(every, apart)


def _may(case: Case, rules: VisitRules, day: int) -> bool:
    return case.open_to_regular(day) and _held_soon(case, rules, day) is None


def _held_soon(case: Case, rules: VisitRules, day: int) -> int | None:
    """A regular visit that keeps its day and would follow too soon."""
    place = bisect_left(case.held, day)
    soon = place < len(case.held) and case.held[place] - day < (_pace(case) or 0)
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
