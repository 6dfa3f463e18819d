"""Intensive care: from its start to its end no more than three days of the calendar pass from one visit to the next."""

from collections.abc import Iterator, Sequence

from campaigns.visiting.case import Case
from campaigns.visiting.diary import Diary, Worked, day_of
from campaigns.visiting.values import Conflict, Kind, Planned, Rule, VisitRules

Found = tuple[list[Planned], list[Conflict]]


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
    """The visits of one care period, one after the other. Days are ordinals."""

    def __init__(self, case: Case, diary: Diary, worked: Worked, rules: VisitRules, start: int, end: int) -> None:
        self._case, self._diary, self._worked, self._rules = case, diary, worked, rules
        self._start, self._end = start, end
        self.conflicts: list[Conflict] = []

    def walk(self, first: int, last: int) -> Iterator[Planned]:
        """The first visit is due in the first three days of the period, as if there had been one on the day before."""
        been = [day for day in self._case.visits if self._start <= day <= self._end and day < first]
        before = been[-1] if been else self._start - 1
        end = min(self._end, last)
        chosen = [day for day in self._case.visits if max(first, self._start) <= day <= end]  # by hand
        while before + self._rules.care_gap <= end and (due := self._due(before)) is not None and due <= end:
            day = self._day(max(before + 1, first, self._start), due, end)
            had = max((one for one in chosen if before < one <= due), default=None)
            if had is None:
                had = min((one for one in chosen if due < one < (end + 1 if day is None else day)), default=None)
            self._say(before, due, day if had is None else had, end, first)
            if had is not None:
                before = had
                continue
            if day is None:
                return
            self._diary.take(self._worked.before(day))
            self._case.add(day, bound=False)
            yield self._planned(day, due)
            before = day

    def _due(self, before: int) -> int | None:
        """The last worked day within the gap; where none lies in it the first one after. None: beyond the calendar."""
        within = self._worked.upto(before + self._rules.care_gap) - 1
        after = within + 1
        if within >= 0 and self._worked.days[within] > before:
            return self._worked.days[within]
        return self._worked.days[after] if after < len(self._worked.days) else None

    def _day(self, earliest: int, due: int, end: int) -> int | None:
        """The latest with room until it is due, else the first one after."""
        places = range(self._worked.before(earliest), self._worked.upto(end))
        free = [self._worked.days[place] for place in places if self._diary.room[place] > 0]
        return max((day for day in free if day <= due), default=next(iter(free), None))

    def _planned(self, day: int, due: int) -> Planned:
        member = self._case.member
        return Planned(member.id, member.owner, day_of(day), Kind.CARE, day_of(due))

    def _say(self, before: int, due: int, day: int | None, end: int, first: int) -> None:
        """A gap that is too long, by the rule it was lost to."""
        allowed = self._rules.care_gap
        gap = (end + 1 if day is None else day) - before
        if day is not None and day <= due:
            if gap > allowed:
                self._lose(Rule.WORKDAYS, day, gap)
            return
        days = self._worked.days[self._worked.upto(before) : self._worked.upto(due)]
        ahead = [one for one in days if one >= first]
        self._lose(Rule.TODAY if not ahead else Rule.ABSENCE if self._away(ahead) else Rule.CAPACITY, due, gap)

    def _away(self, days: Sequence[int]) -> bool:
        return all(day in self._diary.away for day in days)

    def _lose(self, won: Rule, day: int, gap: int) -> None:
        member, figures = self._case.member, {"gap": gap, "allowed": self._rules.care_gap}
        self.conflicts.append(Conflict(member.id, member.owner, Rule.CARE_GAP, won, day_of(day), figures))


def _rest_lost(case: Case, planned: Sequence[Planned]) -> list[Conflict]:
    """Care goes before the rest that a renewal wants: staff opened it knowing why."""
    resting = [one.on for one in planned if case.resting(one.on.toordinal())]
    if not resting:
        return []
    member = case.member
    won, figures = Rule.CARE_GAP, {"visits": len(resting), "rest": case.rules.rest}
    return [Conflict(member.id, member.owner, Rule.RENEWAL_REST, won, min(resting), figures)]
