"""What we promised a member, and what became of it."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


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
    due_on: date
    standing: Standing
    settled_at: datetime | None = None


def standing_of(due_on: date, settled_on: date | None, today: date, *, kept: bool = True) -> Standing:
    """`kept`: what was settled was done."""
    if settled_on is None:
        return Standing.LATE if due_on < today else Standing.OPEN
    if not kept:
        return Standing.BROKEN
    return Standing.KEPT if settled_on <= due_on else Standing.KEPT_LATE
