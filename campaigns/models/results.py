"""What came of a person's contact: its outcome, problems, promises, hiring plans. Each table names its owner."""

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class VisitOutcome(Model):
    """结果: what came of one contact by hand. Owned by campaigns.visit_outcomes."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(160, unique=True)  # of the form or message it came by: sent twice it counts once
    member_id = fields.IntField()
    contact_id = fields.IntField(null=True)
    visit_id = fields.IntField(null=True)  # the task it belongs to
    touch_id = fields.BigIntField(unique=True)
    at = fields.DatetimeField()
    medium = fields.CharField(16)
    result = fields.CharField(16)
    used = fields.CharField(8, default="")  # yes, partly, no
    effect = fields.CharField(8, default="")  # good, fair, none
    mood = fields.CharField(8, default="")  # glad, calm, annoyed
    next_step = fields.CharField(255, default="")
    next_on = fields.DateField(null=True)
    by = fields.CharField(64)

    class Meta:
        table = "visit_outcomes"
        indexes = (
            Index(fields=("member_id", "at"), name="visit_outcomes_member"),
            Index(fields=("at",), name="visit_outcomes_at"),
        )


class Problem(Model):
    """问题: what stands in the way of a member. Owned by campaigns.problems."""

    id = fields.BigIntField(primary_key=True)
    member_id = fields.IntField()
    outcome_id = fields.BigIntField(null=True)
    visit_id = fields.IntField(null=True)  # the task it became
    category = fields.CharField(32)
    cause = fields.CharField(255, default="")
    fault = fields.CharField(8)  # site, member, market
    owner = fields.CharField(64, default="")
    opened_at = fields.DatetimeField()
    opened_by = fields.CharField(64)
    solved_at = fields.DatetimeField(null=True)
    solved_by = fields.CharField(64, default="")
    told_at = fields.DatetimeField(null=True)  # the member was told that it is mended

    class Meta:
        table = "problems"
        indexes = (
            Index(fields=("solved_at", "opened_at"), name="problems_open"),
            Index(fields=("category", "opened_at"), name="problems_category"),
            Index(fields=("member_id",), name="problems_member"),
        )


class Promise(Model):
    """答应的事: what was promised, and until when. Owned by campaigns.promises."""

    id = fields.BigIntField(primary_key=True)
    member_id = fields.IntField()
    outcome_id = fields.BigIntField(null=True)
    visit_id = fields.IntField(null=True)  # the task that reminds of it
    what = fields.TextField()
    due_on = fields.DateField()
    owner = fields.CharField(64, default="")
    state = fields.CharField(8, default="open")  # open, kept, broken
    made_at = fields.DatetimeField()
    settled_at = fields.DatetimeField(null=True)
    settled_by = fields.CharField(64, default="")

    class Meta:
        table = "promises"
        indexes = (
            Index(fields=("state", "due_on"), name="promises_due"),
            Index(fields=("member_id",), name="promises_member"),
        )


class HiringPlan(Model):
    """用工计划: a role, how many, from which month. Owned by campaigns.hiring_plans."""

    id = fields.BigIntField(primary_key=True)
    member_id = fields.IntField()
    outcome_id = fields.BigIntField(null=True)
    role = fields.CharField(128)
    heads = fields.IntField()
    month = fields.DateField()  # its first day
    told_at = fields.DatetimeField()  # the last time
    by = fields.CharField(64)
    visit_id = fields.IntField(null=True)  # the task that asks whether it still holds
    state = fields.CharField(8, default="open", db_default="open")  # open, hired, dropped
    closed_at = fields.DatetimeField(null=True)
    closed_by = fields.CharField(64, default="", db_default="")

    class Meta:
        table = "hiring_plans"
        indexes = (
            Index(fields=("month", "id"), name="hiring_plans_month"),
            Index(fields=("member_id", "month"), name="hiring_plans_member"),
        )
