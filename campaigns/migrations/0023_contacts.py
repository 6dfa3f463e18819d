# ruff: noqa: RUF012 (as Tortoise writes them)
"""What a contact is to a visit: role, influence, interests; and similar postings found by occupation and city."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0022_outcomes")]

    operations = [
        ops.AddField(model_name="Contact", name="role", field=fields.CharField(null=True, max_length=16)),
        ops.AddField(model_name="Contact", name="influence", field=fields.IntField(null=True)),
        ops.AddField(model_name="Contact", name="interests", field=fields.CharField(null=True, max_length=255)),
        ops.AddIndex(model_name="Posting", index=Index(fields=["category", "city"], name="postings_peers")),
    ]
