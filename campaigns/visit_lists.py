"""Lists of return-visit tasks: what is due, whose it is, counted and paged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, assert_never

from campaigns import statements
from campaigns.terms import SHANGHAI

PAGE = 50
_OWNER = "CASE WHEN v.owner <> '' THEN v.owner ELSE m.owner END"  # a task of its own, else whose member it is


class Which(StrEnum):
    """`DUE`: by the end of today, what is late included."""

    DUE = "due"
    LATE = "late"
    MINE = "mine"
    DEPARTMENT = "department"
    ALL = "all"
    DONE = "done"


_OPEN = (Which.DUE, Which.LATE, Which.MINE, Which.DEPARTMENT, Which.ALL)


@dataclass(frozen=True, slots=True)
class Asker:
    """`owners`: the names whose members this person sees, None for all; `department`: those of the colleagues."""

    name: str
    owners: frozenset[str] | None
    department: frozenset[str]


@dataclass(frozen=True, slots=True)
class TaskLine:
    id: int
    member_no: str
    member: str
    tier: str
    category: str
    due_at: datetime
    note: str
    owner: str
    contact: str
    state: str
    closed_at: datetime | None
    closed_by: str


async def browse_tasks(which: Which, asker: Asker, now: datetime, page: int = 1) -> Sequence[TaskLine]:
    """One page: the earliest due first, of those that are done the latest."""
    params: list[Any] = []
    where = _where(which, asker, now, params)
    order = "v.closed_at DESC, v.id DESC" if which is Which.DONE else "v.due_at, v.id"
    rows = await statements.query(
        f"""
        SELECT v.id, m.no AS member_no, m.name AS member, m.tier, v.category, v.due_at, v.note, {_OWNER} AS owner,
               c.name AS contact, v.state, v.closed_at, v.closed_by
        FROM (SELECT * FROM visits v WHERE {where}
              ORDER BY {order} LIMIT {PAGE} OFFSET {(max(page, 1) - 1) * PAGE}) v
        JOIN members m ON m.id = v.member_id LEFT JOIN contacts c ON c.id = v.contact_id ORDER BY {order}
        """,
        *params,
    )
    return [_line(row) for row in rows]


async def count_tasks(asker: Asker, now: datetime) -> Mapping[Which, int]:
    """All lists in two statements: what is open is read once for all of them."""
    params: list[Any] = []
    base = _where(Which.ALL, asker, now, params)
    columns = [f"sum(CASE WHEN {_asked(which, asker, now, params)} THEN 1 ELSE 0 END) AS n_{which}" for which in _OPEN]
    [row] = await statements.query(f"SELECT {', '.join(columns)} FROM visits v WHERE {base}", *params)
    counts = {which: int(row[f"n_{which}"] or 0) for which in _OPEN}
    return {**counts, Which.DONE: await _count_done(asker)}


async def count_due(owners: frozenset[str] | None, now: datetime) -> tuple[int, int]:
    """(due by the end of today, of these late) of the tasks this person sees."""
    params: list[Any] = [_end_of_day(now), now]
    seen = _seen(owners, params)
    [row] = await statements.query(
        f"""
        SELECT count(*) AS due, sum(CASE WHEN v.due_at < $2 THEN 1 ELSE 0 END) AS late
        FROM visits v WHERE v.state = 'open' AND v.due_at < $1 AND {seen}
        """,
        *params,
    )
    return int(row["due"]), int(row["late"] or 0)


async def _count_done(asker: Asker) -> int:
    params: list[Any] = []
    seen = _seen(asker.owners, params)
    [row] = await statements.query(f"SELECT count(*) AS n FROM visits v WHERE v.state = 'done' AND {seen}", *params)
    return int(row["n"])


def _seen(owners: frozenset[str] | None, params: list[Any]) -> str:
    """Whose members' tasks; without a look at the members where anybody's count."""
    if owners is None:
        return "1 = 1"
    names = _among("m.owner", owners, _taker(params))
    return f"v.member_id IN (SELECT m.id FROM members m WHERE {names})"


def _where(which: Which, asker: Asker, now: datetime, params: list[Any]) -> str:
    parts = ["v.state = 'done'" if which is Which.DONE else "v.state = 'open'"]
    return " AND ".join([*parts, _seen(asker.owners, params), _asked(which, asker, now, params)])


def _asked(which: Which, asker: Asker, now: datetime, params: list[Any]) -> str:
    """What a list asks of a task beyond its being open or done."""
    take = _taker(params)
    match which:
        case Which.DUE:
            return f"v.due_at < {take(_end_of_day(now))}"
        case Which.LATE:
            return f"v.due_at < {take(now)}"
        case Which.MINE:
            return _held_by(frozenset({asker.name}), params)
        case Which.DEPARTMENT:
            return _held_by(asker.department, params)
        case Which.ALL | Which.DONE:
            return "1 = 1"
    assert_never(which)


def _held_by(names: frozenset[str], params: list[Any]) -> str:
    """As _OWNER says, with members looked up by their owner."""
    own = _among("v.owner", names, _taker(params))
    return f"({own} OR v.owner = '' AND {_seen(names, params)})"


def _taker(params: list[Any]) -> Callable[[object], str]:
    def take(value: object) -> str:
        params.append(value)
        return f"${len(params)}"

    return take


def _among(column: str, names: frozenset[str], take: Callable[[object], str]) -> str:
    return f"{column} IN ({', '.join(take(name) for name in sorted(names))})" if names else "1 = 0"


def _end_of_day(now: datetime) -> datetime:
    local = now.astimezone(SHANGHAI)
    return local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)


def _line(row: Mapping[str, Any]) -> TaskLine:
    values = {name: row[name] for name in TaskLine.__slots__}
    moments = {name: statements.moment(row[name]) for name in ("due_at", "closed_at")}
    return TaskLine(**{**values, **moments, "contact": row["contact"] or ""})
