# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""Job seekers are introduced to members that look for them, and members invited to fairs, each pair once."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0015_tiers")]

    operations = [
        ops.AddField(model_name="Seeker", name="mobile", field=fields.CharField(null=True, max_length=20)),
        ops.AddField(model_name="Seeker", name="email", field=fields.CharField(null=True, max_length=254)),
        ops.AddField(
            model_name="Seeker", name="consent", field=fields.CharField(default="", db_default="", max_length=8)
        ),
        ops.AddField(
            model_name="Seeker",
            name="consent_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="Seeker", name="consent_by", field=fields.CharField(default="", db_default="", max_length=64)
        ),
        ops.AddField(model_name="Seeker", name="read_job", field=fields.CharField(null=True, max_length=128)),
        ops.AddIndex(model_name="Seeker", index=Index(fields=["registered_at"], name="seekers_registered")),
        ops.CreateModel(
            name="SeekerOccupation",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "seeker",
                    fields.ForeignKeyField(
                        "campaigns.Seeker",
                        source_field="seeker_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="occupations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("occupation", fields.CharField(max_length=32)),
            ],
            options={
                "table": "seeker_occupations",
                "app": "campaigns",
                "unique_together": (("occupation", "seeker"),),
                "indexes": [Index(fields=["seeker_id"], name="seeker_occupations_seeker")],
                "pk_attr": "id",
                "table_description": "What a seeker's wanted job names, as matching reads it. Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Introduction",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "member",
                    fields.ForeignKeyField(
                        "campaigns.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="introductions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "seeker",
                    fields.ForeignKeyField(
                        "campaigns.Seeker",
                        source_field="seeker_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="introductions",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("posting_id", fields.IntField(null=True)),
                ("state", fields.CharField(max_length=16)),
                ("points", fields.SmallIntField(default=0)),
                ("grounds", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("proposed_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("asked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("introduced_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("reason", fields.CharField(default="", max_length=255)),
                ("by", fields.CharField(default="", max_length=64)),
                ("message_id", fields.BigIntField(null=True)),
                ("seeker_words", fields.TextField(default="", unique=False)),
                ("told_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "introductions",
                "app": "campaigns",
                "unique_together": (("member", "seeker"),),
                "indexes": [Index(fields=["seeker_id", "introduced_at"], name="introductions_seeker")],
                "pk_attr": "id",
                "table_description": "介绍: a seeker and a member, one row for ever. Owned by campaigns.introductions.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Fair",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(max_length=128)),
                ("kind", fields.CharField(max_length=8)),
                ("held_on", fields.DateField()),
                ("place", fields.CharField(default="", max_length=128)),
                ("occupations", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("capacity", fields.IntField(null=True)),
                ("state", fields.CharField(default="open", max_length=16)),
                ("source", fields.CharField(default="", max_length=128)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "fairs",
                "app": "campaigns",
                "indexes": [Index(fields=["held_on"], name="fairs_held_on")],
                "pk_attr": "id",
                "table_description": "招聘会: one that takes place, or a joint recruiting of similar enterprises. Owned by campaigns.fairs.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FairInvitation",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "fair",
                    fields.ForeignKeyField(
                        "campaigns.Fair",
                        source_field="fair_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="invitations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                (
                    "member",
                    fields.ForeignKeyField(
                        "campaigns.Member",
                        source_field="member_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="fair_invitations",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("state", fields.CharField(default="invited", max_length=16)),
                ("invited_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("answered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("message_id", fields.BigIntField(null=True)),
                ("touches", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("note", fields.CharField(default="", max_length=255)),
                ("by", fields.CharField(default="", max_length=64)),
            ],
            options={
                "table": "fair_invitations",
                "app": "campaigns",
                "unique_together": (("fair", "member"),),
                "indexes": [Index(fields=["member_id"], name="fair_invitations_member")],
                "pk_attr": "id",
                "table_description": "邀请: one enterprise and one fair, one row. Owned by campaigns.fairs.",
            },
            bases=["Model"],
        ),
    ]
