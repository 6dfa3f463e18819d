# ruff: noqa: RUF012 (as Tortoise writes them)
"""Festival gifts: items in store, tastes, plans and their lines."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0017_interface")]

    operations = [
        ops.CreateModel(
            name="GiftItem",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(unique=True, max_length=64)),
                ("value", fields.IntField()),
                ("stock", fields.IntField(default=0)),
                ("tastes", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("house", fields.BooleanField(default=False)),
                ("active", fields.BooleanField(default=True)),
            ],
            options={
                "table": "gift_items",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "礼品: one kind of gift in store. Owned by campaigns.gift_ledger.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GiftTaste",
            fields=[
                ("member_id", fields.IntField(generated=False, primary_key=True, unique=True, db_index=True)),
                ("likes", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("dislikes", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("takes_none", fields.BooleanField(default=False)),
            ],
            options={
                "table": "gift_tastes",
                "app": "campaigns",
                "pk_attr": "member_id",
                "table_description": "What a member likes to be given, and what not. Owned by campaigns.gift_ledger.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GiftPlan",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("festival", fields.CharField(unique=True, max_length=64)),
                ("day", fields.DateField()),
                ("rule", fields.TextField()),
                ("budget", fields.IntField()),
                ("levels", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("manners", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("state", fields.CharField(default="draft", max_length=16)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("approved_by", fields.CharField(default="", max_length=64)),
                ("approved_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "gift_plans",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "礼品计划: who gets what at one festival. Owned by campaigns.gift_ledger.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="GiftLine",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("plan_id", fields.IntField()),
                ("member_id", fields.IntField()),
                ("tier", fields.CharField(max_length=8)),
                ("manner", fields.CharField(max_length=16)),
                ("gifts", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("value", fields.IntField(default=0)),
                ("why", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("obstacle", fields.CharField(default="", max_length=16)),
                ("state", fields.CharField(default="planned", max_length=16)),
                ("note", fields.CharField(default="", max_length=255)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "gift_lines",
                "app": "campaigns",
                "unique_together": (("plan_id", "member_id"),),
                "indexes": [Index(fields=["member_id", "state"], name="gift_lines_member")],
                "pk_attr": "id",
                "table_description": "What one member gets in a plan. Owned by campaigns.gift_ledger.",
            },
            bases=["Model"],
        ),
    ]
