"""Moments as people type them."""

from datetime import datetime, time

from campaigns.errors import InputError
from campaigns.terms import SHANGHAI

MORNING = time(9)


def parse_as_of(text: str) -> datetime:
    """`2026-11-21` is 09:00 Asia/Shanghai of that day; a time without a zone is Shanghai's; `now` is the present."""
    if text == "now":
        return datetime.now(SHANGHAI)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"--as-of {text}：要写成 2026-11-21 或 2026-11-21T14:30 (not a date)") from None
    if len(text) <= len("2026-11-21"):
        moment = datetime.combine(moment.date(), MORNING)
    return moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
