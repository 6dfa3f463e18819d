# ruff: noqa: RUF012 (as Tortoise writes them)
"""Who came back in the last days is read by the time of what was heard: a small part of all touches."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from campaigns.indexes import FilledIndex


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0008_tallies")]

    operations = [
        ops.AddIndex(
            model_name="Touch",
            index=FilledIndex(fields=["kind", "at"], name="touches_heard_at", filled="direction", empty="out"),
        ),
    ]
