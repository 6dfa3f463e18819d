"""The file of a backup: a zip with one member for each table, and a manifest that says what must be in it.

Written beside its name and moved there when it is whole. Read only after every byte was compared with the manifest.
"""

import contextlib
import hashlib
import os
import secrets
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bot.copy_text import Kind
from campaigns.errors import InputError

Progress = Callable[[str, int, int], None]  # (what, done, in all)

FORMAT = "huifang-backup"
VERSION = 1
_MANIFEST = "manifest.json"
_SIGNING = "secret"
_LEVEL = 1  # twice as fast as 6, for a tenth more bytes
_CHUNK = 1 << 19
_LONGEST_MANIFEST = 1 << 20
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)

_Name = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]  # it becomes part of a statement


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Column(_Entry):
    name: _Name
    kind: Kind


class Table(_Entry):
    """A table before it is written: parents stand before children."""

    name: _Name
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def kinds(self) -> list[Kind]:
        return [column.kind for column in self.columns]


class Written(Table):
    """A table in the file; `size` in bytes before they were compressed."""

    rows: int
    size: int
    sha256: str


class Manifest(_Entry):
    """`made_at` by the product's clock, `database_clock` by the database's, both of the one moment all rows are of."""

    format: str = FORMAT
    version: int = VERSION
    made_at: AwareDatetime
    database_clock: AwareDatetime
    database: str
    migrations: tuple[str, ...]
    secret_mark: str  # tells whether a secret is the one this installation signed with, and nothing about it
    tables: tuple[Written, ...]

    @property
    def rows(self) -> dict[str, int]:
        return {table.name: table.rows for table in self.tables}


# ---- writing ------------------------------------------------------------------------------------------------------


class TableWriter:
    """Takes the lines of one table, in pieces of any length."""

    def __init__(self, table: Table, member: IO[bytes]) -> None:
        self._table, self._member = table, member
        self._rows, self._size, self._sum = 0, 0, hashlib.sha256()

    def take(self, lines: bytes) -> None:
        self._member.write(lines)
        self._sum.update(lines)
        self._size += len(lines)
        self._rows += lines.count(b"\n")  # one within a value is written as \n

    @property
    def rows(self) -> int:
        return self._rows

    def written(self) -> Written:
        return Written(
            name=self._table.name,
            columns=self._table.columns,
            rows=self._rows,
            size=self._size,
            sha256=self._sum.hexdigest(),
        )


class ArchiveWriter:
    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file

    @contextlib.contextmanager
    def table(self, table: Table) -> Iterator[TableWriter]:
        with self._file.open(_member(f"tables/{table.name}.copy"), "w", force_zip64=True) as member:
            yield TableWriter(table, member)

    def secret(self, secret: bytes) -> None:
        self._file.writestr(_member(_SIGNING), secret)

    def manifest(self, manifest: Manifest) -> None:
        """The last: without it the file is no backup."""
        self._file.writestr(_member(_MANIFEST), manifest.model_dump_json(indent=1))


@contextlib.contextmanager
def writing(path: Path, *, replace: bool) -> Iterator[ArchiveWriter]:
    """A new file at `path`, readable by its owner alone, all of it or nothing. Raises InputError."""
    _refuse_existing(path, replace)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
            with zipfile.ZipFile(handle, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as file:
                yield ArchiveWriter(file)
            handle.flush()
            os.fsync(handle.fileno())
        _refuse_existing(path, replace)
        part.replace(path)
        _sync_folder(path.parent)
    except OSError as exc:
        raise InputError(
            f"{path}：写不了，{exc.strerror or exc} (cannot be written; is the folder there, is there room?)"
        ) from exc
    finally:
        part.unlink(missing_ok=True)


def _refuse_existing(path: Path, replace: bool) -> None:
    if path.is_dir() or (path.exists() and not replace):
        raise InputError(f"{path} 已经有了，换一个名字，或者加 --force (the file exists: name another, or add --force)")


def _member(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, time.localtime()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    return info


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- reading ------------------------------------------------------------------------------------------------------


class Archive:
    """An open backup. Nothing of it may be used before `verify` has come to its end."""

    def __init__(self, path: Path, file: zipfile.ZipFile) -> None:
        self._path, self._file = path, file
        self.manifest = self._read_manifest()

    def verify(self, progress: Progress) -> None:
        """Compare every table with the manifest. Raises InputError naming what is wrong."""
        done, size = 0, sum(table.size for table in self.manifest.tables)
        for table in self.manifest.tables:
            found, rows, length = hashlib.sha256(), 0, 0
            for piece in self.pieces(table):
                found.update(piece)
                rows, length = rows + piece.count(b"\n"), length + len(piece)
                progress("核对 (checking)", done + length, size)
            if (rows, length, found.hexdigest()) != (table.rows, table.size, table.sha256):
                raise self._damaged(f"tables/{table.name}.copy")
            done += length

    def pieces(self, table: Table) -> Iterator[bytes]:
        """The lines of a table, cut anywhere."""
        name = f"tables/{table.name}.copy"
        with self._read(name), self._file.open(name) as member:
            while piece := member.read(_CHUNK):
                yield piece

    def secret(self) -> bytes | None:
        """The signing secret, where the backup was made with it."""
        if _SIGNING not in self._file.namelist():
            return None
        with self._read(_SIGNING):
            return self._file.read(_SIGNING)

    def _read_manifest(self) -> Manifest:
        if _MANIFEST not in self._file.namelist():
            raise InputError(f"{self._path}：不是 huifang 的备份，里面没有 {_MANIFEST} (not a backup of ours)")
        with self._read(_MANIFEST), self._file.open(_MANIFEST) as member:
            text = member.read(_LONGEST_MANIFEST)
        try:
            value = orjson.loads(text)
            _refuse_other_versions(self._path, value)
            return Manifest.model_validate_json(text)
        except (orjson.JSONDecodeError, ValidationError):
            raise self._damaged(_MANIFEST) from None

    @contextlib.contextmanager
    def _read(self, name: str) -> Iterator[None]:
        try:
            yield
        except (*_DAMAGED, KeyError, OSError):
            raise self._damaged(name) from None

    def _damaged(self, name: str) -> InputError:
        return InputError(f"{self._path}：{name} 坏了，和清单对不上，什么都没有写 (damaged; nothing was written)")


@contextlib.contextmanager
def reading(path: Path) -> Iterator[Archive]:
    """Raises InputError where the file is not there, is cut off, or is none of ours."""
    try:
        handle = path.open("rb")
    except OSError as exc:
        raise InputError(f"{path}：打不开，{exc.strerror} (cannot be opened)") from None
    with handle:
        begins = handle.read(4)
        try:
            file = zipfile.ZipFile(handle)
        except _DAMAGED:
            raise _no_archive(path, begins) from None
        with file:
            yield Archive(path, file)


def _no_archive(path: Path, begins: bytes) -> InputError:
    if begins == b"PK\x03\x04":
        return InputError(f"{path}：后面缺了一截，没有复制完？ (cut off: was it copied to its end?)")
    return InputError(f"{path}：不是 huifang 的备份 (not a backup of ours)")


def _refuse_other_versions(path: Path, value: Any) -> None:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise InputError(f"{path}：不是 huifang 的备份 (not a backup of ours)")
    if value.get("version") != VERSION:
        raise InputError(
            f"{path}：是第 {value.get('version')} 版格式，这里只认第 {VERSION} 版 (of another release: use that)"
        )
