"""What came of a contact, by whichever door: written down once, with the seekers it brings and its entry in the log."""

from datetime import UTC, datetime, timedelta

from tortoise.transactions import in_transaction

from bot.keyword_table import table_in_force
from bot.runtime import Runtime
from campaigns import audit, introducing, visits
from campaigns.audit import Action
from campaigns.members.find import Head
from campaigns.replies.results import Recorded, record_visit_result
from campaigns.results import Result, VisitResult
from campaigns.visit_facts import CATEGORY
from campaigns.visits import VisitTask

_VISITS = frozenset({CATEGORY, "return_visit", "renewal", "follow_up"})
_DUE_WITHIN = timedelta(days=1)


async def record_result(
    runtime: Runtime,
    head: Head,
    result: VisitResult,
    *,
    key: str,
    by: str,
    staff_id: int | None = None,
    came_from: str = "",
    task: VisitTask | None = None,
) -> Recorded:
    """All of it, once, or nothing. Raises StateError for a task somebody else closed meanwhile."""
    table = await table_in_force(runtime.settings.huifang_templates) if result.said else None
    now, book = runtime.clock(), runtime.rulebook
    async with in_transaction():
        recorded = await record_visit_result(
            head.id, result, key=key, by=by, now=now, calendar=book.calendar, table=table, task=task
        )
        if not recorded.new:
            return recorded
        if result.result is Result.TALKED:
            await introducing.propose_after_visit(head.id, recorded.outcome_id, now, book.policy, by=by)
        await audit.record_audit(
            Action.TASK_CHANGED if task else Action.VISIT_RECORDED,
            at=datetime.now(UTC),
            staff_id=staff_id,
            who=by,
            subject=f"member/{head.no}",
            detail=_told(result, recorded, task),
            came_from=came_from,
        )
    return recorded


async def task_in_hand(member_id: int, by: str, now: datetime) -> VisitTask | None:
    """The visit that is due and that this contact was, for a door that names none: only where there is just one."""
    until = now + _DUE_WITHIN
    found = [
        one
        for one in await visits.visits_of(member_id)
        if one.state == "open" and one.category in _VISITS and one.due_at <= until and one.owner in ("", by)
    ]
    return found[0] if len(found) == 1 else None


def _told(result: VisitResult, recorded: Recorded, task: VisitTask | None) -> dict[str, object]:
    told: dict[str, object] = {"result": result.result, "medium": result.medium}
    counts = {"task": task.id if task else 0, "problems": recorded.problems, "plans": recorded.plans}
    return told | {name: n for name, n in counts.items() if n}
