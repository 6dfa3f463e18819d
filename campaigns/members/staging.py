"""Every member's stage, and whose plan was seen to be renewed, written where it changed; and the funnel of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from campaigns import statements
from campaigns.members.renewals import SEEN, Renewed, keep_renewals
from campaigns.stages import HIRED, RENEWAL_WITHIN, Stage, StageSigns, stage_of
from campaigns.statements import day, moment
from campaigns.terms import SHANGHAI

_CHUNK = 2000
_DAY = timedelta(days=1)
GROUPS = ("tier", "owner", "trade")


@dataclass(frozen=True, slots=True)
class Step:
    """`standing` are in this stage, `reached` in this or a later one; `days` the mean of those whose time is known."""

    stage: Stage
    standing: int
    reached: int
    days: float | None


async def keep_stages(now: datetime, *, renewal_within: int = RENEWAL_WITHIN) -> int:
    """As of `now`. Returns how many members came to another stage."""
    today = now.astimezone(SHANGHAI).date()
    read, hired = await _read(), await _hired()
    tells_hires = bool(hired)
    rows = await statements.fetch(
        """
        SELECT id, login_count, last_login_at, postings, applications, plan_expires_on, stage, stage_since,
          renewal_seen_on, owner
        FROM members ORDER BY id
        """
    )
    written = moved = 0
    chunk: list[tuple[Any, ...]] = []
    renewed: list[Renewed] = []
    for row in rows:
        expires = day(row[5])
        signs = StageSigns(
            logins=max(row[1] or 0, 1 if row[2] else 0),
            postings=row[3],
            applications=row[4],
            read=read.get(row[0], 0),
            hired=hired.get(row[0], 0),
            plan_expires_on=expires,
            tells_hires=tells_hires,
        )
        found = _after(row, stage_of(signs, today, renewal_within=renewal_within), expires, now)
        renewed += _renewed(row, expires, now)
        moved += bool(row[6]) and found[1] != row[6]
        if found != _before(row):
            chunk.append(found)
            written += 1
        if len(chunk) >= _CHUNK:
            await _write(chunk)
            chunk = []
    await _write(chunk)
    await keep_renewals(renewed, SEEN)
    return moved


def _before(row: Any) -> tuple[Any, ...]:
    return (row[0], row[6], moment(row[7]), day(row[8]))


def _after(row: Any, stage: Stage, expires: date | None, now: datetime) -> tuple[Any, ...]:
    """(id, stage, since, renewal seen): a first telling knows of no change."""
    since = moment(row[7])
    if row[6] and row[6] != stage:
        since = now
    return (row[0], str(stage), since, expires or day(row[8]))


def _renewed(row: Any, expires: date | None, now: datetime) -> list[Renewed]:
    """A plan that runs longer than it was last seen to; of the first day that is seen nothing is known."""
    seen = day(row[8])
    if seen is None or expires is None or expires <= seen:
        return []
    return [Renewed(row[0], expires, now, row[9])]


async def _write(chunk: Sequence[tuple[Any, ...]]) -> None:
    names = ("id", "stage", "since", "seen")
    columns = {name: [row[place] for row in chunk] for place, name in enumerate(names)}
    await statements.write_stages(columns)


async def _read() -> dict[int, int]:
    return await _counted("a.first_viewed_at IS NOT NULL")


async def _hired() -> dict[int, int]:
    places = ", ".join(f"${number}" for number in range(1, len(HIRED) + 1))
    return await _counted(f"a.outcome IN ({places})", *sorted(HIRED))


async def _counted(asked: str, *params: object) -> dict[int, int]:
    rows = await statements.fetch(
        f"""
        SELECT p.member_id, count(*) FROM applications a JOIN postings p ON p.id = a.posting_id
        WHERE {asked} GROUP BY p.member_id
        """,
        *params,
    )
    return {row[0]: int(row[1]) for row in rows}


async def read_funnel(
    now: datetime, *, narrowed: Mapping[str, str] | None = None, owners: Collection[str] | None = None
) -> list[Step]:
    """Of the members of `owners` (None: of anybody) with these values in columns of GROUPS."""
    where, params = _where(narrowed or {}, owners)
    rows = await statements.query(
        f"""
        SELECT stage, count(*) AS n, count(stage_since) AS known, {_seconds_since()} AS seconds
        FROM members m WHERE {where} GROUP BY stage
        """,
        now,
        *params,
    )
    found = {row["stage"]: row for row in rows}
    standing = {stage: int(found[stage]["n"]) if stage in found else 0 for stage in Stage}
    return [
        Step(
            stage, standing[stage], sum(n for one, n in standing.items() if one.rank >= stage.rank), _days(found, stage)
        )
        for stage in Stage
    ]


async def count_by(
    group: str, *, narrowed: Mapping[str, str] | None = None, owners: Collection[str] | None = None
) -> dict[str, dict[str, int]]:
    """Value of the column → stage → members, the values with most members first."""
    if group not in GROUPS:
        raise ValueError(group)
    where, params = _where(narrowed or {}, owners, first=1)
    rows = await statements.query(
        f"SELECT {group} AS value, stage, count(*) AS n FROM members m WHERE {where} GROUP BY {group}, stage", *params
    )
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["value"], {})[row["stage"]] = int(row["n"])
    return dict(sorted(found.items(), key=lambda one: (-sum(one[1].values()), one[0])))


def _where(narrowed: Mapping[str, str], owners: Collection[str] | None, first: int = 2) -> tuple[str, list[object]]:
    parts, params = ["m.stage <> ''"], list[object]()
    for column in GROUPS:
        if column in narrowed:
            params.append(narrowed[column])
            parts.append(f"m.{column} = ${first + len(params) - 1}")
    if owners is not None:
        places = []
        for name in sorted(owners):
            params.append(name)
            places.append(f"${first + len(params) - 1}")
        parts.append(f"m.owner IN ({', '.join(places)})" if places else "1 = 0")
    return " AND ".join(parts), params


def _seconds_since() -> str:
    if statements.is_postgres(statements.connection()):
        return "avg(extract(epoch FROM $1::timestamptz - stage_since))"
    return "avg(CASE WHEN stage_since IS NOT NULL THEN (julianday($1) - julianday(stage_since)) * 86400 END)"


def _days(found: Mapping[str, Mapping[str, Any]], stage: Stage) -> float | None:
    row = found.get(stage)
    if row is None or not row["known"]:
        return None
    return round(float(row["seconds"]) / _DAY.total_seconds(), 1)
