"""Files of templates/ as staff edited them: every version is kept, the newest stands before the one on the disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns.models import FileEdit

_LONGEST = 64  # letters of a name
TOP = ""
"""As a folder: policy.toml, calendar.toml and what else lies in templates/ itself."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One version of one file; `text` None: it was taken away."""

    id: int
    folder: str
    file: str
    text: str | None
    by: str
    at: datetime


async def write_files(folder: str, files: Mapping[str, str | None], *, by: str, now: datetime) -> None:
    """A new version of each of these files that differs from the newest; None takes a file away."""
    async with in_transaction():
        newest = {edit.file: edit.text for edit in await _newest(folder)}
        for file, text in files.items():
            if file not in newest or newest[file] != text:
                await FileEdit.create(folder=folder, file=file, text=text, by=by, at=now)


async def apply_edits(folder: str, on_disk: Mapping[str, str]) -> dict[str, str]:
    """The folder's files as they stand: those of the disk, with what staff wrote in their place."""
    stand: dict[str, str | None] = {**on_disk, **{edit.file: edit.text for edit in await _newest(folder)}}
    return {file: text for file, text in stand.items() if text is not None}


async def edited_folders() -> list[str]:
    """The folders of which some file was edited, in the order of their names."""
    return sorted({str(one) for one in await FileEdit.all().distinct().values_list("folder", flat=True)})


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
