"""What stands in members' ways: opened by what a person heard, solved, and the members told of it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, time
from typing import Any

from campaigns import statements
from campaigns.errors import InputError, StateError
from campaigns.models import Problem
from campaigns.results import NewProblem
from campaigns.terms import SHANGHAI, UNREACHED

PAGE = 50
MOST = 500
"""Problems in one act."""
NOTHING = "-"
"""In a sieve: a member without a trade, say."""
PROBLEM = "problem"
"""The category of the task of a problem, and of the call that tells of its end."""


@dataclass(frozen=True, slots=True)
class ProblemSieve:
    """Which problems; an empty field asks nothing, NOTHING for what is empty. `state`: open, solved, untold.

    `month`: 2026-11, when it was heard of; `since`: of that month and later. `staff` is who heard of it, `number` the
    member's.
    """

    state: str = ""
    category: str = ""
    fault: str = ""
    tier: str = ""
    trade: str = ""
    staff: str = ""
    month: str = ""
    since: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class ProblemLine:
    """A problem, and whose. `owner` solves it."""

    id: int
    member_id: int
    member_no: str
    member: str
    tier: str
    trade: str
    visit_id: int | None
    category: str
    cause: str
    fault: str
    owner: str
    opened_at: datetime
    opened_by: str
    solved_at: datetime | None
    solved_by: str
    told_at: datetime | None


def sieve_from(asked: Mapping[str, str]) -> ProblemSieve:
    """Of an address's or a command's words. Raises InputError for a month that is none."""
    given = {one.name: asked.get(one.name, "").strip()[:128] for one in fields(ProblemSieve)}
    if given["state"] not in _STATES:
        given["state"] = ""
    for month in filter(None, (given["month"], given["since"])):
        _month_of(month)
    return ProblemSieve(**given)


async def add_problem(
    member_id: int,
    problem: NewProblem,
    *,
    outcome_id: int | None = None,
    visit_id: int | None = None,
    owner: str = "",
    by: str,
    now: datetime,
) -> int:
    row = await Problem.create(
        member_id=member_id,
        outcome_id=outcome_id,
        visit_id=visit_id,
        category=problem.category,
        cause=problem.cause,
        fault=problem.fault,
        owner=owner,
        opened_at=now,
        opened_by=by,
    )
    return int(row.id)


async def give_visit(problem_id: int, visit_id: int) -> None:
    """The task it became."""
    await Problem.filter(id=problem_id).update(visit_id=visit_id)


async def solve_problem(problem_id: int, *, by: str, now: datetime) -> None:
    """Raises StateError where it is solved already."""
    if await Problem.filter(id=problem_id, solved_at=None).update(solved_at=now, solved_by=by) != 1:
        raise StateError("这个问题刚被别人改过，重新打开看看 (somebody changed this problem)")


async def reopen_problem(problem_id: int) -> None:
    changed = await Problem.filter(id=problem_id, solved_at__not_isnull=True).update(
        solved_at=None, solved_by="", told_at=None
    )
    if changed != 1:
        raise StateError("这个问题刚被别人改过，重新打开看看 (somebody changed this problem)")


async def hold_untold(problem_ids: Collection[int]) -> set[int]:
    """Those of these whose members were not told yet, held until the transaction ends."""
    waiting = Problem.filter(id__in=list(problem_ids), told_at=None, fault="site", solved_at__not_isnull=True)
    return {row.id for row in await waiting.order_by("id").select_for_update(no_key=True)}


async def mark_told(problem_ids: Collection[int], now: datetime) -> None:
    await Problem.filter(id__in=list(problem_ids), told_at=None).update(told_at=now)


async def told_in_vain(since: datetime) -> list[ProblemLine]:
    """Those mended whose message, written since then, never reached the member, and of which no call was asked for."""
    unsent = ", ".join(f"'{one}'" for one in UNREACHED)
    return await _lines(
        f"""p.told_at > $1 AND EXISTS (
          SELECT 1 FROM messages g JOIN occurrences o ON o.id = g.occurrence_id JOIN campaigns c ON c.id = o.campaign_id
          WHERE g.member_id = p.member_id AND o.at = p.told_at AND c.key = 'problem_solved' AND g.state IN ({unsent}))
        AND NOT EXISTS (SELECT 1 FROM visits w WHERE w.member_id = p.member_id AND w.cause LIKE 'mended:%'
          AND w.opened_at >= p.told_at)""",
        [since],
    )


async def find_problem(problem_id: int) -> ProblemLine | None:
    return next(iter(await _lines("p.id = $1", [problem_id])), None)


async def problem_of_visit(visit_id: int) -> ProblemLine | None:
    """The one that became this task."""
    return next(iter(await _lines("p.visit_id = $1", [visit_id])), None)


async def open_problems_of(member_id: int) -> Sequence[ProblemLine]:
    return await _lines("p.member_id = $1 AND p.solved_at IS NULL", [member_id], "ORDER BY p.id")


async def browse_problems(
    sieve: ProblemSieve, owners: Collection[str] | None = None, *, page: int = 1
) -> Sequence[ProblemLine]:
    """What is open before what is solved, the newest first."""
    where, params = _where(sieve, owners)
    order = "CASE WHEN p.solved_at IS NULL THEN 0 ELSE 1 END, p.opened_at DESC, p.id DESC"
    return await _lines(where, params, f"ORDER BY {order} LIMIT {PAGE} OFFSET {(max(page, 1) - 1) * PAGE}")


async def count_problems(sieve: ProblemSieve, owners: Collection[str] | None = None) -> int:
    where, params = _where(sieve, owners)
    rows = await statements.query(
        f"SELECT count(*) AS n FROM problems p JOIN members m ON m.id = p.member_id WHERE {where}", *params
    )
    return int(rows[0]["n"])


async def mended_untold(
    sieve: ProblemSieve, owners: Collection[str] | None = None, limit: int = MOST
) -> Sequence[ProblemLine]:
    """Solved faults of the site whose members were not told yet, the oldest first."""
    where, params = _where(replace(sieve, state="untold"), owners)
    return await _lines(where, params, f"ORDER BY p.id LIMIT {limit}")


async def open_ids(sieve: ProblemSieve, owners: Collection[str] | None = None, limit: int = MOST) -> list[int]:
    where, params = _where(replace(sieve, state="open"), owners)
    rows = await statements.query(
        f"SELECT p.id FROM problems p JOIN members m ON m.id = p.member_id WHERE {where} ORDER BY p.id LIMIT {limit}",
        *params,
    )
    return [int(row["id"]) for row in rows]


async def problems_held(member_ids: Collection[int], owner: str) -> list[int]:
    """Open ones with these members that are this person's by name."""
    db = statements.connection()
    rows = await statements.query(
        f"SELECT id FROM problems WHERE solved_at IS NULL AND owner = $2 "
        f"AND member_id {statements.ids_in(db, '$1', 'int')}",
        statements.id_list(db, member_ids),
        owner,
    )
    return [row["id"] for row in rows]


async def hand_problems(problem_ids: Collection[int], owner: str, *, was: str) -> int:
    """Many at once; an empty name gives them to whose member it is. Returns how many."""
    db = statements.connection()
    return await statements.run(
        f"UPDATE problems SET owner = $1 WHERE solved_at IS NULL AND owner = $2 AND id {statements.ids_in(db, '$3')}",
        owner,
        was,
        statements.id_list(db, problem_ids),
    )


async def _lines(where: str, params: Sequence[Any], tail: str = "") -> list[ProblemLine]:
    rows = await statements.query(
        f"""
        SELECT p.id, p.member_id, m.no AS member_no, m.name AS member, m.tier, m.trade, p.visit_id, p.category, p.cause,
               p.fault, CASE WHEN p.owner <> '' THEN p.owner ELSE m.owner END AS owner, p.opened_at, p.opened_by,
               p.solved_at, p.solved_by, p.told_at
        FROM problems p JOIN members m ON m.id = p.member_id WHERE {where} {tail}
        """,
        *params,
    )
    moments = ("opened_at", "solved_at", "told_at")
    return [ProblemLine(**{**row, **{name: statements.moment(row[name]) for name in moments}}) for row in rows]


_STATES = {
    "": "",
    "open": "p.solved_at IS NULL",
    "solved": "p.solved_at IS NOT NULL",
    "untold": "p.solved_at IS NOT NULL AND p.fault = 'site' AND p.told_at IS NULL",
}
_COLUMNS = {
    "category": "p.category",
    "fault": "p.fault",
    "tier": "m.tier",
    "trade": "m.trade",
    "staff": "p.opened_by",
    "number": "m.no",
}


def _where(sieve: ProblemSieve, owners: Collection[str] | None) -> tuple[str, list[Any]]:
    db = statements.connection()
    params: list[Any] = []

    def take(value: object) -> str:
        params.append(value)
        return f"${len(params)}"

    given = {column: getattr(sieve, name) for name, column in _COLUMNS.items()}
    parts = [f"{column} = {take('' if value == NOTHING else value)}" for column, value in given.items() if value]
    parts += filter(None, [_STATES[sieve.state]])
    if sieve.since:
        parts.append(f"p.opened_at >= {take(_month_of(sieve.since)[0])}")
    if sieve.month:
        first, end = _month_of(sieve.month)
        parts.append(f"p.opened_at >= {take(first)} AND p.opened_at < {take(end)}")
    if owners is not None:
        parts.append(f"m.owner {statements.ids_in(db, take(statements.id_list(db, sorted(owners))), 'text')}")
    return " AND ".join(parts) or "1 = 1", params


def _month_of(text: str) -> tuple[datetime, datetime]:
    """Its first moment and that of the next, in Shanghai."""
    try:
        first = datetime.combine(datetime.strptime(text, "%Y-%m").date(), time(), SHANGHAI)  # noqa: DTZ007 a month
        return first, first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
    except ValueError:
        raise InputError(f"月份写成 2026-11 这样，写的是 {text[:20]} (a month such as 2026-11)") from None
