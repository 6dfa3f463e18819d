"""The message ledger's way over the wire: what one group's results and the next group's departure write.

The messages are written twice on their way: once when they go on the wire (`due_at` is taken out of the index by which
they are found) and once when they are settled, which touches no index at all.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.transactions import in_transaction

from campaigns.statements.dialects import (
    Columns,
    after_by,
    connection,
    fetch,
    id_list,
    ids_in,
    is_postgres,
    now_by,
    run,
    with_tables,
)

MARKS: Mapping[str, str] = {"id": "bigint", "facts": "jsonb", "wechat_mode": "text", "provider_id": "text"}


ACCEPTED: Mapping[str, str] = {"id": "bigint", "code": "text", "provider_id": "text", "touch": "boolean"}


SETTLED: Mapping[str, str] = {
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
    "uncharged": "int",
    "uncertain": "boolean",
    "touch": "boolean",
}


@dataclass(frozen=True, slots=True)
class Exchanged:
    """Ids written, ids that may go on the wire, and whether receipts wait for a message to be settled."""

    settled: frozenset[int]
    marked: frozenset[int]
    receipts_wait: bool


@dataclass(frozen=True, slots=True)
class Turn:
    """What one group's results and the next group's departure write.

    `accepted` (at `accepted_at`) are the rows that simply went: four columns for `settled`'s fourteen.
    """

    accepted: Columns
    accepted_at: datetime
    settled: Columns
    marks: Columns


async def exchange(claim_id: int, turn: Turn, *, now: datetime, lease: float) -> Exchanged:
    """Settle what this claim has on the wire, add a touch where one is due, renew the lease, and put on the wire those
    of `marks` that are still waiting while the campaign runs and its channel is open. One commit for all of it.
    """
    db = connection()
    work = _exchange_on_postgres if is_postgres(db) else _exchange_on_sqlite
    return await work(db, claim_id, turn, now, lease)


async def renew_claim(claim_id: int, lease: float) -> None:
    db = connection()
    await fetch(_RENEW.format(later=after_by(db, "$2"), now=now_by(db)), claim_id, lease)


_RENEW = (
    "UPDATE claims SET lease_until = {later} WHERE id = $1 AND lease_until > {now} RETURNING id, occurrence_id, channel"
)


_ACCEPT = """
    UPDATE messages SET state = 'sent', reason = '', code = v.code, sent_at = {at}, settled_at = {at},
      provider_id = CASE WHEN v.provider_id = '' THEN messages.provider_id ELSE v.provider_id END
    FROM {rows} AS v WHERE messages.id = v.id AND messages.state = 'sending' AND messages.claim_id = $1
"""


_SETTLE = """
    UPDATE messages SET state = v.state, reason = v.reason, code = v.code,
      provider_id = CASE WHEN v.provider_id = '' THEN messages.provider_id ELSE v.provider_id END,
      sent_at = v.sent_at, settled_at = v.settled_at, not_before = coalesce(v.not_before, messages.not_before),
      due_at = CASE WHEN v.state = 'queued' THEN coalesce(v.not_before, messages.not_before) END,
      ask_at = CASE WHEN v.state = 'unknown' THEN {now} END,
      channel = coalesce(v.channel, messages.channel), contact_id = coalesce(v.contact_id, messages.contact_id),
      address = coalesce(v.address, messages.address), attempts = messages.attempts - v.uncharged,
      uncertain = (messages.uncertain OR v.uncertain)
    FROM {rows} AS v WHERE messages.id = v.id AND messages.state = 'sending' AND messages.claim_id = $1
"""


_TOUCH = """
    INSERT INTO touches (member_id, contact_id, at, direction, kind, medium, message_class, message_id, text, intent,
                         evidence)
    SELECT member_id, contact_id, sent_at, 'out', 'message', channel, message_class, id, '', '', ''
"""


_MARK = """
    UPDATE messages SET state = 'sending', due_at = NULL, attempts = attempts + 1, facts = v.facts, reason = '',
      wechat_mode = v.wechat_mode, claim_id = $1, provider_id = v.provider_id
    FROM {rows} AS v{held} WHERE messages.id = v.id AND messages.state = 'queued'
"""


_OPEN = """
    EXISTS (
      SELECT 1 FROM occurrences o JOIN campaigns c ON c.id = o.campaign_id
      LEFT JOIN channel_states s ON s.channel = {channel}
      WHERE o.id = {occurrence} AND c.state = 'running' AND NOT coalesce(s.closed, FALSE)
        AND (s.closed_until IS NULL OR s.closed_until <= {now}))
"""


_RECEIPTS_WAIT = "EXISTS (SELECT 1 FROM events WHERE outcome = 'waiting' AND kind = 'receipt')"


_WRITTEN = "RETURNING messages.id, member_id, messages.contact_id, sent_at, messages.channel, message_class, v.touch"


async def _exchange_on_postgres(
    db: BaseDBAsyncClient, claim_id: int, turn: Turn, now: datetime, lease: float
) -> Exchanged:
    """One statement. The lock on the claim's row keeps those who expire claims waiting until it is committed."""
    given = {"accepted": (ACCEPTED, turn.accepted), "settled": (SETTLED, turn.settled), "marks": (MARKS, turn.marks)}
    tables, params = with_tables(db, {name: table for name, table in given.items() if table[1]["id"]}, 4)
    statement = _exchange_statement(
        after_by(db, "$2"), now_by(db), tables.get("accepted"), tables.get("settled"), tables.get("marks")
    )
    [(settled, marked, wait, *_)] = await fetch(statement, claim_id, lease, now, turn.accepted_at, *params)
    return Exchanged(frozenset(settled or ()), frozenset(marked or ()), wait)


@lru_cache(maxsize=8)  # one for each choice of tables
def _exchange_statement(
    later: str, server_now: str, accepted: str | None, settled: str | None, marks: str | None
) -> str:
    """Over these tables: `$1` is the claim, `$2` the lease, `$3` now, `$4` when the accepted were."""
    steps = [f"held AS ({_RENEW.format(later=later, now=server_now)})"]
    if accepted:
        steps.append(f"accepted AS ({_ACCEPT.format(rows=accepted, at='$4')} {_WRITTEN})")
    if settled:
        written = _WRITTEN.replace("sent_at", "v.sent_at")
        steps.append(f"settled AS ({_SETTLE.format(rows=settled, now=server_now)} {written})")
    given = [name for name, rows in (("accepted", accepted), ("settled", settled)) if rows]
    done = " UNION ALL ".join(f"SELECT * FROM {name}" for name in given)
    if done:
        steps.append(f"touched AS ({_TOUCH} FROM ({done}) AS done WHERE touch)")
    if marks:
        is_open = _OPEN.format(channel="held.channel", occurrence="held.occurrence_id", now="$3")
        steps.append(f"free AS MATERIALIZED (SELECT id FROM held WHERE {is_open})")
        steps.append(f"marked AS ({_MARK.format(rows=marks, held=', free')} RETURNING messages.id)")
    # the two times are selected for the server to know what they are where no step reads them
    return f"""
        WITH {", ".join(steps)}
        SELECT {_ids(done and f"({done}) AS done")}, {_ids("marked" if marks else "")}, {_RECEIPTS_WAIT},
          $3::timestamptz, $4::timestamptz
        """


def _ids(source: str) -> str:
    return f"(SELECT array_agg(id) FROM {source})" if source else "NULL::bigint[]"


async def _exchange_on_sqlite(
    db: BaseDBAsyncClient, claim_id: int, turn: Turn, now: datetime, lease: float
) -> Exchanged:
    """The same step by step: there is one writer at a time."""
    marked = []
    async with in_transaction():
        held = await fetch(_RENEW.format(later=after_by(db, "$2"), now=now_by(db)), claim_id, lease)
        accept = _ACCEPT.replace("{at}", "$2")
        done = await _settle_on_sqlite(db, accept, ACCEPTED, turn.accepted, claim_id, turn.accepted_at)
        done |= await _settle_on_sqlite(db, _SETTLE.replace("{now}", now_by(db)), SETTLED, turn.settled, claim_id)
        if held and turn.marks["id"]:
            tables, given = with_tables(db, {"rows": (MARKS, turn.marks)}, 4)
            is_open = _OPEN.format(channel="$2", occurrence="$3", now="$4")
            mark = f"{_MARK.format(rows=tables['rows'], held='')} AND {is_open} RETURNING id"
            asked = (claim_id, held[0]["channel"], held[0]["occurrence_id"], now)
            marked = [row[0] for row in await fetch(mark, *asked, *given)]
        [(wait,)] = await fetch(f"SELECT {_RECEIPTS_WAIT}")
    return Exchanged(frozenset(done), frozenset(marked), bool(wait))


async def _settle_on_sqlite(
    db: BaseDBAsyncClient, sql: str, types: Mapping[str, str], rows: Columns, *params: Any
) -> set[int]:
    """Returns the ids written."""
    if not rows["id"]:
        return set()
    tables, given = with_tables(db, {"rows": (types, rows)}, len(params))
    done = {row[0] for row in await fetch(f"{sql.format(rows=tables['rows'])} RETURNING id", *params, *given)}
    if touched := done & {one for one, touch in zip(rows["id"], rows["touch"], strict=True) if touch}:
        await run(f"{_TOUCH} FROM messages WHERE id {ids_in(db, '$1')}", id_list(db, touched))
    return done


async def resolve_unknown(rows: Columns) -> set[int]:
    """Write what became of messages of unknown outcome. Returns the ids written."""
    db = connection()
    tables, given = with_tables(db, {"rows": (SETTLED, rows)}, 0)
    if not rows["id"]:
        return set()
    settle = _SETTLE.format(rows=tables["rows"], now=now_by(db)).replace(
        "messages.state = 'sending' AND messages.claim_id = $1", "messages.state = 'unknown'"
    )
    return {row[0] for row in await fetch(f"{settle} RETURNING messages.id", *given)}


async def add_missing_touches(message_ids: Sequence[int], now: datetime) -> None:
    """One outbound touch for each message that has none yet."""
    db = connection()
    await run(
        f"""
        {_TOUCH.replace("sent_at", "coalesce(sent_at, $2)")} FROM messages m WHERE m.id {ids_in(db, "$1")}
          AND NOT EXISTS (
            SELECT 1 FROM touches t WHERE t.member_id = m.member_id AND t.message_id = m.id AND t.direction = 'out')
        """,
        id_list(db, message_ids),
        now,
    )


async def sign_touches(message_ids: Collection[int]) -> None:
    """The name in their occurrence (`by`) into the touches of these messages."""
    db = connection()
    listed = ids_in(db, "$1")
    await run(
        f"""
        UPDATE touches SET "by" = (
          SELECT o.extra ->> 'by' FROM messages m JOIN occurrences o ON o.id = m.occurrence_id
          WHERE m.id = touches.message_id)
        WHERE direction = 'out' AND member_id IN (SELECT member_id FROM messages WHERE id {listed})
          AND message_id IN (
            SELECT m.id FROM messages m JOIN occurrences o ON o.id = m.occurrence_id
            WHERE m.id {listed} AND o.extra ->> 'by' <> '')
        """,
        id_list(db, message_ids),
    )
