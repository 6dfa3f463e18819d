"""Tables that staff take away, as CSV and XLSX; no cell of ours is a formula in whoever opens them."""

import csv
import io
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any

import xlsxwriter

from campaigns.terms import SHANGHAI

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LINES = 1_000  # of a CSV at once


def csv_sheet(table: Sequence[Sequence[Any]]) -> Iterator[bytes]:
    """With a byte order mark, without which Excel reads Chinese as something else."""
    yield b"\xef\xbb\xbf"
    for first in range(0, len(table), _LINES):
        text = io.StringIO()
        csv.writer(text).writerows([_cell(one) for one in row] for row in table[first : first + _LINES])
        yield text.getvalue().encode()


def xlsx_sheet(table: Sequence[Sequence[Any]]) -> bytes:
    made = io.BytesIO()
    options = {"in_memory": True, "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(made, options) as book:
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        for at, row in enumerate(table):
            for column, one in enumerate(row):
                if isinstance(one, int | float):
                    sheet.write_number(at, column, one)
                else:
                    sheet.write_string(at, column, _cell(one))
    return made.getvalue()


def _cell(value: Any) -> str:
    """As text; one that a spreadsheet would take for a formula gets a quotation mark before it."""
    if isinstance(value, datetime):
        return f"{value.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
