"""The visit calendar as it stands: intensive care, absences, capacities, what is planned, which rule lost."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.errors import InputError, StateError
from campaigns.models import Absence, Capacity, CarePeriod, PlannedVisit, VisitConflict
from campaigns.visiting import Conflict, Kind, Planned, Rule

LONGEST_REASON = 255
LONGEST_CARE = timedelta(days=92)
LONGEST_ABSENCE = timedelta(days=366)
MOST_A_DAY = 50
_LARGEST = 2**31 - 1  # a number of the database
_BATCH = 500
_NO_DAY = "从哪天到哪天写反了，或者太长 (the days are the wrong way round, or too many)"


@dataclass(frozen=True, slots=True)
class CareSpan:
    id: int
    member_id: int
    starts_on: date
    ends_on: date
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Leave:
    id: int
    owner: str
    starts_on: date
    ends_on: date
    reason: str


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


# ---- intensive care -------------------------------------------------------------------------------------------------


async def open_care(member_id: int, first: date, last: date, reason: str, *, by: str, now: datetime) -> int:
    """Raises InputError for days or a reason that are none, StateError where the member is in care already."""
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= LONGEST_REASON:
        raise InputError(f"写明为什么，1到{LONGEST_REASON}个字 (say why)")
    _check_span(first, last, LONGEST_CARE)
    if await CarePeriod.filter(member_id=member_id, starts_on__lte=last, ends_on__gte=first).exists():
        raise StateError("这家企业这几天已经在重点关注，先结束原来的 (in care already)")
    row = await CarePeriod.create(member_id=member_id, starts_on=first, ends_on=last, reason=reason, by=by, at=now)
    return row.id


async def close_care(care_id: int, member_id: int, today: date, *, by: str, now: datetime) -> None:
    """Its last day was yesterday. Raises StateError for one that is over."""
    closed = {"ends_on": today - timedelta(days=1), "closed_by": by, "closed_at": now}
    open_still = CarePeriod.filter(id=care_id, member_id=member_id, ends_on__gte=today)
    if care_id > _LARGEST or not await open_still.update(**closed):
        raise StateError("这段重点关注已经结束了 (over already)")


async def care_of(member_id: int, today: date) -> list[CareSpan]:
    """What is on or still to come, the earliest first."""
    rows = await CarePeriod.filter(member_id=member_id, ends_on__gte=today).order_by("starts_on")
    return [_span(row) for row in rows]


async def care_from(day: date) -> Mapping[int, Sequence[CareSpan]]:
    """Member → its care that ends on that day or later."""
    found: dict[int, list[CareSpan]] = {}
    for row in await CarePeriod.filter(ends_on__gte=day).order_by("starts_on"):
        found.setdefault(row.member_id, []).append(_span(row))
    return found


def _span(row: CarePeriod) -> CareSpan:
    return CareSpan(row.id, row.member_id, row.starts_on, row.ends_on, row.reason, row.by)


def _check_span(first: date, last: date, longest: timedelta) -> None:
    if not timedelta() <= last - first < longest:
        raise InputError(f"{_NO_DAY}：最多{longest.days}天 (at most {longest.days} days)")


# ---- colleagues -----------------------------------------------------------------------------------------------------


async def add_absence(owner: str, first: date, last: date, reason: str, *, by: str, now: datetime) -> int:
    """Raises InputError for days that are none, or nobody."""
    _check_owner(owner)
    _check_span(first, last, LONGEST_ABSENCE)
    reason = " ".join(reason.split())[:LONGEST_REASON]
    row = await Absence.create(owner=owner, starts_on=first, ends_on=last, reason=reason, by=by, at=now)
    return row.id


async def remove_absence(absence_id: int, owner: str) -> bool:
    return absence_id <= _LARGEST and bool(await Absence.filter(id=absence_id, owner=owner).delete())


async def absences_from(day: date, owners: Collection[str] | None = None) -> list[Leave]:
    """Those that end on that day or later, the earliest first; with `owners` these people's alone."""
    rows = Absence.filter(ends_on__gte=day)
    if owners is not None:
        rows = rows.filter(owner__in=sorted(owners))
    return [_leave(row) for row in await rows.order_by("starts_on", "id")]


async def set_capacity(owner: str, a_day: int) -> None:
    """Raises InputError for a number nobody could visit."""
    _check_owner(owner)
    if not 0 <= a_day <= MOST_A_DAY:
        raise InputError(f"一天0到{MOST_A_DAY}家 (0 to {MOST_A_DAY} a day)")
    await Capacity.update_or_create(owner=owner, defaults={"a_day": a_day})


async def capacities() -> Mapping[str, int]:
    return {row.owner: row.a_day for row in await Capacity.all()}


def _check_owner(owner: str) -> None:
    if not 0 < len(owner) <= 64:
        raise InputError("写明是哪位同事 (say which colleague)")


def _leave(row: Absence) -> Leave:
    return Leave(row.id, row.owner, row.starts_on, row.ends_on, row.reason)


# ---- what is planned ------------------------------------------------------------------------------------------------


async def find_entry(entry_id: int) -> Entry | None:
    row = await PlannedVisit.get_or_none(id=entry_id) if entry_id <= _LARGEST else None
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


async def write_plan(before: Sequence[Entry], visits: Sequence[Planned], conflicts: Sequence[Conflict]) -> Change:
    """Put the plan in place of what it was made from. What stays keeps its id. All or nothing."""
    had = {(one.member_id, one.day): one for one in before}
    new = {(one.member_id, one.on): one for one in visits}
    gone = [one.id for key, one in had.items() if key not in new]
    stayed = [(had[key], one) for key, one in new.items() if key in had]
    added = [one for key, one in new.items() if key not in had]
    async with in_transaction():
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
