"""One moment of the open database, read table by table while others go on writing."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, Protocol

from tortoise import Tortoise, fields
from tortoise.connection import get_connection
from tortoise.models import Model

from bot.archive import Column, Table
from bot.copy_text import Kind, to_lines
from bot.settings import Settings

Take = Callable[[bytes], None]

_ROWS = 2000  # SQLite's, at once
_DERIVED = frozenset(
    {"tallies", "kept_counts"}
)  # counted again: by triggers while the others are laid back, when asked
_MIGRATIONS = "SELECT name FROM tortoise_migrations WHERE app = 'campaigns' ORDER BY name"
_KINDS: tuple[tuple[type[Any], Kind], ...] = (
    (fields.BooleanField, Kind.BOOL),
    (fields.IntField, Kind.INT),
    (fields.BigIntField, Kind.INT),
    (fields.SmallIntField, Kind.INT),
    (fields.FloatField, Kind.FLOAT),
    (fields.DatetimeField, Kind.MOMENT),
    (fields.DateField, Kind.DATE),
    (fields.JSONField, Kind.JSON),
    (fields.CharField, Kind.TEXT),
    (fields.TextField, Kind.TEXT),
)


class Snapshot(Protocol):
    """What is read from it is of one moment, however long it takes."""

    kind: str

    async def clock(self) -> datetime:
        """The database's."""

    async def migrations(self) -> Sequence[str]: ...

    async def count(self, table: Table) -> int: ...

    async def copy(self, table: Table, take: Take) -> None:
        """Hand over all lines of a table (bot/copy_text.py), cut anywhere."""


def tables() -> list[Table]:
    """Every table of the models that holds more than is counted from the others, parents before children."""
    assert Tortoise.apps is not None
    models = {model._meta.db_table: model for model in Tortoise.apps["campaigns"].values()}
    order = TopologicalSorter({name: _parents(model) for name, model in sorted(models.items())})
    return [Table(name=name, columns=_columns(models[name])) for name in order.static_order() if name not in _DERIVED]


@contextlib.asynccontextmanager
async def open_snapshot(settings: Settings) -> AsyncIterator[Snapshot]:
    """Nobody who writes waits for it. Errors of the database's driver come through."""
    if settings.database.startswith("sqlite://"):
        path = Path(settings.database.removeprefix("sqlite://"))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as file:
            file.execute("BEGIN")
            yield _SqliteSnapshot(file)
        return
    async with get_connection("default").acquire_connection() as server:
        async with server.transaction(isolation="repeatable_read", readonly=True):
            await server.execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'")
            yield _PostgresSnapshot(server)


class _PostgresSnapshot:
    kind = "postgres"

    def __init__(self, server: Any) -> None:
        self._server = server

    async def clock(self) -> datetime:
        moment: datetime = await self._server.fetchval("SELECT clock_timestamp()")
        return moment

    async def migrations(self) -> Sequence[str]:
        return [row[0] for row in await self._server.fetch(_MIGRATIONS)]

    async def count(self, table: Table) -> int:
        return int(await self._server.fetchval(f"SELECT count(*) FROM {table.name}"))

    async def copy(self, table: Table, take: Take) -> None:
        async def receive(lines: bytes) -> None:
            take(lines)

        await self._server.copy_from_table(table.name, columns=table.names, output=receive)


class _SqliteSnapshot:
    kind = "sqlite"

    def __init__(self, file: sqlite3.Connection) -> None:
        self._file = file

    async def clock(self) -> datetime:
        return datetime.now(UTC)

    async def migrations(self) -> Sequence[str]:
        return [row[0] for row in self._file.execute(_MIGRATIONS)]

    async def count(self, table: Table) -> int:
        return int(self._file.execute(f"SELECT count(*) FROM {table.name}").fetchone()[0])

    async def copy(self, table: Table, take: Take) -> None:
        rows = self._file.execute(f"SELECT {', '.join(table.names)} FROM {table.name}")
        while some := rows.fetchmany(_ROWS):
            take(to_lines(some, table.kinds))
            await asyncio.sleep(0)  # so that Ctrl-C is heard


def _parents(model: type[Model]) -> list[str]:
    found = [model._meta.fields_map[name] for name in sorted(model._meta.fk_fields)]
    return [field.related_model._meta.db_table for field in found if field.related_model is not model]  # type: ignore[attr-defined]


def _columns(model: type[Model]) -> tuple[Column, ...]:
    by_field = model._meta.fields_db_projection
    return tuple(Column(name=column, kind=_kind(model._meta.fields_map[name])) for name, column in by_field.items())


def _kind(field: object) -> Kind:
    return next(kind for type_, kind in _KINDS if isinstance(field, type_))
