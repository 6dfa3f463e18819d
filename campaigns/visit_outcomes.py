"""The outcome of each contact by hand: use, effect, mood, next step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from campaigns.models import VisitOutcome
from campaigns.results import VisitResult


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    id: int
    member_id: int
    visit_id: int | None
    touch_id: int
    at: datetime
    medium: str
    result: str
    used: str
    effect: str
    mood: str
    next_step: str
    next_on: date | None
    by: str


async def add_outcome(
    member_id: int, result: VisitResult, *, key: str, touch_id: int, visit_id: int | None, by: str, now: datetime
) -> int:
    row = await VisitOutcome.create(
        key=key,
        member_id=member_id,
        contact_id=result.contact_id,
        visit_id=visit_id,
        touch_id=touch_id,
        at=now,
        medium=result.medium,
        result=result.result,
        used=result.used or "",
        effect=result.effect or "",
        mood=result.mood or "",
        next_step=result.next_step,
        next_on=result.next_on,
        by=by,
    )
    return int(row.id)


async def find_outcome(key: str) -> OutcomeRow | None:
    """The one that came by this form or message."""
    row = await VisitOutcome.get_or_none(key=key)
    return _row(row) if row else None


async def outcomes_of(member_id: int, limit: int = 20) -> Sequence[OutcomeRow]:
    """The newest first."""
    return [_row(row) for row in await VisitOutcome.filter(member_id=member_id).order_by("-at", "-id").limit(limit)]


async def outcome_of_visit(visit_id: int) -> OutcomeRow | None:
    """The last one of a task."""
    row = await VisitOutcome.filter(visit_id=visit_id).order_by("-id").first()
    return _row(row) if row else None


def _row(row: VisitOutcome) -> OutcomeRow:
    return OutcomeRow(**{name: getattr(row, name) for name in OutcomeRow.__slots__})
