"""A segment on somebody's screen: rows, groups and the line, as they were typed, and the rule they make.

Rows and line say the same. Which of them was changed last speaks: the line where it differs from what it was when the
page was made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from starlette.datastructures import FormData

from bot.wording import fault_words
from campaigns.errors import InputError
from campaigns.segments import Segment, parse_segment
from campaigns.segments.rows import (
    WITHOUT_VALUE,
    Form,
    Group,
    Join,
    Row,
    Verb,
    field_of,
    form_segment,
    row_segment,
    to_form,
    verbs_of,
)

MOST_ROWS = 60
_LONGEST_LINE = 4000
_LONGEST_VALUE = 500
_PLACE = re.compile(r"第(\d+)个字符：")


@dataclass(frozen=True, slots=True)
class Draft:
    """`rows` in order, each with its group's number (0: none) beside it in `groups`; `joins` by group, 0 the whole.

    `shown`: the rule is one that rows can show. `line` the rule as typed, `was` as the page was made with it.
    """

    rows: tuple[Row, ...] = ()
    groups: tuple[int, ...] = ()
    joins: Mapping[int, Join] = field(default_factory=dict)
    line: str = ""
    was: str = ""
    shown: bool = True

    def join(self, group: int) -> Join:
        return self.joins.get(group, Join.ALL if group == 0 else Join.ANY)


EMPTY = Draft(rows=(Row("", "", ""),), groups=(0,))  # what a new segment starts with: one row to fill in


@dataclass(frozen=True, slots=True)
class Reading:
    """What a draft means. `faults` by row; `fault` of the line, at character `at` (from 1) of it where known."""

    draft: Draft
    segment: Segment | None
    faults: Mapping[int, str] = field(default_factory=dict)
    pending: frozenset[int] = frozenset()  # rows that are not filled in yet, and count for nothing
    fault: str = ""
    at: int = 0


def draft_of(rule: str) -> Draft:
    """A rule of the ledger, or of an address, on the screen."""
    try:
        form = to_form(parse_segment(rule))
    except InputError:
        return Draft(line=rule, was="", shown=False)
    return _from_form(form, rule) if form else Draft(line=rule, was=rule, shown=False)


def read_draft(form: FormData) -> Draft:
    """What was sent; rows beyond MOST_ROWS, and what is no row, are left out."""
    columns = [[str(one) for one in form.getlist(name)] for name in ("field", "verb", "value", "group")]
    taken = list(zip(*columns, strict=False))[:MOST_ROWS]
    groups = tuple(_number(group) for *_, group in taken)
    return Draft(
        rows=tuple(_fitted(Row(name[:200], verb, value[:_LONGEST_VALUE])) for name, verb, value, _ in taken),
        groups=groups,
        joins={group: _join(str(form.get(f"join{group}", "")), group) for group in {0, *groups}},
        line=str(form.get("line", ""))[:_LONGEST_LINE],
        was=str(form.get("was", "")),
        shown=form.get("shown", "1") == "1",
    )


def change_draft(draft: Draft, what: str) -> Draft:
    """A row or group more, or a row less; anything else changes nothing."""
    head, _, tail = what.partition("-")
    number = _number(tail)
    match head:
        case "add" if len(draft.rows) < MOST_ROWS:
            return _with_row(draft, number)
        case "group" if len(draft.rows) < MOST_ROWS:
            return _with_row(draft, max(draft.groups, default=0) + 1)
        case "remove" if tail.isdigit() and number < len(draft.rows):
            keep = [at for at in range(len(draft.rows)) if at != number]
            return replace(
                draft, rows=tuple(draft.rows[at] for at in keep), groups=tuple(draft.groups[at] for at in keep)
            )
    return draft


def speaks(draft: Draft) -> str:
    """Which of the two was changed last: line or rows."""
    return "line" if not draft.shown or draft.line.strip() != draft.was.strip() else "rows"


def understand(draft: Draft, by: str) -> Reading:
    """The rule by the line or by the rows, and the other of the two made to say the same."""
    return _by_line(draft) if by == "line" else _by_rows(draft)


def parts_of(draft: Draft) -> list[tuple[int, list[int]]]:
    """(group, its rows' places) in order; rows of no group each by themselves as group 0."""
    found: list[tuple[int, list[int]]] = []
    for at, group in enumerate(draft.groups):
        known = next((places for number, places in found if group and number == group), None)
        if known is None:
            found.append((group, [at]))
        else:
            known.append(at)
    return found


def _by_line(draft: Draft) -> Reading:
    try:
        segment = parse_segment(draft.line)
    except InputError as exc:
        words = fault_words(exc)
        place = _PLACE.match(str(exc))
        return Reading(draft, None, fault=words, at=int(place[1]) if place else 0)
    form = to_form(segment)
    if form is None:
        return Reading(replace(draft, rows=(), groups=(), was=draft.line, shown=False), segment)
    return Reading(_from_form(form, draft.line), segment)


def _by_rows(draft: Draft) -> Reading:
    faults: dict[int, str] = {}
    pending = frozenset(at for at, row in enumerate(draft.rows) if _is_pending(row))
    for at, row in enumerate(draft.rows):
        if at not in pending:
            try:
                row_segment(row)
            except InputError as exc:
                faults[at] = fault_words(_PLACE.sub("", str(exc)))
    if faults:
        return Reading(draft, None, faults, pending)
    try:
        segment = form_segment(_form(draft, pending))
        line = str(segment)
        parse_segment(line)
    except InputError as exc:  # too long, in the end
        return Reading(draft, None, fault=fault_words(exc))
    return Reading(replace(draft, line=line, was=line), segment, pending=pending)


def _form(draft: Draft, pending: frozenset[int]) -> Form:
    parts: list[Row | Group] = []
    for group, places in parts_of(draft):
        rows = tuple(draft.rows[at] for at in places if at not in pending)
        if group and rows:
            parts.append(Group(draft.join(group), rows))
        else:
            parts += rows
    return Form(draft.join(0), tuple(parts))


def _from_form(form: Form, rule: str) -> Draft:
    rows: list[Row] = []
    groups: list[int] = []
    joins = {0: form.join}
    for part in form.parts:
        inside: Sequence[Row] = part.rows if isinstance(part, Group) else (part,)
        number = len(joins) if isinstance(part, Group) else 0
        if isinstance(part, Group):
            joins[number] = part.join
        rows += inside
        groups += [number] * len(inside)
    return Draft(tuple(rows), tuple(groups), joins, rule, rule)


def _with_row(draft: Draft, group: int) -> Draft:
    """Behind the last row of its group, or at the end."""
    at = max((place for place, one in enumerate(draft.groups) if one == group and group), default=len(draft.rows) - 1)
    rows, groups = list(draft.rows), list(draft.groups)
    rows.insert(at + 1, Row("", "", ""))
    groups.insert(at + 1, group)
    return replace(draft, rows=tuple(rows), groups=tuple(groups))


def _fitted(row: Row) -> Row:
    """With a comparison its field has."""
    known = field_of(row.field)
    if known is None or row.verb in verbs_of(known):
        return row
    return replace(row, verb=verbs_of(known)[0])


def _is_pending(row: Row) -> bool:
    return not row.field or (row.verb not in WITHOUT_VALUE and not row.value.strip() and row.verb in list(Verb))


def _join(given: str, group: int) -> Join:
    return Join(given) if given in list(Join) else Join.ALL if group == 0 else Join.ANY


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0
