"""A site's tables into the ledger, or only weighed: one file after the other, with a report for each."""

import asyncio
import csv
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from bot.process import bulk_work
from campaigns import audit, transfers
from campaigns.audit import Action
from campaigns.columns import Recognised, TableKind
from campaigns.errors import InputError
from campaigns.members.load import Loaded, Orphan, load_chunk, weigh_chunk
from campaigns.records import Reading, Rows, read_records
from campaigns.rows import Judged, Problem, Reject

# Parents before children: a contact needs its member.
ORDER = (
    TableKind.MEMBERS,
    TableKind.SEEKERS,
    TableKind.CONTACTS,
    TableKind.POSTINGS,
    TableKind.APPLICATIONS,
    TableKind.LOGINS,
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
HEADER = ("文件", "行", "列", "值", "原因", "结果")

Progress = Callable[[str, int, int], None]  # (file name, rows done, rows in all)
Load = Callable[[TableKind, Judged, frozenset[str]], Awaitable[Loaded]]


@dataclass(slots=True)
class FileReport:
    """offered = duplicates + added + changed + unchanged + rejected; or why the file was refused.

    `repeats`: of the duplicates, the rows that a file before this one has just the same; counted by a dry run alone.
    """

    file: str
    kind: str = ""
    encoding: str = ""
    offered: int = 0
    duplicates: int = 0
    repeats: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    problems: int = 0
    rejects_file: str = ""
    custom_columns: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    refused: str = ""


class Raw(Protocol):
    """A table as it stands in a file or in a site's database; its rows can be iterated again and again."""

    @property
    def encoding(self) -> str: ...
    @property
    def rows(self) -> Rows: ...


@dataclass(slots=True)
class Table:
    """A file with what its columns mean. `name`: what a person calls it."""

    name: str
    raw: Raw
    recognised: Recognised


@dataclass(slots=True)
class Outcome:
    report: FileReport
    rejects: list[Reject] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Weigher:
    """Loads nothing, and remembers which members and postings the files so far would bring.

    Of a kind that several files are of, also each row: what a second file says just the same is not counted again.
    """

    def __init__(self, tables: Iterable[Table] = ()) -> None:
        many = Counter(table.recognised.kind for table in tables)
        self._rows: dict[TableKind, set[int]] = {kind: set() for kind, n in many.items() if n > 1}
        self._coming: dict[TableKind, set[str]] = {TableKind.MEMBERS: set(), TableKind.POSTINGS: set()}

    async def __call__(self, kind: TableKind, judged: Judged, present: frozenset[str]) -> Loaded:
        parents = TableKind.POSTINGS if kind is TableKind.APPLICATIONS else TableKind.MEMBERS
        whole = len(judged.lines)
        judged = self._new_of(kind, judged)
        found = await weigh_chunk(kind, judged, present, self._coming[parents])
        found.repeats = whole - len(judged.lines)
        if kind in self._coming:
            lost = {orphan.line for orphan in found.orphans}
            numbers = zip(judged.lines, judged.columns["no"], strict=True)
            self._coming[kind] |= {no for line, no in numbers if line not in lost}
        return found

    def _new_of(self, kind: TableKind, judged: Judged) -> Judged:
        """The rows that no file before had; rows of one file are told apart already."""
        if kind not in self._rows:
            return judged
        names = sorted(judged.columns)
        rows = zip(*(judged.columns[name] for name in names), strict=True)
        marks = [hash(repr([*zip(names, row, strict=True)])) for row in rows]
        known = self._rows[kind]
        new = [mark not in known for mark in marks]
        known.update(marks)
        return judged if all(new) else judged.only(new)


async def import_tables(tables: Iterable[Table], progress: Progress, *, load: Load = load_chunk) -> list[Outcome]:
    """One after the other, parents first. Counters and tiers are the caller's, see `refresh_members`."""
    with bulk_work():
        ordered = sorted(tables, key=lambda table: ORDER.index(table.recognised.kind))
        return [await _import_table(table, progress, load) for table in ordered]


async def _import_table(table: Table, progress: Progress, load: Load) -> Outcome:
    try:
        # judging a large table takes seconds: pages are answered meanwhile
        reading = await asyncio.to_thread(read_records, table.recognised, table.raw.rows)
    except InputError as exc:
        return Outcome(FileReport(file=table.name, refused=str(exc)))
    outcome = Outcome(_begin_report(table, reading), rejects=list(reading.rejects))
    kind, present = table.recognised.kind, table.recognised.fields
    done = 0
    progress(table.name, 0, reading.kept)
    for judged in reading.chunks():
        _add(outcome, await load(kind, judged, present), table)
        outcome.problems += [problem for line in sorted(judged.problems) for problem in judged.problems[line]]
        done += len(judged.lines)
        progress(table.name, done, reading.kept)
        await asyncio.sleep(0)
    outcome.report.rejected, outcome.report.problems = len(outcome.rejects), len(outcome.problems)
    return outcome


def _begin_report(table: Table, reading: Reading) -> FileReport:
    return FileReport(
        file=table.name,
        kind=table.recognised.kind,
        encoding=table.raw.encoding,
        offered=reading.offered,
        duplicates=reading.duplicates,
        custom_columns=tuple(table.recognised.custom.values()),
        ignored_columns=table.recognised.ignored,
    )


def _add(outcome: Outcome, loaded: Loaded, table: Table) -> None:
    report = outcome.report
    report.added += loaded.added
    report.changed += loaded.changed
    report.unchanged += loaded.unchanged
    report.repeats += loaded.repeats
    report.duplicates += loaded.repeats
    outcome.rejects += [_reject_of(orphan, table.recognised) for orphan in loaded.orphans]


def _reject_of(orphan: Orphan, recognised: Recognised) -> Reject:
    parent, what = ("posting_no", "职位") if recognised.kind is TableKind.APPLICATIONS else ("member_no", "企业会员")
    index = next(i for i, name in recognised.mapping.items() if name == parent)
    return Reject(orphan.line, recognised.header[index], orphan.parent_no, f"没有这个{what}，先导入它")


def write_rejects(path: Path, outcomes: Sequence[Outcome]) -> int:
    """Rejected rows and dropped values, for a person to mend, in a new file a spreadsheet can open without harm.

    Returns how many lines; without any there is no file.
    """
    rows = [(Path(one.report.file).name, *row) for one in outcomes for row in _reject_rows(one)]
    if rows:
        with path.open("x", encoding="utf-8-sig", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(HEADER)
            writer.writerows([[neutral(cell) for cell in row] for row in rows])
    return len(rows)


def _reject_rows(outcome: Outcome) -> Iterator[tuple[Any, ...]]:
    for reject in outcome.rejects:
        yield reject.line, reject.column, reject.value, reject.reason, "整行没有导入"
    for problem in outcome.problems:
        yield problem.line, problem.column, problem.value, problem.reason, "只丢掉这个值"


def neutral(cell: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


async def follow_owners(now: datetime) -> None:
    """Whom the site gave a member to since the last import has it, with all that is under way for it."""
    for one in await transfers.follow_site(now):
        await audit.record_audit(
            Action.MEMBERS_ASSIGNED, at=datetime.now(UTC), who=transfers.SITE, subject="members",
            detail={"count": one.members, "owner": one.owner},
        )  # fmt: skip
