# ruff: noqa: RUF012 (as Tortoise writes them)
"""What pages of the console count and sort by at a hundred thousand members; all of it seldom changes in a row."""

from tortoise import migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from campaigns.indexes import FilledIndex


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0010_settings")]

    operations = [
        ops.AddIndex(model_name="Member", index=Index(fields=["owner", "tier", "id"], name="members_owner")),
        ops.AddIndex(
            model_name="Member",
            index=FilledIndex(fields=["plan_expires_on"], name="members_renewal", filled="plan_expires_on"),
        ),
        ops.AddIndex(model_name="Visit", index=Index(fields=["state", "closed_at", "id"], name="visits_closed")),
        ops.AddIndex(model_name="Conversation", index=Index(fields=["heard_at", "id"], name="conversations_heard")),
    ]
