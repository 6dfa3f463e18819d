# ruff: noqa: RUF012 (as Tortoise writes them)
"""What the site says of a member's owner and primary contact, beside what colleagues decided."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

from campaigns.indexes import FilledIndex


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0024_plans")]

    operations = [
        ops.AddField(model_name="Member", name="site_owner", field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name="Member", name="owner_due", field=fields.CharField(null=True, max_length=64)),
        ops.AddIndex(
            model_name="Member",
            index=FilledIndex(fields=["owner_due"], name="members_owner_due", filled="owner_due"),
        ),
        ops.AddField(model_name="Contact", name="primary_ours", field=fields.BooleanField(null=True)),
    ]
