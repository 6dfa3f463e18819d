# ruff: noqa: RUF012 (as Tortoise writes them)
"""How alive a member's account is, from its logins, and the model of each night it was worked out with."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0012_kept")]

    operations = [
        ops.CreateModel(
            name="ActivityRun",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("reason", fields.CharField(max_length=16)),
                ("horizon_days", fields.FloatField()),
                ("r", fields.FloatField(null=True)),
                ("alpha_days", fields.FloatField(null=True)),
                ("a", fields.FloatField(null=True)),
                ("b", fields.FloatField(null=True)),
                ("log_likelihood", fields.FloatField(null=True)),
                ("members", fields.IntField(default=0)),
                ("came_back", fields.IntField(default=0)),
                ("by_last_login", fields.IntField(default=0)),
                ("states", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "activity_runs",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "活跃度: a model of one night and what came of it. Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Member",
            name="activity_state",
            field=fields.CharField(default="", db_default="", max_length=16),
        ),
        ops.AddField(model_name="Member", name="p_active", field=fields.FloatField(null=True)),
        ops.AddField(model_name="Member", name="expected_logins", field=fields.FloatField(null=True)),
        ops.AddField(
            model_name="Member",
            name="activity_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
    ]
