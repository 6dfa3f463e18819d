"""Every member's tier, from what the export holds: read the signals of all, assign, write what changed."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from campaigns import statements
from campaigns.statements import day, moment
from campaigns.terms import Tier
from campaigns.tiers import Assigned, TierSignals, assign_tiers

_RECENT = timedelta(days=90)
_CHUNK = 1000


async def assign_all_tiers(now: datetime) -> int:
    """Assign tiers as of `now`. Returns how many members moved to another tier."""
    assigned = assign_tiers(await _signals(now), now)
    await _write_in_step(_columns_of(assigned), now)
    return sum(one.tier is not one.detail.signals.previous for one in assigned)


async def _write_in_step(chunks: Iterable[statements.Columns], now: datetime) -> None:
    """The words of the next chunk are made while the database writes the last."""
    writing: asyncio.Future[None] = asyncio.ensure_future(asyncio.sleep(0))
    try:
        for chunk in chunks:
            await writing
            writing = asyncio.ensure_future(statements.write_tiers(chunk, now))
            await asyncio.sleep(0)  # lets it begin
        await writing
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)


def _columns_of(assigned: Sequence[Assigned]) -> Iterator[statements.Columns]:
    for start in range(0, len(assigned), _CHUNK):
        chunk = assigned[start : start + _CHUNK]
        yield {
            "id": [one.member_id for one in chunk],
            "tier": [one.tier for one in chunk],
            "score": [one.score for one in chunk],
            "reasons": [statements.as_json(one.reasons) for one in chunk],
        }


async def _signals(now: datetime) -> list[TierSignals]:
    hiring, viewing = await _hiring(now), await _viewing()
    members = await statements.fetch(
        """
        SELECT id, plan, plan_expires_on, login_count, last_login_at, registered_at, size, nature, tier, tier_since
        FROM members ORDER BY id
        """
    )
    return [_signal(row, hiring.get(row[0], (0, 0)), viewing.get(row[0], (None, None)), now) for row in members]


def _signal(
    row: Any, hiring: tuple[int, int], viewing: tuple[float | None, float | None], now: datetime
) -> TierSignals:
    member_id, plan, expires, logins, last_login, registered, size, nature, tier, since = row
    return TierSignals(
        member_id,
        plan,
        day(expires),
        logins,
        moment(last_login),
        moment(registered) or now,
        *hiring,
        size,
        nature,
        *viewing,
        Tier(tier) if since else None,
        moment(since),
    )


async def _hiring(now: datetime) -> Mapping[int, tuple[int, int]]:
    """Member id → heads wanted in live postings, postings published in the last 90 days."""
    rows = await statements.query(
        """
        SELECT member_id, sum(CASE WHEN state = 'live' THEN coalesce(heads, 1) ELSE 0 END) AS heads,
               sum(CASE WHEN published_at > $1 AND published_at <= $2 THEN 1 ELSE 0 END) AS recent
        FROM postings GROUP BY member_id
        """,
        now - _RECENT,
        now,
    )
    return {row["member_id"]: (int(row["heads"]), int(row["recent"])) for row in rows}


async def _viewing() -> Mapping[int, tuple[float, float | None]]:
    """Member id → share of its applications it has looked at, median hours until it did."""
    rows = await statements.query(
        """
        SELECT p.member_id, a.applied_at, a.first_viewed_at FROM applications a JOIN postings p ON p.id = a.posting_id
        """
    )
    received: dict[int, int] = defaultdict(int)
    hours: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        received[row["member_id"]] += 1
        applied, viewed = moment(row["applied_at"]), moment(row["first_viewed_at"])
        if viewed and applied:
            hours[row["member_id"]].append((viewed - applied) / timedelta(hours=1))
    return {
        member_id: (len(hours[member_id]) / count, median(hours[member_id]) if hours[member_id] else None)
        for member_id, count in received.items()
    }
