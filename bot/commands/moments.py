"""Moments as people type them."""

from datetime import datetime, time

from campaigns.errors import InputError
from campaigns.terms import SHANGHAI

MORNING = time(9)
_YEARS = range(2000, 2101)


def parse_as_of(text: str) -> datetime:
    """`2026-11-21` is 09:00 Asia/Shanghai of that day; a time without a zone is Shanghai's; `now` is the present.

    Raises InputError where it is no moment of the years 2000 to 2100.
    """
    if text == "now":
        return datetime.now(SHANGHAI)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of {text}：要写成 2026-11-21 或 2026-11-21T14:30 (not a date)") from None
    if moment.year not in _YEARS:
        raise InputError(f"--as-of {text}：年份要在 2000 到 2100 之间 (the year is out of range)")
    if len(text) <= len("2026-11-21"):
        moment = datetime.combine(moment.date(), MORNING)
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)


def refuse_future(as_of: datetime, now: datetime) -> None:
    """An export cannot have been taken on a day that has not come. Raises InputError."""
    today = now.astimezone(SHANGHAI).date()
    if as_of.astimezone(SHANGHAI).date() > today:
        raise InputError(f"--as-of {as_of:%Y-%m-%d}：这一天还没到，今天是 {today} (that day has not come)")
