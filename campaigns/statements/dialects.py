"""The two dialects: one way to write a statement, hand over rows and read the answer on PostgreSQL and SQLite.

Placeholders are written `$1` in both; times are aware UTC datetimes. "The database's clock" is the server's own on
PostgreSQL and the machine's on SQLite, never the virtual clock: a lease must expire while the demo's time stands still.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import orjson
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.connection import get_connection

Columns = Mapping[str, Sequence[Any]]

_POSTGRES_NOW = "clock_timestamp()"
_SQLITE_NOW = "strftime('%Y-%m-%d %H:%M:%f+00:00', 'now')"


def connection() -> BaseDBAsyncClient:
    return get_connection("default")


def is_postgres(db: BaseDBAsyncClient) -> bool:
    return db.capabilities.dialect == "postgres"


async def run(sql: str, *params: Any) -> int:
    """Run a statement; returns the number of rows it changed."""
    db = connection()
    changed, _ = await db.execute_query(for_dialect(db, sql), [_plain(value) for value in params])
    return changed


async def query(sql: str, *params: Any) -> list[dict[str, Any]]:
    """Run a statement and read its rows. SQLite gives times as text: read them with `moment`."""
    return [dict(row) for row in await fetch(sql, *params)]


async def fetch(sql: str, *params: Any) -> Sequence[Any]:
    """The same rows as they come, read by name or unpacked in their order: half the cost where there are many."""
    db = connection()
    if is_postgres(db):
        # past Tortoise, which reads no rows of an UPDATE and makes a dict of each of a SELECT
        async with db.acquire_connection() as server:
            return await server.fetch(sql, *params)  # type: ignore[no-any-return]
    _, rows = await db.execute_query(for_dialect(db, sql), [_plain(value) for value in params])
    return rows


async def fetch_for(sql: str, types: Mapping[str, str], rows: Columns, *params: Any) -> Sequence[Any]:
    """Run a set statement over `rows`, given by columns and read as the table `v`; `$1…` are the other parameters.

    `{rows}` stands for the table, `{columns}` for its columns. `types` are PostgreSQL's. Nothing is run for no rows.
    """
    if not rows[next(iter(types))]:
        return []
    db = connection()
    tables, given = with_tables(db, {"rows": (types, rows)}, len(params))
    named = ", ".join(f"v.{name}" for name in types)
    return await fetch(sql.replace("{columns}", named).replace("{rows}", f"{tables['rows']} AS v"), *params, *given)


def with_tables(
    db: BaseDBAsyncClient, given: Mapping[str, tuple[Mapping[str, str], Columns]], after: int
) -> tuple[dict[str, str], list[Any]]:
    """SQL for tables handed over as parameters (the first is `$after+1`), and these parameters.

    PostgreSQL takes an array a column, SQLite one JSON text a table.
    """
    sources: dict[str, str] = {}
    params: list[Any] = []
    for name, (types, rows) in given.items():
        first = after + len(params) + 1
        if is_postgres(db):
            sources[name] = _arrays(tuple(types.items()), first)
            params += [list(rows[column]) for column in types]
        else:
            sources[name] = _json_rows(tuple(types), first)
            params.append(
                as_json([[_json_value(v) for v in row] for row in zip(*(rows[c] for c in types), strict=True)])
            )
    return sources, params


def ids_in(db: BaseDBAsyncClient, place: str, kind: str = "bigint") -> str:
    """`= ANY (…)` or `IN (…)` for the list of `id_list` at that place."""
    return f"= ANY ({place}::{kind}[])" if is_postgres(db) else f"IN (SELECT value FROM json_each({place}))"


def id_list(db: BaseDBAsyncClient, ids: Iterable[Any]) -> Any:
    return list(ids) if is_postgres(db) else as_json(list(ids))


def database_now() -> str:
    """SQL for the moment by the database's clock."""
    return now_by(connection())


def now_by(db: BaseDBAsyncClient) -> str:
    return _POSTGRES_NOW if is_postgres(db) else _SQLITE_NOW


def after_by(db: BaseDBAsyncClient, seconds: str) -> str:
    if is_postgres(db):
        return f"{_POSTGRES_NOW} + make_interval(secs => {seconds})"
    return f"strftime('%Y-%m-%d %H:%M:%f+00:00', 'now', {seconds} || ' seconds')"


def seconds_between(db: BaseDBAsyncClient, earlier: str, later: str) -> str:
    """SQL for how long it took from one moment to another."""
    if is_postgres(db):
        return f"CAST(extract(epoch FROM {later} - {earlier}) AS double precision)"
    return f"((julianday({later}) - julianday({earlier})) * 86400.0)"


def moment(value: Any) -> datetime | None:
    """A time as either database gives it back."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(value)


def day(value: Any) -> date | None:
    """A date as either database gives it back."""
    return date.fromisoformat(value) if isinstance(value, str) else value


def as_json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def columns_of(rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    return {name: [row.get(name) for row in rows] for name in names}


def for_dialect(db: BaseDBAsyncClient, sql: str) -> str:
    return sql if is_postgres(db) else _question_marks(sql)


@lru_cache(maxsize=256)
def _arrays(types: tuple[tuple[str, str], ...], first: int) -> str:
    # json comes as text: an array of jsonb would have to be encoded one by one
    arrays = ", ".join(f"${i}::{_sent_as(kind)}[]" for i, (_, kind) in enumerate(types, first))
    named = ", ".join(name for name, _ in types)
    read = ", ".join(f"{name}::jsonb AS {name}" if kind == "jsonb" else name for name, kind in types)
    return f"(SELECT {read} FROM unnest({arrays}) AS u({named}))"


def _sent_as(kind: str) -> str:
    return "text" if kind == "jsonb" else kind


@lru_cache(maxsize=256)
def _json_rows(names: tuple[str, ...], first: int) -> str:
    fields = ", ".join(f"json_extract(value, '$[{i}]') AS {name}" for i, name in enumerate(names))
    return f"(SELECT {fields} FROM json_each(${first}))"


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(" ")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, date | list):
        return value
    if isinstance(value, dict):
        return as_json(value)
    return value


@lru_cache(maxsize=256)
def _question_marks(sql: str) -> str:
    return re.sub(r"\$(\d+)", r"?\1", sql)
