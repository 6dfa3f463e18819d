# ruff: noqa: RUF012 (as Tortoise writes them)
"""When the site last told each field of a member and of a posting by an event, so that an older one undoes nothing;
and when a posting was found to be gone from the site."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0027_renewals")]

    operations = [
        ops.AddField(model_name="Member", name="told_at", field=fields.CharField(null=True, max_length=512)),
        ops.AddField(model_name="Posting", name="told_at", field=fields.CharField(null=True, max_length=512)),
        ops.AddField(model_name="Posting", name="gone_at", field=fields.DatetimeField(null=True)),
    ]
