"""A night's tiering: what was decided by hand and is over ends, everybody is placed anew, and it is written down."""

from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns.audit import Action, record_audit
from campaigns.members.find import find_head_by_id
from campaigns.members.overrides import Override, end_overrides
from campaigns.members.standing import Run, keep_run
from campaigns.members.tiering import assign_all_tiers
from campaigns.tier_rules import TierRules


async def tier_members(now: datetime, rules: TierRules) -> Run:
    async with in_transaction():
        ended = await end_overrides(now)
        for one in ended:
            await _write_down(one, now)
    moved = await assign_all_tiers(now, rules)
    return await keep_run(rules, moved, len(ended), now)


async def _write_down(one: Override, now: datetime) -> None:
    """Nobody did it: it had an end from the beginning."""
    head = await find_head_by_id(one.member_id)
    if head:
        detail = {"tier": one.tier, "reason": one.reason, "until": one.until.isoformat()}
        await record_audit(Action.TIER_ENDED, at=now, subject=f"member/{head.no}", detail=detail)
