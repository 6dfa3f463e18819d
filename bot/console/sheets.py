"""Rows as a file to take away: CSV piece by piece, XLSX through a file on the disk; nothing in a cell is a formula."""

import asyncio
import csv
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from urllib.parse import quote

import xlsxwriter
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

Pieces = AsyncIterator[Sequence[Sequence[str]]]

_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_MOST_ROWS = 1_048_576 - 1  # of a sheet, without its head
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def as_file(kind: str, name: str, head: Sequence[str], pieces: Pieces) -> Response:
    """`kind` csv or xlsx; `name` without the ending."""
    return await _xlsx(name, head, pieces) if kind == "xlsx" else _csv(name, head, pieces)


def harmless(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula, as the text it is."""
    return f"'{cell}" if cell.startswith(_SIGNS) else cell


def _csv(name: str, head: Sequence[str], pieces: Pieces) -> Response:
    async def lines() -> AsyncIterator[bytes]:
        yield "\ufeff".encode() + _lines([head])  # Excel takes a file without the mark for GBK
        async for rows in pieces:
            yield _lines(rows)

    return StreamingResponse(lines(), media_type="text/csv; charset=utf-8", headers=_named(f"{name}.csv"))


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


async def _xlsx(name: str, head: Sequence[str], pieces: Pieces) -> Response:
    with tempfile.NamedTemporaryFile(suffix=".xlsx", delete=False) as made:
        path = Path(made.name)
    try:
        book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
        sheet = book.add_worksheet()
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        for column, words in enumerate(head):
            sheet.write_string(0, column, words, bold)
        at = 1
        async for rows in pieces:
            kept = rows[: _MOST_ROWS + 1 - at]
            await asyncio.to_thread(_write, sheet, at, kept)
            at += len(kept)
        await asyncio.to_thread(book.close)
    except BaseException:
        await asyncio.to_thread(path.unlink)
        raise
    gone = BackgroundTask(path.unlink)
    return FileResponse(path, media_type=_XLSX, headers=_named(f"{name}.xlsx"), background=gone)


def _write(sheet: "xlsxwriter.worksheet.Worksheet", at: int, rows: Sequence[Sequence[str]]) -> None:
    for row, cells in enumerate(rows, at):
        for column, cell in enumerate(cells):
            sheet.write_string(row, column, cell[:32_767])


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}", "Cache-Control": "no-store"}
