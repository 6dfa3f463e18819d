"""Rows as text and back: nothing a cell can hold is changed on the way."""

from datetime import UTC
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.copy_text import Kind, from_lines, to_lines

_MOMENTS = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat(" "))
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INT: st.integers(-(2**63), 2**63 - 1),
    Kind.FLOAT: st.floats(allow_nan=False, allow_infinity=False),
    Kind.BOOL: st.integers(0, 1),
    Kind.TEXT: st.text(st.characters(exclude_categories=["Cs"])),
    Kind.JSON: st.text(st.characters(exclude_categories=["Cs"])),
    Kind.MOMENT: _MOMENTS,
    Kind.DATE: st.dates().map(str),
}
_KINDS = list(Kind)
_ROW = st.tuples(*[st.none() | _VALUES[kind] for kind in _KINDS])


@given(rows=st.lists(_ROW, max_size=5))
def test_any_row_reads_back_as_it_was(rows: list[tuple[Any, ...]]) -> None:
    lines = to_lines(rows, _KINDS)
    assert lines.count(b"\n") == len(rows)
    assert list(from_lines(lines.decode().split("\n")[:-1], _KINDS)) == [list(row) for row in rows]


def test_nothing_and_empty_and_the_word_for_nothing_are_three_things() -> None:
    rows = [(None,), ("",), (r"\N",), (r"\.",)]
    lines = to_lines(rows, [Kind.TEXT])
    assert lines == b"\\N\n\n\\\\N\n\\\\.\n"
    assert [tuple(row) for row in from_lines(lines.decode().split("\n")[:-1], [Kind.TEXT])] == rows


def test_what_ends_a_line_or_a_column_is_written_in_two_signs() -> None:
    """PostgreSQL refuses a bare carriage return."""
    assert to_lines([("a\tb\nc\rd\\e",)], [Kind.TEXT]) == b"a\\tb\\nc\\rd\\\\e\n"


def test_what_postgres_writes_is_read_as_sqlite_keeps_it() -> None:
    line = "\t".join(["t", "2026-11-23 01:30:00.5+00", "2026-11-23 01:30:00+00", r"a\vb\bc\fd", "2026-11-23"])
    kinds = [Kind.BOOL, Kind.MOMENT, Kind.MOMENT, Kind.TEXT, Kind.DATE]
    [row] = from_lines([line], kinds)
    assert row == [
        1, "2026-11-23 01:30:00.500000+00:00", "2026-11-23 01:30:00+00:00", "a\vb\bc\fd", "2026-11-23"
    ]  # fmt: skip


@pytest.mark.parametrize("line", ["1", "1\t2\t3", ""])
def test_a_line_with_other_columns_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"zip|invalid"):
        list(from_lines([line], [Kind.INT, Kind.INT]))
