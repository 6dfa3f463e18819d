r"""Rows as text, the way PostgreSQL's COPY writes and reads them: a line a row, tabs between the columns, \N for null.

PostgreSQL speaks it by itself. These are the same lines out of SQLite's values, and SQLite's values out of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

_NULL = r"\N"
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANT = {"t": "\t", "n": "\n", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


class Kind(StrEnum):
    """What a column holds; SQLite's own types do not tell a flag from a number, nor a moment from a text."""

    INT = "int"
    FLOAT = "float"
    BOOL = "bool"
    TEXT = "text"
    JSON = "json"
    MOMENT = "moment"
    DATE = "date"


def to_lines(rows: Iterable[Sequence[Any]], kinds: Sequence[Kind]) -> bytes:
    """The lines of rows as SQLite gives them, UTF-8, each with its end."""
    writers = [_WRITERS[kind] for kind in kinds]
    return "".join([_line(row, writers) for row in rows]).encode()


def from_lines(lines: Iterable[str], kinds: Sequence[Kind]) -> Iterator[list[Any]]:
    """Each line (without its end) as values SQLite takes. Raises ValueError at a line that has other columns."""
    readers = [_READERS[kind] for kind in kinds]
    for line in lines:
        yield [None if field == _NULL else read(field) for field, read in zip(line.split("\t"), readers, strict=True)]


def _line(row: Sequence[Any], writers: Sequence[Callable[[Any], str]]) -> str:
    fields = [_NULL if value is None else write(value) for value, write in zip(row, writers, strict=True)]
    return "\t".join(fields) + "\n"


def _escape(text: str) -> str:
    return text.translate(_ESCAPES) if _SPECIAL.search(text) else text


def _unescape(field: str) -> str:
    return _ESCAPED.sub(_meant, field) if "\\" in field else field


def _meant(match: re.Match[str]) -> str:
    return _MEANT.get(match[1], match[1])


def _moment(field: str) -> str:
    """SQLite compares moments as text, so PostgreSQL's short form must become the one we write there."""
    return datetime.fromisoformat(field).isoformat(" ") if field.endswith("+00") else field


def _flag(value: Any) -> str:
    return "t" if value else "f"


def _is_true(field: str) -> int:
    return int(field == "t")


# repr: the shortest text that reads back as the same float
_WRITERS: dict[Kind, Callable[[Any], str]] = {
    Kind.INT: str,
    Kind.FLOAT: repr,
    Kind.BOOL: _flag,
    Kind.TEXT: _escape,
    Kind.JSON: _escape,
    Kind.MOMENT: str,
    Kind.DATE: str,
}
_READERS: dict[Kind, Callable[[str], Any]] = {
    Kind.INT: int,
    Kind.FLOAT: float,
    Kind.BOOL: _is_true,
    Kind.TEXT: _unescape,
    Kind.JSON: _unescape,
    Kind.MOMENT: _moment,
    Kind.DATE: str,
}
