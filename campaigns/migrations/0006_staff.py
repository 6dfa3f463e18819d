# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""The console: who may log in, the browsers that are logged in, the audit log."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_reach")]

    operations = [
        ops.CreateModel(
            name="AuditEntry",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("staff_id", fields.IntField(null=True)),
                ("who", fields.CharField(default="", max_length=64)),
                ("action", fields.CharField(max_length=32)),
                ("subject", fields.CharField(default="", max_length=128)),
                ("detail", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("came_from", fields.CharField(default="", max_length=64)),
            ],
            options={
                "table": "audit_entries",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["at"], name="audit_entries_at"),
                    Index(fields=["subject", "at"], name="audit_entries_subject"),
                ],
                "pk_attr": "id",
                "table_description": "审计: something staff changed, sent, took away or looked at. Append-only, owned by campaigns.audit.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StaffAccount",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("login", fields.CharField(unique=True, max_length=64)),
                ("name", fields.CharField(unique=True, max_length=64)),
                ("role", fields.CharField(max_length=16)),
                ("department", fields.CharField(default="", max_length=64)),
                ("grants", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("password", fields.CharField(max_length=255)),
                ("one_time", fields.BooleanField(default=True)),
                ("totp_secret", fields.CharField(default="", max_length=64)),
                ("totp_step", fields.BigIntField(default=0)),
                ("language", fields.CharField(default="zh", max_length=8)),
                ("active", fields.BooleanField(default=True)),
                ("failures", fields.IntField(default=0)),
                ("locked_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "staff",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "员工: a person who may log in. Owned by campaigns.staff.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="StaffSession",
            fields=[
                ("digest", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("staff_id", fields.IntField()),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("seen_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("browser", fields.CharField(default="", max_length=128)),
            ],
            options={
                "table": "staff_sessions",
                "app": "campaigns",
                "indexes": [Index(fields=["staff_id"], name="staff_sessions_staff")],
                "pk_attr": "digest",
                "table_description": "A browser that is logged in, its token only as a digest. Owned by campaigns.staff.",
            },
            bases=["Model"],
        ),
    ]
