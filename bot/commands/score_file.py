"""A file of histories for the activity model: read, refused by its line where it is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.tables import RawTable, read_table
from campaigns.activity import Histories, fault_of, histories
from campaigns.errors import InputError

_COLUMNS = ("id", "frequency", "recency", "age")
_ALSO = {"t": "age"}  # as published tables head it
_NEEDED = "需要 id, frequency, recency, age 四列 (needed columns)，第一行是表头"


@dataclass(frozen=True, slots=True)
class Scored:
    """Members by their id as it stands in the file, in its order, and the history of each."""

    ids: list[str]
    known: Histories


def read_histories(path: Path) -> Scored:
    """Raises InputError naming the line and the remedy."""
    table = _table(path)
    places = _places(path, table.header)
    ids: dict[str, int] = {}
    columns: tuple[list[float], list[float], list[float]] = ([], [], [])
    for line, cells in table.rows:
        if not any(cells):
            continue
        if len(cells) != len(table.header):
            raise InputError(
                f"{path}:第 {line} 行有 {len(cells)} 格，表头有 {len(table.header)} 格 (line {line}: wrong number of"
                " cells)；小数点请用“.”，多余的逗号请去掉"
            )
        _take_id(path, line, cells[places[0]], ids)
        figures = [_number(path, line, name, cells[places[at]]) for at, name in enumerate(_COLUMNS[1:], start=1)]
        if fault := fault_of(*figures):
            raise InputError(f"{path}:第 {line} 行 (line {line}): {fault}")
        for column, figure in zip(columns, figures, strict=True):
            column.append(figure)
    if not ids:
        raise InputError(f"{path}:只有表头，没有数据 (only a header, no rows)；{_NEEDED}")
    return Scored(list(ids), histories(*columns))


def _table(path: Path) -> RawTable:
    try:
        return read_table(path, lambda cells: len({_name(cell) for cell in cells} & set(_COLUMNS)) > 1)
    except InputError as exc:
        if "no known header" not in str(exc):
            raise
        raise InputError(f"{path}:没有认得的表头 (no known header)；{_NEEDED}") from None


def _places(path: Path, header: Sequence[str]) -> list[int]:
    """Where each column stands. Columns of other names are left alone."""
    names = [_name(cell) for cell in header]
    if missing := [name for name in _COLUMNS if name not in names]:
        raise InputError(f"{path}:缺少列 {', '.join(missing)} (missing columns)；{_NEEDED}")
    if twice := [name for name in _COLUMNS if names.count(name) > 1]:
        raise InputError(f"{path}:列 {', '.join(twice)} 出现了两次 (column twice)；请去掉一列")
    return [names.index(name) for name in _COLUMNS]


def _name(cell: str) -> str:
    name = cell.strip().strip("\ufeff").lower()
    return _ALSO.get(name, name)


def _take_id(path: Path, line: int, name: str, ids: dict[str, int]) -> None:
    if not name:
        raise InputError(f"{path}:第 {line} 行没有 id (line {line}: no id)；每行填一个编号")
    if name in ids:
        raise InputError(
            f"{path}:第 {line} 行的 id 在第 {ids[name]} 行已有 (line {line}: id was on line {ids[name]}, too)；"
            "一个会员只写一行"
        )
    ids[name] = line


def _number(path: Path, line: int, column: str, cell: str) -> float:
    try:
        if "_" in cell:  # which Python takes
            raise ValueError
        return float(cell)
    except ValueError:
        raise InputError(
            f"{path}:第 {line} 行 {column}“{cell[:40]}”不是数字 (line {line}: {column} is not a number)；"
            "请填 12 或 30.43 这样的数"
        ) from None
