"""How many messages of each run stand how, and how many answers came: counted as it happens, read in one go.

The numbers of everybody come from the table that triggers keep (migrations 0008 and 0010). Those of some
owners' members are counted from these members' own messages, and kept while the run and the owners stand as they do.
"""

from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass
from datetime import date
from typing import Any

from campaigns import kept, statements

MESSAGE, TOUCH, LINK, SENT = "message", "touch", "link", "sent"
_MANY = 2000  # rows that could be fewer, before they are put together
_COLUMNS = "occurrence_id, kind, state, reason, channel, uncertain, day"


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


async def read_counts(occurrences: Collection[int] | None = None, owners: Collection[str] | None = None) -> list[Count]:
    """Of these runs, None being all; with `owners` of these people's members alone."""
    counts = await _of_everybody(occurrences)
    return counts if owners is None else await _of_owners(counts, owners)


async def _of_everybody(occurrences: Collection[int] | None) -> list[Count]:
    db = statements.connection()
    where = "TRUE" if occurrences is None else f"occurrence_id {statements.ids_in(db, '$1', 'int')}"
    given = [] if occurrences is None else [statements.id_list(db, occurrences)]
    rows = await statements.fetch(
        f"SELECT {_COLUMNS}, sum(n) AS n, count(*) AS of FROM tallies WHERE {where} GROUP BY {_COLUMNS}", *given
    )
    if sum(row["of"] for row in rows) - len(rows) > _MANY:
        await put_together()
    return _counts(rows)


async def _of_owners(counts: Collection[Count], owners: Collection[str]) -> list[Count]:
    """`counts` are everybody's: a run of which they stand as before has changed for nobody."""
    runs: dict[int, list[Count]] = {}
    for count in counts:
        runs.setdefault(count.occurrence_id, []).append(count)
    moved, whose = await kept.owners_stamp(), ",".join(sorted(owners))
    stamps = {run: kept.digest((moved, sorted(map(repr, of)))) for run, of in runs.items()}
    keys = {run: kept.digest(("owners' counts", run, whose)) for run in runs}
    known = await kept.read_kept(list(keys.values()))
    found = {run: known[key][1] for run, key in keys.items() if key in known and known[key][0] == stamps[run]}
    changed = [run for run in runs if run not in found]
    if changed:
        found |= {run: [] for run in changed}
        for count in await count_afresh(changed, owners):
            found[count.occurrence_id].append(astuple(count))
        await kept.keep({keys[run]: (stamps[run], found[run]) for run in changed})
    return [Count(*row) for of in found.values() for row in of]


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
