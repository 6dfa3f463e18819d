# ruff: noqa: RUF012 (as Tortoise writes them)
"""What a tier is worked out from, each night's tiering, and the tiers given by hand."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0014_findings")]

    operations = [
        ops.CreateModel(
            name="TierRun",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("members", fields.IntField(default=0)),
                ("moved", fields.IntField(default=0)),
                ("ended", fields.IntField(default=0)),
                ("tiers", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("rules", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "tier_runs",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "客户分级: one night's tiering. Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="TierOverride",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("tier", fields.CharField(max_length=8)),
                ("reason", fields.CharField(max_length=255)),
                ("until", fields.DateField()),
                ("by", fields.CharField(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("ended_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "tier_overrides",
                "app": "campaigns",
                "indexes": [Index(fields=["member_id"], name="tier_overrides_member")],
                "pk_attr": "id",
                "table_description": "人工定级: a tier given by hand, with reason and end. Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.AddField(model_name="Member", name="paid_12m", field=fields.IntField(null=True)),
        ops.AddField(model_name="Member", name="tier_by_rule", field=fields.CharField(null=True, max_length=8)),
        ops.AddField(
            model_name="Member",
            name="findings",
            field=fields.CharField(default="", db_default="", max_length=255),
        ),
        ops.AddField(model_name="Member", name="tier_values", field=fields.CharField(null=True, max_length=64)),
    ]
