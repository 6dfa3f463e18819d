# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""The visit calendar: intensive care, absences, capacities, planned visits, conflicts."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0020_people")]

    operations = [
        ops.CreateModel(
            name="CarePeriod",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("starts_on", fields.DateField()),
                ("ends_on", fields.DateField()),
                ("reason", fields.CharField(max_length=255)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("closed_by", fields.CharField(default="", max_length=64)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "care_periods",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["member_id", "ends_on"], name="care_periods_member"),
                    Index(fields=["ends_on"], name="care_periods_end"),
                ],
                "pk_attr": "id",
                "table_description": "重点关注: intensive care of a member, from day to day. Owned by campaigns.visit_calendar.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Absence",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("owner", fields.CharField(max_length=64)),
                ("starts_on", fields.DateField()),
                ("ends_on", fields.DateField()),
                ("reason", fields.CharField(default="", max_length=255)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "absences",
                "app": "campaigns",
                "indexes": [Index(fields=["owner", "ends_on"], name="absences_owner")],
                "pk_attr": "id",
                "table_description": "请假: days on which a colleague visits nobody. Owned by campaigns.visit_calendar.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Capacity",
            fields=[
                ("owner", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("a_day", fields.IntField()),
            ],
            options={
                "table": "capacities",
                "app": "campaigns",
                "pk_attr": "owner",
                "table_description": "How many visits a day a colleague makes, where it is not the usual number. Owned by campaigns.visit_calendar.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="PlannedVisit",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("owner", fields.CharField(max_length=64)),
                ("day", fields.DateField()),
                ("kind", fields.CharField(max_length=16)),
                ("due", fields.DateField()),
                ("pinned_by", fields.CharField(default="", max_length=64)),
                ("task_id", fields.IntField(null=True)),
            ],
            options={
                "table": "planned_visits",
                "app": "campaigns",
                "unique_together": (("member_id", "day"),),
                "indexes": [
                    Index(fields=["day", "owner"], name="planned_visits_day"),
                    Index(fields=["owner", "day"], name="planned_visits_owner"),
                ],
                "pk_attr": "id",
                "table_description": "A visit as the calendar has it. Owned by campaigns.visit_calendar.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="VisitConflict",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("owner", fields.CharField(max_length=64)),
                ("lost", fields.CharField(max_length=16)),
                ("won", fields.CharField(max_length=16)),
                ("day", fields.DateField()),
                ("figures", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "visit_conflicts",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["owner", "day"], name="visit_conflicts_owner"),
                    Index(fields=["member_id"], name="visit_conflicts_member"),
                ],
                "pk_attr": "id",
                "table_description": "A rule of the visit calendar that lost, in the last plan. Owned by campaigns.visit_calendar.",
            },
            bases=["Model"],
        ),
    ]
