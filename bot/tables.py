"""One file on disk to a table of text cells, whatever its encoding, delimiter or container.

A file that is no table is refused with one InputError that names the file and the remedy. Text files are read
as a stream, as often as their rows are asked for; a workbook's sheet is held in memory.
"""

import codecs
import csv
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path
from typing import TextIO

from charset_normalizer import from_bytes
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from campaigns.errors import InputError

LARGEST_FILE = 512 * 2**20
_LARGEST_UNPACKED = 2 * LARGEST_FILE  # what a workbook, which is a zip, may grow to
_HEADER_ROWS = 20
_DELIMITERS = ",\t;|"
_CHUNK = 2**20
_LONGEST_LINE = 2**20
_LONGEST_RECORD = 500  # lines; a quote that opens and does not close must not swallow the rest of the file
_PROGRESS_ROWS = 256

_BOMS = (  # UTF-32 first: its mark begins like that of UTF-16
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_NO_TABLES = {
    b"%PDF": "PDF",
    b"\x89PNG": "图片",
    b"\xff\xd8\xff": "图片",
    b"GIF8": "图片",
    b"Rar!": "压缩包",
    b"7z\xbc\xaf": "压缩包",
    b"\x1f\x8b": "压缩包",
    b"SQLite format 3": "数据库",
    b"<!doctype html": "网页",
    b"<html": "网页",
    b"<table": "网页",
}

Cells = tuple[str, ...]
IsHeader = Callable[[Sequence[str]], bool]


@dataclass(frozen=True, slots=True)
class RawTable:
    """A table as it stands in the file.

    `rows` can be iterated again and again: (line, cells), the cells trimmed, as many as the row has, blank
    rows included. The line is the number a person sees: in a sheet the row's, in a text file that of its
    first line.
    """

    path: Path
    header: Cells
    rows: "TextRows | SheetRows"
    encoding: str  # as Python names it; "xlsx" for any workbook


def read_table(path: Path, is_header: IsHeader) -> RawTable:
    """Find encoding, delimiter and header row (among the first 20). InputError where that cannot be done."""
    head = _read_head(path)
    start = head.lstrip().lower()
    for signature, kind in _NO_TABLES.items():
        if head.startswith(signature) or start.startswith(signature):
            raise InputError(f"{path}:这是{kind},不是表格(not a table);请导出为 CSV 或 XLSX 再导入")
    if head.startswith(_WORKBOOKS):
        return _read_workbook(path, is_header)
    return _read_text(path, head, is_header)


def _read_head(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}:不是文件(not a file);请给出一个 CSV 或 XLSX 文件")
        with path.open("rb") as file:
            head = file.read(_CHUNK)
            size = path.stat().st_size
    except FileNotFoundError:
        raise InputError(f"{path}:没有这个文件(file not found);请检查路径") from None
    except OSError as error:
        raise InputError(f"{path}:打不开(cannot be read: {error.strerror});请检查权限") from None
    if not head.strip():
        raise InputError(f"{path}:文件是空的(empty);请重新导出")
    if size > LARGEST_FILE:
        raise InputError(f"{path}:超过 {LARGEST_FILE // 2**20} MB(too large);请分成几个文件导入")
    return head


def _read_text(path: Path, head: bytes, is_header: IsHeader) -> RawTable:
    readable = False
    for encoding in _encodings(head):
        if not _decodes(path, encoding):
            continue
        readable = True
        for delimiter in _DELIMITERS:
            with _open(path, encoding) as text:
                found = _find_header(_split(text, delimiter), is_header)
            if found:
                rows = TextRows(path, encoding, delimiter, found[0], len(found[1]))
                return RawTable(path, found[1], rows, encoding)
    if readable and b"\0" not in head:
        raise _no_header(path)
    raise InputError(
        f"{path}:读不出文字(unreadable encoding:不是 UTF-8、GB18030 或 UTF-16 的表格,或者文件已损坏);"
        "请用 Excel 或 WPS 另存为 XLSX 或“CSV UTF-8”再导入"
    )


def _no_header(path: Path) -> InputError:
    return InputError(
        f"{path}:前 {_HEADER_ROWS} 行里没有认得的表头(no known header),例如 会员编号、企业名称;请保留网站导出时的表头"
    )


def _encodings(head: bytes) -> Iterator[str]:
    """What the file may be written in, likely ones first. Almost anything decodes as GB18030: it is late."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            yield encoding
            return
    if b"\0" in head:
        yield from ("utf-16-le", "utf-16-be")
    yield from ("utf-8", "gb18030")
    whole_lines = head[: head.rfind(b"\n") + 1] or head
    if guess := from_bytes(whole_lines[: 2**18]).best():
        yield guess.encoding


def _decodes(path: Path, encoding: str) -> bool:
    """The whole file is tried: the first bytes that tell UTF-8 from GB18030 may stand in its last line."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _open(path: Path, encoding: str) -> TextIO:
    return path.open(encoding=encoding, newline="")


def _find_header(rows: Iterable[tuple[int, Sequence[str]]], is_header: IsHeader) -> tuple[int, Cells] | None:
    for line, row in islice(rows, _HEADER_ROWS):
        cells = tuple(cell.strip() for cell in row)
        if is_header(cells):
            return line, cells
    return None


class TextRows:
    """The rows below the header of a text file. `position`: how many of `total` bytes have been read."""

    def __init__(self, path: Path, encoding: str, delimiter: str, header_line: int, width: int) -> None:
        self._path, self._encoding, self._delimiter = path, encoding, delimiter
        self._header_line, self._width = header_line, width
        self.position = 0
        self.total = path.stat().st_size

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        with _open(self._path, self._encoding) as text:
            for count, (line, row) in enumerate(_split(text, self._delimiter, self._width)):
                if count % _PROGRESS_ROWS == 0:
                    self.position = text.buffer.tell()
                if line > self._header_line:
                    yield line, tuple(map(str.strip, row))
        self.position = self.total


def _split(text: TextIO, delimiter: str, width: int = 0) -> Iterator[tuple[int, list[str]]]:
    """The records of a delimited file with the number of their first line.

    A quote that opens and never closes would make one record of all that follows. Where that happens, the
    quote is taken as a character of its line, and reading goes on with the next one.
    """
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        lines.begin()
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:  # a cell longer than csv takes
            row = []
            lines.starved = True
        first = lines.taken[0].rstrip("\r\n").split(delimiter)
        if lines.starved or not _is_one_record(lines.taken, delimiter, len(first), len(row), width):
            row = first
            lines.give_back()
            reader = csv.reader(lines, delimiter=delimiter)
        yield lines.number, row


def _is_one_record(lines: Sequence[str], delimiter: str, first: int, together: int, width: int) -> bool:
    """Whether several lines are one record, and not rows that two stray quotes have joined.

    `first` and `together`: how many cells the first line has alone, and all of them as one record. Where the
    first line alone is as wide as the header, the quoting must be without fault to be believed.
    """
    if len(lines) == 1 or first != width:
        return True
    try:
        list(csv.reader(lines, delimiter=delimiter, strict=True))
    except csv.Error:
        return False
    return together == width


class _Lines:
    """Lines of a file for csv, which takes as many as a record has; all but the first can be given back.

    `number` is that of the record's first line. `starved`: csv wanted another line and did not get it, so a
    quote is still open.
    """

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._waiting: deque[str] = deque()
        self.number = 1
        self.taken: list[str] = []
        self.starved = False

    def begin(self) -> None:
        self.number += len(self.taken)
        self.taken = []
        self.starved = False

    def give_back(self) -> None:
        self._waiting.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = "" if len(self.taken) >= _LONGEST_RECORD else self._read()
        if not line:
            self.starved = bool(self.taken)
            raise StopIteration
        self.taken.append(line)
        return line

    def _read(self) -> str:
        if self._waiting:
            return self._waiting.popleft()
        line = self._text.readline(_LONGEST_LINE + 1)
        if len(line) > _LONGEST_LINE:
            raise InputError(
                f"{self._text.name}:第 {self.number + len(self.taken)} 行太长(line too long),不像表格;请重新导出"
            )
        return line


def _read_workbook(path: Path, is_header: IsHeader) -> RawTable:
    try:
        _check_unpacked(path)
        workbook = CalamineWorkbook.from_path(path)
        for index in range(len(workbook.sheet_names)):
            sheet = workbook.get_sheet_by_index(index)
            found = _find_header(_sheet_rows(sheet), is_header)
            if found:
                return RawTable(path, found[1], SheetRows(sheet, found[0]), "xlsx")
    except (CalamineError, zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
        raise InputError(
            f"{path}:不是工作簿,或者已损坏、有密码(not a table);请用 Excel 或 WPS 另存为不带密码的 XLSX"
        ) from None
    raise _no_header(path)


def _check_unpacked(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_UNPACKED:
            raise InputError(
                f"{path}:解压后超过 {_LARGEST_UNPACKED // 2**20} MB(too large);请分成几个文件,或另存为 CSV"
            )


class SheetRows:
    """The rows below the header of a sheet. `position`: how many of `total` rows have been read."""

    def __init__(self, sheet: CalamineSheet, header_line: int) -> None:
        self._sheet, self._header_line = sheet, header_line
        self.position = 0
        self.total = sheet.end[0] + 1 if sheet.end else 0

    def __iter__(self) -> Iterator[tuple[int, Cells]]:
        for line, cells in _sheet_rows(self._sheet):
            self.position = line
            if line > self._header_line:
                yield line, cells


def _sheet_rows(sheet: CalamineSheet) -> Iterator[tuple[int, Cells]]:
    for line, row in enumerate(sheet.iter_rows(), start=1):
        yield line, tuple(map(_sheet_text, row))


def _sheet_text(cell: str | float | bool | datetime | date | time | timedelta) -> str:
    """A cell as text: whole numbers without a point, dates in ISO form without a zone."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime):
        return _whole_second(cell).isoformat(sep=" ")
    if isinstance(cell, date | time):
        return cell.isoformat()
    return str(cell)


def _whole_second(moment: datetime) -> datetime:
    """A sheet keeps a moment as a fraction of a day, some milliseconds off."""
    nearest = round(moment.microsecond / 1_000_000)
    return moment.replace(microsecond=0) + timedelta(seconds=nearest)
