"""One colleague's days: how many visits still fit on each, counted over worked days alone."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date

from campaigns.visiting.values import Visitor


class Worked:
    """The worked days of a span, numbered from 0 in their order. Days are ordinals here: they are quicker."""

    def __init__(self, days: Sequence[int]) -> None:
        self.days = days

    def upto(self, day: int) -> int:
        """How many of them there are until `day`, itself included; the number of the first one after it."""
        return bisect_right(self.days, day)

    def place(self, day: int) -> int | None:
        """Its number; None for a day off."""
        found = self.before(day)
        return found if found < len(self.days) and self.days[found] == day else None

    def before(self, day: int) -> int:
        """The number of the first that is not before `day`."""
        return bisect_left(self.days, day)


class Diary:
    """`room[n]`: how many visits fit on worked day n yet; those before `first` have none."""

    def __init__(self, visitor: Visitor, worked: Worked, first: int) -> None:
        away = {one.toordinal() for one in visitor.away}
        self.capacity = [0 if day in away or day < first else max(0, visitor.capacity) for day in worked.days]
        for day, number in visitor.taken.items():
            if (place := worked.place(day.toordinal())) is not None:
                self.capacity[place] = max(0, self.capacity[place] - number)
        self.away = away
        self.room = self.capacity.copy()

    def take(self, place: int) -> None:
        self.room[place] -= 1


def day_of(ordinal: int) -> date:
    return date.fromordinal(ordinal)
