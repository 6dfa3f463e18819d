# ruff: noqa: RUF012 (as Tortoise writes them)
"""What became of a hiring plan, and the task that asks about it."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0023_contacts")]

    operations = [
        ops.AddField(model_name="HiringPlan", name="visit_id", field=fields.IntField(null=True)),
        ops.AddField(
            model_name="HiringPlan",
            name="state",
            field=fields.CharField(default="open", db_default="open", max_length=8),
        ),
        ops.AddField(
            model_name="HiringPlan",
            name="closed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="HiringPlan",
            name="closed_by",
            field=fields.CharField(default="", db_default="", max_length=64),
        ),
    ]
