"""huifang import: a site's export into the tables, with a report for every file."""

import asyncio
import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.clock import ProductClock
from bot.commands.moments import refuse_future
from bot.commands.printing import bars
from bot.database import open_database
from bot.process import bulk_work
from bot.runtime import follow_clock
from bot.settings import Settings
from bot.tables import RawTable, read_table
from campaigns.columns import Recognised, TableKind, is_header, recognise
from campaigns.errors import InputError, Interrupted
from campaigns.members.load import Loaded, Orphan, load_chunk, refresh_members
from campaigns.records import Reading, read_records
from campaigns.rows import Problem, Reject
from campaigns.terms import SHANGHAI

_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls", ".xlsm", ".ods"})
# Parents before children: a contact needs its member.
_ORDER = (
    TableKind.MEMBERS,
    TableKind.SEEKERS,
    TableKind.CONTACTS,
    TableKind.POSTINGS,
    TableKind.APPLICATIONS,
    TableKind.LOGINS,
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


Progress = Callable[[str, int, int], None]  # (file name, rows done, rows in all)


@dataclass(slots=True)
class FileReport:
    """offered = duplicates + added + changed + unchanged + rejected; or why the file was refused."""

    file: str
    kind: str = ""
    encoding: str = ""
    offered: int = 0
    duplicates: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    problems: int = 0
    rejects_file: str = ""
    custom_columns: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    refused: str = ""


@dataclass(slots=True)
class _Table:
    path: Path
    raw: RawTable
    recognised: Recognised


@dataclass(slots=True)
class _Outcome:
    report: FileReport
    rejects: list[Reject] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


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
    with bulk_work():
        for table in sorted(tables, key=lambda table: _ORDER.index(table.recognised.kind)):
            outcome = await _import_table(table, progress)
            _write_rejects(settings, outcome, now)
            reports.append(outcome.report)
        if tables:
            await refresh_members(now)
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


def _open_tables(files: Sequence[Path]) -> tuple[list[_Table], list[FileReport]]:
    tables: list[_Table] = []
    refused: list[FileReport] = []
    for path in files:
        try:
            tables.append(_open_table(path))
        except InputError as exc:
            refused.append(FileReport(file=str(path), refused=str(exc)))
    return tables, refused


def _open_table(path: Path) -> _Table:
    raw = read_table(path, is_header)
    try:
        return _Table(path, raw, recognise(raw.header))
    except InputError as exc:
        raise InputError(f"{path}：{exc}") from None


async def _import_table(table: _Table, progress: Progress) -> _Outcome:
    try:
        reading = read_records(table.recognised, table.raw.rows)
    except InputError as exc:
        return _Outcome(FileReport(file=str(table.path), refused=str(exc)))
    outcome = _Outcome(_begin_report(table, reading), rejects=list(reading.rejects))
    kind, present = table.recognised.kind, table.recognised.fields
    done = 0
    progress(table.path.name, 0, reading.kept)
    for judged in reading.chunks():
        _add(outcome, await load_chunk(kind, judged, present), table)
        outcome.problems += [problem for line in sorted(judged.problems) for problem in judged.problems[line]]
        done += len(judged.lines)
        progress(table.path.name, done, reading.kept)
    outcome.report.rejected, outcome.report.problems = len(outcome.rejects), len(outcome.problems)
    return outcome


def _begin_report(table: _Table, reading: Reading) -> FileReport:
    return FileReport(
        file=str(table.path),
        kind=table.recognised.kind,
        encoding=table.raw.encoding,
        offered=reading.offered,
        duplicates=reading.duplicates,
        custom_columns=tuple(table.recognised.custom.values()),
        ignored_columns=table.recognised.ignored,
    )


def _add(outcome: _Outcome, loaded: Loaded, table: _Table) -> None:
    report = outcome.report
    report.added += loaded.added
    report.changed += loaded.changed
    report.unchanged += loaded.unchanged
    outcome.rejects += [_reject_of(orphan, table.recognised) for orphan in loaded.orphans]


def _reject_of(orphan: Orphan, recognised: Recognised) -> Reject:
    parent, what = ("posting_no", "职位") if recognised.kind is TableKind.APPLICATIONS else ("member_no", "企业会员")
    index = next(i for i, name in recognised.mapping.items() if name == parent)
    return Reject(orphan.line, recognised.header[index], orphan.parent_no, f"没有这个{what}，先导入它")


def _write_rejects(settings: Settings, outcome: _Outcome, now: datetime) -> None:
    """Rejected rows and dropped values, for a person to mend, in a file a spreadsheet can open without harm."""
    rows = list(_reject_rows(outcome))
    if not rows:
        return
    name = outcome.report.file
    folder = settings.var / "rejects"
    folder.mkdir(parents=True, exist_ok=True)
    path = _unused(folder, f"{now.astimezone(SHANGHAI):%Y%m%d-%H%M%S}-{Path(name).name}")
    with path.open("x", encoding="utf-8-sig", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["文件", "行", "列", "值", "原因", "结果"])
        writer.writerows([[neutral(cell) for cell in (Path(name).name, *row)] for row in rows])
    outcome.report.rejects_file = str(path)


def _unused(folder: Path, name: str) -> Path:
    """An import of the same file at the same moment (`--as-of`) leaves the report of the one before."""
    names = itertools.chain([f"{name}.csv"], (f"{name}-{number}.csv" for number in itertools.count(2)))
    return next(path for one in names if not (path := folder / one).exists())


def _reject_rows(outcome: _Outcome) -> Iterator[tuple[Any, ...]]:
    for reject in outcome.rejects:
        yield reject.line, reject.column, reject.value, reject.reason, "整行没有导入"
    for problem in outcome.problems:
        yield problem.line, problem.column, problem.value, problem.reason, "只丢掉这个值"


def neutral(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
