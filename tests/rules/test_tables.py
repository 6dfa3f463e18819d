"""A file of whatever making becomes a table of text, or is refused with one clear line."""

import csv
import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot import tables
from bot.tables import RawTable, read_table
from campaigns.errors import InputError

HEADER = ("会员编号", "企业名称", "园区")
LINES = ["会员编号,企业名称,园区", "Q1,大同机械,御东", "", "Q2,晋北餐饮,城区"]
ROWS = [(2, ("Q1", "大同机械", "御东")), (4, ("Q2", "晋北餐饮", "城区"))]


def is_header(cells: Sequence[str]) -> bool:
    return len({"会员编号", "企业名称", "member_no"}.intersection(cells)) >= 2


def read(path: Path) -> RawTable:
    return read_table(path, is_header)


def filled(table: RawTable) -> list[tuple[int, tuple[str, ...]]]:
    return [(line, cells) for line, cells in table.rows if any(cells)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "members.csv"


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be", "utf-32"],
)
def test_the_encoding_is_found(file: Path, encoding: str) -> None:
    file.write_bytes("\r\n".join(LINES).encode(encoding))
    table = read(file)
    assert (table.header, filled(table)) == (HEADER, ROWS)


def test_the_encoding_may_show_in_the_last_line_only(file: Path) -> None:
    rows = "".join(f"Q{n},name\n" for n in range(200_000))
    file.write_bytes(f"member_no,name\n{rows}Q0,大同\n".encode("gb18030"))
    *_, last = read_table(file, lambda cells: "member_no" in cells).rows
    assert last == (200_002, ("Q0", "大同"))


def test_an_encoding_nobody_foresaw_is_guessed(file: Path) -> None:
    text = "member_no,name\n" + "Q1,Gebäude für Mädchen und Käse in Österreich größer\n" * 40
    file.write_bytes(text.encode("cp1252") + b"Q2,\xff\n")
    table = read_table(file, lambda cells: "member_no" in cells)
    assert "Mädchen" in next(iter(table.rows))[1][1]


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_found(file: Path, delimiter: str) -> None:
    file.write_text("\n".join(LINES).replace(",", delimiter), encoding="utf-8")
    assert filled(read(file)) == ROWS


def test_title_rows_above_the_header_are_passed_over(file: Path) -> None:
    file.write_text('"企业会员\n导出",,\n\n2026-11-21,,\n' + "\n".join(LINES), encoding="utf-8")
    table = read(file)
    assert table.header == HEADER
    assert filled(table) == [(line + 4, cells) for line, cells in ROWS]


def test_a_header_below_the_first_twenty_rows_is_not_looked_for(file: Path) -> None:
    file.write_text("x\n" * 20 + "\n".join(LINES), encoding="utf-8")
    with pytest.raises(InputError, match="no known header"):
        read(file)


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_quoted_line_break_stays_in_its_cell(file: Path, newline: str) -> None:
    file.write_bytes(newline.join([LINES[0], 'Q1,"大同\r\nBcc: x",御东', "Q2,晋北,城区"]).encode())
    rows = filled(read(file))
    assert [cells[1] for _, cells in rows] == ["大同\r\nBcc: x", "晋北"]
    assert rows[0][0] == 2


def test_a_line_number_is_that_of_the_rows_first_line(file: Path) -> None:
    file.write_text(LINES[0] + '\nQ1,"a\nb\nc",x\nQ2,d,y\n', encoding="utf-8")
    assert [line for line, _ in read(file).rows] == [2, 5]


def test_a_quote_that_never_closes_costs_its_own_row_only(file: Path) -> None:
    rest = [f"Q{n},公司{n},城区" for n in range(2, 2000)]
    file.write_text("\n".join([LINES[0], 'Q1,"大同,御东', *rest]), encoding="utf-8")
    rows = filled(read(file))
    assert len(rows) == 1999
    assert rows[0] == (2, ("Q1", '"大同', "御东"))
    assert rows[-1] == (2000, ("Q1999", "公司1999", "城区"))


@pytest.mark.parametrize("second", ['Q3,"晋北,z', 'Q3,晋北,z"'])
def test_two_stray_quotes_do_not_swallow_the_rows_between(file: Path, second: str) -> None:
    file.write_text("\n".join([LINES[0], 'Q1,"大同,x', "Q2,b,y", second, "Q4,d,w"]), encoding="utf-8")
    assert [cells[0] for _, cells in read(file).rows] == ["Q1", "Q2", "Q3", "Q4"]


def test_an_open_quote_in_the_last_line_keeps_its_cells(file: Path) -> None:
    file.write_text(LINES[0] + '\nQ1,"大同,御东\n', encoding="utf-8")
    assert filled(read(file)) == [(2, ("Q1", '"大同', "御东"))]


def test_a_huge_cell_costs_its_own_row_only(file: Path) -> None:
    file.write_text(f'{LINES[0]}\nQ1,"{"x" * 200_000}",y\nQ2,b,z\n', encoding="utf-8")
    assert [cells[0] for _, cells in read(file).rows] == ["Q1", "Q2"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(st.text(st.sampled_from('a,"\n\r;\t大 '), max_size=6), min_size=3, max_size=3), max_size=5))
def test_what_a_csv_writer_writes_comes_back(tmp_path: Path, written: list[list[str]]) -> None:
    path = tmp_path / "t.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([list(HEADER), *written])
    assert [cells for _, cells in read(path).rows] == [tuple(cell.strip() for cell in row) for row in written]


def test_rows_can_be_read_again_and_tell_how_far_they_are(file: Path) -> None:
    file.write_text(LINES[0] + "\n" + "Q1,大同,x\n" * 20_000, encoding="utf-8")
    rows = read(file).rows
    reading = iter(rows)
    for _ in range(10_000):
        next(reading)
    assert 0 < rows.position < rows.total == file.stat().st_size
    assert len(list(rows)) == len(list(rows)) == 20_000
    assert rows.position == rows.total


def workbook(path: Path, *sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"表{number}")
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_from_the_first_sheet_with_a_header(tmp_path: Path) -> None:
    rows = [["导出"], [], list(HEADER), [1001, "大同\r\n机械", None], [], [13800138000, " 晋北 ", True]]
    table = read(workbook(tmp_path / "m.xlsx", [["说明"]], rows))
    assert (table.header, table.encoding) == (HEADER, "xlsx")
    assert filled(table) == [(4, ("1001", "大同\n机械", "")), (6, ("13800138000", "晋北", "TRUE"))]
    assert table.rows.position == table.rows.total == 6


def test_spreadsheet_dates_and_numbers_become_text(tmp_path: Path) -> None:
    cells = [datetime(2025, 3, 1, 8), date(2025, 3, 1), 1.5, "15483503031.0", 20250301]  # noqa: DTZ001
    table = read(workbook(tmp_path / "m.xlsx", [[*HEADER, "x", "y"], cells]))
    assert next(iter(table.rows))[1] == ("2025-03-01 08:00:00", "2025-03-01", "1.5", "15483503031.0", "20250301")


def test_a_moment_of_a_sheet_is_rounded_to_its_second(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(list(HEADER))
    book.active.append([45000.3333333])
    book.active["A2"].number_format = "yyyy-mm-dd hh:mm"
    book.save(tmp_path / "m.xlsx")
    assert next(iter(read(tmp_path / "m.xlsx").rows))[1][0] == "2023-03-15 08:00:00"


def test_the_content_decides_and_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "members.xls"
    path.write_text("\n".join(LINES).replace(",", "\t"), encoding="gb18030")
    assert filled(read(path)) == ROWS


def zipped() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("a.txt", "x")
    return memory.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (b" \r\n \n", "empty"),
        (b"%PDF-1.7\n1 0 obj", "not a table"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a table"),
        (b"\n<!DOCTYPE html><table><tr><td>x", "not a table"),
        (zipped(), "not a table"),
        (zipped()[:20], "not a table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "not a table"),
        (b"a,b,c\n1,2,3\n", "no known header"),
        ("企业名称\n大同\n".encode(), "no known header"),
        (b'{"members": []}', "no known header"),
        (b"\x00\x01\x02\x03" * 500, "unreadable encoding"),
        ("会员编号,企业名称\nQ1,大同".encode("gb18030")[:-1] + b"\xff\xff\n", "unreadable encoding"),
    ],
    ids=map(str, range(13)),  # a zip holds the time it was made at, and a test's name should not
)
def test_a_wrong_file_is_refused_in_one_line(file: Path, content: bytes, reason: str) -> None:
    file.write_bytes(content)
    with pytest.raises(InputError, match=reason) as refused:
        read(file)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="file not found"):
        read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="not a file"):
        read(tmp_path)


def test_a_file_that_is_too_large_is_refused_unread(file: Path) -> None:
    file.write_text("\n".join(LINES), encoding="utf-8")
    with file.open("r+b") as sparse:
        sparse.truncate(tables.LARGEST_FILE + 1)
    with pytest.raises(InputError, match="too large"):
        read(file)


def test_a_workbook_that_unpacks_without_end_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "_LARGEST_UNPACKED", 2**20)
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.xml", bytes(2**19))
        archive.writestr("2.xml", bytes(2**20))
    with pytest.raises(InputError, match="too large"):
        read(path)


def test_a_line_without_end_is_refused(file: Path) -> None:
    file.write_text(LINES[0] + "\n" + "x" * (2**20 + 1), encoding="utf-8")
    with pytest.raises(InputError, match="第 2 行太长"):
        list(read(file).rows)


def test_a_nul_in_a_cell_does_not_stop_the_file(file: Path) -> None:
    file.write_text("\n".join(LINES).replace("机械", "机\0械"), encoding="utf-8")
    assert filled(read(file))[0][1][1] == "大同机\0械"
