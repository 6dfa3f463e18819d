"""Intensive care: a visit at the latest every third worked day from its start to its end."""

from collections.abc import Iterator, Sequence

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked, day_of
from campaigns.visiting.values import Conflict, Kind, Planned, Rule, VisitRules

Found = tuple[list[Planned], list[Conflict]]

_WEEKEND = 2


def plan_care(cases: Sequence[Case], diary: Diary, worked: Worked, rules: VisitRules, first: int, last: int) -> Found:
    """As late as the gap allows: so as few visits as keep it. Later tiers find the places earlier ones left."""
    visits: list[Planned] = []
    conflicts: list[Conflict] = []
    for case in cases:
        mine: list[Planned] = []
        for start, end in case.care:
            chain = _Chain(case, diary, worked, rules, start, end)
            mine += chain.walk(first, last)
            conflicts += chain.conflicts
        conflicts += _rest_lost(case, mine)
        visits += mine
    return visits, conflicts


class _Chain:
    """The visits of one care period, one after the other."""

    def __init__(self, case: Case, diary: Diary, worked: Worked, rules: VisitRules, start: int, end: int) -> None:
        self._case, self._diary, self._worked, self._rules = case, diary, worked, rules
        self._start, self._end = start, end
        self.conflicts: list[Conflict] = []

    def walk(self, first: int, last: int) -> Iterator[Planned]:
        """The first visit is due on the third worked day of the period, as if the day before it were one."""
        been = [day for day in self._case.visits if self._start <= day <= self._end and day < first]
        before = self._worked.upto(been[-1]) - 1 if been else self._worked.before(self._start) - 1
        stop = self._worked.upto(min(self._end, last))
        earliest = self._worked.before(max(first, self._start))
        after_a_visit = bool(been)
        chosen = [self._worked.before(day) for day in self._case.visits if day >= first]  # by hand
        while (due := before + self._rules.care_gap) < stop:
            if (had := max((place for place in chosen if before < place <= due), default=None)) is not None:
                before, after_a_visit = had, True
                continue
            place = self._place(max(before + 1, earliest), due, stop)
            if (
                had := min((one for one in chosen if due < one < (stop if place is None else place)), default=None)
            ) is not None:
                self._lose(before, due, had, stop, first)
                before, after_a_visit = had, True
                continue
            if place is None or place > due:
                self._lose(before, due, place, stop, first)
            if place is None:
                return
            if after_a_visit:
                self._watch_holiday(before, place)
            day = self._worked.days[place]
            self._diary.take(place)
            self._case.add(day, bound=False)
            yield self._planned(day, due)
            before, after_a_visit = place, True

    def _place(self, earliest: int, due: int, stop: int) -> int | None:
        in_time = (place for place in range(due, earliest - 1, -1) if self._diary.room[place] > 0)
        late = (place for place in range(max(due + 1, earliest), stop) if self._diary.room[place] > 0)
        found = next(in_time, None)
        return next(late, None) if found is None else found

    def _planned(self, day: int, due: int) -> Planned:
        member = self._case.member
        return Planned(member.id, member.owner, day_of(day), Kind.CARE, day_of(self._worked.days[due]))

    def _lose(self, before: int, due: int, place: int | None, stop: int, first: int) -> None:
        days = self._worked.days[max(before + 1, 0) : due + 1]
        ahead = [day for day in days if day >= first]
        won = Rule.TODAY if not ahead else Rule.ABSENCE if self._away(ahead) else Rule.CAPACITY
        until = place if place is not None else stop
        self._say(won, due, {"gap": until - before, "allowed": self._rules.care_gap})

    def _away(self, days: Sequence[int]) -> bool:
        return all(day in self._diary.away for day in days)

    def _watch_holiday(self, before: int, place: int) -> None:
        """Days off make no worked days: the gap is kept by the count, and still longer than anybody would think."""
        days, worked = self._worked.days[place] - self._worked.days[max(before, 0)], place - before
        if before >= 0 and worked <= self._rules.care_gap and days > self._rules.care_gap + _WEEKEND:
            self._say(Rule.WORKDAYS, place, {"days": days, "gap": worked, "allowed": self._rules.care_gap})

    def _say(self, won: Rule, place: int, figures: dict[str, int]) -> None:
        member = self._case.member
        on = day_of(self._worked.days[place])
        self.conflicts.append(Conflict(member.id, member.owner, Rule.CARE_GAP, won, on, figures))


def _rest_lost(case: Case, planned: Sequence[Planned]) -> list[Conflict]:
    """Care goes before the rest that a renewal wants: staff opened it knowing why."""
    resting = [one.on for one in planned if case.resting(one.on.toordinal())]
    if not resting:
        return []
    member = case.member
    won, figures = Rule.CARE_GAP, {"visits": len(resting), "rest": case.rules.rest}
    return [Conflict(member.id, member.owner, Rule.RENEWAL_REST, won, min(resting), figures)]
