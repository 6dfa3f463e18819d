"""huifang inbox unknown: what was said by nobody we know."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from bot.commands.printing import Shown
from bot.database import open_database
from bot.settings import Settings
from bot.web.pages import masked
from campaigns.replies import strangers


async def unknown(settings: Settings, page: int) -> dict[str, Any]:
    """Addresses masked."""
    async with open_database(settings):
        rows = await strangers.list_unknown(page)
        total = await strangers.count_unknown()
    return {"total": total, "replies": [{**asdict(one), "address": masked(one.address)} for one in rows]}


def unknown_lines(found: Mapping[str, Any]) -> Iterator[Shown]:
    yield f"认不出是谁 {found['total']} 条 (replies of unknown senders); 归到会员：控制台 /inbox/unknown"
    for one in found["replies"]:
        yield f"{one['id']}  {one['at']:%Y-%m-%d %H:%M}  {one['channel']}  {one['address']}  {one['text']}"
