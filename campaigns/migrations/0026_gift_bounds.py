# ruff: noqa: RUF012 (as Tortoise writes them)
"""Who of a higher tier bounds what a member is given."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0025_owners")]

    operations = [
        ops.AddField(model_name="GiftLine", name="held_by", field=fields.IntField(null=True)),
    ]
