"""What was promised to members: open, kept or broken, and overdue."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from campaigns import statements
from campaigns.errors import StateError
from campaigns.models import Promise
from campaigns.results import NewPromise

PAGE = 50
_LAST = 5  # of one member


class PromiseState(StrEnum):
    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"


class WhichPromises(StrEnum):
    OPEN = "open"
    OVERDUE = "overdue"
    KEPT = "kept"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """A promise, and to whom. `owner` keeps it."""

    id: int
    member_id: int
    member_no: str
    member: str
    tier: str
    visit_id: int | None
    what: str
    due_on: date
    owner: str
    state: str
    made_at: datetime
    settled_at: datetime | None
    settled_by: str


async def add_promise(
    member_id: int, promise: NewPromise, *, outcome_id: int | None, visit_id: int | None, owner: str, now: datetime
) -> int:
    row = await Promise.create(
        member_id=member_id,
        outcome_id=outcome_id,
        visit_id=visit_id,
        what=promise.what,
        due_on=promise.due_on,
        owner=owner,
        made_at=now,
    )
    return int(row.id)


async def settle_promise(promise_id: int, state: PromiseState, *, by: str, now: datetime) -> None:
    """Kept or broken, or open again. Raises StateError where somebody changed it meanwhile."""
    was = [PromiseState.KEPT, PromiseState.BROKEN] if state is PromiseState.OPEN else [PromiseState.OPEN]
    settled = (None, "") if state is PromiseState.OPEN else (now, by)
    changed = await Promise.filter(id=promise_id, state__in=was).update(
        state=state, settled_at=settled[0], settled_by=settled[1]
    )
    if changed != 1:
        raise StateError("这件事刚被别人改过，重新打开看看 (somebody changed this promise)")


async def find_promise(promise_id: int) -> PromiseLine | None:
    return next(iter(await _lines("p.id = $1", [promise_id])), None)


async def promise_of_visit(visit_id: int) -> PromiseLine | None:
    return next(iter(await _lines("p.visit_id = $1", [visit_id])), None)


async def open_promises_of(member_id: int) -> Sequence[PromiseLine]:
    return await _lines("p.member_id = $1 AND p.state = 'open'", [member_id], "ORDER BY p.due_on, p.id")


async def promises_of(member_id: int, most: int = _LAST) -> Sequence[PromiseLine]:
    """The last ones: those still open before those that are settled, the newest first."""
    order = "CASE WHEN p.state = 'open' THEN 0 ELSE 1 END, p.made_at DESC, p.id DESC"
    return await _lines("p.member_id = $1", [member_id], f"ORDER BY {order} LIMIT {most}")


async def browse_promises(
    which: WhichPromises, today: date, owners: Collection[str] | None = None, *, page: int = 1, number: str = ""
) -> Sequence[PromiseLine]:
    """What is open by its day, what is settled the latest first."""
    where, params = _where(which, today, owners, number)
    settled = which in (WhichPromises.KEPT, WhichPromises.BROKEN)
    order = "p.settled_at DESC, p.id DESC" if settled else "p.due_on, p.id"
    return await _lines(where, params, f"ORDER BY {order} LIMIT {PAGE} OFFSET {(max(page, 1) - 1) * PAGE}")


async def count_promises(
    today: date, owners: Collection[str] | None = None, number: str = ""
) -> dict[WhichPromises, int]:
    """All lists in one statement."""
    where, params = _where(None, today, owners, number)
    params.append(today)
    [row] = await statements.query(
        f"""
        SELECT sum(CASE WHEN p.state = 'open' THEN 1 ELSE 0 END) AS open,
               sum(CASE WHEN p.state = 'open' AND p.due_on < ${len(params)} THEN 1 ELSE 0 END) AS overdue,
               sum(CASE WHEN p.state = 'kept' THEN 1 ELSE 0 END) AS kept,
               sum(CASE WHEN p.state = 'broken' THEN 1 ELSE 0 END) AS broken
        FROM promises p JOIN members m ON m.id = p.member_id WHERE {where}
        """,
        *params,
    )
    return {which: int(row[which] or 0) for which in WhichPromises}


async def promises_held(member_ids: Collection[int], owner: str) -> list[int]:
    """Open ones with these members that are this person's by name."""
    db = statements.connection()
    rows = await statements.query(
        f"SELECT id FROM promises WHERE state = 'open' AND owner = $2 "
        f"AND member_id {statements.ids_in(db, '$1', 'int')}",
        statements.id_list(db, member_ids),
        owner,
    )
    return [row["id"] for row in rows]


async def hand_promises(promise_ids: Collection[int], owner: str, *, was: str) -> int:
    """Many at once; an empty name gives them to whose member it is. Returns how many."""
    db = statements.connection()
    return await statements.run(
        f"UPDATE promises SET owner = $1 WHERE state = 'open' AND owner = $2 AND id {statements.ids_in(db, '$3')}",
        owner,
        was,
        statements.id_list(db, promise_ids),
    )


async def _lines(where: str, params: Sequence[Any], tail: str = "") -> list[PromiseLine]:
    rows = await statements.query(
        f"""
        SELECT p.id, p.member_id, m.no AS member_no, m.name AS member, m.tier, p.visit_id, p.what, p.due_on,
               CASE WHEN p.owner <> '' THEN p.owner ELSE m.owner END AS owner, p.state, p.made_at, p.settled_at,
               p.settled_by
        FROM promises p JOIN members m ON m.id = p.member_id WHERE {where} {tail}
        """,
        *params,
    )
    return [_line(row) for row in rows]


def _where(
    which: WhichPromises | None, today: date, owners: Collection[str] | None, number: str
) -> tuple[str, list[Any]]:
    db = statements.connection()
    parts: list[str] = ["1 = 1"]
    params: list[Any] = []
    if which is WhichPromises.OVERDUE:
        params.append(today)
        parts.append("p.state = 'open' AND p.due_on < $1")
    elif which:
        params.append(str(which))
        parts.append("p.state = $1")
    if owners is not None:
        params.append(statements.id_list(db, sorted(owners)))
        parts.append(f"m.owner {statements.ids_in(db, f'${len(params)}', 'text')}")
    if number:
        params.append(number)
        parts.append(f"m.no = ${len(params)}")
    return " AND ".join(parts), params


def _line(row: dict[str, Any]) -> PromiseLine:
    moments = {name: statements.moment(row[name]) for name in ("made_at", "settled_at")}
    return PromiseLine(**{**row, **moments, "due_on": statements.day(row["due_on"])})
