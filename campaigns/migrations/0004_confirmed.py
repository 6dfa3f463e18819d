# ruff: noqa: RUF012 (as Tortoise writes them)
"""Mass messages that are a campaign's: which message each copy is, when the task is taken back, who was reminded."""

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_wecom")]

    operations = [
        ops.AddField(model_name="MassTask", name="occurrence_id", field=fields.IntField(null=True)),
        ops.AddField(
            model_name="MassTask",
            name="lapses_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name="MassTask",
            name="reminded_at",
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(model_name="MassRecipient", name="message_id", field=fields.BigIntField(null=True)),
        ops.AddIndex(model_name="MassTask", index=Index(fields=["occurrence_id"], name="mass_tasks_run")),
        ops.AddIndex(
            model_name="MassRecipient", index=Index(fields=["external_userid"], name="mass_recipients_customer")
        ),
    ]
