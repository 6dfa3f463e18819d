"""Deliveries to webhooks: written many at once, claimed one after the other, by the database's clock."""

from collections.abc import Mapping, Sequence
from typing import Any

from campaigns.statements.dialects import Columns, after_by, connection, fetch, fetch_for, is_postgres, now_by, run

_DELIVERY: Mapping[str, str] = {
    "webhook_id": "int",
    "event_id": "text",
    "kind": "text",
    "body": "text",
}


async def add_deliveries(rows: Columns) -> None:
    """Made and due now; one whose (webhook, event) is there already adds nothing."""
    now = now_by(connection())
    await fetch_for(
        f"""
        INSERT INTO webhook_deliveries ({", ".join(_DELIVERY)}, state, made_at, due_at, attempts, problem)
        SELECT {{columns}}, 'due', {now}, {now}, 0, '' FROM {{rows}} WHERE TRUE
        ON CONFLICT (webhook_id, event_id) DO NOTHING
        """,
        _DELIVERY,
        rows,
    )


async def webhooks_due() -> list[int]:
    """Those that are on and have something due."""
    db = connection()
    rows = await fetch(
        f"""
        SELECT w.id FROM webhooks w WHERE w.state = 'on' AND EXISTS (
          SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.due_at <= {now_by(db)})
        ORDER BY w.id
        """
    )
    return [row[0] for row in rows]


async def claim_delivery(webhook_id: int, lease: float) -> Sequence[Any]:
    """The sole right to send the oldest that is due, for `lease` seconds.

    Returns id, event_id, kind, body, attempts, made_at. The lease is its next `due_at`: what a dead sender held is sent
    again, and by nobody else sooner.
    """
    db = connection()
    lock = "FOR UPDATE OF d SKIP LOCKED" if is_postgres(db) else ""
    found = await fetch(
        f"""
        UPDATE webhook_deliveries SET due_at = {after_by(db, "$2")}, tried_at = {now_by(db)}, attempts = attempts + 1
        WHERE id = (
          SELECT d.id FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
          WHERE d.webhook_id = $1 AND d.due_at <= {now_by(db)} AND w.state = 'on'
          ORDER BY d.due_at, d.id LIMIT 1 {lock})
        RETURNING id, event_id, kind, body, attempts, made_at
        """,
        webhook_id,
        lease,
    )
    return found[0] if found else ()


async def put_off_delivery(delivery_id: int, seconds: float, status: int | None, problem: str) -> None:
    """Tried in vain: again after so many seconds."""
    await run(
        f"""
        UPDATE webhook_deliveries SET due_at = {after_by(connection(), "$2")}, status = $3, problem = $4
        WHERE id = $1 AND state = 'due'
        """,
        delivery_id,
        seconds,
        status,
        problem,
    )


async def send_again(delivery_id: int) -> int:
    """Due now, whatever became of it; its attempts are counted anew."""
    return await run(
        f"""
        UPDATE webhook_deliveries SET state = 'due', due_at = {now_by(connection())}, attempts = 0 WHERE id = $1
        """,
        delivery_id,
    )


async def hasten_deliveries(webhook_id: int) -> None:
    """All that waits for its next attempt is due now."""
    await run(
        f"UPDATE webhook_deliveries SET due_at = {now_by(connection())} WHERE webhook_id = $1 AND state = 'due'",
        webhook_id,
    )
