# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""WeCom: customers and their service desks, bindings, notices to staff, mass messages that staff confirm."""

from tortoise import fields, migrations
from tortoise.fields.base import OnDelete
from tortoise.indexes import Index
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_claims")]

    operations = [
        ops.CreateModel(
            name="Binding",
            fields=[
                ("digest", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("channel", fields.CharField(max_length=16)),
                ("contact_id", fields.IntField(db_index=True)),
                ("expires_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("used_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("address", fields.CharField(default="", max_length=254)),
            ],
            options={
                "table": "bindings",
                "app": "campaigns",
                "pk_attr": "digest",
                "table_description": "A one-time secret that ties the address of whoever shows it to a contact. Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MassTask",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("key", fields.CharField(unique=True, max_length=64)),
                ("sender", fields.CharField(max_length=64)),
                ("text", fields.TextField(unique=False)),
                ("link_title", fields.CharField(default="", max_length=128)),
                ("link", fields.CharField(default="", max_length=512)),
                ("state", fields.CharField(default="due", max_length=16)),
                ("code", fields.CharField(default="", max_length=64)),
                ("msgid", fields.CharField(default="", max_length=128)),
                ("attempts", fields.SmallIntField(default=0)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("next_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mass_tasks",
                "app": "campaigns",
                "indexes": [Index(fields=["state", "next_at"], name="mass_tasks_next")],
                "pk_attr": "id",
                "table_description": "A message to customers that a person on the staff must confirm in WeCom. Owned by campaigns.mass.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="MassRecipient",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                (
                    "task",
                    fields.ForeignKeyField(
                        "campaigns.MassTask",
                        source_field="task_id",
                        db_constraint=True,
                        to_field="id",
                        related_name="recipients",
                        on_delete=OnDelete.CASCADE,
                    ),
                ),
                ("member_id", fields.IntField()),
                ("contact_id", fields.IntField()),
                ("external_userid", fields.CharField(max_length=64)),
                ("state", fields.CharField(default="waiting", max_length=16)),
                ("code", fields.CharField(default="", max_length=64)),
                ("settled_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "mass_recipients",
                "app": "campaigns",
                "unique_together": (("task", "external_userid"),),
                "pk_attr": "id",
                "table_description": "One customer of a mass task. Owned by campaigns.mass.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="Notice",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("visit_id", fields.IntField(unique=True)),
                ("member_id", fields.IntField()),
                ("state", fields.CharField(default="due", max_length=16)),
                ("userid", fields.CharField(default="", max_length=64)),
                ("code", fields.CharField(default="", max_length=64)),
                ("attempts", fields.SmallIntField(default=0)),
                ("made_at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("not_before", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("tried_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "notices",
                "app": "campaigns",
                "indexes": [
                    Index(fields=["state", "not_before"], name="notices_due"),
                    Index(fields=["userid", "tried_at"], name="notices_person"),
                ],
                "pk_attr": "id",
                "table_description": "A word to the person who has a task: the customer answered, take over. Owned by campaigns.notices.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WecomCustomer",
            fields=[
                ("external_userid", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("staff", fields.CharField(default="", max_length=64)),
                ("desk", fields.CharField(default="", max_length=64)),
                ("heard_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("window_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("window_left", fields.IntField(default=0)),
            ],
            options={
                "table": "wecom_customers",
                "app": "campaigns",
                "pk_attr": "external_userid",
                "table_description": "What one WeCom customer has opened for us (channels.md B4, B5). Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="WecomDesk",
            fields=[
                ("desk", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("cursor", fields.CharField(default="", max_length=128)),
                ("token", fields.CharField(default="", max_length=512)),
                ("token_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("called", fields.IntField(default=0)),
                ("answered", fields.IntField(default=0)),
                ("failures", fields.IntField(default=0)),
                ("read_at", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ("lease_until", fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "wecom_desks",
                "app": "campaigns",
                "pk_attr": "desk",
                "table_description": "A customer service account: how far its messages were read. Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.AddField(model_name="Contact", name="external_userid", field=fields.CharField(null=True, max_length=64)),
        ops.AddIndex(model_name="Contact", index=Index(fields=["external_userid"], name="contacts_external")),
    ]
