"""What a person wrote down after a call: the touch, the task's end or its new day, promises and the next call."""

from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns import touches, visits
from campaigns.replies.refusals import record_staff_refusal
from campaigns.terms import Direction, TouchKind
from campaigns.visits import VisitTask


@dataclass(frozen=True, slots=True)
class Call:
    """`text` goes into the timeline. `again_at`: the task stays open until then. `next_at`: a new one after this."""

    result: str
    text: str
    promise: str = ""
    promise_at: datetime | None = None
    again_at: datetime | None = None
    next_at: datetime | None = None
    refused: bool = False


async def record_call(task: VisitTask, call: Call, *, by: str, now: datetime) -> None:
    """All of it or nothing. Raises StateError for a task somebody else closed meanwhile."""
    async with in_transaction():
        outcome = {"result": call.result, "text": call.text, "promise": call.promise}
        if call.again_at:
            await visits.note_try(task.id, outcome=outcome, until=call.again_at, at=now, by=by)
        else:
            await visits.close_visit(task.id, outcome=outcome, at=now, by=by)
        touch_id = await touches.record_touch(
            task.member_id,
            at=now,
            direction=Direction.OUT,
            kind=TouchKind.VISIT,
            medium="phone",
            contact_id=task.contact_id,
            text=call.text,
            by=by,
        )
        if call.promise_at:
            await _open(task, "promise", f"promise:{touch_id}", call.promise_at, call.promise, by, now)
        if call.next_at:
            await _open(task, "follow_up", f"next:{touch_id}", call.next_at, call.text, by, now)
        if call.refused:
            await record_staff_refusal(task.member_id, now=now, by=by)


async def _open(task: VisitTask, category: str, cause: str, due: datetime, note: str, by: str, now: datetime) -> None:
    await visits.open_visit(
        task.member_id,
        category=category,
        cause=cause,
        opened_at=now,
        due_at=due,
        contact_id=task.contact_id,
        note=note,
        owner=by,
    )
