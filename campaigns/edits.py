"""Files of templates/ as staff edited them: every version is kept, the newest stands before the one on the disk."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.errors import StateError
from campaigns.models import FileEdit

_LONGEST = 64  # letters of a name
TOP = ""
"""As a folder: policy.toml, calendar.toml and what else lies in templates/ itself."""


_LOCK = 7242_0003


@dataclass(frozen=True, slots=True)
class Edit:
    """One version of one file; `text` None: it was taken away."""

    id: int
    folder: str
    file: str
    text: str | None
    by: str
    at: datetime


class Overtaken(StateError):
    """Somebody else wrote in this folder since the one who writes now read it; `newest` is what they wrote."""

    def __init__(self, newest: Edit) -> None:
        super().__init__(f"{newest.by or '别人'}刚才改过{newest.file}，没有覆盖 (somebody else wrote meanwhile)")
        self.newest = newest


async def write_files(
    folder: str, files: Mapping[str, str | None], *, by: str, now: datetime, since: int | None = None
) -> None:
    """A new version of each of these files that differs from the newest; None takes a file away.

    `since`: the id of `newest_of` the writer began with, 0 for none. Raises Overtaken, and writes nothing, where
    there is a newer one.
    """
    async with in_transaction():
        if since is not None:
            await _refuse_overtaken(folder, since)
        newest = await _newest(folder)
        for file, text in files.items():
            if file not in newest or newest[file] != text:
                await FileEdit.create(folder=folder, file=file, text=text, by=by, at=now)


async def _refuse_overtaken(folder: str, since: int) -> None:
    if statements.is_postgres(statements.connection()):  # SQLite has one writer anyhow
        await statements.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, folder)
    newest = await FileEdit.filter(folder=folder).order_by("-id").first()
    if newest and newest.id > since:
        raise Overtaken(_edit(newest))


async def newest_of(folder: str) -> Edit | None:
    """The last edit in this folder; None where nobody wrote in it."""
    newest = await FileEdit.filter(folder=folder).order_by("-id").first()
    return _edit(newest) if newest else None


async def apply_edits(folder: str, on_disk: Mapping[str, str]) -> dict[str, str]:
    """The folder's files as they stand: those of the disk, with what staff wrote in their place."""
    return _standing(on_disk, await _newest(folder))


async def apply_every_edit(
    on_disk: Mapping[str, Mapping[str, str]], wanted: Collection[str]
) -> dict[str, dict[str, str]]:
    """Folder → its files as they stand, of all folders in one reading; "" for the text of those not wanted."""
    places = ", ".join(f"${number}" for number, _ in enumerate(wanted, 1)) or "NULL"
    rows = await statements.query(
        f"""
        SELECT folder, file, CASE WHEN text IS NULL THEN NULL WHEN file IN ({places}) THEN text ELSE '' END AS text
        FROM file_edits WHERE folder <> '{TOP}' AND id IN (SELECT max(id) FROM file_edits GROUP BY folder, file)
        """,
        *wanted,
    )
    written: dict[str, dict[str, str | None]] = {}
    for row in rows:
        written.setdefault(row["folder"], {})[row["file"]] = row["text"]
    return {folder: _standing(on_disk.get(folder, {}), written.get(folder, {})) for folder in {**on_disk, **written}}


def _standing(on_disk: Mapping[str, str], written: Mapping[str, str | None]) -> dict[str, str]:
    stand: dict[str, str | None] = {**on_disk, **written}
    return {file: text for file, text in stand.items() if text is not None}


async def edited_folders() -> list[str]:
    """The folders of which some file was edited, in the order of their names."""
    return sorted({str(one) for one in await FileEdit.all().distinct().values_list("folder", flat=True)})


async def folders_holding(file: str) -> dict[str, bool]:
    """Folder → whether this file is there, of the folders in which staff wrote it or took it away."""
    rows = await statements.query(
        f"""
        SELECT folder, text IS NOT NULL AS there FROM file_edits
        WHERE folder <> '{TOP}' AND id IN (SELECT max(id) FROM file_edits WHERE file = $1 GROUP BY folder)
        """,
        file,
    )
    return {str(row["folder"]): bool(row["there"]) for row in rows}


async def holds(folder: str, file: str) -> bool | None:
    """Whether staff left this file there; None where they never touched it."""
    newest = (
        await FileEdit.filter(folder=folder, file=file).order_by("-id").first() if len(folder) <= _LONGEST else None
    )
    return newest.text is not None if newest else None


async def versions_of(folder: str, file: str = "") -> list[Edit]:
    """Every version, newest first; of one file where it is named. A name that no file can have has none."""
    if max(len(folder), len(file)) > _LONGEST:
        return []
    asked = FileEdit.filter(folder=folder, file=file) if file else FileEdit.filter(folder=folder)
    return [_edit(row) for row in await asked.order_by("-id")]


async def latest() -> int:
    """A number that grows with every edit: who remembers it sees that something changed."""
    newest = await FileEdit.all().order_by("-id").first()
    return newest.id if newest else 0


async def _newest(folder: str) -> dict[str, str | None]:
    rows = await statements.query(
        """
        SELECT file, text FROM file_edits
        WHERE id IN (SELECT max(id) FROM file_edits WHERE folder = $1 GROUP BY file)
        """,
        folder,
    )
    return {str(row["file"]): row["text"] for row in rows}


def _edit(row: FileEdit) -> Edit:
    return Edit(row.id, row.folder, row.file, row.text, row.by, row.at)
