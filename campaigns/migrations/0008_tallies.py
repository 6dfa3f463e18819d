# ruff: noqa: E501, RUF012 (as Tortoise writes them)
"""What each run of a campaign came to is counted as it happens, by triggers: no page counts a million messages.

PostgreSQL notes the difference each statement makes, so that two senders never wait for one row; whoever reads adds the
rows up and now and then puts them together. SQLite, which has one writer, keeps the numbers themselves.
Whatever is there already is counted here, once. A table that is built anew loses its triggers: make them again.
"""

from typing import Any

from tortoise import fields, migrations
from tortoise.indexes import Index
from tortoise.migrations import operations as ops

from campaigns.indexes import FilledIndex

_INTO = "INSERT INTO tallies (occurrence_id, kind, state, reason, channel, uncertain, day, n)"
_MESSAGE = "occurrence_id, 'message' AS kind, state, reason, coalesce(channel, '') AS channel, uncertain, '' AS day"
_OTHERS = {  # columns and condition, `t` being the table
    "touches": (
        "m.occurrence_id, 'touch' AS kind, t.kind AS state, t.intent AS reason, t.medium AS channel, FALSE AS uncertain, {day} AS day",
        "t.direction = 'in'",
    ),
    "link_uses": (
        "m.occurrence_id, 'link' AS kind, t.kind AS state, '' AS reason, '' AS channel, FALSE AS uncertain, {day} AS day",
        "TRUE",
    ),
}
_EVENTS = (
    ("messages", "insert"),
    ("messages", "update"),
    ("touches", "insert"),
    ("touches", "update"),
    ("link_uses", "insert"),
)
_GROUP = "GROUP BY occurrence_id, kind, state, reason, channel, uncertain, day"
_PG_DAY = "to_char(t.at AT TIME ZONE 'Asia/Shanghai', 'YYYY-MM-DD')"
_LITE_DAY = "date(t.at, '+8 hours')"


def _all(day: str) -> tuple[str, ...]:
    columns = "occurrence_id, kind, state, reason, channel, uncertain, day"
    sources = (_told(what, 1, what, day) for what in ("messages", *_OTHERS))
    return tuple(f"{_INTO} SELECT {columns}, sum(n) FROM ({source}) a {_GROUP}" for source in sources)


def _told(source: str, sign: int, what: str, day: str) -> str:
    if what == "messages":
        return f"SELECT {_MESSAGE}, {sign} AS n FROM {source}"
    columns, condition = _OTHERS[what]
    return f"SELECT {columns.format(day=day)}, {sign} AS n FROM {source} t JOIN messages m ON m.id = t.message_id WHERE {condition}"


# ---- PostgreSQL: the difference a statement makes -------------------------------------------------------------------


def _on_postgres(what: str, event: str) -> tuple[str, ...]:
    sources = {"insert": (("added", 1),), "update": (("added", 1), ("gone", -1))}[event]
    given = {"insert": "NEW TABLE AS added", "update": "OLD TABLE AS gone NEW TABLE AS added"}[event]
    rows = " UNION ALL ".join(_told(source, sign, what, _PG_DAY) for source, sign in sources)
    name = f"tally_{what}_{event}"
    columns = "occurrence_id, kind, state, reason, channel, uncertain, day"
    return (
        f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          {_INTO} SELECT {columns}, sum(n) FROM ({rows}) a {_GROUP} HAVING sum(n) <> 0;
          RETURN NULL;
        END $$
        """,
        f"CREATE TRIGGER {name} AFTER {event.upper()} ON {what} REFERENCING {given} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
    )


_POSTGRES = (
    "ALTER TABLE tallies SET (autovacuum_vacuum_scale_factor = 0.05)",
    *_all(_PG_DAY),
    *(part for what, event in _EVENTS for part in _on_postgres(what, event)),
)


# ---- SQLite: the numbers themselves ---------------------------------------------------------------------------------


def _step(row: str, by: int, what: str) -> str:
    run = f"(SELECT occurrence_id FROM messages WHERE id = {row}.message_id)"
    day = f"date({row}.at, '+8 hours')"
    values = {
        "messages": f"{row}.occurrence_id, 'message', {row}.state, {row}.reason, coalesce({row}.channel, ''), {row}.uncertain, ''",
        "touches": f"{run}, 'touch', {row}.kind, {row}.intent, {row}.medium, 0, {day}",
        "link_uses": f"{run}, 'link', {row}.kind, '', '', 0, {day}",
    }[what]
    return f"""
      UPDATE tallies SET n = n + ({by}) WHERE (occurrence_id, kind, state, reason, channel, uncertain, day) = ({values});
      {_INTO} SELECT {values}, {by} WHERE changes() = 0;
    """


def _on_sqlite(what: str, event: str) -> str:
    known = "EXISTS (SELECT 1 FROM messages WHERE id = NEW.message_id)"
    counted = {"messages": "TRUE", "touches": f"NEW.direction = 'in' AND {known}", "link_uses": known}[what]
    compared = {"messages": ("state", "reason", "uncertain", "channel"), "touches": ("kind", "intent", "medium", "at")}
    if event == "insert":
        when, steps = counted, _step("NEW", 1, what)
    else:
        changed = " OR ".join(f"OLD.{column} IS NOT NEW.{column}" for column in compared[what])
        when, steps = f"{counted} AND ({changed})", _step("OLD", -1, what) + _step("NEW", 1, what)
    return f"CREATE TRIGGER tally_{what}_{event} AFTER {event.upper()} ON {what} WHEN {when} BEGIN {steps} END"


_SQLITE = (*_all(_LITE_DAY), *(_on_sqlite(what, event) for what, event in _EVENTS))


async def _count(apps: Any, editor: Any) -> None:
    for statement in _POSTGRES if editor.client.capabilities.dialect == "postgres" else _SQLITE:
        await editor.client.execute_query(statement)


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0007_console")]

    operations = [
        ops.CreateModel(
            name="Tally",
            fields=[
                ("id", fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ("occurrence_id", fields.IntField()),
                ("kind", fields.CharField(max_length=8)),
                ("state", fields.CharField(max_length=16)),
                ("reason", fields.CharField(max_length=32)),
                ("channel", fields.CharField(max_length=16)),
                ("uncertain", fields.BooleanField()),
                ("day", fields.CharField(max_length=10)),
                ("n", fields.IntField()),
            ],
            options={
                "table": "tallies",
                "app": "campaigns",
                "indexes": [Index(fields=["occurrence_id"], name="tallies_occurrence")],
                "pk_attr": "id",
                "table_description": "How many messages of a run stand how, how many answers came: of alike rows the sum counts.",
            },
            bases=["Model"],
        ),
        ops.RunPython(_count),
        ops.AddIndex(
            model_name="Touch",
            index=FilledIndex(fields=["message_id"], name="touches_heard", filled="direction", empty="out"),
        ),
    ]
