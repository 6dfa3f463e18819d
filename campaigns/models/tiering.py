"""How members came to their tiers: each night's tiering, and what a person decided."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class TierRun(Model):
    """客户分级: one night's tiering. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    at = fields.DatetimeField()
    members = fields.IntField(default=0)
    moved = fields.IntField(default=0)
    ended = fields.IntField(default=0)  # tiers given by hand that ended by themselves
    tiers: dict[str, int] = fields.JSONField(default=dict)
    rules: dict[str, object] = fields.JSONField(default=dict)

    class Meta:
        table = "tier_runs"


class TierOverride(Model):
    """人工定级: a tier given by hand, with reason and end. Owned by campaigns.members."""

    id = fields.IntField(primary_key=True)
    member_id = fields.IntField()
    tier = fields.CharField(8)
    reason = fields.CharField(255)
    until = fields.DateField()  # the last day, of Shanghai
    by = fields.CharField(64)
    at = fields.DatetimeField()
    ended_at = fields.DatetimeField(null=True)  # empty: in force

    class Meta:
        table = "tier_overrides"
        indexes = (Index(fields=("member_id",), name="tier_overrides_member"),)
