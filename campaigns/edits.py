"""Files of templates/ as staff edited them: every version is kept, the newest stands before the one on the disk."""

from collections.abc import Mapping, Sequence
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

    `since`: the `version_of` the writer began with; raises Overtaken, and writes nothing, where there is a newer one.
    """
    async with in_transaction():
        if since is not None:
            await _refuse_overtaken(folder, since)
        newest = {edit.file: edit.text for edit in await _newest(folder)}
        for file, text in files.items():
            if file not in newest or newest[file] != text:
                await FileEdit.create(folder=folder, file=file, text=text, by=by, at=now)


async def _refuse_overtaken(folder: str, since: int) -> None:
    if statements.is_postgres(statements.connection()):  # SQLite has one writer anyhow
        await statements.query("SELECT pg_advisory_xact_lock($1, hashtext($2))", _LOCK, folder)
    newest = await FileEdit.filter(folder=folder).order_by("-id").first()
    if newest and newest.id > since:
        raise Overtaken(_edit(newest))


async def version_of(folder: str) -> int:
    """The number of the folder's newest edit; 0 where nobody wrote in it."""
    newest = await FileEdit.filter(folder=folder).order_by("-id").first()
    return newest.id if newest else 0


async def apply_edits(folder: str, on_disk: Mapping[str, str]) -> dict[str, str]:
    """The folder's files as they stand: those of the disk, with what staff wrote in their place."""
    stand: dict[str, str | None] = {**on_disk, **{edit.file: edit.text for edit in await _newest(folder)}}
    return {file: text for file, text in stand.items() if text is not None}


async def edited_folders() -> list[str]:
    """The folders of which some file was edited, in the order of their names."""
    return sorted({str(one) for one in await FileEdit.all().distinct().values_list("folder", flat=True)})


async def folders_holding(file: str) -> dict[str, bool]:
    """Folder → whether this file is there, of the folders in which staff wrote it or took it away."""
    rows = await FileEdit.filter(file=file).order_by("id").values_list("folder", "text")
    return {str(folder): text is not None for folder, text in rows if folder != TOP}


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


async def _newest(folder: str) -> Sequence[Edit]:
    return list({edit.file: edit for edit in reversed(await versions_of(folder))}.values())


def _edit(row: FileEdit) -> Edit:
    return Edit(row.id, row.folder, row.file, row.text, row.by, row.at)
