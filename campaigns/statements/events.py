"""The events' hot statements: what a group of a provider's receipts reads and writes, each in one statement.

Whoever writes a group holds its messages first, in the order of their ids, then adds its events in the order of
theirs: two groups wait for each other in one direction only. A message that somebody else holds is left out and not
waited for, so a sender, which holds many at once in an order of its own, cannot be waited for in a circle.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from campaigns.statements.dialects import (
    Columns,
    columns_of,
    connection,
    fetch,
    fetch_for,
    id_list,
    ids_in,
    is_postgres,
)

_EVENT: Mapping[str, str] = {
    "channel": "text",
    "event_id": "text",
    "kind": "text",
    "received_at": "timestamptz",
    "payload": "jsonb",
    "outcome": "text",
    "message_id": "bigint",
}
_SAID: Mapping[str, str] = {"id": "bigint", "state": "text", "code": "text", "at": "timestamptz"}
_TIMES: Mapping[str, str] = {"channel": "text", "event_id": "text", "times": "int"}


async def hold_receivable(
    message_ids: Collection[int], provider_ids: Collection[str], addresses: Collection[str]
) -> Sequence[Any]:
    """Messages by id, or by a provider's id and an address, held until the transaction ends.

    Rows of `id, channel, provider_id, address, state`; without those that somebody else holds.
    """
    db = connection()
    lock = "FOR NO KEY UPDATE SKIP LOCKED" if is_postgres(db) else ""
    named = f"""
        SELECT id FROM messages WHERE id {ids_in(db, "$1")}
        UNION ALL
        SELECT id FROM messages
        WHERE provider_id {ids_in(db, "$2", "text")} AND provider_id <> '' AND address {ids_in(db, "$3", "text")}
    """
    # an array is made up once; as a table it would be joined, and guessed to be large
    among = f"= ANY (ARRAY({named}))" if is_postgres(db) else f"IN ({named})"
    return await fetch(
        f"SELECT id, channel, provider_id, address, state FROM messages WHERE id {among} ORDER BY id {lock}",
        id_list(db, message_ids),
        id_list(db, provider_ids),
        id_list(db, addresses),
    )


async def add_events(rows: Sequence[Mapping[str, Any]]) -> list[tuple[int, str, str]]:
    """Add events, leaving out those whose (channel, event_id) is there already: (id, channel, event_id) of the new."""
    rows = sorted(rows, key=lambda row: (row["channel"], row["event_id"]))
    added = await fetch_for(
        f"""
        INSERT INTO events ({", ".join(_EVENT)}, repeats) SELECT {{columns}}, 0 FROM {{rows}} WHERE TRUE
        ON CONFLICT (channel, event_id) DO NOTHING RETURNING id, channel, event_id
        """,
        _EVENT,
        columns_of(rows, _EVENT),
    )
    return [(row[0], row[1], row[2]) for row in added]


async def count_repeats(times: Mapping[tuple[str, str], int]) -> set[tuple[str, str]]:
    """Count events, by (channel, event_id), that came again so often. Returns them without those not applied yet."""
    rows = [{"channel": channel, "event_id": name, "times": n} for (channel, name), n in sorted(times.items())]
    found = await fetch_for(
        """
        UPDATE events SET repeats = repeats + v.times FROM {rows}
        WHERE events.channel = v.channel AND events.event_id = v.event_id AND events.outcome <> ''
        RETURNING events.channel, events.event_id
        """,
        _TIMES,
        columns_of(rows, _TIMES),
    )
    return {(row[0], row[1]) for row in found}


async def record_receipts(said: Columns) -> set[int]:
    """What providers say of deliveries: `id, state, code, at`, one row a message. Returns the ids it was news for.

    Delivered never goes back. Of two that say the same the earlier stands.
    """
    written = await fetch_for(
        """
        UPDATE messages SET state = v.state, code = v.code, settled_at = v.at, ask_at = NULL,
          sent_at = coalesce(messages.sent_at, v.at)
        FROM {rows} WHERE messages.id = v.id AND (
          messages.state IN ('sent', 'unknown') OR (messages.state = 'bounced' AND v.state = 'delivered')
          OR (messages.state = v.state AND messages.settled_at > v.at))
        RETURNING messages.id
        """,
        _SAID,
        said,
    )
    return {row[0] for row in written}
