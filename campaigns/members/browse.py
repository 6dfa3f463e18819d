"""Leafing through members: by whatever names them, by a rule, by what stands open with them, by a campaign's fate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal

import orjson

from campaigns import kept, statements
from campaigns.cells import parse_key
from campaigns.models import Contact, Member
from campaigns.segments import Segment, to_filter
from campaigns.statements.returning import came_back_alone, since_yesterday
from campaigns.terms import ChannelName, DeliveryState

PAGE = 50
_KEPT_FOR, _MANY = timedelta(minutes=1), 1000
WAITING, GONE = "waiting", "gone"
"""As fates: whatever may still be sent, whatever it waits for; whatever a provider took over."""
_GROUPS = {WAITING: "'queued', 'sending'", GONE: "'sent', 'delivered', 'bounced'"}

_COLUMNS = (
    "id", "no", "name", "tier", "trade", "city", "plan_expires_on", "owner", "last_login_at", "live_postings",
    "unread_resumes", "plan", "nature", "size", "registered_at", "attrs",
)  # fmt: skip
_REFUSED = "SELECT s.member_id FROM suppressions s WHERE s.channel IS NULL AND s.until IS NULL AND s.lifted_at IS NULL"
_INBOUND = {
    "reply": "t.kind = 'reply'",
    "auto_reply": "t.kind = 'auto_reply'",
    "return": "t.kind = 'return'",
    "refusal": "(t.kind = 'opt_out' OR t.kind = 'reply' AND t.intent = 'stop')",
}
LOGIN = "login"
INBOUND = frozenset({*_INBOUND, LOGIN})
_TIER = "CASE m.tier WHEN '高端' THEN 1 WHEN '优质' THEN 2 WHEN '一般' THEN 3 ELSE 4 END"
_SORTS = {
    "no": "m.no", "name": "m.name", "tier": _TIER, "trade": "m.trade", "city": "m.city", "owner": "m.owner",
    "unread": "m.unread_resumes", "live": "m.live_postings", "login": "m.last_login_at", "expires": "m.plan_expires_on",
}  # fmt: skip
SORTS = frozenset(_SORTS)
UNOWNED = "-"
"""As an owner: members that nobody has."""


_READ: Mapping[str, Callable[[Any], Any]] = {
    "last_login_at": statements.moment,
    "registered_at": statements.moment,
    "plan_expires_on": statements.day,
    "attrs": lambda value: orjson.loads(value) if isinstance(value, str | bytes) else value,
}


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which members; an empty field asks nothing.

    `task` is a category of an open task, or "any". `fate` is a message's state[:reason], WAITING or GONE, in
    `campaign` where that is given. `inbound` is one of INBOUND, to a message of `campaign` where that is given;
    LOGIN is who came back of own accord since yesterday, by the moment `now`.
    `owners`: only members of these; None: of anybody. `text` finds a name, its initials in pinyin, a number, a
    contact's name, a whole phone number or its last four digits: a part of it would let one guess
    the rest of a masked number. `rule` is asked at the moment `now`. `sort` is one of SORTS; empty
    cells come last either way. `ids`: only of these.
    """

    text: str = ""
    tier: str = ""
    unread: bool = False
    refused: bool = False
    task: str = ""
    campaign: str = ""
    fate: str = ""
    inbound: str = ""
    trade: str = ""
    city: str = ""
    owner: str = ""
    rule: Segment | None = None
    now: datetime | None = None
    sort: str = "no"
    down: bool = False
    owners: frozenset[str] | None = None
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class MemberLine:
    id: int
    no: str
    name: str
    tier: str
    trade: str
    city: str
    plan_expires_on: date | None
    owner: str
    last_login_at: datetime | None
    live_postings: int
    unread_resumes: int
    plan: str
    nature: str
    size: str
    registered_at: datetime | None
    attrs: Mapping[str, str]
    addresses: frozenset[ChannelName]  # channels on which some contact has an address


@dataclass(frozen=True, slots=True)
class MemberPage:
    """One page, by number. `tiers` counts what the sieve would give for each tier."""

    lines: Sequence[MemberLine]
    total: int
    tiers: Mapping[str, int]


async def browse_members(sieve: Sieve, page: int) -> MemberPage:
    """Page 1 is the first; a page behind the last is empty."""
    where, params = condition(sieve)
    tiers = await _count_tiers(where, params, by_messages=bool(sieve.fate or sieve.inbound or sieve.campaign))
    if sieve.tier:
        params.append(sieve.tier)
        where += f" AND m.tier = ${len(params)}"
    offset = (max(page, 1) - 1) * PAGE
    rows = await statements.query(
        f"SELECT m.id FROM members m WHERE {where} ORDER BY {_order(sieve)} LIMIT {PAGE} OFFSET {offset}",
        *params,
    )
    total = tiers.get(sieve.tier, 0) if sieve.tier else sum(tiers.values())
    return MemberPage(await _lines([row["id"] for row in rows]), total, tiers)


async def _count_tiers(where: str, params: Sequence[Any], *, by_messages: bool) -> dict[str, int]:
    """Whom a campaign reached is found by reading its messages: leafing through a long list of them counts once."""
    key = kept.digest((where, params))
    if by_messages and (known := await kept.read_kept([key], _KEPT_FOR)):
        return dict(known[key][1])
    rows = await statements.query(f"SELECT m.tier, count(*) AS n FROM members m WHERE {where} GROUP BY m.tier", *params)
    tiers = {str(row["tier"]): int(row["n"]) for row in rows}
    if by_messages and sum(tiers.values()) >= _MANY:
        await kept.keep({key: ("", tiers)})
    return tiers


async def ids_of_list(sieve: Sieve, most: int) -> list[int]:
    """The whole list in its order."""
    where, params = condition_with_tier(sieve)
    rows = await statements.fetch(
        f"SELECT m.id FROM members m WHERE {where} ORDER BY {_order(sieve)} LIMIT {int(most)}", *params
    )
    return [row["id"] for row in rows]


async def number_at(sieve: Sieve, place: int) -> str:
    """The number of the member who stands there in the list, the first at 1; "" behind its end."""
    where, params = condition_with_tier(sieve)
    rows = await statements.query(
        f"SELECT m.no FROM members m WHERE {where} ORDER BY {_order(sieve)} LIMIT 1 OFFSET {max(place, 1) - 1}", *params
    )
    return str(rows[0]["no"]) if rows else ""


async def export_members(ids: Sequence[int]) -> list[Mapping[str, Any]]:
    """These members in this order, as plain columns."""
    db = statements.connection()
    columns = ", ".join(f"m.{name}" for name in _COLUMNS)
    rows = await statements.query(
        f"SELECT {columns} FROM members m WHERE m.id {statements.ids_in(db, '$1')}", statements.id_list(db, ids)
    )
    found = {row["id"]: {**row, **{name: how(row[name]) for name, how in _READ.items()}} for row in rows}
    return [found[one] for one in ids if one in found]


def condition_with_tier(sieve: Sieve) -> tuple[str, list[Any]]:
    where, params = condition(sieve)
    if sieve.tier:
        params.append(sieve.tier)
        where += f" AND m.tier = ${len(params)}"
    return where, params


def _order(sieve: Sieve) -> str:
    column, way = _SORTS.get(sieve.sort, "m.no"), "DESC" if sieve.down else "ASC"
    if column == "m.no":
        return f"m.no {way}"
    return f"{column} IS NULL, {column} {way}, m.no"


async def _lines(ids: Sequence[int]) -> list[MemberLine]:
    found = {row["id"]: row for row in await Member.filter(id__in=list(ids)).values(*_COLUMNS)}
    addresses = await channels_of(ids)
    return [_line(found[one], addresses.get(one, frozenset())) for one in ids]


def _line(row: Mapping[str, Any], addresses: frozenset[ChannelName]) -> MemberLine:
    return MemberLine(**{name: row[name] for name in _COLUMNS}, addresses=addresses)


async def channels_of(ids: Sequence[int]) -> dict[int, frozenset[ChannelName]]:
    """Member id → the channels on which some contact has an address."""
    order = (ChannelName.SMS, ChannelName.EMAIL, ChannelName.WECHAT)
    found: dict[int, frozenset[ChannelName]] = {}
    contacts = Contact.filter(member_id__in=list(ids), active=True)
    for member_id, *addresses in await contacts.values_list("member_id", "mobile", "email", "openid"):
        there = {channel for channel, address in zip(order, addresses, strict=True) if address}
        found[member_id] = found.get(member_id, frozenset()) | there
    return found


async def mobiles_of(ids: Sequence[int]) -> dict[int, list[str]]:
    """Member id → its people's phone numbers in full, the first contact's first."""
    found: dict[int, list[str]] = {}
    contacts = Contact.filter(member_id__in=list(ids), active=True, mobile__not_isnull=True)
    for member_id, mobile in await contacts.order_by("-is_primary", "id").values_list("member_id", "mobile"):
        found.setdefault(member_id, []).append(mobile)
    return found


def condition(sieve: Sieve) -> tuple[str, list[Any]]:
    """The WHERE over `members m` without the tier, and its parameters."""
    params: list[Any] = []

    def take(value: object) -> str:
        params.append(value)
        return f"${len(params)}"

    parts = ["TRUE"]
    if sieve.rule is not None and sieve.now is not None:
        dialect: Literal["sqlite", "postgres"] = (
            "postgres" if statements.is_postgres(statements.connection()) else "sqlite"
        )
        rule = to_filter(sieve.rule, sieve.now, dialect)
        params.extend(rule.params)  # first: its places are $1, $2 …
        parts.append(rule.sql)
    for column in ("trade", "city", "owner"):
        if asked := getattr(sieve, column):
            parts.append(f"m.{column} = {take('' if column == 'owner' and asked == UNOWNED else asked)}")
    if sieve.ids is not None:
        db = statements.connection()
        parts.append(f"m.id {statements.ids_in(db, take(statements.id_list(db, sieve.ids)))}")
    if sieve.owners is not None:
        parts.append(f"m.owner IN ({', '.join(take(owner) for owner in sorted(sieve.owners))})")
    if sieve.text:
        parts.append(_named(sieve.text, take))
    if sieve.unread:
        parts.append("m.unread_resumes > 0")
    if sieve.refused:
        parts.append(f"m.id IN ({_REFUSED} AND s.member_id IS NOT NULL)")
    if sieve.task:
        category = "" if sieve.task == "any" else f" AND v.category = {take(sieve.task)}"
        parts.append(f"m.id IN (SELECT v.member_id FROM visits v WHERE v.state = 'open'{category})")
    if sieve.fate:
        asked = _fate(sieve.fate, take)
        parts.append(f"m.id IN (SELECT g.member_id FROM messages g WHERE {asked}{_in_campaign(sieve, take)})")
    if sieve.inbound in _INBOUND:
        of = "JOIN messages g ON g.id = t.message_id" if sieve.campaign else ""
        parts.append(
            f"m.id IN (SELECT t.member_id FROM touches t {of} "
            f"WHERE t.direction = 'in' AND {_INBOUND[sieve.inbound]}{_in_campaign(sieve, take)})"
        )
    if sieve.inbound == LOGIN and sieve.now is not None:
        parts.append(came_back_alone(since_yesterday(sieve.now), take))
    if sieve.campaign and not sieve.fate and not sieve.inbound:
        parts.append(f"m.id IN (SELECT g.member_id FROM messages g WHERE TRUE{_in_campaign(sieve, take)})")
    return " AND ".join(parts), params


def _named(text: str, take: Callable[[object], str]) -> str:
    like = take(f"%{_escaped(text.lower())}%")
    number = take(parse_key(text) or text)
    asked = [
        f"lower(m.name) LIKE {like} ESCAPE '!'",
        f"m.no = {number}",
        f"lower(m.no) LIKE {like} ESCAPE '!'",
        f"m.id IN (SELECT c.member_id FROM contacts c WHERE {_contact(text, like, take)})",
    ]
    if text.isascii() and text.isalnum():
        asked.append(f"m.initials LIKE {like} ESCAPE '!'")
    return f"({' OR '.join(asked)})"


def _contact(text: str, like: str, take: Callable[[object], str]) -> str:
    digits = "".join(letter for letter in text if letter.isascii() and letter.isdigit())
    is_number = len(digits) >= 4 and not text.strip("+-() 0123456789")
    if not is_number:
        return f"lower(c.name) LIKE {like} ESCAPE '!'"
    if len(digits) == 4:
        return f"c.mobile LIKE {take(f'%{digits}')}"
    return f"c.mobile = {take(digits[-11:])}"


def _fate(fate: str, take: Callable[[object], str]) -> str:
    if fate in _GROUPS:
        return f"g.state IN ({_GROUPS[fate]})"
    state, _, reason = fate.partition(":")
    asked = f"g.state = {take(state)} AND g.reason = {take(reason)}"
    # who stands so is asked about, and an index holds all who are
    return f"g.ask_at IS NOT NULL AND {asked}" if state == DeliveryState.UNKNOWN else asked


def _in_campaign(sieve: Sieve, take: Callable[[object], str]) -> str:
    if not sieve.campaign:
        return ""
    return (
        " AND g.occurrence_id IN (SELECT o.id FROM occurrences o JOIN campaigns c ON c.id = o.campaign_id "
        f"WHERE c.key = {take(sieve.campaign)})"
    )


def _escaped(text: str) -> str:
    """LIKE's own signs as letters."""
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
