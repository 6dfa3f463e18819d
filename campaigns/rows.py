"""Rows of an export, many at a time and column by column: what goes in, what does not, and what is wrong with it.

Columns of an export say the same few things over and over. A text is read once for all the rows that hold it, which
makes a row of thirteen cells cost a third of what reading its cells one by one did.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

from campaigns.cells import clean_text

_SHOWN = 200  # characters of a cell that a reject or a problem quotes


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that does not go in. `column` is the header word, `value` the start of the cell."""

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A cell that does not go in, or not whole, while its row does."""

    line: int
    column: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What reading a cell finds wrong. The row goes in with `instead`, or, where it is `fatal`, not at all."""

    reason: str
    instead: Any = None
    fatal: bool = False


Read = Callable[[str], Any]
"""A cell's text → its value, or a Fault. Must be pure: it is asked once for all equal texts of some rows."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows that go in: the line of each, their values by field, and the problems of those that have any, by line."""

    lines: list[int]
    columns: dict[str, list[Any]]
    problems: dict[int, list[Problem]]

    def only(self, wanted: Sequence[bool]) -> "Judged":
        """Some of these rows; `wanted` has a mark for each."""
        lines = list(compress(self.lines, wanted))
        columns = {field: list(compress(values, wanted)) for field, values in self.columns.items()}
        left = set(lines)
        return Judged(lines, columns, {line: found for line, found in self.problems.items() if line in left})


class Judge:
    """Judges rows of one table.

    `header` are the file's own words; `mapping` is column index → field, `custom` column index → name, or None for a
    table that keeps no columns of the site's own. `reads` says for every field how a cell is read; `absent` what a
    field has that the file lacks, where that is something else than an empty cell.
    """

    def __init__(
        self,
        header: Sequence[str],
        mapping: Mapping[int, str],
        custom: Mapping[int, str] | None,
        reads: Mapping[str, Read],
        absent: Mapping[str, Any],
    ) -> None:
        self._names = [clean_text(word) for word in header]
        self._places = {field: index for index, field in mapping.items()}
        self._custom = custom
        self._reads = reads
        self._absent = {
            field: absent[field] if field in absent else read("")
            for field, read in reads.items()
            if field not in self._places
        }

    def judge(self, rows: Sequence[tuple[int, Sequence[str]]]) -> tuple[Judged, list[Reject]]:
        """Rows as (line, cells); a column that a row lacks is an empty cell."""
        lines, problems = [line for line, _ in rows], dict[int, list[Problem]]()
        cells = list(zip(*[self._fitted(line, row, problems) for line, row in rows], strict=True))
        refused: dict[int, Reject] = {}
        columns = {field: self._read(field, lines, cells, problems, refused) for field in self._reads}
        if self._custom is not None:
            columns["attrs"] = self._attrs(lines, cells)
        judged = Judged(lines, columns, problems)
        if not refused:
            return judged, []
        return judged.only([line not in refused for line in lines]), [refused[line] for line in sorted(refused)]

    def _fitted(self, line: int, cells: Sequence[str], problems: dict[int, list[Problem]]) -> Sequence[str]:
        """As many cells as the header has."""
        width = len(self._names)
        if len(cells) == width:
            return cells
        if surplus := " ".join(cells[width:]).strip():
            reason = "这一行的列比表头多,多出的内容没有导入"
            problems.setdefault(line, []).append(Problem(line, "", surplus[:_SHOWN], reason))
        return (*cells[:width], *[""] * (width - len(cells)))

    def _read(
        self,
        field: str,
        lines: Sequence[int],
        cells: Sequence[Sequence[str]],
        problems: dict[int, list[Problem]],
        refused: dict[int, Reject],
    ) -> list[Any]:
        if field in self._absent:
            return [self._absent[field]] * len(lines)
        place, read = self._places[field], self._reads[field]
        found = {text: read(text) for text in set(cells[place])}
        values = [found[text] for text in cells[place]]
        if Fault not in map(type, found.values()):
            return values
        for row, value in enumerate(values):
            if not isinstance(value, Fault):
                continue
            told = (lines[row], self._names[place], clean_text(cells[place][row])[:_SHOWN], value.reason)
            if value.fatal:
                refused.setdefault(lines[row], Reject(*told))
            else:
                problems.setdefault(lines[row], []).append(Problem(*told))
            values[row] = value.instead
        return values

    def _attrs(self, lines: Sequence[int], cells: Sequence[Sequence[str]]) -> list[dict[str, str]]:
        if not self._custom:
            return [{} for _ in lines]
        names = list(self._custom.values())
        columns = [[clean_text(text) for text in cells[index]] for index in self._custom]
        return [dict(zip(names, texts, strict=True)) for texts in zip(*columns, strict=True)]
