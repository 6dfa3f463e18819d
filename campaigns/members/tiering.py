"""Every member's tier: read the signals of all, assign, write what came of it beside what a colleague decided."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from campaigns import statements
from campaigns.members.overrides import fixed_tiers
from campaigns.statements import day, moment
from campaigns.terms import Tier, TouchKind
from campaigns.tier_rules import TierRules
from campaigns.tiers import Assigned, TierSignals, assign_tiers

_RECENT = timedelta(days=90)
_ANSWERS = timedelta(days=180)
_USUAL = TierRules()
_CHUNK = 1000


async def assign_all_tiers(now: datetime, rules: TierRules = _USUAL) -> int:
    """Assign tiers as of `now`. Returns how many members the score moved to another tier."""
    fixed = await fixed_tiers()
    assigned = assign_tiers(await _signals(now, fixed), now, rules)
    await _write_in_step(_columns_of(assigned, fixed), now)
    return sum(one.tier is not one.detail.signals.previous and one.member_id not in fixed for one in assigned)


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


def _columns_of(assigned: Sequence[Assigned], fixed: Mapping[int, Tier]) -> Iterator[statements.Columns]:
    for start in range(0, len(assigned), _CHUNK):
        chunk = assigned[start : start + _CHUNK]
        yield {
            "id": [one.member_id for one in chunk],
            "tier": [fixed.get(one.member_id, one.tier) for one in chunk],
            "by_rule": [one.tier for one in chunk],
            "score": [one.score for one in chunk],
            "reasons": [statements.as_json(one.reasons) for one in chunk],
            "parts": [_parts(one.detail.values) for one in chunk],
        }


def _parts(values: Sequence[float | None]) -> str:
    return ",".join("" if value is None else f"{value:.6f}" for value in values)


async def _signals(now: datetime, fixed: Mapping[int, Tier]) -> list[TierSignals]:
    hiring, viewing, answered = await _hiring(now), await _viewing(), await _answered(now)
    days = await _login_days(now)
    members = await statements.fetch(
        """
        SELECT id, plan, plan_expires_on, login_count, last_login_at, registered_at, size, nature, tier, tier_since,
          paid_12m, p_active
        FROM members ORDER BY id
        """
    )
    return [
        _signal(
            row,
            hiring.get(row[0], (0, 0)),
            viewing.get(row[0], (None, None)),
            now,
            placed=row[0] not in fixed,
            login_days=None if days is None else days.get(row[0], 0),
            answered=answered.get(row[0]),
        )
        for row in members
    ]


def _signal(
    row: Any,
    hiring: tuple[int, int],
    viewing: tuple[float | None, float | None],
    now: datetime,
    *,
    placed: bool,
    login_days: int | None,
    answered: float | None,
) -> TierSignals:
    """`placed`: by a score before. A tier a colleague gave is none to be kept."""
    member_id, plan, expires, logins, last_login, registered, size, nature, tier, since, paid, chance = row
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
        Tier(tier) if since and placed else None,
        moment(since) if placed else None,
        paid,
        chance,
        login_days,
        answered,
    )


async def _login_days(now: datetime) -> Mapping[int, int] | None:
    """Member id → days of the last 90 with a login; None where the site gives no log of them."""
    rows = await statements.count_login_days(now - _RECENT, now)
    if not rows and not await statements.fetch("SELECT 1 FROM logins LIMIT 1"):
        return None
    return {row[0]: int(row[1]) for row in rows}


async def _answered(now: datetime) -> Mapping[int, float]:
    """Member id → answers for each message of the last half year, 1 at most; who was not written to is left out."""
    rows = await statements.fetch(
        f"""
        SELECT member_id, sum(CASE WHEN kind = '{TouchKind.MESSAGE}' THEN 1 ELSE 0 END),
          sum(CASE WHEN kind = '{TouchKind.REPLY}' THEN 1 ELSE 0 END)
        FROM touches WHERE at > $1 AND at <= $2 AND kind IN ('{TouchKind.MESSAGE}', '{TouchKind.REPLY}')
        GROUP BY member_id
        """,
        now - _ANSWERS,
        now,
    )
    return {member_id: min(1.0, int(answers) / int(written)) for member_id, written, answers in rows if int(written)}


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
