"""What we promised a member, and what became of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from campaigns.terms import SHANGHAI


class Standing(StrEnum):
    KEPT = "kept"
    KEPT_LATE = "kept_late"
    BROKEN = "broken"
    LATE = "late"  # the day has passed and nobody did it
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Promise:
    what: str
    by: str
    made_at: datetime
    due_at: datetime
    standing: Standing
    done_at: datetime | None = None


def standing_of(due_at: datetime, done_at: datetime | None, now: datetime, *, kept: bool = True) -> Standing:
    """`kept`: what was done is what was promised."""
    if done_at is None:
        return Standing.LATE if due_at < now else Standing.OPEN
    if not kept:
        return Standing.BROKEN
    in_time = done_at.astimezone(SHANGHAI).date() <= due_at.astimezone(SHANGHAI).date()
    return Standing.KEPT if in_time else Standing.KEPT_LATE
