"""The few hot raw SQL statements, both dialects side by side. Everything else goes through Tortoise.

Placeholders are written `$1` in both; times are aware UTC datetimes. "The database's clock" is the server's own on
PostgreSQL and the machine's on SQLite, never the virtual clock: a lease must expire while the demo's time stands still.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection

_CLAIMED = "id, occurrence_id, member_id, contact_id, message_class, channel, address, attempts, uncertain"
_POSTGRES_NOW = "clock_timestamp()"
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"


async def upsert(table: str, key: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows or overwrite those with the same key. `columns` holds the key's columns too."""
    if not rows:
        return
    places = ", ".join(f"${i}" for i in range(1, len(columns) + 1))
    updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}) ON CONFLICT ({', '.join(key)}) {action}"
    db = connection()
    await db.execute_many(_placeholders(db, sql), [[_plain(value) for value in row] for row in rows])


async def recount_members() -> None:
    """Bring every member's counters up to its postings and applications, in one statement."""
    await run(
        """
        UPDATE members SET
          postings = coalesce(p.postings, 0), live_postings = coalesce(p.live, 0),
          applications = coalesce(a.applications, 0), unread_resumes = coalesce(a.unread, 0),
          oldest_unread_at = a.oldest
        FROM members AS m
        LEFT JOIN (
          SELECT member_id, count(*) AS postings, sum(CASE WHEN state = 'live' THEN 1 ELSE 0 END) AS live
          FROM postings GROUP BY member_id
        ) AS p ON p.member_id = m.id
        LEFT JOIN (
          SELECT member_id, count(*) AS applications,
                 sum(CASE WHEN first_viewed_at IS NULL THEN 1 ELSE 0 END) AS unread,
                 min(CASE WHEN first_viewed_at IS NULL THEN applied_at END) AS oldest
          FROM applications JOIN postings ON postings.id = applications.posting_id GROUP BY member_id
        ) AS a ON a.member_id = m.id
        WHERE members.id = m.id
        """
    )


async def recount_member(member_id: int) -> None:
    """The same for one member, when the site tells that a résumé was read."""
    received = "SELECT {} FROM applications a JOIN postings p ON p.id = a.posting_id WHERE p.member_id = $1"
    await run(
        f"""
        UPDATE members SET
          postings = (SELECT count(*) FROM postings WHERE member_id = $1),
          live_postings = (SELECT count(*) FROM postings WHERE member_id = $1 AND state = 'live'),
          applications = ({received.format("count(*)")}),
          unread_resumes = ({received.format("count(*)")} AND a.first_viewed_at IS NULL),
          oldest_unread_at = ({received.format("min(a.applied_at)")} AND a.first_viewed_at IS NULL)
        WHERE id = $1
        """,
        member_id,
    )


async def write_tiers(rows: Sequence[dict[str, Any]], now: datetime) -> None:
    """Write each member's tier, score and reasons; `tier_since` moves only where the tier does."""
    await _query_json(
        """
        UPDATE members SET tier = v.tier, tier_score = v.score, tier_reasons = v.reasons,
          tier_since = CASE WHEN members.tier = v.tier THEN coalesce(members.tier_since, $2) ELSE $2 END
        FROM {rows} WHERE members.id = v.id RETURNING members.id
        """,
        {"id": "int", "tier": "text", "score": "double precision", "reasons": "jsonb"},
        rows,
        now,
    )


async def insert_messages(rows: Sequence[dict[str, Any]]) -> int:
    """Add messages, ignoring those whose (occurrence, member, step) is there already. Returns how many were new."""
    # WHERE TRUE: without it SQLite takes the ON of ON CONFLICT for a join's
    if not rows:
        return 0
    return len(
        await _query_json(
            """
            INSERT INTO messages (occurrence_id, member_id, contact_id, step, message_class, channel, address, state,
                                  reason, code, not_before, attempts, lease_token, wechat_mode, provider_id, uncertain)
            SELECT {columns} FROM {rows} WHERE TRUE ON CONFLICT (occurrence_id, member_id, step) DO NOTHING RETURNING id
            """,
            {
                "occurrence_id": "int",
                "member_id": "int",
                "contact_id": "int",
                "step": "smallint",
                "message_class": "text",
                "channel": "text",
                "address": "text",
                "state": "text",
                "reason": "text",
                "code": "text",
                "not_before": "timestamptz",
                "attempts": "smallint",
                "lease_token": "text",
                "wechat_mode": "text",
                "provider_id": "text",
                "uncertain": "boolean",
            },
            [
                {
                    "step": 0,
                    "code": "",
                    "attempts": 0,
                    "lease_token": "",
                    "wechat_mode": "",
                    "provider_id": "",
                    "uncertain": False,
                    **row,
                }
                for row in rows
            ],
        )
    )


async def claim_messages(
    occurrence_id: int, channel: str, *, now: datetime, limit: int, token: str, lease: float
) -> list[dict[str, Any]]:
    """Take the sole right to send up to `limit` due messages of one planned occurrence for `lease` seconds."""
    # MATERIALIZED: a plan that ran the SELECT twice would skip the rows it had locked and take more than `limit`
    db = connection()
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres(db) else ""
    return await query(
        f"""
        WITH due AS MATERIALIZED (
          SELECT id FROM messages
          WHERE state = 'queued' AND not_before <= $3 AND occurrence_id = $4 AND channel = $5
            AND EXISTS (SELECT 1 FROM occurrences WHERE id = $4 AND planned_at IS NOT NULL)
          ORDER BY id LIMIT $6 {lock})
        UPDATE messages SET state = 'claimed', lease_token = $1, lease_until = {_after(db, "$2")}
        WHERE id IN (SELECT id FROM due) RETURNING {_CLAIMED}
        """,
        token,
        lease,
        now,
        occurrence_id,
        channel,
        limit,
    )


async def claim_unknown(channel: str, *, limit: int, token: str, lease: float) -> list[dict[str, Any]]:
    """Take messages of unknown outcome that nobody has asked about for `lease` seconds."""
    db = connection()
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres(db) else ""
    return await query(
        f"""
        WITH asked AS MATERIALIZED (
          SELECT id FROM messages
          WHERE state = 'unknown' AND channel = $3 AND (lease_until IS NULL OR lease_until < {_now(db)})
          ORDER BY id LIMIT $4 {lock})
        UPDATE messages SET lease_token = $1, lease_until = {_after(db, "$2")}
        WHERE id IN (SELECT id FROM asked) RETURNING {_CLAIMED}
        """,
        token,
        lease,
        channel,
        limit,
    )


async def mark_sending(rows: Sequence[dict[str, Any]], *, token: str, lease: float) -> set[int]:
    """The last word before the wire. Returns the ids that still are ours; the others must not be sent."""
    db = connection()
    done = await _query_json(
        f"""
        UPDATE messages SET state = 'sending', attempts = attempts + 1, facts = v.facts, wechat_mode = v.wechat_mode,
                            lease_until = {_after(db, "$2")}
        FROM {{rows}} WHERE messages.id = v.id AND messages.state = 'claimed' AND messages.lease_token = $3
          AND messages.lease_until > {_now(db)}
        RETURNING messages.id
        """,
        {"id": "bigint", "facts": "jsonb", "wechat_mode": "text"},
        rows,
        lease,
        token,
    )
    return {row["id"] for row in done}


async def renew_lease(token: str, lease: float) -> None:
    """Whatever this token still holds, on the wire or of unknown outcome, is held for `lease` seconds from now."""
    await run(
        f"""
        UPDATE messages SET lease_until = {_after(connection(), "$2")}
        WHERE lease_token = $1 AND state IN ('claimed', 'sending', 'unknown')
        """,
        token,
        lease,
    )


async def settle_messages(rows: Sequence[dict[str, Any]], *, token: str, before: str) -> set[int]:
    """Write what happened to messages in state `before` that this token still holds. Returns the ids written."""
    done = await _query_json(
        """
        UPDATE messages SET state = v.state, reason = v.reason, code = v.code, provider_id = v.provider_id,
          sent_at = v.sent_at, settled_at = v.settled_at, not_before = coalesce(v.not_before, messages.not_before),
          channel = coalesce(v.channel, messages.channel), contact_id = coalesce(v.contact_id, messages.contact_id),
          address = coalesce(v.address, messages.address), attempts = messages.attempts - v.uncharged,
          uncertain = (messages.uncertain OR v.uncertain), lease_token = '', lease_until = NULL
        FROM {rows} WHERE messages.id = v.id AND messages.state = $3 AND messages.lease_token = $2
        RETURNING messages.id
        """,
        {
            "id": "bigint",
            "state": "text",
            "reason": "text",
            "code": "text",
            "provider_id": "text",
            "sent_at": "timestamptz",
            "settled_at": "timestamptz",
            "not_before": "timestamptz",
            "channel": "text",
            "contact_id": "int",
            "address": "text",
            "uncharged": "smallint",
            "uncertain": "boolean",
        },
        rows,
        token,
        before,
    )
    return {row["id"] for row in done}


async def expire_claims() -> list[int]:
    """Claims nobody held on to go back: nothing of them was on the wire."""
    return await _expire("claimed", "state = 'queued'")


async def expire_sending() -> list[int]:
    """Messages whose sender died on the wire become unknown: they may have been delivered."""
    return await _expire("sending", "state = 'unknown', uncertain = TRUE")


async def add_missing_touches(message_ids: Sequence[int], now: datetime) -> None:
    """One outbound touch for each message that has none yet."""
    await _query_json(
        """
        INSERT INTO touches (member_id, contact_id, at, direction, kind, medium, message_class, message_id, text,
                             intent, evidence)
        SELECT m.member_id, m.contact_id, coalesce(m.sent_at, $2), 'out', 'message', m.channel, m.message_class, m.id,
               '', '', ''
        FROM messages m JOIN {rows} ON v.id = m.id
        WHERE NOT EXISTS (SELECT 1 FROM touches t WHERE t.message_id = m.id AND t.direction = 'out')
        RETURNING id
        """,
        {"id": "bigint"},
        [{"id": message_id} for message_id in message_ids],
        now,
    )


async def _expire(before: str, change: str) -> list[int]:
    db = connection()
    rows = await query(
        f"""
        UPDATE messages SET {change}, lease_token = '', lease_until = NULL
        WHERE state = $1 AND lease_until < {_now(db)} RETURNING id
        """,
        before,
    )
    return [row["id"] for row in rows]


# ---- the two dialects -------------------------------------------------------------------------------------------


def connection() -> BaseDBAsyncClient:
    return get_connection("default")


def is_postgres(db: BaseDBAsyncClient) -> bool:
    return db.capabilities.dialect == "postgres"


async def run(sql: str, *params: Any) -> int:
    """Run a statement; returns the number of rows it changed."""
    db = connection()
    changed, _ = await db.execute_query(_placeholders(db, sql), [_plain(value) for value in params])
    return changed


async def query(sql: str, *params: Any) -> list[dict[str, Any]]:
    """Run a statement and read its rows. SQLite gives times as text: read them with `moment`."""
    db = connection()
    rows = await db.execute_query_dict(_placeholders(db, sql), [_plain(value) for value in params])
    return [dict(row) for row in rows]  # asyncpg's records are not dicts


def moment(value: Any) -> datetime | None:
    """A time as either database gives it back."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)


def as_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


async def _query_json(
    sql: str, types: dict[str, str], rows: Sequence[dict[str, Any]], *params: Any
) -> list[dict[str, Any]]:
    """Run a set statement over `rows`, handed over as one JSON parameter `$1` and read back as the table `v`."""
    if not rows:
        return []
    db = connection()
    source, columns = (_postgres_rows if is_postgres(db) else _sqlite_rows)(types)
    text = as_json([{name: _json_value(row.get(name)) for name in types} for row in rows])
    # replace, not format: the statement may hold braces of its own
    return await query(sql.replace("{rows}", source).replace("{columns}", columns), text, *params)


def _postgres_rows(types: dict[str, str]) -> tuple[str, str]:
    fields = ", ".join(f"{name} {kind}" for name, kind in types.items())
    return f"jsonb_to_recordset($1::jsonb) AS v({fields})", ", ".join(f"v.{name}" for name in types)


def _sqlite_rows(types: dict[str, str]) -> tuple[str, str]:
    fields = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in types)
    return f"(SELECT {fields} FROM json_each($1)) AS v", ", ".join(f"v.{name}" for name in types)


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(" ")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, date):
        return value
    if isinstance(value, (dict, list)):
        return as_json(value)
    return value


def _placeholders(db: BaseDBAsyncClient, sql: str) -> str:
    return sql if is_postgres(db) else re.sub(r"\$(\d+)", r"?\1", sql)


def _now(db: BaseDBAsyncClient) -> str:
    return _POSTGRES_NOW if is_postgres(db) else _SQLITE_NOW


def _after(db: BaseDBAsyncClient, seconds: str) -> str:
    if is_postgres(db):
        return f"{_POSTGRES_NOW} + make_interval(secs => {seconds})"
    return f"strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', {seconds} || ' seconds')"
