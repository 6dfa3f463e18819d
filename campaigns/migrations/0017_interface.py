# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""Other programs: answers kept under a key, webhooks and what they are to be told, whose members a token sees."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from campaigns.indexes import FilledIndex


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0016_matching")]

    operations = [
        ops.CreateModel(
            name="ApiAnswer",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("token_id", fields.IntField()),
                ("key", fields.CharField(max_length=128)),
                ("digest", fields.CharField(max_length=64)),
                ("status", fields.SmallIntField(null=True)),
                ("body", fields.TextField(default="", unique=False)),
                ("made_at", fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "api_answers",
                "app": "campaigns",
                "unique_together": (("token_id", "key"),),
                "pk_attr": "id",
                "table_description": "What a program was answered under its key, for a day. Owned by campaigns.api_answers.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Webhook",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("url", fields.CharField(unique=True, max_length=500)),
                ("kinds", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("state", fields.CharField(default="on", max_length=16)),
                ("note", fields.CharField(default="", max_length=255)),
                ("generation", fields.IntField(default=1)),
                ("old_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("failing_since", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("by", fields.CharField(default="", max_length=64)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "webhooks",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "Where another program is told what happened. Owned by campaigns.webhooks.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("webhook_id", fields.IntField()),
                ("event_id", fields.CharField(max_length=40)),
                ("kind", fields.CharField(max_length=16)),
                ("body", fields.TextField(unique=False)),
                ("state", fields.CharField(default="due", max_length=8)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("due_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("attempts", fields.IntField(default=0)),
                ("tried_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("status", fields.SmallIntField(null=True)),
                ("problem", fields.CharField(default="", max_length=255)),
            ],
            options={
                "table": "webhook_deliveries",
                "app": "campaigns",
                "unique_together": (("webhook_id", "event_id"),),
                "indexes": [
                    Index(fields=["webhook_id", "id"], name="webhook_deliveries_log"),
                    FilledIndex(fields=["webhook_id", "due_at"], name="webhook_deliveries_due", filled="due_at"),
                ],
                "pk_attr": "id",
                "table_description": "One thing that happened, for one webhook. Owned by campaigns.webhooks.",
            },
            bases=["Model"],
        ),
        ops.AddField(model_name="ApiToken", name="department", field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name="ApiToken", name="per_minute", field=fields.IntField(null=True)),
    ]
