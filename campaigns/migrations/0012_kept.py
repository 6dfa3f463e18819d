# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""What took long to count is kept, with what it was counted of; whose members moved to whom is part of that.

PostgreSQL notes one row for each transaction that gave members away, so that no two wait for each other; SQLite, which has
one writer, changes one row.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops

_POSTGRES = (
    """
    CREATE FUNCTION note_owners() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO kept_counts (key, stamp, found, at)
      VALUES ('owners/' || txid_current(), '', 'null', clock_timestamp()) ON CONFLICT (key) DO NOTHING;
      RETURN NULL;
    END $$
    """,
    "CREATE TRIGGER members_owner_moved AFTER UPDATE OF owner ON members FOR EACH STATEMENT EXECUTE FUNCTION note_owners()",
)
_SQLITE = (
    """
    CREATE TRIGGER members_owner_moved AFTER UPDATE OF owner ON members WHEN OLD.owner IS NOT NEW.owner BEGIN
      INSERT OR REPLACE INTO kept_counts (key, stamp, found, at)
      VALUES ('owners/', hex(randomblob(16)), 'null', strftime('%Y-%m-%d %H:%M:%f+00:00', 'now'));
    END
    """,
)


async def _begin(apps: Any, editor: Any) -> None:
    for statement in _POSTGRES if editor.client.capabilities.dialect == "postgres" else _SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0011_pages")]

    operations = [
        ops.CreateModel(
            name="KeptCount",
            fields=[
                ("key", fields.CharField(primary_key=True, unique=True, db_index=True, max_length=64)),
                ("stamp", fields.CharField(max_length=64)),
                ("found", fields.TextField(unique=False)),
                ("at", fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={
                "table": "kept_counts",
                "app": "campaigns",
                "pk_attr": "key",
                "table_description": "What took long to count, and of what. Owned by campaigns.kept, nothing is lost with it but time.",
            },
            bases=["Model"],
        ),
        ops.RunPython(_begin),
    ]
