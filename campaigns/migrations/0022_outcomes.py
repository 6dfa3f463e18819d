# ruff: noqa: RUF012 (as Tortoise writes them)
"""What came of a person's contact: outcomes, problems, promises, hiring plans."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0021_calendar")]

    operations = [
        ops.CreateModel(
            name="VisitOutcome",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", fields.CharField(unique=True, max_length=160)),
                ("member_id", fields.IntField()),
                ("contact_id", fields.IntField(null=True)),
                ("visit_id", fields.IntField(null=True)),
                ("touch_id", fields.BigIntField(unique=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("medium", fields.CharField(max_length=16)),
                ("result", fields.CharField(max_length=16)),
                ("used", fields.CharField(default="", max_length=8)),
                ("effect", fields.CharField(default="", max_length=8)),
                ("mood", fields.CharField(default="", max_length=8)),
                ("next_step", fields.CharField(default="", max_length=255)),
                ("next_on", fields.DateField(null=True)),
                ("by", fields.CharField(max_length=64)),
            ],
            options={
                "table": "visit_outcomes",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["member_id", "at"], name="visit_outcomes_member"),
                    Index(fields=["at"], name="visit_outcomes_at"),
                ],
                "pk_attr": "id",
                "table_description": "结果: what came of one contact by hand. Owned by campaigns.visit_outcomes.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Problem",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("outcome_id", fields.BigIntField(null=True)),
                ("visit_id", fields.IntField(null=True)),
                ("category", fields.CharField(max_length=32)),
                ("cause", fields.CharField(default="", max_length=255)),
                ("fault", fields.CharField(max_length=8)),
                ("owner", fields.CharField(default="", max_length=64)),
                ("opened_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("opened_by", fields.CharField(max_length=64)),
                ("solved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("solved_by", fields.CharField(default="", max_length=64)),
                ("told_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "problems",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["solved_at", "opened_at"], name="problems_open"),
                    Index(fields=["category", "opened_at"], name="problems_category"),
                    Index(fields=["member_id"], name="problems_member"),
                ],
                "pk_attr": "id",
                "table_description": "问题: what stands in the way of a member. Owned by campaigns.problems.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Promise",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("outcome_id", fields.BigIntField(null=True)),
                ("visit_id", fields.IntField(null=True)),
                ("what", fields.TextField(unique=False)),
                ("due_on", fields.DateField()),
                ("owner", fields.CharField(default="", max_length=64)),
                ("state", fields.CharField(default="open", max_length=8)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("settled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("settled_by", fields.CharField(default="", max_length=64)),
            ],
            options={
                "table": "promises",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["state", "due_on"], name="promises_due"),
                    Index(fields=["member_id"], name="promises_member"),
                ],
                "pk_attr": "id",
                "table_description": "答应的事: what was promised, and until when. Owned by campaigns.promises.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="HiringPlan",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("outcome_id", fields.BigIntField(null=True)),
                ("role", fields.CharField(max_length=128)),
                ("heads", fields.IntField()),
                ("month", fields.DateField()),
                ("told_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("by", fields.CharField(max_length=64)),
            ],
            options={
                "table": "hiring_plans",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["month", "id"], name="hiring_plans_month"),
                    Index(fields=["member_id", "month"], name="hiring_plans_member"),
                ],
                "pk_attr": "id",
                "table_description": "用工计划: a role, how many, from which month. Owned by campaigns.hiring_plans.",
            },
            bases=["Model"],
        ),
    ]
