"""What was promised to a member: read from one place, so that nobody above knows where promises are kept."""

from collections.abc import Mapping
from datetime import datetime

from campaigns import visits
from campaigns.briefing import Promise, standing_of
from campaigns.visits import VisitTask

_PROMISE = "promise"  # the category of a task that a promise opened
_KEPT = "talked"


async def promises_of(member_id: int, now: datetime, limit: int = 5) -> list[Promise]:
    """The newest first. Today a promise is a task of its own; it is kept when that task was done."""
    told = [one for one in await visits.visits_of(member_id) if one.category == _PROMISE]
    return [_promise(one, now) for one in told[:limit]]


def _promise(task: VisitTask, now: datetime) -> Promise:
    outcome: Mapping[str, object] = task.outcome or {}
    kept = str(outcome.get("result", _KEPT)) == _KEPT
    standing = standing_of(task.due_at, task.closed_at, now, kept=kept)
    return Promise(task.note, task.owner, task.opened_at, task.due_at, standing, task.closed_at)
