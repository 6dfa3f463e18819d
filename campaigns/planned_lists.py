"""Lists of the visit calendar: days counted against capacity, the visits of some days, the rules that lost."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson

from campaigns import statements

MOST = 500  # of one list


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """`task_id`, `state`: the task and what became of it, once the day came."""

    id: int
    day: date
    owner: str
    kind: str
    due: date
    pinned_by: str
    task_id: int | None
    state: str
    no: str
    name: str
    tier: str
    city: str


@dataclass(frozen=True, slots=True)
class ConflictLine:
    day: date
    owner: str
    lost: str
    won: str
    figures: Mapping[str, int]
    no: str
    name: str
    tier: str


async def list_owners(owners: frozenset[str] | None) -> Sequence[str]:
    """Who has members, of these people."""
    rows = await statements.query("SELECT DISTINCT owner FROM members WHERE owner <> '' ORDER BY owner")
    return [row["owner"] for row in rows if owners is None or row["owner"] in owners]


async def count_planned(first: date, last: date, owners: frozenset[str] | None) -> Mapping[date, Mapping[str, int]]:
    """Day → colleague → visits."""
    params: list[Any] = [first, last]
    rows = await statements.query(
        f"""
        SELECT p.day, p.owner, count(*) AS n FROM planned_visits p
        WHERE p.day >= $1 AND p.day <= $2 AND {_among(owners, params)} GROUP BY p.day, p.owner
        """,
        *params,
    )
    found: dict[date, Counter[str]] = {}
    for row in rows:
        found.setdefault(_day(row["day"]), Counter())[row["owner"]] = int(row["n"])
    return found


async def count_all() -> Mapping[str, int]:
    """The kinds of visits and the rules that lost, all that is planned."""
    kinds = await statements.query("SELECT kind, count(*) AS n FROM planned_visits GROUP BY kind ORDER BY kind")
    lost = await statements.query("SELECT count(*) AS n FROM visit_conflicts")
    return {**{row["kind"]: int(row["n"]) for row in kinds}, "conflicts": int(lost[0]["n"])}


async def browse_planned(first: date, last: date, owners: frozenset[str] | None) -> Sequence[PlannedLine]:
    """By day, colleague and tier; at most MOST."""
    params: list[Any] = [first, last]
    rows = await statements.query(
        f"""
        SELECT p.id, p.day, p.owner, p.kind, p.due, p.pinned_by, p.task_id, coalesce(v.state, '') AS state,
               m.no, m.name, m.tier, m.city
        FROM planned_visits p JOIN members m ON m.id = p.member_id LEFT JOIN visits v ON v.id = p.task_id
        WHERE p.day >= $1 AND p.day <= $2 AND {_among(owners, params)}
        ORDER BY p.day, p.owner, p.id LIMIT {MOST}
        """,
        *params,
    )
    return [PlannedLine(**{**row, "day": _day(row["day"]), "due": _day(row["due"])}) for row in rows]


async def count_conflicts(owners: frozenset[str] | None) -> Mapping[tuple[str, str], int]:
    """(the rule that lost, the one that won) → how often."""
    params: list[Any] = []
    rows = await statements.query(
        f"""
        SELECT p.lost, p.won, count(*) AS n FROM visit_conflicts p WHERE {_among(owners, params)}
        GROUP BY p.lost, p.won ORDER BY n DESC, p.lost, p.won
        """,
        *params,
    )
    return {(row["lost"], row["won"]): int(row["n"]) for row in rows}


async def browse_conflicts(
    owners: frozenset[str] | None, lost: str = "", page: int = 1, size: int = MOST
) -> Sequence[ConflictLine]:
    """The earliest first; with `lost` of this rule alone."""
    params: list[Any] = []
    where = _among(owners, params)
    if lost:
        params.append(lost)
        where += f" AND p.lost = ${len(params)}"
    rows = await statements.query(
        f"""
        SELECT p.day, p.owner, p.lost, p.won, p.figures, m.no, m.name, m.tier
        FROM visit_conflicts p JOIN members m ON m.id = p.member_id
        WHERE {where} ORDER BY p.day, p.id LIMIT {size} OFFSET {(max(page, 1) - 1) * size}
        """,
        *params,
    )
    return [ConflictLine(**{**row, "day": _day(row["day"]), "figures": _figures(row["figures"])}) for row in rows]


def _among(owners: frozenset[str] | None, params: list[Any]) -> str:
    """Whose members: by who is in charge now, not by whose plan it was."""
    if owners is None:
        return "1 = 1"
    if not owners:
        return "1 = 0"
    names = []
    for owner in sorted(owners):
        params.append(owner)
        names.append(f"${len(params)}")
    return f"p.member_id IN (SELECT id FROM members WHERE owner IN ({', '.join(names)}))"


def _figures(value: Any) -> Mapping[str, int]:
    found = orjson.loads(value) if isinstance(value, str) else value
    return {str(key): int(number) for key, number in found.items()}


def _day(value: Any) -> date:
    found = statements.day(value)
    assert found is not None
    return found
