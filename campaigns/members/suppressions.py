"""屏蔽名单 as staff keep it: leafed through, searched by a whole address, added to by hand, lifted."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.expressions import Q
from tortoise.transactions import in_transaction

from campaigns import statements
from campaigns.cells import clean_text, parse_email, parse_key, parse_mobile
from campaigns.members.consent import record_opt_out
from campaigns.models import Member, Suppression
from campaigns.terms import ChannelName

PAGE = 50
MOST_LINES = 10_000
BY_HAND = "by_hand"
OF_SITE = "of_site"
_SEARCHED_AT_ONCE = 500
_LARGEST = 2**31 - 1  # a number of the database


@dataclass(frozen=True, slots=True)
class Block:
    """One address of a channel, or (no channel) a whole member."""

    id: int
    member_no: str
    member_name: str
    channel: str
    address: str
    reason: str
    source: str
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Pasted:
    """What lines of text say: addresses and members that are not blocked yet, how many are, what nobody understands.

    `unknown` holds (line number, text).
    """

    addresses: Sequence[tuple[ChannelName, str]]
    members: Mapping[int, str]
    standing: int
    unknown: Sequence[tuple[int, str]]

    @property
    def count(self) -> int:
        return len(self.addresses) + len(self.members)


async def list_blocks(now: datetime, text: str = "", page: int = 1) -> tuple[list[Block], int]:
    """Those in force, newest first, and how many. `text`: a whole address, or a member's number, with its people's."""
    asked = Suppression.filter(Q(until=None) | Q(until__gt=now), lifted_at=None)
    if text:
        asked = asked.filter(_named(text))
    rows = await asked.order_by("-id").offset((page - 1) * PAGE).limit(PAGE).prefetch_related("member")
    return [_block(row) for row in rows], await asked.count()


async def find_block(block_id: int) -> Block | None:
    """One that is not lifted."""
    row = await Suppression.get_or_none(id=min(block_id, _LARGEST), lifted_at=None).prefetch_related("member")
    return _block(row) if row else None


async def lift_block(block_id: int, at: datetime) -> bool:
    """False where it was lifted already."""
    return bool(await Suppression.filter(id=min(block_id, _LARGEST), lifted_at=None).update(lifted_at=at))


async def read_lines(lines: Iterable[str]) -> Pasted:
    """Mail addresses, mobiles and members' numbers, one a line; nothing is written."""
    addresses: dict[tuple[ChannelName, str], None] = {}
    numbers: dict[str, tuple[int, str]] = {}
    unknown: list[tuple[int, str]] = []
    for place, line in enumerate(lines, 1):
        text = clean_text(line)
        if not text:
            continue
        if found := read_address(text):
            addresses[found] = None
        elif number := parse_key(text):
            numbers.setdefault(number, (place, text))
        else:
            unknown.append((place, text))
    members = await statements.ids_of("members", list(numbers)) if numbers else {}
    unknown += [asked for number, asked in numbers.items() if number not in members]
    closed, refused = await _closed(addresses), await _refused(members.values())
    new = [one for one in addresses if one not in closed]
    left = {member_id: number for number, member_id in members.items() if member_id not in refused}
    return Pasted(new, left, len(closed) + len(refused), sorted(unknown))


async def add_blocks(pasted: Pasted, *, at: datetime, source: str) -> None:
    """All of them or none."""
    async with in_transaction():
        await Suppression.bulk_create(
            [
                Suppression(channel=channel, address=address, reason=BY_HAND, source=source, at=at)
                for channel, address in pasted.addresses
            ],
            batch_size=1_000,
        )
        for some in _pieces(list(pasted.members)):
            await record_opt_out(*some, at=at, source=source)


async def add_blacklist(mobiles: Mapping[str, datetime], *, source: str) -> int:
    """Numbers a site writes to no more, each since its moment. How many are new: one that is closed stays as it is."""
    closed = await _closed([(ChannelName.SMS, mobile) for mobile in mobiles])
    new = {mobile: at for mobile, at in mobiles.items() if (ChannelName.SMS, mobile) not in closed}
    await Suppression.bulk_create(
        [
            Suppression(channel=ChannelName.SMS, address=mobile, reason=OF_SITE, source=source, at=at)
            for mobile, at in new.items()
        ],
        batch_size=1_000,
    )
    return len(new)


def read_address(text: str) -> tuple[ChannelName, str] | None:
    if "@" in text:
        address = parse_email(text)
        return (ChannelName.EMAIL, address) if address else None
    mobile = parse_mobile(text)
    return (ChannelName.SMS, mobile) if mobile else None


def _named(text: str) -> Q:
    if found := read_address(text):
        return Q(channel=found[0], address=found[1])
    number = parse_key(text)
    return Q(member__no=number) | Q(address=text) if number else Q(address=text)


async def _closed(addresses: Collection[tuple[ChannelName, str]]) -> set[tuple[ChannelName, str]]:
    found: set[tuple[ChannelName, str]] = set()
    for channel in (ChannelName.EMAIL, ChannelName.SMS):
        for some in _pieces([address for one, address in addresses if one is channel]):
            rows = await Suppression.filter(channel=channel, address__in=some, lifted_at=None).only("address")
            found |= {(channel, str(row.address)) for row in rows}
    return found


async def _refused(members: Iterable[int]) -> set[int]:
    found: set[int] = set()
    for some in _pieces(list(members)):
        rows = await Suppression.filter(member_id__in=some, channel=None, lifted_at=None, until=None).only("member_id")
        found |= {row.member_id for row in rows if row.member_id is not None}
    return found


def _pieces(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[first : first + _SEARCHED_AT_ONCE] for first in range(0, len(rows), _SEARCHED_AT_ONCE))


def _block(row: Suppression) -> Block:
    member = row.member if isinstance(row.member, Member) else None
    number, name = (member.no, member.name) if member else ("", "")
    return Block(row.id, number, name, row.channel or "", row.address or "", row.reason, row.source, row.at, row.until)
