"""A day as a form gives it, and what is wrong with it."""

from collections.abc import Mapping
from datetime import date, timedelta

from bot.language import say

_FURTHEST = timedelta(days=366)


def read_day(form: Mapping[str, str], field: str, today: date, faults: dict[str, str]) -> date | None:
    """A day from today to a year from now; None where the field is empty or wrong."""
    text = form.get(field, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        faults[field] = say("日期写成2026-11-24这样")
        return None
    if not today <= day <= today + _FURTHEST:
        faults[field] = say("要在今天到一年之内")
        return None
    return day
