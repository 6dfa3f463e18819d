"""Every member's tier, from what the export holds: read the signals of all, assign, write what changed."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median

from campaigns import statements
from campaigns.models import Member
from campaigns.terms import Tier
from campaigns.tiers import TierSignals, assign_tiers

_RECENT = timedelta(days=90)
_CHUNK = 1000


async def assign_all_tiers(now: datetime) -> int:
    """Assign tiers as of `now`. Returns how many members moved to another tier."""
    signals = await _signals(now)
    before = {one.member_id: one.previous for one in signals}
    assigned = assign_tiers(signals, now) if signals else []
    for start in range(0, len(assigned), _CHUNK):
        rows = [
            {"id": one.member_id, "tier": one.tier, "score": one.score, "reasons": list(one.reasons)}
            for one in assigned[start : start + _CHUNK]
        ]
        await statements.write_tiers(rows, now)
    return sum(one.tier is not before[one.member_id] for one in assigned)


async def _signals(now: datetime) -> list[TierSignals]:
    hiring = await _hiring(now)
    viewing = await _viewing()
    return [
        TierSignals(
            member_id=member["id"],
            plan=member["plan"],
            plan_expires_on=member["plan_expires_on"],
            login_count=member["login_count"],
            last_login_at=member["last_login_at"],
            registered_at=member["registered_at"] or now,
            open_heads=hiring.get(member["id"], (0, 0))[0],
            postings_90d=hiring.get(member["id"], (0, 0))[1],
            size=member["size"],
            nature=member["nature"],
            viewed_share=viewing.get(member["id"], (None, None))[0],
            median_view_hours=viewing.get(member["id"], (None, None))[1],
            previous=Tier(member["tier"]) if member["tier_since"] else None,
            previous_since=member["tier_since"],
        )
        for member in await Member.all()
        .order_by("id")
        .values(
            "id",
            "plan",
            "plan_expires_on",
            "login_count",
            "last_login_at",
            "registered_at",
            "size",
            "nature",
            "tier",
            "tier_since",
        )
    ]


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
        applied, viewed = statements.moment(row["applied_at"]), statements.moment(row["first_viewed_at"])
        if viewed and applied:
            hours[row["member_id"]].append((viewed - applied) / timedelta(hours=1))
    return {
        member_id: (len(hours[member_id]) / count, median(hours[member_id]) if hours[member_id] else None)
        for member_id, count in received.items()
    }
