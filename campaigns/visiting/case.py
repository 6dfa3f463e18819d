"""One member while its visits are planned: what has been, what is planned, where one more would break the month."""

from bisect import bisect_left, insort
from collections.abc import Sequence

from campaigns.visiting.values import Kind, VisitedMember, VisitRules

TIER_RANKS = ("高端", "优质", "一般", "低端")


class Case:
    """Days are ordinals. `visits` are all, past and planned; `bound` those of them the month holds for."""

    def __init__(self, member: VisitedMember, rules: VisitRules, first: int) -> None:
        self.member, self.rules = member, rules
        self.rank = TIER_RANKS.index(member.tier)
        self.visits = sorted(day for day in (one.toordinal() for one in member.visited) if day <= first)
        self.bound: list[int] = []
        self.quiet = member.quiet_until.toordinal() if member.quiet_until else 0
        self.care = _merged(member, self.quiet)
        self.limit = rules.urgent_per_month if member.urgent else rules.per_month
        self.renewal = member.renews_on.toordinal() if member.renews_on else None
        self.held: list[int] = []  # regular visits that keep the day they had

    def add(self, day: int, *, bound: bool = True) -> None:
        insort(self.visits, day)
        if bound:
            insort(self.bound, day)

    def hold(self, day: int) -> None:
        insort(self.held, day)
        self.add(day)

    def give_up(self, day: int) -> None:
        self.held.remove(day)
        self.leave(day)

    def leave(self, day: int) -> None:
        self.visits.remove(day)
        self.bound.remove(day)

    def kept(self, kind: Kind) -> list[int]:
        """The days a visit of that kind had in the last plan."""
        return sorted(one.on.toordinal() for one in self.member.kept if one.kind is kind and not one.pinned)

    def fits(self, day: int) -> bool:
        """Whether a visit on that day keeps the month, its own and that of what is planned after it; and no silence."""
        if day <= self.quiet or day in self.visits or self._earlier(day) >= self.limit:
            return False
        later = self.bound[bisect_left(self.bound, day) :]
        return all(self._earlier(one) + 1 < self.limit for one in later if one - day < self.rules.month)

    def next_fitting(self, day: int) -> int:
        """A later day, none before which can fit where `day` does not."""
        if day <= self.quiet:
            return self.quiet + 1
        if self._earlier(day) >= self.limit:
            return self.visits[bisect_left(self.visits, day) - self.limit] + self.rules.month
        return next((one + 1 for one in self.bound if one >= day), day + 1)

    def in_care(self, day: int) -> int | None:
        """The last day of the care that day lies in."""
        return next((end for start, end in self.care if start <= day <= end), None)

    def resting(self, day: int) -> bool:
        return self.renewal is not None and self.renewal - self.rules.rest < day <= self.renewal

    def open_to_regular(self, day: int) -> bool:
        return not self.resting(day) and self.in_care(day) is None and self.fits(day)

    def _earlier(self, day: int) -> int:
        """Visits in the month before that day, which is in it itself."""
        return bisect_left(self.visits, day) - bisect_left(self.visits, day - self.rules.month + 1)


def _merged(member: VisitedMember, quiet: int) -> Sequence[tuple[int, int]]:
    """Care that a silence interrupts begins anew after it."""
    found: list[tuple[int, int]] = []
    spans = ((max(one.start.toordinal(), quiet + 1), one.end.toordinal()) for one in member.care)
    for start, end in sorted(spans):
        if found and start <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        elif start <= end:
            found.append((start, end))
    return found
