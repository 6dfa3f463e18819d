"""Logins by the day, counted by the database, and the scores of many members written at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from campaigns.statements.dialects import Columns, connection, fetch, fetch_for, is_postgres

# A day is Shanghai's. SQLite keeps moments in UTC; summer time ended before there were job sites.
_DAYS = {True: "({} AT TIME ZONE 'Asia/Shanghai')::date", False: "date({}, '+8 hours')"}


async def read_login_days(now: datetime) -> Sequence[Any]:
    """Of each member with logins until `now`: id, days after the day of registration, the last login."""
    day = _DAYS[is_postgres(connection())].format
    return await fetch(
        f"""
        SELECT l.member_id, count(DISTINCT CASE WHEN {day("l.at")} > {day("m.registered_at")} THEN {day("l.at")} END),
               max(l.at)
        FROM logins l JOIN members m ON m.id = l.member_id WHERE l.at <= $1 GROUP BY l.member_id
        """,
        now,
    )


async def count_login_days(since: datetime, now: datetime) -> Sequence[Any]:
    """Of each member with logins after `since` until `now`: id, on how many days of Shanghai."""
    day = _DAYS[is_postgres(connection())].format("at")
    return await fetch(
        f"SELECT member_id, count(DISTINCT {day}) FROM logins WHERE at > $1 AND at <= $2 GROUP BY member_id", since, now
    )


async def write_activity(scores: Columns, now: datetime) -> None:
    """Write `state`, `chance` and `expected` by `id`; the last two may be empty."""
    await fetch_for(
        """
        UPDATE members SET activity_state = v.state, p_active = v.chance, expected_logins = v.expected,
          activity_at = $1
        FROM {rows} WHERE members.id = v.id
        """,
        {"id": "int", "state": "text", "chance": "double precision", "expected": "double precision"},
        scores,
        now,
    )


async def write_stages(stages: Columns) -> None:
    """Write `stage`, `since` and the renewal `seen` by `id`; the last two may be empty."""
    await fetch_for(
        """
        UPDATE members SET stage = v.stage, stage_since = v.since, renewal_seen_on = v.seen
        FROM {rows} WHERE members.id = v.id
        """,
        {"id": "int", "stage": "text", "since": "timestamptz", "seen": "date"},
        stages,
    )
