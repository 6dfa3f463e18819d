# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""Renewals have a row each, with whose they were; the one moment that a member had goes into it.

Whose a member was when that moment was written nobody kept: it is today's owner.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

_BRING_OVER = """
INSERT INTO renewals (member_id, until, at, owner, department, source)
SELECT m.id, m.renewal_seen_on, m.renewed_at, m.owner,
  coalesce((SELECT min(s.department) FROM staff s WHERE s.name = m.owner OR s.department = m.owner), ''), 'seen'
FROM members m WHERE m.renewed_at IS NOT NULL AND m.renewal_seen_on IS NOT NULL
"""


class _Known(ops.TortoiseOperation):
    """A change the models must know of; Tortoise would make SQLite's table anew, without its triggers."""

    def __init__(self, operation: ops.TortoiseOperation) -> None:
        self._operation = operation

    def state_forward(self, app_label: str, state: Any) -> None:
        self._operation.state_forward(app_label, state)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0026_gift_bounds")]

    operations = [
        ops.CreateModel(
            name="Renewal",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("member_id", fields.IntField()),
                ("until", fields.DateField()),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ("owner", fields.CharField(default="", max_length=64)),
                ("department", fields.CharField(default="", max_length=64)),
                ("source", fields.CharField(max_length=8)),
            ],
            options={
                "table": "renewals",
                "app": "campaigns",
                "unique_together": (("member_id", "until"),),
                "indexes": [Index(fields=["at"], name="renewals_at")],
                "pk_attr": "id",
                "table_description": "续费: a plan that was renewed, and whose the member was. Owned by campaigns.members.",
            },
            bases=["Model"],
        ),
        ops.RunSQL([_BRING_OVER, "ALTER TABLE members DROP COLUMN renewed_at"]),
        _Known(ops.RemoveField(model_name="Member", name="renewed_at")),
    ]
