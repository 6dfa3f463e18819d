"""How many messages of each run stand how, and how many answers came: counted as it happens, read in one go.

The numbers of everybody come from the table that triggers keep (migrations 0008 and 0010). Those of some
owners' members are counted from these members' own messages, and kept while the run and the owners stand as they do.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass, replace
from datetime import date
from typing import Any

from campaigns import kept, statements

MESSAGE, TOUCH, LINK, SENT = "message", "touch", "link", "sent"
_MANY = 2000  # rows that could be fewer, before they are put together
_NO_DAY = "occurrence_id, kind, state, reason, channel, uncertain"
_COLUMNS = f"{_NO_DAY}, day"


@dataclass(frozen=True, slots=True)
class Count:
    """`n` messages, touches, used links or messages that went out of one run that are alike; names as models.Tally."""

    occurrence_id: int
    kind: str
    state: str
    reason: str
    channel: str
    uncertain: bool
    day: str
    n: int


async def read_counts(
    occurrences: Collection[int] | None = None, owners: Collection[str] | None = None, *, by_day: bool = True
) -> list[Count]:
    """Of these runs, None being all; with `owners` of these people's members alone. Days are what makes them many."""
    if owners is not None:
        return await _of_owners(occurrences, owners, by_day)
    where, given = _of_runs(occurrences)
    columns, group = (_COLUMNS, _COLUMNS) if by_day else (f"{_NO_DAY}, '' AS day", _NO_DAY)
    rows = await statements.fetch(
        f"SELECT {columns}, sum(n) AS n, count(*) AS of FROM tallies WHERE {where} GROUP BY {group}", *given
    )
    if by_day and sum(row["of"] for row in rows) - len(rows) > _MANY:
        await put_together()
    return _counts(rows)


async def _of_owners(occurrences: Collection[int] | None, owners: Collection[str], by_day: bool) -> list[Count]:
    """A run of which everybody's numbers stand as before has changed for nobody."""
    stamps = await _stamps(occurrences)
    keys = {run: kept.digest(("owners' counts", run, sorted(owners), by_day)) for run in stamps}
    known = await kept.read_kept(list(keys.values()))
    found = {run: known[key][1] for run, key in keys.items() if key in known and known[key][0] == stamps[run]}
    if changed := [run for run in stamps if run not in found]:
        found |= {run: [] for run in changed}
        for count in _alike(await count_afresh(changed, owners), by_day):
            found[count.occurrence_id].append(astuple(count))
        await kept.keep({keys[run]: (stamps[run], found[run]) for run in changed})
    return [Count(*row) for of in found.values() for row in of]


async def _stamps(occurrences: Collection[int] | None) -> dict[int, str]:
    """Run → what changes with each of its numbers, and when members went from one colleague to another.

    On PostgreSQL each change is a row of its own; on SQLite it moves some `n` from one row to another.
    """
    where, given = _of_runs(occurrences)
    rows = await statements.fetch(
        f"""
        SELECT occurrence_id, max(id) AS newest, sum(n * id) AS first, sum(n * id * id) AS second
        FROM tallies WHERE {where} GROUP BY occurrence_id
        """,
        *given,
    )
    moved = await kept.owners_stamp()
    return {
        row["occurrence_id"]: kept.digest((moved, row["newest"], int(row["first"]), int(row["second"]))) for row in rows
    }


def _of_runs(occurrences: Collection[int] | None) -> tuple[str, list[Any]]:
    if occurrences is None:
        return "TRUE", []
    db = statements.connection()
    return f"occurrence_id {statements.ids_in(db, '$1', 'int')}", [statements.id_list(db, occurrences)]


def _alike(counts: Iterable[Count], by_day: bool) -> Iterable[Count]:
    if by_day:
        return counts
    sums: Counter[Count] = Counter()
    for count in counts:
        sums[replace(count, day="", n=0)] += count.n
    return [replace(one, n=n) for one, n in sums.items()]


async def states_of(campaign_id: int) -> dict[str, int]:
    """State → messages of all its runs, whoever's members they went to."""
    rows = await statements.fetch(
        f"""
        SELECT state, sum(n) AS n FROM tallies
        WHERE kind = '{MESSAGE}' AND occurrence_id IN (SELECT id FROM occurrences WHERE campaign_id = $1) GROUP BY state
        """,
        campaign_id,
    )
    return {row["state"]: int(row["n"]) for row in rows}


async def sent_on(day: date) -> dict[str, int]:
    """Channel → how many messages were handed to its provider on that day of Shanghai."""
    rows = await statements.query(
        "SELECT channel, sum(n) AS n FROM tallies WHERE kind = $1 AND day = $2 GROUP BY channel", SENT, day.isoformat()
    )
    return {row["channel"]: int(row["n"]) for row in rows if row["n"]}


async def put_together() -> None:
    """Rows that are alike become one. What others add in the meantime stays beside it."""
    if not statements.is_postgres(statements.connection()):
        return  # SQLite has one of a kind
    await statements.run(
        f"""
        WITH gone AS (DELETE FROM tallies WHERE id <= (SELECT max(id) FROM tallies) RETURNING {_COLUMNS}, n)
        INSERT INTO tallies ({_COLUMNS}, n) SELECT {_COLUMNS}, sum(n) FROM gone GROUP BY {_COLUMNS} HAVING sum(n) <> 0
        """
    )


async def count_afresh(
    occurrences: Collection[int] | None = None, owners: Collection[str] | None = None
) -> list[Count]:
    """The same numbers from the messages, touches and links themselves."""
    params: list[Any] = []
    where = " AND ".join(_conditions(occurrences, owners, params))
    day = "to_char(t.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')"
    if not statements.is_postgres(statements.connection()):
        day = "date(t.at, '+8 hours')"
    held = "JOIN members b ON b.id = m.member_id" if owners is not None else ""
    group = "GROUP BY 1, 2, 3, 4, 5, 6, 7"
    messages = await statements.fetch(
        f"""
        SELECT m.occurrence_id, 'message' AS kind, m.state, m.reason, coalesce(m.channel, '') AS channel, m.uncertain,
               '' AS day, count(*) AS n FROM messages m {held} WHERE {where} {group}
        """,
        *params,
    )
    touches = await statements.fetch(
        f"""
        SELECT m.occurrence_id, 'touch' AS kind, t.kind AS state, t.intent AS reason, t.medium AS channel,
               FALSE AS uncertain, {day} AS day, count(*) AS n
        FROM touches t JOIN messages m ON m.id = t.message_id {held.replace("m.member_id", "t.member_id")}
        WHERE t.direction <> 'out' AND {where} {group}
        """,
        *params,
    )
    links = await statements.fetch(
        f"""
        SELECT m.occurrence_id, 'link' AS kind, t.kind AS state, '' AS reason, '' AS channel, FALSE AS uncertain,
               {day} AS day, count(*) AS n
        FROM link_uses t JOIN messages m ON m.id = t.message_id {held} WHERE {where} {group}
        """,
        *params,
    )
    went = await statements.fetch(
        f"""
        SELECT m.occurrence_id, 'sent' AS kind, '' AS state, '' AS reason, coalesce(m.channel, '') AS channel,
               FALSE AS uncertain, {day.replace("t.at", "m.sent_at")} AS day, count(*) AS n
        FROM messages m {held} WHERE m.sent_at IS NOT NULL AND {where} {group}
        """,
        *params,
    )
    return _counts([*messages, *touches, *links, *went])


def _conditions(
    occurrences: Collection[int] | None, owners: Collection[str] | None, params: list[Any]
) -> Iterable[str]:
    db = statements.connection()
    yield "TRUE"
    if occurrences is not None:
        params.append(statements.id_list(db, occurrences))
        yield f"m.occurrence_id {statements.ids_in(db, f'${len(params)}', 'int')}"
    if owners is not None:
        params.append(statements.id_list(db, sorted(owners)))
        yield f"b.owner {statements.ids_in(db, f'${len(params)}', 'text')}"


def _counts(rows: Iterable[Any]) -> list[Count]:
    return [
        Count(
            row["occurrence_id"],
            row["kind"],
            row["state"],
            row["reason"],
            row["channel"],
            bool(row["uncertain"]),
            row["day"],
            int(row["n"]),
        )
        for row in rows
        if row["n"]
    ]
