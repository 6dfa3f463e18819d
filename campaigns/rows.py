"""One row of an export as typed cells, with what is wrong with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NoReturn

from campaigns.cells import (
    clean_text,
    is_nothing,
    parse_count,
    parse_day,
    parse_email,
    parse_flag,
    parse_key,
    parse_mobile,
    parse_moment,
    parse_yes,
)

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


class Unusable(Exception):
    """This row cannot go in."""

    def __init__(self, reject: Reject) -> None:
        super().__init__(reject.reason)
        self.reject = reject


class Row:
    """The row being read, one object for all of them. A column that the file lacks is an empty cell.

    `header` are the file's own words; `mapping` is column index → field, `custom` column index → name. What cannot be
    read is complained of in `problems`, or, where the row cannot do without it, raises Unusable.
    """

    __slots__ = ("_cells", "_columns", "_custom", "_line", "_names", "problems")

    def __init__(self, header: Sequence[str], mapping: Mapping[int, str], custom: Mapping[int, str]) -> None:
        self._columns = {field: index for index, field in mapping.items()}
        self._custom = custom
        self._names = [clean_text(word) for word in header]

    def begin(self, line: int, cells: Sequence[str]) -> None:
        self._line = line
        self._cells = (*cells, *[""] * (len(self._names) - len(cells)))
        self.problems: list[Problem] = []
        if surplus := " ".join(cells[len(self._names) :]).strip():
            self.problems.append(Problem(line, "", surplus[:_SHOWN], "这一行的列比表头多,多出的内容没有导入"))

    def cell(self, field: str) -> str:
        index = self._columns.get(field)
        return "" if index is None else self._cells[index]

    def has(self, field: str) -> bool:
        return field in self._columns

    def attrs(self) -> Mapping[str, str]:
        return {name: clean_text(self._cells[index]) for index, name in self._custom.items()}

    def text(self, field: str, width: int) -> str:
        text = clean_text(self.cell(field))
        if len(text) > width:
            self.complain(field, f"太长,只保留前 {width} 个字")
        return text[:width]

    def needed_text(self, field: str, width: int) -> str:
        return self.text(field, width) or self._refuse(field, "没有填写")

    def key(self, field: str) -> str:
        text = self.cell(field)
        return parse_key(text) or self._refuse(field, "不是可用的编号" if clean_text(text) else "没有编号")

    def other_key(self, field: str) -> str:
        return parse_key(self.cell(field)) or ""

    def moment(self, field: str) -> datetime | None:
        text = self.cell(field)
        try:
            return None if is_nothing(text) else parse_moment(text)
        except ValueError:
            return self._refuse(field, "不是可能的日期")

    def needed_moment(self, field: str) -> datetime:
        return self.moment(field) or self._refuse(field, "没有时间")

    def day(self, field: str) -> date | None:
        text = self.cell(field)
        try:
            return None if is_nothing(text) else parse_day(text)
        except ValueError:
            return self._refuse(field, "不是可能的日期")

    def count(self, field: str) -> int | None:
        text = self.cell(field)
        try:
            return None if is_nothing(text) else parse_count(text)
        except ValueError:
            self.complain(field, "不是整数,没有导入")
            return None

    def mobile(self, field: str) -> str | None:
        return self._address(field, parse_mobile(self.cell(field)), "手机号")

    def email(self, field: str) -> str | None:
        return self._address(field, parse_email(self.cell(field)), "邮箱")

    def openid(self, field: str) -> str | None:
        text = clean_text(self.cell(field))
        return self._address(field, text if 0 < len(text) <= 64 else None, "微信 openid")

    def flag(self, field: str) -> bool:
        return parse_flag(self.cell(field))

    def permission(self, field: str) -> bool | None:
        answer = parse_yes(self.cell(field))
        if answer is None and not is_nothing(self.cell(field)):
            self.complain(field, "只有“是”算同意,这一格不算")
        return answer

    def complain(self, field: str, reason: str) -> None:
        column, value = self._place(field)
        self.problems.append(Problem(self._line, column, value, reason))

    def _address(self, field: str, found: str | None, what: str) -> str | None:
        if found is None and clean_text(self.cell(field)):
            self.complain(field, f"不是有效的{what},没有导入")
        return found

    def _refuse(self, field: str, reason: str) -> NoReturn:
        raise Unusable(Reject(self._line, *self._place(field), reason))

    def _place(self, field: str) -> tuple[str, str]:
        return self._names[self._columns[field]], clean_text(self.cell(field))[:_SHOWN]
