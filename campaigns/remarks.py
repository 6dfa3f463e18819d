"""备注: what colleagues write about a member, for colleagues."""

from dataclasses import dataclass
from datetime import datetime

from campaigns.errors import InputError
from campaigns.models import Note

LONGEST = 2_000
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class Remark:
    id: int
    text: str
    by: str
    at: datetime


async def add_remark(member_id: int, text: str, *, by: str, now: datetime) -> int:
    """Raises InputError for one that says nothing or too much."""
    text = text.strip()
    if not 0 < len(text) <= LONGEST:
        raise InputError(f"备注写1到{LONGEST}个字 (1 to {LONGEST} letters)")
    return (await Note.create(member_id=member_id, text=text, by=by, at=now)).id


async def remarks_of(member_id: int) -> list[Remark]:
    """The newest first."""
    rows = await Note.filter(member_id=member_id).order_by("-id").limit(_SHOWN)
    return [Remark(row.id, row.text, row.by, row.at) for row in rows]


async def delete_remark(remark_id: int, member_id: int, *, by: str) -> bool:
    """One's own; False for another's, or one that is gone. Only the last one deleted can be brought back."""
    await Note.filter(by=by, member_id__lt=0).delete()
    return bool(await Note.filter(id=remark_id, member_id=member_id, by=by).update(member_id=-member_id))


async def restore_remark(remark_id: int, member_id: int, *, by: str) -> bool:
    """Undo of the last deletion. What is deleted stands under its member's number below zero until the next one."""
    return bool(await Note.filter(id=remark_id, member_id=-member_id, by=by).update(member_id=member_id))
