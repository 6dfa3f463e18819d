"""Who cares for whom: members handed over, and what is to be reached in a month, and renewals."""

from datetime import date, datetime
from typing import Any

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model


class Transfer(Model):
    """移交: members given to somebody. Owned by campaigns.transfers."""

    id = fields.IntField(primary_key=True)
    owner = fields.CharField(64, default="")  # who has them now: a person, a department, or nobody
    members = fields.IntField(default=0)
    before: dict[str, list[int]] = fields.JSONField(default=dict)  # the owner there was → members
    moved: dict[str, Any] = fields.JSONField(default=dict)
    task_id = fields.IntField(null=True)  # the task by which the new owner is told
    by = fields.CharField(64)
    at: datetime = fields.DatetimeField()
    undone_at = fields.DatetimeField(null=True)

    class Meta:
        table = "transfers"


class Target(Model):
    """目标: what a person or a department is to reach. Owned by campaigns.targets."""

    id = fields.IntField(primary_key=True)
    month = fields.CharField(7)  # 2026-11
    who = fields.CharField(64)
    is_department = fields.BooleanField(default=False)
    kind = fields.CharField(16)  # visits, returns, renewals
    goal = fields.IntField()
    by = fields.CharField(64)
    at: datetime = fields.DatetimeField()

    class Meta:
        table = "targets"
        unique_together = (("month", "who", "is_department", "kind"),)


class Renewal(Model):
    """续费: a plan that was renewed, and whose the member was. Owned by campaigns.members."""

    id = fields.BigIntField(primary_key=True)
    member_id = fields.IntField()
    until: date = fields.DateField()  # the last day of the plan as renewed
    at: datetime = fields.DatetimeField()  # as the site told it; else when the new day was first seen
    owner = fields.CharField(64, default="")
    department = fields.CharField(64, default="")  # the owner's, or the owner where it is one
    source = fields.CharField(8)  # told, seen

    class Meta:
        table = "renewals"
        unique_together = (("member_id", "until"),)
        indexes = (Index(fields=("at",), name="renewals_at"),)
