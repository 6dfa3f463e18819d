"""Return-visit tasks for people: opened by an answer or a campaign, closed with an outcome."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from campaigns import statements, webhooks
from campaigns.errors import StateError
from campaigns.models import Visit
from campaigns.webhooks import WebhookKind

HANDOVER = "handover"
"""The category of the task by which a new owner is told of members."""
_LARGEST = 2**31 - 1  # a number of the database


@dataclass(frozen=True, slots=True)
class VisitTask:
    id: int
    member_id: int
    contact_id: int | None
    category: str
    state: str
    opened_at: datetime
    due_at: datetime
    note: str
    owner: str
    cause: str
    outcome: Mapping[str, object] | None
    closed_at: datetime | None
    closed_by: str


async def open_visit(
    member_id: int,
    *,
    category: str,
    cause: str,
    opened_at: datetime,
    due_at: datetime,
    contact_id: int | None = None,
    note: str = "",
    owner: str = "",
) -> int:
    """Open a task for a person. `cause` is unique: the same cause opens it once and gives the same id again."""
    visit, _ = await Visit.get_or_create(
        cause=cause,
        defaults={
            "member_id": member_id,
            "contact_id": contact_id,
            "category": category,
            "opened_at": opened_at,
            "due_at": due_at,
            "note": note,
            "owner": owner,
        },
    )
    return int(visit.id)


async def find_visit(visit_id: int) -> VisitTask | None:
    row = await Visit.get_or_none(id=visit_id) if visit_id <= _LARGEST else None
    return _task(row) if row else None


async def close_visit(visit_id: int, *, outcome: Mapping[str, object], at: datetime, by: str = "") -> None:
    """Raises StateError for a task that somebody else closed."""
    done = {"state": "done", "outcome": dict(outcome), "closed_at": at, "closed_by": by}
    async with in_transaction():
        await _change(visit_id, "open", done)
        await _announce(visit_id, outcome, at=at, by=by, done=True)


async def reopen_visit(visit_id: int) -> None:
    """Undo closing; the outcome that was written goes, the touch of it stays."""
    await _change(visit_id, "done", {"state": "open", "outcome": None, "closed_at": None, "closed_by": ""})


async def late_visits(category: str, before: datetime) -> frozenset[int]:
    """Open tasks of the category that were due before that moment."""
    late = Visit.filter(state="open", category=category, due_at__lt=before)
    return frozenset([row.id for row in await late.only("id")])


async def miss_visits(visit_ids: Collection[int], *, at: datetime) -> int:
    """Nobody did them; what was done meanwhile stays. Returns how many."""
    db = statements.connection()
    return await statements.run(
        "UPDATE visits SET state = 'missed', closed_at = $1"
        f" WHERE state = 'open' AND id {statements.ids_in(db, '$2', 'int')}",
        at,
        statements.id_list(db, visit_ids),
    )


async def postpone_visit(visit_id: int, due_at: datetime) -> None:
    await _change(visit_id, "open", {"due_at": due_at})


async def rewrite_note(visit_id: int, note: str) -> None:
    """What it is about has changed."""
    await _change(visit_id, "open", {"note": note})


async def bring_forward(visit_id: int, due_at: datetime) -> None:
    """Due by then, where it is open and due later."""
    await Visit.filter(id=visit_id, state="open", due_at__gt=due_at).update(due_at=due_at)


async def note_try(visit_id: int, *, outcome: Mapping[str, object], until: datetime, at: datetime, by: str) -> None:
    """A call that did not end the task, which stays open until then. Raises StateError as above."""
    async with in_transaction():
        await postpone_visit(visit_id, until)
        await _announce(visit_id, outcome, at=at, by=by, done=False)


async def _announce(visit_id: int, outcome: Mapping[str, object], *, at: datetime, by: str, done: bool) -> None:
    visit = await Visit.get(id=visit_id)
    told = {"task": visit_id, "category": visit.category, "outcome": dict(outcome), "by": by, "done": done}
    await webhooks.announce(WebhookKind.TASK_OUTCOME, at=at, about={visit.member_id: told}, contact_id=visit.contact_id)


async def hand_visit(visit_id: int, owner: str) -> None:
    """Give the task to a colleague; empty gives it back to whose member it is."""
    await _change(visit_id, "open", {"owner": owner})


async def tasks_held(member_ids: Collection[int], owner: str) -> list[int]:
    """Open tasks with these members that were given to this person by name."""
    db = statements.connection()
    rows = await statements.query(
        f"SELECT id FROM visits WHERE state = 'open' AND owner = $2 AND member_id {statements.ids_in(db, '$1', 'int')}",
        statements.id_list(db, member_ids),
        owner,
    )
    return [row["id"] for row in rows]


async def hand_tasks(visit_ids: Collection[int], owner: str, *, was: str) -> int:
    """Many at once; what was closed or given on meanwhile stays. Returns how many."""
    db = statements.connection()
    return await statements.run(
        f"UPDATE visits SET owner = $1 WHERE state = 'open' AND owner = $2 AND id {statements.ids_in(db, '$3', 'int')}",
        owner,
        was,
        statements.id_list(db, visit_ids),
    )


async def _change(visit_id: int, state: str, values: Mapping[str, object]) -> None:
    if await Visit.filter(id=visit_id, state=state).update(**values) != 1:
        raise StateError("这个任务刚被别人改过，重新打开看看 (somebody changed this task)")


async def due_visits(now: datetime, *, limit: int = 200) -> list[VisitTask]:
    return [_task(row) for row in await Visit.filter(state="open", due_at__lte=now).order_by("due_at").limit(limit)]


async def visits_of(member_id: int) -> list[VisitTask]:
    return [_task(row) for row in await Visit.filter(member_id=member_id).order_by("-opened_at")]


async def count_open(owners: Collection[str] | None = None) -> Mapping[str, int]:
    """Open tasks by category; with `owners` those of these people's members alone."""
    tasks = Visit.filter(state="open")
    if owners is not None:
        tasks = tasks.filter(member__owner__in=sorted(owners))
    counts: dict[str, int] = {}
    for (category,) in await tasks.values_list("category"):
        counts[category] = counts.get(category, 0) + 1
    return counts


async def count_open_of(owner: str) -> int:
    """Open tasks that were given to one person, and those nobody was given of the members this person owns."""
    mine = Q(owner=owner) | Q(owner="", member__owner=owner)
    return await Visit.filter(mine, state="open").count()


def _task(row: Visit) -> VisitTask:
    return VisitTask(
        id=row.id,
        member_id=row.member_id,
        contact_id=row.contact_id,
        category=row.category,
        state=row.state,
        opened_at=row.opened_at,
        due_at=row.due_at,
        note=row.note,
        owner=row.owner,
        cause=row.cause,
        outcome=row.outcome,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
    )
