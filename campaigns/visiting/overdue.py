"""Regular visits that found no place in time: what a tier is owed, lost to full days or to days away."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked, day_of
from campaigns.visiting.values import Conflict, Planned, Rule, VisitRules

Due = Callable[[Case, int], int | None]
"""From when on the next visit of a member was due before a day."""


def overdue(
    cases: Sequence[Case],
    visits: Sequence[Planned],
    due: Due,
    diary: Diary,
    worked: Worked,
    rules: VisitRules,
    last: int,
) -> Iterator[Conflict]:
    """After everything has its day. Who waits for a rule of its own, a rest say, is not late."""
    days: dict[int, list[int]] = defaultdict(list)
    for one in visits:
        days[one.member_id].append(one.on.toordinal())
    for case in cases:
        for day in (*days[case.member.id], last + 1):
            since = due(case, day)
            if since is None or worked.before(day) - worked.before(since) < rules.late:
                continue
            full = _full(case, diary, worked, since, day)
            if len(full) >= rules.late:
                yield _lost(case, diary, full, since, day, last)


def _full(case: Case, diary: Diary, worked: Worked, since: int, day: int) -> Sequence[int]:
    """The days in between that were open to the visit and had no room."""
    moved = day in case.bound  # none on the day after the last
    if moved:
        case.leave(day)
    places = range(worked.before(since), worked.before(day))
    full = [
        worked.days[place] for place in places if diary.room[place] <= 0 and case.open_to_regular(worked.days[place])
    ]
    if moved:
        case.add(day)
    return full


def _lost(case: Case, diary: Diary, full: Sequence[int], since: int, day: int, last: int) -> Conflict:
    won = Rule.ABSENCE if all(one in diary.away for one in full) else Rule.CAPACITY
    figures = {"late": day - since} if day <= last else {"days": day - since}
    return Conflict(case.member.id, case.member.owner, Rule.SERVICE, won, day_of(since), figures)
