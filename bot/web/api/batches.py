"""A batch of rows into the ledger: each judged by itself, those that pass stored together, a result for every one."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from bot.importing import follow_owners
from bot.web.api.answers import BatchAnswer, Fault, RowResult
from bot.web.api.rows import ROWS, MemberRow, Row, cells_of
from campaigns import marks
from campaigns.cells import clean_text, parse_key
from campaigns.columns import TableKind
from campaigns.fields import ABSENT, FIELDS
from campaigns.members import told
from campaigns.members.load import Loaded, load_chunk
from campaigns.rows import Judge, Judged

MOST_ROWS = 1000
CLOCKS_DIFFER = timedelta(minutes=5)
T = TypeVar("T", bound=BaseModel)
Results = dict[int, RowResult]
_PARENT = {
    TableKind.CONTACTS: ("member_no", "没有这个编号的会员，先传会员 (no such member: send it to /members first)"),
    TableKind.POSTINGS: ("member_no", "没有这个编号的会员，先传会员 (no such member: send it to /members first)"),
    TableKind.LOGINS: ("member_no", "没有这个编号的会员，先传会员 (no such member: send it to /members first)"),
    TableKind.APPLICATIONS: (
        "posting_no", "没有这个编号的职位，先传职位 (no such posting: send it to /postings first)",
    ),
}  # fmt: skip
_WORDS = {
    "missing": "少了这一项",
    "extra_forbidden": "没有这个字段",
    "string_too_long": "太长",
    "string_too_short": "不能空着",
    "string_type": "要是文字",
    "union_tag_invalid": "不认识的事",
    "union_tag_not_found": "少了event",
    "literal_error": "只能是列出的几个词之一",
    "model_type": "每一行要是一个对象",
    "model_attributes_type": "每一行要是一个对象",
}
_AHEAD = (
    "这个时间还没到：检查时区和时钟，再传一次 "
    "(more than 5 minutes ahead of our clock: check zone and clock, send it again)"
)
_TAKEN = "这个编号在这一批里前面已有一行，一批里只写一次 (this number is in an earlier row: send it once)"


async def store_batch(kind: TableKind, rows: Sequence[object], now: datetime) -> BatchAnswer:
    """Within a transaction. A row that is rejected leaves the others as they are."""
    results: Results = {}
    adapter = adapter_of(ROWS[kind])
    valid = not_ahead(validate_rows(adapter, rows, results), now, results)
    await store_rows(kind, valid, results)
    if kind is TableKind.MEMBERS:
        await follow_owners(now)
    return summed(results)


def validate_rows(adapter: "TypeAdapter[T]", rows: Sequence[object], results: Results) -> list[tuple[int, T]]:
    """(place, row) of those that are well formed; the others are rejected with what is wrong."""
    valid: list[tuple[int, T]] = []
    for place, raw in enumerate(rows):
        try:
            valid.append((place, adapter.validate_python(raw)))
        except ValidationError as exc:
            results[place] = rejected(place, faults_of(exc, f"/rows/{place}"))
    return valid


def not_ahead(valid: Sequence[tuple[int, T]], now: datetime, results: Results) -> list[tuple[int, T]]:
    """Without what is told as having happened later than a clock may be wrong."""
    kept = []
    for place, row in valid:
        at = getattr(row, "at", None)
        if at is not None and at > now + CLOCKS_DIFFER:
            results[place] = rejected(place, [Fault(place=f"/rows/{place}/at", problem=_AHEAD)])
        else:
            kept.append((place, row))
    return kept


@cache
def adapter_of(declared: type[T]) -> "TypeAdapter[T]":
    return TypeAdapter(declared)


def faults_of(problem: ValidationError, base: str) -> list[Fault]:
    found = []
    for error in problem.errors(include_url=False, include_context=False, include_input=False)[:10]:
        where = "".join(f"/{part}" for part in error["loc"])
        words = _WORDS.get(error["type"], "写得不对")
        found.append(Fault(place=base + where, problem=f"{words} ({error['msg']})"))
    return found


def rejected(place: int, faults: list[Fault]) -> RowResult:
    return RowResult(row=place, result="rejected", faults=faults)


def summed(results: Results) -> BatchAnswer:
    ordered = [results[place] for place in sorted(results)]
    answer = BatchAnswer(results=ordered)
    for one in ordered:
        setattr(answer, one.result, getattr(answer, one.result) + 1)
    return answer


async def store_rows(kind: TableKind, valid: Sequence[tuple[int, Row]], results: Results) -> None:
    """Write what became of each into `results`."""
    valid = _once(kind, valid, results)
    owners = await _owners(kind, valid)
    stored: list[Judged] = []
    for fields, group in _alike(valid).items():
        judged = _judge(kind, fields, group, results)
        if judged.lines:
            _note(kind, judged, await load_chunk(kind, judged, frozenset(fields)), results)
            stored.append(judged)
    await _bring_up(kind, stored, owners, results)


async def _owners(kind: TableKind, valid: Sequence[tuple[int, Row]]) -> set[int]:
    """Whose these postings or applications are until now: one that moves is counted anew at both ends."""
    numbers = {parse_key(no) or no for _, row in valid if (no := getattr(row, "no", ""))}
    match kind:
        case TableKind.POSTINGS:
            return await told.owners_of(postings=numbers)
        case TableKind.APPLICATIONS:
            return await told.owners_of(applications=numbers)
        case _:
            return set()


def _once(kind: TableKind, valid: Sequence[tuple[int, Row]], results: Results) -> list[tuple[int, Row]]:
    """Without those whose number stands in an earlier row. Of logins two of a moment are one."""
    if kind is TableKind.LOGINS:
        return list(valid)
    key, seen, kept = FIELDS[kind]["no"], set[object](), []
    for place, row in valid:
        number = key(getattr(row, "no"))  # noqa: B009  every kind but logins has one
        if isinstance(number, str) and number in seen:
            results[place] = rejected(place, [Fault(place=f"/rows/{place}/no", problem=_TAKEN)])
            continue
        seen.add(number)
        kept.append((place, row))
    return kept


def _alike(
    valid: Sequence[tuple[int, Row]],
) -> Mapping[tuple[str, ...], list[tuple[int, dict[str, str], dict[str, str]]]]:
    """Rows that name the same things, together: what a row does not name is not touched."""
    groups: dict[tuple[str, ...], list[tuple[int, dict[str, str], dict[str, str]]]] = defaultdict(list)
    for place, row in valid:
        cells = cells_of(row)
        attrs = (row.attrs or {}) if isinstance(row, MemberRow) else {}
        named = {name: value for key, value in attrs.items() if (name := clean_text(key))}
        groups[(*cells, "\n", *sorted(named))].append((place, cells, named))
    return groups


def _judge(
    kind: TableKind, named: Sequence[str], group: Sequence[tuple[int, dict[str, str], dict[str, str]]], results: Results
) -> Judged:
    """As an export's rows are judged, but that a cell nobody can read rejects its row."""
    cut = named.index("\n")
    fields, attrs = named[:cut], named[cut + 1 :]
    mapping = dict(enumerate(fields))
    custom = dict(enumerate(attrs, cut)) if kind is TableKind.MEMBERS else None
    judge = Judge([*fields, *attrs], mapping, custom, FIELDS[kind], ABSENT)
    rows = [(place, [*cells.values(), *(own[name] for name in attrs)]) for place, cells, own in group]
    judged, refused = judge.judge(rows)
    wrong = {one.line: [one] for one in refused} | {line: list(found) for line, found in judged.problems.items()}
    for line, found in wrong.items():
        column = {"duties_length": "duties"}
        faults = [
            Fault(place=f"/rows/{line}/{column.get(one.column, one.column)}", problem=f"{one.reason} (cannot be read)")
            for one in found
        ]
        results[line] = rejected(line, faults)
    return judged.only([line not in wrong for line in judged.lines])


def _note(kind: TableKind, judged: Judged, loaded: Loaded, results: Results) -> None:
    for line in judged.lines:
        results[line] = RowResult(row=line, result="unchanged")
    for line in loaded.added_lines:
        results[line] = RowResult(row=line, result="added")
    for line in loaded.changed_lines:
        results[line] = RowResult(row=line, result="updated")
    for orphan in loaded.orphans:
        name, words = _PARENT[kind]
        results[orphan.line] = rejected(orphan.line, [Fault(place=f"/rows/{orphan.line}/{name}", problem=words)])


async def _bring_up(kind: TableKind, stored: Sequence[Judged], owners: Collection[int], results: Results) -> None:
    """The counters that hang on these rows; tiers follow within the hour."""
    news = {place for place, one in results.items() if one.result in ("added", "updated")}

    def of_news(field: str) -> list[Any]:
        return [
            value for judged in stored
            for line, value in zip(judged.lines, judged.columns[field], strict=True) if line in news
        ]  # fmt: skip

    match kind:
        case TableKind.LOGINS:
            await told.note_history(list(zip(of_news("member_no"), of_news("at"), strict=True)))
        case TableKind.POSTINGS:
            await told.recount(postings=of_news("no"), before=owners)
        case TableKind.APPLICATIONS:
            await told.recount(applications=of_news("no"), before=owners)
        case _:
            pass
    if news:
        await marks.write_mark_once(marks.TIERS_DUE, "1")
