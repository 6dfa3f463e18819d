"""Members in sets: written by the import, counted from what belongs to them, given their tiers."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from campaigns.statements.dialects import (
    Columns,
    as_json,
    columns_of,
    connection,
    fetch,
    fetch_for,
    for_dialect,
    id_list,
    ids_in,
    is_postgres,
    run,
)

THERE = "(p.gone_at IS NULL OR p.state <> 'offline')"
"""Of a posting `p`: the site still has it. Nobody can look at the résumés of one that is gone."""
_COUNTERS = ("postings", "live_postings", "applications", "unread_resumes", "oldest_unread_at")


async def upsert(table: str, key: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows or overwrite those with the same key. `columns` holds the key's columns too."""
    if not rows:
        return
    places = ", ".join(f"${i}" for i in range(1, len(columns) + 1))
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT ({', '.join(key)}) {action}"
    db = connection()
    await db.execute_many(for_dialect(db, sql), [[_stored(value) for value in row] for row in rows])


async def insert_rows(table: str, types: Mapping[str, str], columns: Columns) -> None:
    """Add rows, given by columns; `types` are PostgreSQL's, which takes them by COPY."""
    given = {name: kind for name, kind in types.items() if name in columns}
    db = connection()
    columns = {name: _sent(columns[name], kind) for name, kind in given.items()}
    if is_postgres(db):
        async with db.acquire_connection() as server:
            await server.copy_records_to_table(table, columns=list(given), records=zip(*columns.values(), strict=True))
        return
    await fetch_for(f"INSERT INTO {table} ({', '.join(given)}) SELECT {{columns}} FROM {{rows}}", given, columns)


async def ids_of(table: str, numbers: Sequence[str]) -> dict[str, int]:
    """Number on the site → id, of those that are there."""
    db = connection()
    rows = await fetch(f"SELECT no, id FROM {table} WHERE no {ids_in(db, '$1', 'text')}", id_list(db, numbers))
    return dict(rows)


async def update_rows(table: str, types: Mapping[str, str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows anew by their id."""
    if not rows:
        return
    written = ", ".join(f"{name} = v.{name}" for name in types if name != "id")
    columns = {name: _sent(values, types[name]) for name, values in columns_of(rows, types).items()}
    await fetch_for(f"UPDATE {table} SET {written} FROM {{rows}} WHERE {table}.id = v.id", types, columns)


def _sent(values: Sequence[Any], kind: str) -> Sequence[Any]:
    return [as_json(one) for one in values] if kind == "jsonb" else values


async def recount_members() -> None:
    """Bring every member's counters up to its postings and applications, in one statement.

    A member whose counters stand already is not written: after an import of members alone that is all of them.
    """
    # SQLite has IS DISTINCT FROM only since 3.39
    differ = "IS DISTINCT FROM" if is_postgres(connection()) else "IS NOT"
    found = "coalesce(p.postings, 0), coalesce(p.live, 0), coalesce(a.applications, 0), coalesce(a.unread, 0), a.oldest"
    await run(
        f"""
        UPDATE members SET ({", ".join(_COUNTERS)}) = ({found})
        FROM members AS m
        LEFT JOIN (
          SELECT member_id, count(*) AS postings, sum(CASE WHEN state = 'live' THEN 1 ELSE 0 END) AS live
          FROM postings GROUP BY member_id
        ) AS p ON p.member_id = m.id
        LEFT JOIN (
          SELECT member_id, count(*) AS applications,
                 sum(CASE WHEN first_viewed_at IS NULL AND {THERE} THEN 1 ELSE 0 END) AS unread,
                 min(CASE WHEN first_viewed_at IS NULL AND {THERE} THEN applied_at END) AS oldest
          FROM applications JOIN postings p ON p.id = applications.posting_id GROUP BY member_id
        ) AS a ON a.member_id = m.id
        WHERE members.id = m.id AND ({", ".join(f"m.{name}" for name in _COUNTERS)}) {differ} ({found})
        """
    )


async def recount_some(member_ids: Collection[int]) -> None:
    """The same for some members, when the site tells what happened to their postings and applications."""
    received = "SELECT {} FROM applications a JOIN postings p ON p.id = a.posting_id WHERE p.member_id = members.id"
    db = connection()
    await run(
        f"""
        UPDATE members SET
          postings = (SELECT count(*) FROM postings p WHERE p.member_id = members.id),
          live_postings = (SELECT count(*) FROM postings p WHERE p.member_id = members.id AND p.state = 'live'),
          applications = ({received.format("count(*)")}),
          unread_resumes = ({received.format("count(*)")} AND a.first_viewed_at IS NULL AND {THERE}),
          oldest_unread_at = ({received.format("min(a.applied_at)")} AND a.first_viewed_at IS NULL AND {THERE})
        WHERE id {ids_in(db, "$1")}
        """,
        id_list(db, member_ids),
    )


async def recount_member(member_id: int) -> None:
    """The same for one, when a résumé was read."""
    await recount_some([member_id])


async def note_logins(logins: Columns) -> None:
    """Bring members up to logins: `id`, the latest `at`, and how many of them are to be `counted`."""
    await fetch_for(
        """
        UPDATE members SET login_count = login_count + v.counted,
          last_login_at = CASE WHEN last_login_at > v.at THEN last_login_at ELSE v.at END,
          idle_since = CASE WHEN last_login_at > v.at THEN idle_since ELSE v.at END
        FROM {rows} WHERE members.id = v.id
        """,
        {"id": "int", "at": "timestamptz", "counted": "int"},
        logins,
    )


async def write_tiers(tiers: Columns, now: datetime) -> None:
    """Write each member's `tier`, `by_rule`, `score`, `reasons` (as JSON) and `parts` by `id`; `tier_since` moves only
    with the tier."""
    await fetch_for(
        """
        UPDATE members SET tier = v.tier, tier_score = v.score, tier_reasons = v.reasons,
          tier_by_rule = v.by_rule, tier_values = v.parts,
          tier_since = CASE WHEN members.tier = v.tier THEN coalesce(members.tier_since, $1) ELSE $1 END
        FROM {rows} WHERE members.id = v.id
        """,
        {
            "id": "int",
            "tier": "text",
            "by_rule": "text",
            "score": "double precision",
            "reasons": "jsonb",
            "parts": "text",
        },
        tiers,
        now,
    )


async def write_findings(found: Columns) -> None:
    """Write each member's `findings` by `id`; who has them already is not written."""
    await fetch_for(
        """
        UPDATE members SET findings = v.findings FROM {rows}
        WHERE members.id = v.id AND members.findings <> v.findings
        """,
        {"id": "int", "findings": "text"},
        found,
    )


def _stored(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, dict | list):
        return as_json(value)
    return value
