"""Days from one to another, and the numbers and reasons that the calendar takes."""

from datetime import date, timedelta

from campaigns.errors import InputError

LONGEST_REASON = 255
LARGEST = 2**31 - 1  # a number of the database
_NO_DAY = "从哪天到哪天写反了，或者太长 (the days are the wrong way round, or too many)"


def check_span(first: date, last: date, longest: timedelta) -> None:
    if not timedelta() <= last - first < longest:
        raise InputError(f"{_NO_DAY}：最多{longest.days}天 (at most {longest.days} days)")
