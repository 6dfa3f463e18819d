# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""How many messages went out on which day, by run and channel: kept in tallies, so that the channels' page counts nothing.

The same ways as 0008: PostgreSQL notes the difference of each statement, SQLite keeps the number. What went out before
is counted here, once.
"""

from typing import Any

from tortoise import migrations
from tortoise.migrations import operations as ops

_COLUMNS = "occurrence_id, kind, state, reason, channel, uncertain, day"
_INTO = f"INSERT INTO tallies ({_COLUMNS}, n)"
_PG_DAY = "to_char(sent_at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')"
_LITE_DAY = "date(sent_at, '+8 hours')"


def _went(source: str, sign: int, day: str) -> str:
    return (
        f"SELECT occurrence_id, 'sent' AS kind, '' AS state, '' AS reason, coalesce(channel, '') AS channel, FALSE AS uncertain, "
        f"{day} AS day, {sign} AS n FROM {source} WHERE sent_at IS NOT NULL"
    )


def _count(day: str) -> str:
    return f"{_INTO} SELECT {_COLUMNS}, sum(n) FROM ({_went('messages', 1, day)}) a GROUP BY {_COLUMNS}"


# ---- PostgreSQL -----------------------------------------------------------------------------------------------------


def _on_postgres(event: str, tables: str, sources: str) -> tuple[str, ...]:
    name = f"tally_sent_{event}"
    return (
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          {_INTO} SELECT {_COLUMNS}, sum(n) FROM ({sources}) a GROUP BY {_COLUMNS} HAVING sum(n) <> 0;
          RETURN NULL;
        END $$
        """,
        f"CREATE TRIGGER {name} AFTER {event.upper()} ON messages REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    )


_ADDED, _GONE = _went("added", 1, _PG_DAY), _went("gone", -1, _PG_DAY)
_POSTGRES = (
    _count(_PG_DAY),
    *_on_postgres("insert", "NEW TABLE AS added", _ADDED),
    *_on_postgres("update", "OLD TABLE AS gone NEW TABLE AS added", f"{_ADDED} UNION ALL {_GONE}"),
)


# ---- SQLite ---------------------------------------------------------------------------------------------------------


def _on_sqlite(name: str, event: str, row: str, by: int) -> str:
    values = f"{row}.occurrence_id, 'sent', '', '', coalesce({row}.channel, ''), 0, date({row}.sent_at, '+8 hours')"
    changed = "(OLD.sent_at IS NOT NEW.sent_at OR OLD.channel IS NOT NEW.channel)" if event == "update" else "TRUE"
    return f"""
        CREATE TRIGGER {name} AFTER {event.upper()} ON messages WHEN {row}.sent_at IS NOT NULL AND {changed} BEGIN
          UPDATE tallies SET n = n + ({by}) WHERE ({_COLUMNS}) = ({values});
          {_INTO} SELECT {values}, {by} WHERE changes() = 0;
        END
    """


_SQLITE = (
    _count(_LITE_DAY),
    _on_sqlite("tally_sent_insert", "insert", "NEW", 1),
    _on_sqlite("tally_sent_gone", "update", "OLD", -1),
    _on_sqlite("tally_sent_update", "update", "NEW", 1),
)


async def _begin(apps: Any, editor: Any) -> None:
    for statement in _POSTGRES if editor.client.capabilities.dialect == "postgres" else _SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0009_today")]

    operations = [ops.RunPython(_begin)]
