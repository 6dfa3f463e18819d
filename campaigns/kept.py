"""Numbers that take long to count, kept beside what they were counted of, for pages that ask again and again.

Two ways to know that one still holds: `stamp`, which says what it was counted of and must be the same; and its age by
the database's clock. Nothing else reads this table, and losing it costs only time.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from campaigns import statements

_FORGOTTEN_AFTER = timedelta(days=30)


async def read_kept(keys: Sequence[str], within: timedelta = _FORGOTTEN_AFTER) -> dict[str, tuple[str, Any]]:
    """Key → (stamp, what was found), of those that are there and no older than `within`."""
    db = statements.connection()
    names = {_name(key): key for key in keys}
    rows = await statements.query(
        f"""
        SELECT key, stamp, found FROM kept_counts
        WHERE key {statements.ids_in(db, "$1", "text")} AND at > {_ago(within)}
        """,
        statements.id_list(db, list(names)),
    )
    return {names[row["key"]]: (row["stamp"], orjson.loads(row["found"])) for row in rows}


async def keep(found: Mapping[str, tuple[str, Any]]) -> None:
    """As read_kept gives them. Of two who keep the same, the later one is right."""
    rows = sorted((_name(key), stamp, orjson.dumps(what).decode()) for key, (stamp, what) in found.items())
    await statements.fetch_for(
        f"""
        INSERT INTO kept_counts (key, stamp, found, at)
        SELECT {{columns}}, {_ago(timedelta())} FROM {{rows}} WHERE TRUE
        ON CONFLICT (key) DO UPDATE SET stamp = EXCLUDED.stamp, found = EXCLUDED.found, at = EXCLUDED.at
        """,
        {"key": "text", "stamp": "text", "found": "text"},
        {"key": [row[0] for row in rows], "stamp": [row[1] for row in rows], "found": [row[2] for row in rows]},
    )
    await statements.run(f"DELETE FROM kept_counts WHERE at < {_ago(_FORGOTTEN_AFTER)}")


async def owners_stamp() -> str:
    """Another one whenever a member went from one colleague to another (a trigger notes it, migration 0012)."""
    rows = await statements.query("SELECT key, stamp FROM kept_counts WHERE key LIKE 'owners/%' ORDER BY key")
    return digest([(row["key"], row["stamp"]) for row in rows])


def digest(what: object) -> str:
    """A stamp of plain values: equal where these are."""
    return hashlib.sha256(repr(what).encode()).hexdigest()


def _name(key: str) -> str:
    return key if len(key) <= 64 else digest(key)


def _ago(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    if statements.is_postgres(statements.connection()):
        return f"clock_timestamp() - interval '{seconds} seconds'"
    return f"strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', '-{seconds} seconds')"
