# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""The console: what staff make at their desks; who wrote a touch, who closed a task, a member's initials."""

from orjson import loads
from tortoise import fields, migrations
from tortoise.fields.data import JSON_DUMPS
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0006_staff")]

    operations = [
        ops.CreateModel(
            name="ApiToken",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(unique=True, max_length=64)),
                ("digest", fields.CharField(unique=True, max_length=64)),
                ("hint", fields.CharField(default="", max_length=8)),
                ("rights", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
                ("by", fields.CharField(default="", max_length=64)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("revoked_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "api_tokens",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "A key for a program, only as a digest. Owned by campaigns.api_tokens.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Approval",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("campaign", fields.CharField(max_length=64)),
                ("version_id", fields.IntField()),
                ("audience", fields.IntField(default=0)),
                ("asked_by", fields.CharField(max_length=64)),
                ("asked_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("decided_by", fields.CharField(default="", max_length=64)),
                ("decided_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("verdict", fields.CharField(default="", max_length=16)),
                ("reason", fields.CharField(default="", max_length=255)),
            ],
            options={
                "table": "approvals",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["campaign", "id"], name="approvals_campaign"),
                    Index(fields=["verdict", "asked_at"], name="approvals_verdict"),
                ],
                "pk_attr": "id",
                "table_description": "送审: a campaign as it was when somebody asked to send it, and the answer. Owned by campaigns.approvals.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CannedAnswer",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("title", fields.CharField(unique=True, max_length=64)),
                ("text", fields.TextField(unique=False)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "canned_answers",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "常用语: words staff say again and again, with variables. Owned by campaigns.conversations.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Conversation",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField(unique=True)),
                ("state", fields.CharField(default="waiting", max_length=16)),
                ("assigned", fields.CharField(default="", max_length=64)),
                ("taken_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("heard_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("answered_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("medium", fields.CharField(max_length=16)),
                ("contact_id", fields.IntField(null=True)),
                ("touch_id", fields.BigIntField(null=True)),
                ("intent", fields.CharField(default="", max_length=24)),
                ("follow_up_on", fields.DateField(null=True)),
                ("closed_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "conversations",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["state", "heard_at"], name="conversations_state"),
                    Index(fields=["assigned", "state"], name="conversations_assigned"),
                ],
                "pk_attr": "id",
                "table_description": "会话: one for each member who ever answered. Owned by campaigns.conversations.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Correction",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("touch_id", fields.BigIntField(unique=True)),
                ("text", fields.TextField(unique=False)),
                ("was", fields.CharField(max_length=24)),
                ("now", fields.CharField(max_length=24)),
                ("by", fields.CharField(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "corrections",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "A meaning that a person put right: a row of the keyword table's tests. Owned by campaigns.conversations.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="CustomField",
            fields=[
                ("name", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("label", fields.CharField(default="", max_length=64)),
                ("kind", fields.CharField(default="text", max_length=16)),
                ("shown", fields.JSONField(default=list, encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={
                "table": "custom_fields",
                "app": "campaigns",
                "pk_attr": "name",
                "table_description": "自定义字段: a column of the export the site added, and where staff see it. Owned by campaigns.custom_fields.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="FileEdit",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("folder", fields.CharField(max_length=64)),
                ("file", fields.CharField(max_length=64)),
                ("text", fields.TextField(null=True, unique=False)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "file_edits",
                "app": "campaigns",
                "indexes": [Index(fields=["folder", "file", "id"], name="file_edits_newest")],
                "pk_attr": "id",
                "table_description": "A file of templates/ as somebody on the staff wrote it, the newest stands. Owned by campaigns.edits.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="ImportRun",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("state", fields.CharField(default="uploaded", max_length=16)),
                ("folder", fields.CharField(max_length=255)),
                ("columns", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("progress", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("report", fields.JSONField(default=dict, encoder=JSON_DUMPS, decoder=loads)),
                ("note", fields.CharField(default="", max_length=255)),
                ("by", fields.CharField(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("seen_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("done_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "imports",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "导入: files somebody uploaded, how their columns are read, how far it is. Owned by campaigns.imports.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Note",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("text", fields.TextField(unique=False)),
                ("by", fields.CharField(max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notes",
                "app": "campaigns",
                "indexes": [Index(fields=["member_id", "at"], name="notes_member")],
                "pk_attr": "id",
                "table_description": "备注: what a colleague wrote about a member, for colleagues. Owned by campaigns.remarks.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SavedSegment",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("name", fields.CharField(unique=True, max_length=64)),
                ("rule", fields.TextField(unique=False)),
                ("by", fields.CharField(default="", max_length=64)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "saved_segments",
                "app": "campaigns",
                "pk_attr": "id",
                "table_description": "分群: a rule that was given a name. Owned by campaigns.saved_segments.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SavedView",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("staff_id", fields.IntField()),
                ("page", fields.CharField(max_length=32)),
                ("name", fields.CharField(max_length=64)),
                ("query", fields.CharField(max_length=1024)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "saved_views",
                "app": "campaigns",
                "unique_together": (("staff_id", "page", "name"),),
                "pk_attr": "id",
                "table_description": "A list as one person likes to see it: its address and its name. Owned by campaigns.saved_views.",
            },
            bases=["Model"],
        ),
        ops.AddField(
            model_name="Member",
            name="initials",
            field=fields.CharField(default="", db_default="", max_length=64),
        ),
        ops.AddField(
            model_name="Touch",
            name="by",
            field=fields.CharField(default="", db_default="", max_length=64),
        ),
        ops.AddField(
            model_name="Visit",
            name="closed_by",
            field=fields.CharField(default="", db_default="", max_length=64),
        ),
    ]
