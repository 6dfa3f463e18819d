"""The whole database into a file and back, while campaigns run, from either kind of database into either.

Back: one transaction into an empty database, which ends with the mark of a restored copy: nothing of it is sent before
a person releases it.
"""

import contextlib
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from pathlib import Path

import asyncpg
from tortoise.exceptions import BaseORMException
from tortoise.transactions import in_transaction

from bot.archive import Archive, ArchiveWriter, Manifest, Progress, Table, Written, reading, writing
from bot.clock import ProductClock
from bot.copy_text import from_lines
from bot.database import known_migrations, open_database, upgrade
from bot.runtime import DEMO_MARK, follow_clock, place_secret, read_secret
from bot.settings import Settings
from bot.snapshot import Snapshot, open_snapshot, tables
from bot.tokens import Tokens
from campaigns import marks, restored, statements
from campaigns.errors import ConfigError, InputError
from campaigns.restored import Restored

Told = Callable[[int], None]  # so many rows are in

_ROWS = 2000  # SQLite's, at once
_PLACE = re.compile(r"COPY \w+, line (\d+)(?:, column (\w+))?")
_MARKS, _MESSAGES = "marks", "messages"


class SecretFate(StrEnum):
    """What is true of the signing secret after a restore."""

    SAME = "same"  # the one here signed the links of the copy
    PLACED = "placed"  # it came with the backup and lies in HUIFANG_VAR now
    MISSING = "missing"  # the one here is another, and the backup was made without it


@dataclass(frozen=True, slots=True)
class Saved:
    """`holds_secret`: whoever has the file can sign our links."""

    made_at: datetime
    database_clock: datetime
    rows: Mapping[str, int]
    holds_secret: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    held: Restored
    rows: Mapping[str, int]
    secret: SecretFate


# ---- out ----------------------------------------------------------------------------------------------------------


async def save(settings: Settings, path: Path, *, replace: bool, with_secret: bool, progress: Progress) -> Saved:
    """Write a backup of the open database. A secret that HUIFANG_SECRET gives is never in it.

    Raises InputError where `path` cannot be written, or is there and `replace` is not given; ConfigError where the
    database goes away.
    """
    carried = with_secret and not settings.huifang_secret
    with writing(path, replace=replace) as file:
        manifest = await _write_tables(settings, file, progress)
        if carried:
            file.secret(read_secret(settings))
        file.manifest(manifest)
    return Saved(manifest.made_at, manifest.database_clock, manifest.rows, carried)


async def _write_tables(settings: Settings, file: ArchiveWriter, progress: Progress) -> Manifest:
    clock = ProductClock()
    await follow_clock(clock, settings)
    made_at = clock()  # before the snapshot: what came later may be missing
    try:
        async with open_snapshot(settings) as snapshot:
            return Manifest(
                made_at=made_at,
                migrations=tuple(await snapshot.migrations()),
                database_clock=await snapshot.clock(),
                database=snapshot.kind,
                secret_mark=_mark_of(read_secret(settings)),
                tables=tuple([await _write_table(snapshot, table, file, progress) for table in tables()]),
            )
    except (asyncpg.PostgresError, asyncpg.InterfaceError, sqlite3.Error, ConnectionError) as exc:
        raise ConfigError(f"DATABASE_URL: the database went away while it was read ({type(exc).__name__})") from exc


async def _write_table(snapshot: Snapshot, table: Table, file: ArchiveWriter, progress: Progress) -> Written:
    total = await snapshot.count(table)
    with file.table(table) as out:

        def take(lines: bytes) -> None:
            out.take(lines)
            progress(table.name, out.rows, total)

        await snapshot.copy(table, take)
        return out.written()


# ---- back ---------------------------------------------------------------------------------------------------------


async def load(settings: Settings, path: Path, *, progress: Progress) -> Loaded:
    """Fill the empty database the settings name. Nothing is written before the whole file was checked.

    Raises InputError for a file that is damaged, foreign or newer than this program, and for a database that is not
    empty; ConfigError where the secret here is another than the one in the file.
    """
    with reading(path) as archive:
        archive.verify(progress)
        manifest = archive.manifest
        _refuse_unknown_schema(path, manifest)
        with _secret_of(settings, archive) as fate:
            async with open_database(settings, up_to=manifest.migrations[-1]):
                held = await _fill(settings, archive, progress)
                if statements.is_postgres(statements.connection()):
                    await statements.run("ANALYZE")  # its plans are a hundred times slower while it knows no table
    await upgrade(settings)
    return Loaded(held, manifest.rows, fate)


async def _fill(settings: Settings, archive: Archive, progress: Progress) -> Restored:
    manifest = archive.manifest
    async with in_transaction():
        await _refuse_rows(manifest)
        await statements.run("DELETE FROM marks")
        for table in manifest.tables:
            await _fill_table(table, archive, progress)
        await _go_on_counting(manifest)
        clock = ProductClock()
        await follow_clock(clock, settings)
        return await restored.hold(made_at=manifest.made_at, now=clock())


async def _fill_table(table: Written, archive: Archive, progress: Progress) -> None:
    copy = _copy_to_postgres if statements.is_postgres(statements.connection()) else _copy_to_sqlite
    try:
        await copy(table, archive.pieces(table), lambda done: progress(table.name, done, table.rows))
    except asyncpg.PostgresError as exc:
        raise _cannot_be_taken(table, exc, _place(exc)) from None
    except (BaseORMException, ValueError) as exc:
        raise _cannot_be_taken(table, exc) from None


async def _copy_to_postgres(table: Written, pieces: Iterator[bytes], told: Told) -> None:
    async def source() -> AsyncIterator[bytes]:
        done = 0
        for piece in pieces:
            yield piece
            done += piece.count(b"\n")
            told(done)

    async with statements.connection().acquire_connection() as server:
        await server.execute("SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'")
        await server.copy_to_table(table.name, columns=table.names, source=source())


async def _copy_to_sqlite(table: Written, pieces: Iterator[bytes], told: Told) -> None:
    places = ", ".join("?" * len(table.columns))
    insert = f"INSERT INTO {table.name} ({', '.join(table.names)}) VALUES ({places})"
    rows, done = from_lines(_lines(pieces), table.kinds), 0
    while some := list(islice(rows, _ROWS)):
        await statements.connection().execute_many(insert, some)
        done += len(some)
        told(done)


def _lines(pieces: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line.decode()


async def _go_on_counting(manifest: Manifest) -> None:
    """New rows get numbers of their own.

    A message's number is in its links and receipts, also of those sent after the backup, which the copy does not know:
    none may be given out twice. So they go on from the present, in milliseconds.
    """
    for table in manifest.tables:
        if "id" not in table.names:
            continue
        [row] = await statements.query(f"SELECT coalesce(max(id), 0) AS highest FROM {table.name}")
        highest = max(row["highest"], int(time.time() * 1000) if table.name == _MESSAGES else 0)
        if highest:
            await _count_on_from(table.name, highest)


async def _count_on_from(table: str, highest: int) -> None:
    if statements.is_postgres(statements.connection()):
        await statements.query(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), $1::bigint)", highest)
        return
    await statements.run("DELETE FROM sqlite_sequence WHERE name = $1", table)
    await statements.run("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", table, highest)


# ---- what is refused ------------------------------------------------------------------------------------------------


def _refuse_unknown_schema(path: Path, manifest: Manifest) -> None:
    if not manifest.migrations or set(manifest.migrations) - set(known_migrations()):
        raise InputError(f"{path}：是更新的版本做的备份，先升级 (made by a newer release: upgrade this one first)")


async def _refuse_rows(manifest: Manifest) -> None:
    """Marks are written by a first start; all else is somebody's data."""
    filled = [
        table.name
        for table in manifest.tables
        if table.name != _MARKS and await statements.query(f"SELECT 1 AS yes FROM {table.name} LIMIT 1")
    ]
    if filled or await marks.read_mark(DEMO_MARK):
        what = "、".join(filled) or "演示库的标记"
        raise InputError(
            f"DATABASE_URL：这个库里有 {what}，只能恢复到空库里，换一个新库 (not empty: name a new database)"
        )


@contextlib.contextmanager
def _secret_of(settings: Settings, archive: Archive) -> Iterator[SecretFate]:
    """Put the secret of the backup in its place; take it away again where the restore fails."""
    carried, here = archive.secret(), _secret_here(settings)
    if carried is None or here == carried:
        signed = here is not None and _mark_of(here) == archive.manifest.secret_mark
        yield SecretFate.SAME if signed else SecretFate.MISSING
        return
    if here is not None:
        place = "HUIFANG_SECRET" if settings.huifang_secret else settings.secret_file
        raise ConfigError(
            f"{place}：和备份里带的密钥不是同一个，先把它拿开 (not the secret in the backup: put it aside)"
        )
    place_secret(settings, carried)
    try:
        yield SecretFate.PLACED
    except BaseException:
        settings.secret_file.unlink(missing_ok=True)
        raise


def _secret_here(settings: Settings) -> bytes | None:
    if settings.huifang_secret:
        return settings.huifang_secret.encode()
    return settings.secret_file.read_bytes() if settings.secret_file.exists() else None


def _mark_of(secret: bytes) -> str:
    return Tokens(secret).derive("backup")


def _cannot_be_taken(table: Table, exc: Exception, place: str = "") -> InputError:
    """Without the driver's own words, which quote the row."""
    return InputError(
        f"备份里的 {table.name}{place} 这个库不收（{type(exc).__name__}），什么都没有写 (this database refuses it)"
    )


def _place(exc: asyncpg.PostgresError) -> str:
    found = _PLACE.match(getattr(exc, "context", None) or "")
    return f" 第 {found[1]} 行{f' {found[2]} 列' if found[2] else ''}" if found else ""
