"""How far each table of a site's own database was read, and its follow-ups and blocked numbers, each taken in once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.members.suppressions import add_blacklist
from campaigns.models import SiteItem, SiteRead
from campaigns.touches import PastContact, record_past


@dataclass(frozen=True, slots=True)
class ReadMark:
    """The greatest number that was read, and when that reading began."""

    last_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A contact a colleague noted on the site; `no` is its number there."""

    no: str
    member_no: str
    at: datetime
    medium: str
    text: str
    by: str


@dataclass(frozen=True, slots=True)
class BlockedNumber:
    no: str
    mobile: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Taken:
    """`known`: taken before, or closed already. `strangers`: of members we do not have."""

    added: int = 0
    known: int = 0
    strangers: int = 0


async def read_marks(site: str) -> Mapping[str, ReadMark]:
    """Source → how far it was read."""
    return {row.source: ReadMark(int(row.last_id), row.at) for row in await SiteRead.filter(site=site)}


async def note_read(site: str, source: str, mark: ReadMark) -> None:
    values = {"last_id": mark.last_id, "at": mark.at}
    await SiteRead.update_or_create(site=site, source=source, defaults=values)


async def take_follow_ups(site: str, rows: Sequence[FollowUp], *, weigh: bool = False) -> Taken:
    """Each a touch of its member at its own moment. `weigh`: only count. All of them or none."""
    source = "follow_ups"
    async with in_transaction():
        new = await _new_of(site, source, [row.no for row in rows])
        members = await statements.ids_of("members", list({row.member_no for row in rows}))
        known = {row.no: row for row in rows if row.no in new and row.member_no in members}
        strangers = sum(row.member_no not in members for row in rows)
        if not weigh:
            contacts = [
                PastContact(members[row.member_no], row.at, row.medium, row.text, row.by) for row in known.values()
            ]
            await record_past(contacts)
            await _remember(site, source, list(known))
    return Taken(len(known), len(rows) - len(known) - strangers, strangers)


async def take_blacklist(site: str, rows: Sequence[BlockedNumber], *, weigh: bool = False) -> Taken:
    """Each closes one number for SMS. One that staff opened again since stays open."""
    source = "blacklist"
    async with in_transaction():
        new = await _new_of(site, source, [row.no for row in rows])
        fresh = [row for row in rows if row.no in new]
        added = len(fresh)
        if not weigh:
            added = await add_blacklist({row.mobile: row.at for row in fresh}, source=f"site:{site}"[:128])
            await _remember(site, source, sorted(new))
    return Taken(added, len(rows) - added)


async def _new_of(site: str, source: str, numbers: Sequence[str]) -> set[str]:
    stored = await SiteItem.filter(site=site, source=source, no__in=list(numbers)).values_list("no", flat=True)
    return set(numbers) - set(map(str, stored))


async def _remember(site: str, source: str, numbers: Sequence[str]) -> None:
    await SiteItem.bulk_create([SiteItem(site=site, source=source, no=no) for no in numbers], batch_size=500)
