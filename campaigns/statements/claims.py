"""The message ledger's queue: add, claim, give back, take back from the dead, ask about.

A claim is a row of its own that names the messages it holds, so that claiming, renewing and giving up a thousand of
them writes one row.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from campaigns.statements.dialects import (
    Columns,
    after_by,
    as_json,
    columns_of,
    connection,
    fetch,
    fetch_for,
    id_list,
    ids_in,
    is_postgres,
    now_by,
    run,
)

_MESSAGE: Mapping[str, str] = {
    "occurrence_id": "int",
    "member_id": "int",
    "contact_id": "int",
    "step": "smallint",
    "message_class": "text",
    "channel": "text",
    "address": "text",
    "state": "text",
    "reason": "text",
    "obstacles": "text",
    "not_before": "timestamptz",
}


ASIDE: Mapping[str, str] = {
    "id": "bigint",
    "state": "text",
    "reason": "text",
    "obstacles": "text",
    "not_before": "timestamptz",
    "channel": "text",
    "contact_id": "int",
    "address": "text",
}


_CLAIMED = (
    "m.id, m.occurrence_id, m.member_id, m.contact_id, m.message_class, m.channel, m.address, m.attempts, m.provider_id"
)


async def insert_messages(rows: Sequence[Mapping[str, Any]]) -> int:
    """Add messages, ignoring those whose (occurrence, member, step) is there already. Returns how many were new."""
    # WHERE TRUE: without it SQLite takes the ON of ON CONFLICT for a join's
    given = columns_of([{"step": 0, **row} for row in rows], _MESSAGE)
    added = await fetch_for(
        f"""
        INSERT INTO messages ({", ".join(_MESSAGE)}, due_at, code, attempts, wechat_mode, provider_id, uncertain)
        SELECT {{columns}}, CASE WHEN v.state = 'queued' THEN v.not_before END, '', 0, '', '', FALSE
        FROM {{rows}} WHERE TRUE ON CONFLICT (occurrence_id, member_id, step) DO NOTHING RETURNING id
        """,
        _MESSAGE,
        given,
    )
    return len(added)


async def claim_messages(
    occurrence_id: int, channel: str, *, now: datetime, limit: int, lease: float
) -> tuple[int, Sequence[Any]]:
    """Take the sole right to send up to `limit` due messages for `lease` seconds. Returns the claim and its rows."""
    db = connection()
    async with in_transaction():
        if is_postgres(db):
            # One claimer of a batch at a time: another would choose the same rows. A claim lost in a crash of the
            # server is no loss, so its commit waits for no disk; the mark that follows carries it there.
            await fetch(
                "SELECT pg_advisory_xact_lock($1, hashtext($2)), set_config('synchronous_commit', 'off', TRUE)",
                occurrence_id,
                channel,
            )
        due = await fetch(
            f"""
            SELECT m.id FROM messages m
            WHERE m.occurrence_id = $1 AND m.channel = $2 AND m.due_at <= $3 AND m.id NOT IN ({_held(db)})
              AND EXISTS (SELECT 1 FROM occurrences WHERE id = $1 AND planned_at IS NOT NULL)
            ORDER BY m.due_at, m.id LIMIT $4
            """,
            occurrence_id,
            channel,
            now,
            limit,
        )
        if not due:
            return 0, []
        ids = [row[0] for row in due]
        [(claim_id,)] = await fetch(
            f"""
            INSERT INTO claims (occurrence_id, channel, lease_until, message_ids)
            VALUES ($1, $2, {after_by(db, "$3")}, $4) RETURNING id
            """,
            occurrence_id,
            channel,
            lease,
            as_json(ids),
        )
    rows = await fetch(
        f"SELECT {_CLAIMED}, m.uncertain FROM messages m WHERE m.id {ids_in(db, '$1')} ORDER BY m.id", id_list(db, ids)
    )
    return claim_id, rows


async def set_aside(rows: Columns) -> int:
    """Write what was decided of messages that never went on the wire: ASIDE. Returns how many were still waiting."""
    written = await fetch_for(
        """
        UPDATE messages SET state = v.state, reason = v.reason, obstacles = v.obstacles,
          channel = coalesce(v.channel, messages.channel), contact_id = coalesce(v.contact_id, messages.contact_id),
          address = coalesce(v.address, messages.address),
          not_before = coalesce(v.not_before, messages.not_before),
          due_at = CASE WHEN v.state = 'queued' THEN coalesce(v.not_before, messages.not_before) END
        FROM {rows} WHERE messages.id = v.id AND messages.state = 'queued' RETURNING messages.id
        """,
        ASIDE,
        rows,
    )
    return len(written)


async def drop_claim(claim_id: int) -> None:
    """Give back what of it never went on the wire. Kept while something of it is there: it would never be found."""
    await run(f"DELETE FROM claims WHERE id = $1 AND NOT EXISTS ({_still_sending(connection())})", claim_id)


async def expire_claims(now: datetime) -> tuple[int, list[int]]:
    """Take back what dead senders held: (how many claims, the ids that were on the wire and are unknown now)."""
    db = connection()
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres(db) else ""
    async with in_transaction():
        dead = [row[0] for row in await fetch(f"SELECT id FROM claims WHERE lease_until < {now_by(db)} {lock}")]
        if not dead:
            return 0, []
        members = f"SELECT {_member(db)} FROM claims c, {_members(db)} WHERE c.id {ids_in(db, '$1')}"
        lost = await fetch(
            f"""
            UPDATE messages SET state = 'unknown', uncertain = TRUE, ask_at = {now_by(db)}, sent_at = $2
            WHERE id IN ({members}) AND state = 'sending' AND claim_id {ids_in(db, "$1")} RETURNING id
            """,
            id_list(db, dead),
            now,
        )
        await run(f"DELETE FROM claims WHERE id {ids_in(db, '$1')}", id_list(db, dead))
    return len(dead), [row[0] for row in lost]


async def claim_unknown(channel: str, *, limit: int, lease: float) -> Sequence[Any]:
    """Take messages of unknown outcome that are to be asked about; nobody else asks for `lease` seconds."""
    db = connection()
    lock = "FOR UPDATE SKIP LOCKED" if is_postgres(db) else ""
    return await fetch(
        f"""
        WITH asked AS MATERIALIZED (
          SELECT id FROM messages WHERE ask_at <= {now_by(db)} AND channel = $2 ORDER BY ask_at LIMIT $3 {lock})
        UPDATE messages SET ask_at = {after_by(db, "$1")} WHERE id IN (SELECT id FROM asked)
        RETURNING {_CLAIMED.replace("m.", "")}, uncertain
        """,
        lease,
        channel,
        limit,
    )


async def ask_later(ids: Sequence[int], seconds: float) -> None:
    db = connection()
    await run(
        f"UPDATE messages SET ask_at = {after_by(db, '$1')} WHERE id {ids_in(db, '$2')} AND state = 'unknown'",
        seconds,
        id_list(db, ids),
    )


async def on_the_wire() -> Sequence[Any]:
    """(occurrence, channel, how many) of what senders have on the wire."""
    db = connection()
    return await fetch(
        f"""
        SELECT c.occurrence_id, c.channel, count(*) FROM claims c, {_members(db)}, messages m
        WHERE m.id = {_member(db)} AND m.state = 'sending' AND m.claim_id = c.id GROUP BY c.occurrence_id, c.channel
        """
    )


def _held(db: BaseDBAsyncClient) -> str:
    """Ids that claims of this batch hold."""
    return f"SELECT {_member(db)} FROM claims c, {_members(db)} WHERE c.occurrence_id = $1 AND c.channel = $2"


def _still_sending(db: BaseDBAsyncClient) -> str:
    members = f"SELECT {_member(db)} FROM claims c, {_members(db)} WHERE c.id = $1"
    return f"SELECT 1 FROM messages WHERE id IN ({members}) AND state = 'sending' AND claim_id = $1"


def _members(db: BaseDBAsyncClient) -> str:
    return "jsonb_array_elements(c.message_ids) AS e" if is_postgres(db) else "json_each(c.message_ids) AS e"


def _member(db: BaseDBAsyncClient) -> str:
    return "e.value::bigint" if is_postgres(db) else "e.value"
