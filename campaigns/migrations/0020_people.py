# ruff: noqa: RUF012 (as Tortoise writes them)
"""Members handed over, the stage each has come to, and what colleagues are to reach in a month."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0019_sites")]

    operations = [
        ops.CreateModel(
            name="Transfer",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("owner", fields.CharField(default="", max_length=64)),
                ("members", fields.IntField(default=0)),
                ("before", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("moved", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("task_id", fields.IntField(null=True)),
                ("by", fields.CharField(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("undone_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "transfers",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "移交: members given to somebody. Owned by campaigns.transfers.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Target",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("month", fields.CharField(max_length=7)),
                ("who", fields.CharField(max_length=64)),
                ("is_department", fields.BooleanField(default=False)),
                ("kind", fields.CharField(max_length=16)),
                ("goal", fields.IntField()),
                ("by", fields.CharField(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "targets",
                "app": "campaigns",
                "unique_together": (("month", "who", "is_department", "kind"),),
                "pk_attr": "id",
                "table_description": "目标: what a person or a department is to reach. Owned by campaigns.targets.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Member", name="stage", field=fields.CharField(default="", db_default="", max_length=16)
        ),
        ops.AddField(
            model_name="Member",
            name="stage_since",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(model_name="Member", name="renewal_seen_on", field=fields.DateField(null=True)),
        ops.AddField(
            model_name="Member",
            name="renewed_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
