"""常用语: what staff say again and again, with names in braces for what differs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from campaigns.errors import InputError
from campaigns.models import CannedAnswer

_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Canned:
    id: int
    title: str
    text: str
    by: str
    at: datetime


async def list_canned() -> list[Canned]:
    return [Canned(row.id, row.title, row.text, row.by, row.at) for row in await CannedAnswer.all().order_by("title")]


async def save_canned(canned_id: int | None, *, title: str, text: str, by: str, now: datetime) -> int:
    """A new one, or other words for one. Raises InputError naming what is wrong with them."""
    if not title or len(title) > 64:
        raise InputError("标题要有1到64个字 (a title of 1 to 64 characters)")
    if not text or len(text) > _LONGEST:
        raise InputError(f"正文要有1到{_LONGEST}个字 (a text of 1 to {_LONGEST} characters)")
    if await CannedAnswer.filter(title=title).exclude(id=canned_id or 0).exists():
        raise InputError(f"已经有一条叫“{title}”，换个标题 (this title is taken)")
    given: dict[str, Any] = {"title": title, "text": text, "by": by, "at": now}
    if canned_id is None:
        return int((await CannedAnswer.create(**given)).id)
    if not await CannedAnswer.filter(id=canned_id).update(**given):
        raise InputError("这条常用语已经删掉了 (this one is gone)")
    return canned_id


async def delete_canned(canned_id: int) -> bool:
    return bool(await CannedAnswer.filter(id=canned_id).delete())
