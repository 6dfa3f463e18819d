"""Festival gifts: what lies in store, the plan of a festival, who gets what."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class GiftItem(Model):
    """礼品: one kind of gift in store. Owned by campaigns.gift_store."""

    id = fields.IntField(primary_key=True)
    name = fields.CharField(64, unique=True)
    value = fields.IntField()  # whole yuan
    stock = fields.IntField(default=0)  # pieces in store; those promised by an approved plan among them
    tastes: list[str] = fields.JSONField(default=list)
    house = fields.BooleanField(default=False)
    active = fields.BooleanField(default=True)

    class Meta:
        table = "gift_items"


class GiftTaste(Model):
    """What a member likes to be given, and what not. Owned by campaigns.gift_store."""

    member_id = fields.IntField(primary_key=True, generated=False)
    likes: list[str] = fields.JSONField(default=list)
    dislikes: list[str] = fields.JSONField(default=list)
    takes_none = fields.BooleanField(default=False)  # their rules forbid it

    class Meta:
        table = "gift_tastes"


class GiftPlan(Model):
    """礼品计划: who gets what at one festival. Owned by campaigns.gift_ledger.

    state: draft, approved, closed (called off or over).
    """

    id = fields.IntField(primary_key=True)
    festival = fields.CharField(64, unique=True)  # its key, as 春节-2027
    day = fields.DateField()
    rule = fields.TextField()  # of the segment it was made for
    budget = fields.IntField()  # whole yuan
    levels: dict[str, int] = fields.JSONField(default=dict)  # tier to the most in yuan
    manners: dict[str, str] = fields.JSONField(default=dict)  # tier to visit, call or message
    state = fields.CharField(16, default="draft")
    by = fields.CharField(64, default="")
    at = fields.DatetimeField()  # when it was reckoned
    approved_by = fields.CharField(64, default="")
    approved_at = fields.DatetimeField(null=True)

    class Meta:
        table = "gift_plans"


class GiftLine(Model):
    """What one member gets in a plan. Owned by campaigns.gift_ledger.

    state: planned, handed, refused (brought, not taken), dropped (taken out by hand).
    """

    id = fields.IntField(primary_key=True)
    plan_id = fields.IntField()
    member_id = fields.IntField()
    tier = fields.CharField(8)
    manner = fields.CharField(16)
    gifts: list[int] = fields.JSONField(default=list)  # ids of gift_items
    value = fields.IntField(default=0)
    why: list[str] = fields.JSONField(default=list)
    obstacle = fields.CharField(16, default="")
    held_by: int | None = fields.IntField(null=True)  # the member of a higher tier who gets no more
    state = fields.CharField(16, default="planned")
    note = fields.CharField(255, default="")
    by = fields.CharField(64, default="")
    at = fields.DatetimeField(null=True)  # of handing over, refusal, dropping

    class Meta:
        table = "gift_lines"
        unique_together = (("plan_id", "member_id"),)
        indexes = (Index(fields=("member_id", "state"), name="gift_lines_member"),)
