"""huifang import: a site's export into the tables, with a report for every file."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.clock import ProductClock
from bot.commands.moments import refuse_future
from bot.commands.printing import bars
from bot.database import open_database
from bot.importing import FileReport, Outcome, Progress, Table, follow_owners, import_tables, write_rejects
from bot.process import bulk_work
from bot.runtime import follow_clock, read_rules
from bot.settings import Settings
from bot.tables import read_table
from campaigns.columns import is_header, recognise
from campaigns.errors import InputError, Interrupted
from campaigns.members.load import refresh_members
from campaigns.terms import SHANGHAI

_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls", ".xlsm", ".ods"})


async def import_export(
    settings: Settings, paths: Sequence[Path], as_of: datetime | None, *, quiet: bool
) -> dict[str, Any]:
    """The command: a progress bar on the terminal, the report of every file. Raises InputError where none went in."""
    read: dict[str, int] = {}
    async with open_database(settings):
        now = datetime.now(UTC)
        if as_of:
            refuse_future(as_of, max(now, await _product_time(settings)))
        try:
            with bars(quiet) as progress:
                reports = await import_paths(settings, paths, as_of or now, _counting(progress, read))
        except asyncio.CancelledError:  # what Ctrl-C is to a task
            rows = sum(read.values())
            raise Interrupted(f"已中断，读到 {rows:,} 行；再导入一次即可 (interrupted; import again)") from None
    return {"files": [asdict(report) for report in reports], "database": settings.database_shown}


async def _product_time(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()


def _counting(progress: Progress, read: dict[str, int]) -> Progress:
    def report(name: str, done: int, total: int) -> None:
        read[name] = done
        progress(name, done, total)

    return report


async def import_paths(
    settings: Settings, paths: Sequence[Path], now: datetime, progress: Progress
) -> list[FileReport]:
    """Import every table under `paths` as of `now`. A file that is refused does not stop the others."""
    tables, reports = _open_tables(_files(paths))
    short = {table.name: Path(table.name).name for table in tables}
    with bulk_work():
        found = await import_tables(tables, lambda name, done, total: progress(short[name], done, total))
        for outcome in found:
            write_rejects_of(settings, outcome, now)
            reports.append(outcome.report)
        if tables:
            await refresh_members(now, (await read_rules(settings))[0].tiers)
            await follow_owners(now)
    return reports


def _files(paths: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(one for one in path.rglob("*") if _is_table(one))
            if not inside:
                raise InputError(f"{path}：文件夹里没有 CSV 或 XLSX 文件 (no tables in this folder)")
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in _SUFFIXES and not path.name.startswith((".", "~$"))


def _open_tables(files: Sequence[Path]) -> tuple[list[Table], list[FileReport]]:
    tables: list[Table] = []
    refused: list[FileReport] = []
    for path in files:
        try:
            tables.append(_open_table(path))
        except InputError as exc:
            refused.append(FileReport(file=str(path), refused=str(exc)))
    return tables, refused


def _open_table(path: Path) -> Table:
    raw = read_table(path, is_header)
    try:
        return Table(str(path), raw, recognise(raw.header))
    except InputError as exc:
        raise InputError(f"{path}：{exc}") from None


def write_rejects_of(settings: Settings, outcome: Outcome, now: datetime) -> None:
    """A file beside the others, where anything was rejected; the report names it."""
    folder = settings.var / "rejects"
    folder.mkdir(parents=True, exist_ok=True)
    path = _unused(folder, f"{now.astimezone(SHANGHAI):%Y%m%d-%H%M%S}-{Path(outcome.report.file).name}")
    if write_rejects(path, [outcome]):
        outcome.report.rejects_file = str(path)


def _unused(folder: Path, name: str) -> Path:
    """An import of the same file at the same moment (`--as-of`) leaves the report of the one before."""
    names = itertools.chain([f"{name}.csv"], (f"{name}-{number}.csv" for number in itertools.count(2)))
    return next(path for one in names if not (path := folder / one).exists())
