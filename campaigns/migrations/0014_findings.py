# ruff: noqa: RUF012 (as Tortoise writes them)
"""What a diagnosis asks of a posting beyond an export's columns; empty where the site does not tell it."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0013_activity")]

    operations = [
        ops.AddField(model_name="Posting", name="parent_category", field=fields.CharField(null=True, max_length=128)),
        ops.AddField(model_name="Posting", name="negotiable", field=fields.BooleanField(null=True)),
        ops.AddField(model_name="Posting", name="duties_length", field=fields.IntField(null=True)),
        ops.AddField(model_name="Posting", name="education", field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name="Posting", name="experience", field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name="Posting", name="deadline", field=fields.DateField(null=True)),
        ops.AddField(model_name="Posting", name="audit", field=fields.CharField(null=True, max_length=16)),
        ops.AddField(model_name="Posting", name="views", field=fields.IntField(null=True)),
        ops.AddField(model_name="Posting", name="urgent", field=fields.BooleanField(null=True)),
    ]
