"""人工定级: a tier a colleague gave a member, why and until when. It ends by itself, or by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tortoise.queryset import QuerySet
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.errors import InputError
from campaigns.models import Member, TierOverride
from campaigns.terms import SHANGHAI, Tier

LONGEST_REASON = 60
LONGEST_DAYS = 366


@dataclass(frozen=True, slots=True)
class Override:
    """`until` is its last day, of Shanghai."""

    member_id: int
    tier: Tier
    reason: str
    until: date
    by: str
    at: datetime
    ended_at: datetime | None = None


async def set_tier(member_id: int, tier: Tier, reason: str, until: date, *, by: str, now: datetime) -> None:
    """In force at once and until the night after its last day; the one before it ends. Raises InputError."""
    reason, today = reason.strip(), now.astimezone(SHANGHAI).date()
    if not 0 < len(reason) <= LONGEST_REASON:
        raise InputError(f"写一句为什么，最多{LONGEST_REASON}个字 (a reason of up to {LONGEST_REASON} letters)")
    if not today <= until <= today + timedelta(days=LONGEST_DAYS):
        raise InputError("到期日从今天到一年后 (until: from today to a year ahead)")
    async with in_transaction():
        await Member.filter(id=member_id).select_for_update(no_key=True).first()
        await _in_force(member_id).update(ended_at=now)
        await TierOverride.create(member_id=member_id, tier=tier, reason=reason, until=until, by=by, at=now)
        await Member.filter(id=member_id).update(tier=tier, tier_since=now)


async def end_override(member_id: int, *, now: datetime) -> Override | None:
    """Back to the tier of the score at once. None where none was in force."""
    async with in_transaction():
        await Member.filter(id=member_id).select_for_update(no_key=True).first()
        row = await _in_force(member_id).first()
        if row is None:
            return None
        await _give_back([row], now)
    return _override(row)


async def end_overrides(now: datetime) -> list[Override]:
    """Those whose last day is over. To be called in a transaction with what is told of it."""
    today = now.astimezone(SHANGHAI).date()
    rows = await TierOverride.filter(ended_at=None, until__lt=today).order_by("id")
    await _give_back(rows, now)
    return [_override(row) for row in rows]


async def override_of(member_id: int) -> Override | None:
    """The one in force."""
    row = await _in_force(member_id).order_by("-id").first()
    return _override(row) if row else None


async def fixed_tiers() -> Mapping[int, Tier]:
    """Member id → the tier a colleague gave, of all in force."""
    rows = await TierOverride.filter(ended_at=None).order_by("id").values_list("member_id", "tier")
    return {member_id: Tier(tier) for member_id, tier in rows}


async def _give_back(rows: list[TierOverride], now: datetime) -> None:
    """Without a tier it has been in since when, the next tiering places a member by its rank alone."""
    if not rows:
        return
    await TierOverride.filter(id__in=[row.id for row in rows]).update(ended_at=now)
    db = statements.connection()
    await statements.run(
        f"""
        UPDATE members SET tier = coalesce(tier_by_rule, tier), tier_since = NULL
        WHERE id {statements.ids_in(db, "$1", "int")}
        """,
        statements.id_list(db, [row.member_id for row in rows]),
    )


def _in_force(member_id: int) -> QuerySet[TierOverride]:
    return TierOverride.filter(member_id=member_id, ended_at=None)


def _override(row: TierOverride) -> Override:
    return Override(row.member_id, Tier(row.tier), row.reason, row.until, row.by, row.at, row.ended_at)
