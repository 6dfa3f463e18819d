"""The uploaded files of one import: where they lie, what they are called, what their columns mean.

Nothing of a file's own name reaches the disk: files are numbered, and the name is only shown.
"""

import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from starlette.datastructures import UploadFile

from bot.importing import Table
from bot.settings import Settings
from bot.tables import RawTable, read_table
from campaigns.cells import clean_text
from campaigns.columns import TableKind, choose, is_header, kind_of, suggest
from campaigns.errors import InputError

PREVIEWED = 6
_LONGEST_NAME = 120
_LONGEST_CELL = 60
_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".xlsx", ".xls", ".xlsm", ".ods"})


@dataclass(frozen=True, slots=True)
class Preview:
    """One file as the mapping page shows it. `chosen`: for each column of `header` what it means."""

    file: str
    name: str
    kind: TableKind
    encoding: str
    header: tuple[str, ...]
    chosen: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    refused: str = ""


def keep_files(settings: Settings, uploads: Sequence[UploadFile]) -> tuple[Path, dict[str, Any]]:
    """Copy them to a new private folder; returns it, and how each file is read as far as that can be guessed."""
    folder = settings.var / "imports" / secrets.token_hex(12)
    folder.mkdir(parents=True, mode=0o700)
    columns: dict[str, Any] = {}
    for number, upload in enumerate(uploads, start=1):
        name = shown_name(upload.filename or "", number)
        file = f"{number}{_suffix(name)}"
        with (folder / file).open("xb") as target:
            (folder / file).chmod(0o600)
            shutil.copyfileobj(upload.file, target, 2**20)
        columns[file] = {"name": name, "skip": False, **_guess(folder / file)}
    return folder, columns


def remove_files(settings: Settings, folder: str) -> None:
    """Only ever a folder of ours."""
    path = Path(folder)
    if folder and path.parent == settings.var / "imports":
        shutil.rmtree(path, ignore_errors=True)


def shown_name(given: str, number: int) -> str:
    """What a browser calls the file, without any path of it."""
    last = PurePosixPath(given.replace("\\", "/")).name
    name = "".join(char for char in last if char.isprintable())[:_LONGEST_NAME].strip()
    return name or f"文件{number}"


def preview_of(path: Path, stored: Mapping[str, Any]) -> Preview:
    kind, name = TableKind(stored["kind"]), str(stored["name"])
    if stored["refused"]:
        return Preview(path.name, name, kind, "", (), (), (), str(stored["refused"]))
    raw = _open(path)
    rows = tuple(_fitted(cells, len(raw.header)) for _, cells in islice(_filled(raw), PREVIEWED))
    return Preview(path.name, name, kind, raw.encoding, raw.header, tuple(stored["chosen"]), rows)


def table_of(path: Path, stored: Mapping[str, Any]) -> Table:
    """The file as it is to be imported. Raises InputError where its columns do not do."""
    raw = _open(path)
    return Table(str(stored["name"]), raw, choose(TableKind(stored["kind"]), raw.header, stored["chosen"]))


def read_again(path: Path, stored: Mapping[str, Any], kind: TableKind) -> dict[str, Any]:
    """The same file as a table of another kind."""
    if stored["refused"]:
        return dict(stored)
    return {**stored, "kind": kind.value, "chosen": suggest(kind, _open(path).header)}


def _guess(path: Path) -> dict[str, Any]:
    try:
        header = _open(path).header
    except InputError as exc:
        words = str(exc).partition(path.name)[2].lstrip(":：") or str(exc)
        return {"kind": TableKind.MEMBERS.value, "chosen": [], "refused": words}
    kind = kind_of(header) or TableKind.MEMBERS
    return {"kind": kind.value, "chosen": suggest(kind, header), "refused": ""}


def _open(path: Path) -> RawTable:
    """By the header that is known, or else by the first row that has two words."""
    try:
        return read_table(path, is_header)
    except InputError as exc:
        try:
            return read_table(path, _could_be_header)
        except InputError:
            raise exc from None


def _could_be_header(cells: Sequence[str]) -> bool:
    return sum(bool(clean_text(cell)) for cell in cells) >= 2


def _filled(raw: RawTable) -> Any:
    return ((line, cells) for line, cells in raw.rows if any(map(clean_text, cells)))


def _fitted(cells: Sequence[str], width: int) -> tuple[str, ...]:
    short = [cell if len(cell) <= _LONGEST_CELL else cell[:_LONGEST_CELL] + "…" for cell in map(clean_text, cells)]
    return (*short[:width], *[""] * (width - len(short)))


def _suffix(name: str) -> str:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix if suffix in _SUFFIXES else ".dat"
