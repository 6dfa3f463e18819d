"""A site's follow-ups as past touches and its blocked numbers as suppressions, page by page."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bot.sites.reading import Page, Reader
from campaigns.cells import parse_key, parse_mobile, parse_moment
from campaigns.site_reads import BlockedNumber, FollowUp, Taken, take_blacklist, take_follow_ups

_AT_ONCE = 500  # parameters of one statement are few on SQLite
_LONGEST = 4000


async def read_history(reader: Reader, site: str, *, weigh: bool) -> dict[str, Any]:
    """What became of the rows: offered = added + known + strangers + unusable."""
    source = reader.plan.source.name
    counts = Counter[str]({"offered": 0, "added": 0, "known": 0, "strangers": 0, "unusable": 0})
    pages = reader.pages()
    while page := await asyncio.to_thread(next, pages, None):
        counts["offered"] += len(page[0])
        rows = _rows(reader, page)
        taken = [await _take(source, site, rows[n : n + _AT_ONCE], weigh) for n in range(0, len(rows), _AT_ONCE)]
        for one in taken:
            counts += Counter(added=one.added, known=one.known, strangers=one.strangers)
        counts["unusable"] += len(page[0]) - len(rows)
    return {"source": source, **{name: counts[name] for name in ("offered", "added", "known", "strangers", "unusable")}}


async def _take(source: str, site: str, rows: list[Mapping[str, str]], weigh: bool) -> Taken:
    if source == "blacklist":
        blocked = [BlockedNumber(row["no"], row["mobile"], parse_moment(row["at"])) for row in rows]
        return await take_blacklist(site, blocked, weigh=weigh)
    found = [
        FollowUp(
            no=row["no"],
            member_no=row["member_no"],
            at=parse_moment(row["at"]),
            medium=row.get("medium") or "other",
            text=row["text"][:_LONGEST],
            by=row.get("by", "")[:64],
        )
        for row in rows
    ]
    return await take_follow_ups(site, found, weigh=weigh)


def _rows(reader: Reader, page: Page) -> list[Mapping[str, str]]:
    """Those that say what is needed: a number of their own and a moment, a member or a mobile."""
    names = [cell.field for cell, _ in reader.plan.cells]
    rows = (dict(zip(names, texts, strict=True)) for texts in zip(*page[1], strict=True))
    return [row for one in rows if (row := _usable(one))]


def _usable(row: dict[str, str]) -> dict[str, str] | None:
    try:
        parse_moment(row.get("at", ""))
    except ValueError:
        return None
    if "mobile" in row:
        row["mobile"] = parse_mobile(row["mobile"]) or ""
        return row if row["no"] and row["mobile"] else None
    row["member_no"] = parse_key(row.get("member_no", "")) or ""
    return row if row.get("no") and row["member_no"] else None
