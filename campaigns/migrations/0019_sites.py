# ruff: noqa: RUF012 (as Tortoise writes them)
"""How far a site's own database was read, and what of it came in once for ever."""

from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0018_gifts")]

    operations = [
        ops.CreateModel(
            name="SiteRead",
            fields=[
                ("id", fields.IntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("site", fields.CharField(max_length=160)),
                ("source", fields.CharField(max_length=32)),
                ("last_id", fields.BigIntField(default=0)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "site_reads",
                "app": "campaigns",
                "unique_together": (("site", "source"),),
                "pk_attr": "id",
                "table_description": "How far one table of a site was read: its greatest number, when reading began."
                " Owned by campaigns.site_reads.",
            },
            bases=["Model"],
        ),
        ops.CreateModel(
            name="SiteItem",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("site", fields.CharField(max_length=160)),
                ("source", fields.CharField(max_length=32)),
                ("no", fields.CharField(max_length=64)),
            ],
            options={
                "table": "site_items",
                "app": "campaigns",
                "unique_together": (("site", "source", "no"),),
                "pk_attr": "id",
                "table_description": "A follow-up or a blocked number of a site that came in: it never does again."
                " Owned by campaigns.site_reads.",
            },
            bases=["Model"],
        ),
    ]
