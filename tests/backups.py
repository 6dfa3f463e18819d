"""Backups for the tests: made, restored, compared, and spoilt in the ways a file can be."""

import contextlib
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from tortoise import Tortoise

from bot.archive import ArchiveWriter, Table, Written, writing
from bot.backup import Loaded, Saved, load, save
from bot.database import open_database
from bot.settings import Settings
from tests.cast import crowd

Rows = dict[str, list[dict[str, Any]]]
Change = Callable[[bytes], bytes]


async def a_backup(settings: Settings, path: Path) -> None:
    await crowd(40)
    await back_up(settings, path)


async def back_up(settings: Settings, path: Path) -> Saved:
    return await save(settings, path, replace=False, with_secret=False, progress=silent)


async def bring_back(settings: Settings, path: Path) -> Loaded:
    await Tortoise.close_connections()
    return await load(settings, path, progress=silent)


@contextlib.asynccontextmanager
async def at(settings: Settings) -> AsyncIterator[None]:
    """That database in place of the one that is open."""
    await Tortoise.close_connections()
    async with open_database(settings):
        yield


def silent(what: str, done: int, total: int) -> None:
    pass


def rewrite(path: Path, member: str, change: Change, *, leave_out: bool = False) -> None:
    """The same zip with one member changed, sums of the zip included."""
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    content[member] = change(content[member])
    if leave_out:
        del content[member]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)


def rewrite_table(path: Path, table: str, change: Change) -> None:
    """The same backup with other lines in one table, and a manifest that fits."""
    with zipfile.ZipFile(path) as file:
        manifest = json.loads(file.read("manifest.json"))
        lines = change(file.read(f"tables/{table}.copy"))
    rewrite(path, f"tables/{table}.copy", lambda _: lines)
    [entry] = [one for one in manifest["tables"] if one["name"] == table]
    entry.update(_sums(lines, entry, path.with_suffix(".tmp")))
    rewrite(path, "manifest.json", lambda _: json.dumps(manifest).encode())


def _sums(lines: bytes, entry: dict[str, Any], path: Path) -> dict[str, Any]:
    def write(file: ArchiveWriter) -> Written:
        with file.table(Table.model_validate({"name": entry["name"], "columns": entry["columns"]})) as out:
            out.take(lines)
            return out.written()

    with writing(path, replace=True) as file:
        return write(file).model_dump(include={"rows", "size", "sha256"})


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)


async def rows_of_all() -> Rows:
    """Table → its rows as Python values, in order; not what is counted from the others."""
    found = {
        name: await model.all().order_by(model._meta.pk_attr).values()
        for name, model in models().items()
        if name not in ("tallies", "kept_counts")
    }
    return {name: [dict(row) for row in rows] for name, rows in found.items()}


def models() -> dict[str, Any]:
    assert Tortoise.apps is not None
    return {model._meta.db_table: model for model in Tortoise.apps["campaigns"].values()}


async def is_empty(settings: Settings) -> bool:
    async with at(settings):
        return not any((await rows_of_all()).values())
