"""What is planned: whom who visits on which day, and which rule lost where not everything could be kept."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from tortoise.transactions import in_transaction

from campaigns import marks, statements
from campaigns.errors import StateError
from campaigns.models import PlannedVisit, VisitConflict
from campaigns.visit_calendar.spans import LARGEST
from campaigns.visiting import Conflict, Kind, Planned, Rule

_BATCH = 500
_NUMBER = "visit_plan"


@dataclass(frozen=True, slots=True)
class Entry:
    """A visit of the calendar. `pinned_by`: who chose its day; `task_id`: the task, once the day came."""

    id: int
    member_id: int
    owner: str
    day: date
    kind: Kind
    due: date
    pinned_by: str
    task_id: int | None


async def find_entry(entry_id: int) -> Entry | None:
    row = await PlannedVisit.get_or_none(id=entry_id) if entry_id <= LARGEST else None
    return _entry(row) if row else None


async def entries_from(day: date, late: Collection[int] = ()) -> list[Entry]:
    """Planned for that day or later: no task opened yet, or one of the late ones."""
    rows = await PlannedVisit.filter(day__gte=day)
    return [_entry(row) for row in rows if row.task_id is None or row.task_id in late]


async def entries_of(member_id: int, day: date) -> list[Entry]:
    """This member's from that day on, the earliest first."""
    return [_entry(row) for row in await PlannedVisit.filter(member_id=member_id, day__gte=day).order_by("day")]


async def due_entries(day: date) -> list[Entry]:
    """Those whose day has come and that have no task yet."""
    return [_entry(row) for row in await PlannedVisit.filter(day__lte=day, task_id=None).order_by("day", "id")]


async def set_task(entry_id: int, task_id: int) -> None:
    await PlannedVisit.filter(id=entry_id).update(task_id=task_id)


async def free_entries(day: date, task_ids: Collection[int]) -> None:
    """Those of that day or later that hang on these tasks, which nobody did, have none any more."""
    db = statements.connection()
    await statements.run(
        "UPDATE planned_visits SET task_id = NULL WHERE day >= $1 AND task_id IN"
        f" (SELECT id FROM visits WHERE state = 'missed' AND id {statements.ids_in(db, '$2', 'int')})",
        day,
        statements.id_list(db, task_ids),
    )


async def drop_entries(entry_ids: Sequence[int]) -> None:
    for at in range(0, len(entry_ids), _BATCH):
        await PlannedVisit.filter(id__in=entry_ids[at : at + _BATCH], task_id=None).delete()


async def follow_owners(member_ids: Collection[int], day: date) -> int:
    """What is planned from that day on goes to whose members they are now. Returns how many visits."""
    db = statements.connection()
    return await statements.run(
        "UPDATE planned_visits SET owner = (SELECT m.owner FROM members m WHERE m.id = planned_visits.member_id)"
        f" WHERE task_id IS NULL AND day >= $1 AND member_id {statements.ids_in(db, '$2', 'int')}",
        day,
        statements.id_list(db, member_ids),
    )


async def given_on(day: date, late: Collection[int] = ()) -> list[Entry]:
    """The visits of that day that are tasks already, without the late ones."""
    return [_entry(row) for row in await PlannedVisit.filter(day=day, task_id__isnull=False) if row.task_id not in late]


async def count_on(owner: str, day: date) -> int:
    return await PlannedVisit.filter(owner=owner, day=day).count()


async def pin_entry(entry_id: int, day: date, *, was: date, by: str) -> None:
    """Onto that day, by a person; empty `by` gives it back to the plan. StateError where it changed meanwhile."""
    async with in_transaction():
        await marks.count_mark(_NUMBER)  # first, as a plan that is written does
        row = await PlannedVisit.filter(id=entry_id, day=was, task_id=None).select_for_update(no_key=True).first()
        if row is None:
            raise StateError("这次拜访刚被改过，重新打开看看 (somebody changed this visit)")
        if day != was and await PlannedVisit.filter(member_id=row.member_id, day=day).exists():
            raise StateError("这家企业那天已经有一次拜访 (planned on that day already)")
        await PlannedVisit.filter(id=entry_id).update(day=day, pinned_by=by)


@dataclass(frozen=True, slots=True)
class Change:
    """What one planning did to the calendar, in visits."""

    stayed: int
    added: int
    removed: int


class OvertakenError(Exception):
    """The calendar was planned or a day of it chosen since it was read: this plan was made from what is no more."""


async def plan_number() -> str:
    """Which state of the plan this is; read before what a new one is made from."""
    return await marks.write_mark_once(_NUMBER, "0")


async def write_plan(
    number: str, before: Sequence[Entry], visits: Sequence[Planned], conflicts: Sequence[Conflict]
) -> Change:
    """Put the plan in place of what it was made from, which was plan `number`. What stays keeps its id. All or nothing.

    Raises OvertakenError where another plan or a person was quicker.
    """
    had = {(one.member_id, one.day): one for one in before}
    new = {(one.member_id, one.on): one for one in visits}
    gone = [one.id for key, one in had.items() if key not in new]
    stayed = [(had[key], one) for key, one in new.items() if key in had]
    added = [one for key, one in new.items() if key not in had]
    async with in_transaction():
        if not await marks.swap_mark(_NUMBER, number, str(int(number) + 1)):
            raise OvertakenError(number)
        await drop_entries(gone)
        for entry, one in stayed:
            if (entry.owner, entry.kind) != (one.owner, one.kind):
                await PlannedVisit.filter(id=entry.id).update(owner=one.owner, kind=one.kind)
        await PlannedVisit.bulk_create([_row(one) for one in added], batch_size=_BATCH)
        await VisitConflict.all().delete()
        await VisitConflict.bulk_create([_conflict_row(one) for one in conflicts], batch_size=_BATCH)
    return Change(len(stayed), len(added), len(gone))


def _row(one: Planned) -> PlannedVisit:
    return PlannedVisit(member_id=one.member_id, owner=one.owner, day=one.on, kind=one.kind, due=one.due)


def _conflict_row(one: Conflict) -> VisitConflict:
    return VisitConflict(
        member_id=one.member_id, owner=one.owner, lost=one.lost, won=one.won, day=one.on, figures=dict(one.figures)
    )


async def conflicts_of(member_id: int) -> list[Conflict]:
    rows = await VisitConflict.filter(member_id=member_id).order_by("day", "id")
    return [Conflict(row.member_id, row.owner, Rule(row.lost), Rule(row.won), row.day, row.figures) for row in rows]


def _entry(row: PlannedVisit) -> Entry:
    return Entry(row.id, row.member_id, row.owner, row.day, Kind(row.kind), row.due, row.pinned_by, row.task_id)
