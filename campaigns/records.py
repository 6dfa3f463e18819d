"""Raw rows to typed records: what is kept, what is rejected and why, repeats of a key folded (last one wins).

The rows are judged to the last before any is handed out, and wait on disk meanwhile: a million rows cost the memory
of their keys, not of themselves.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from operator import attrgetter
from typing import Any

from campaigns.cells import clean_text, fold
from campaigns.columns import Recognised, TableKind
from campaigns.rows import Problem, Reject, Row, Unusable
from campaigns.spool import Spool


class PostingState(StrEnum):
    LIVE = "live"
    EXPIRED = "expired"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """`attrs` holds every custom column of the file, an empty cell as an empty text."""

    no: str
    name: str
    trade: str
    nature: str
    size: str
    city: str
    registered_at: datetime | None
    last_login_at: datetime | None
    login_count: int
    plan: str
    plan_expires_on: date | None
    owner: str
    attrs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ContactRecord:
    """`consent` None: nothing recorded, which is no consent."""

    no: str
    member_no: str
    name: str
    title: str
    mobile: str | None
    email: str | None
    openid: str | None
    qq: str
    is_primary: bool
    parent_no: str
    consent: bool | None
    consent_at: datetime | None
    consent_source: str


@dataclass(frozen=True, slots=True)
class PostingRecord:
    no: str
    member_no: str
    title: str
    category: str
    city: str
    pay_min: int | None
    pay_max: int | None
    heads: int | None
    hours: str
    contact_name: str
    contact_phone: str
    published_at: datetime | None
    refreshed_at: datetime | None
    state: PostingState


@dataclass(frozen=True, slots=True)
class ApplicationRecord:
    no: str
    posting_no: str
    seeker_no: str
    applied_at: datetime | None
    first_viewed_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class LoginRecord:
    member_no: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SeekerRecord:
    no: str
    name: str
    wanted_job: str
    wanted_city: str
    pay: int | None
    years: int | None
    registered_at: datetime | None
    video_url: str
    recommend: bool


Record = MemberRecord | ContactRecord | PostingRecord | ApplicationRecord | LoginRecord | SeekerRecord


@dataclass(frozen=True, slots=True)
class Parsed:
    line: int
    record: Record
    problems: tuple[Problem, ...]


Rows = Iterable[tuple[int, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Reading:
    """One table, judged. offered = duplicates + kept + rejected; blank rows are not offered.

    `records()` yields the `kept` records in the order of the file, as often as it is asked; each brings the problems
    of its own row.
    """

    recognised: Recognised
    offered: int
    duplicates: int
    kept: int
    rejects: tuple[Reject, ...]
    repeats: Mapping[str, int]  # key that stands in several rows → line of the one that counts
    spool: Spool

    def records(self) -> Iterator[Parsed]:
        kind = _KINDS[self.recognised.kind]
        for line, key, values, problems in self.spool:
            if self.repeats.get(key, line) == line:
                yield Parsed(line, kind(*values), problems)


def read_records(recognised: Recognised, rows: Rows) -> Reading:
    """Judge every row, the whole table before anything of it is used."""
    values_of = attrgetter(*_KINDS[recognised.kind].__dataclass_fields__)
    seen: set[str] = set()
    repeats: dict[str, int] = {}
    rejects: list[Reject] = []
    spool = Spool()
    offered = 0
    for item in _parse(recognised, rows):
        offered += 1
        if isinstance(item, Reject):
            rejects.append(item)
            continue
        key = _identity(item.record)
        if key in seen:
            repeats[key] = item.line
        seen.add(key)
        spool.add((item.line, key, values_of(item.record), item.problems))
    duplicates = offered - len(rejects) - len(seen)
    return Reading(recognised, offered, duplicates, len(seen), tuple(rejects), repeats, spool)


def _parse(recognised: Recognised, rows: Rows) -> Iterator[Parsed | Reject]:
    build = _BUILDERS[recognised.kind]
    row = Row(recognised.header, recognised.mapping, recognised.custom)
    for line, cells in rows:
        if not any(map(clean_text, cells)):
            continue
        row.begin(line, cells)
        try:
            record = build(row)
        except Unusable as unusable:
            yield unusable.reject
        else:
            yield Parsed(line, record, tuple(row.problems))


def _identity(record: Record) -> str:
    if isinstance(record, LoginRecord):
        return f"{record.member_no} {record.at.timestamp():.0f}"
    return record.no


def _member(row: Row) -> MemberRecord:
    return MemberRecord(
        no=row.key("no"),
        name=row.needed_text("name", 255),
        trade=row.text("trade", 64),
        nature=row.text("nature", 64),
        size=row.text("size", 64),
        city=row.text("city", 64),
        registered_at=row.moment("registered_at"),
        last_login_at=row.moment("last_login_at"),
        login_count=row.count("login_count") or 0,
        plan=row.text("plan", 64),
        plan_expires_on=row.day("plan_expires_on"),
        owner=row.text("owner", 64),
        attrs=row.attrs(),
    )


def _contact(row: Row) -> ContactRecord:
    return ContactRecord(
        no=row.key("no"),
        member_no=row.key("member_no"),
        name=row.text("name", 128),
        title=row.text("title", 128),
        mobile=row.mobile("mobile"),
        email=row.email("email"),
        openid=row.openid("openid"),
        qq=row.text("qq", 32),
        is_primary=row.flag("is_primary"),
        parent_no=row.other_key("parent_no"),
        consent=row.permission("consent"),
        consent_at=row.moment("consent_at"),
        consent_source=row.text("consent_source", 128),
    )


def _posting(row: Row) -> PostingRecord:
    return PostingRecord(
        no=row.key("no"),
        member_no=row.key("member_no"),
        title=row.text("title", 255),
        category=row.text("category", 128),
        city=row.text("city", 64),
        pay_min=row.count("pay_min"),
        pay_max=row.count("pay_max"),
        heads=row.count("heads"),
        hours=row.text("hours", 128),
        contact_name=row.text("contact_name", 128),
        contact_phone=row.text("contact_phone", 64),
        published_at=row.moment("published_at"),
        refreshed_at=row.moment("refreshed_at"),
        state=_state(row),
    )


def _state(row: Row) -> PostingState:
    """Without the column every posting counts as live; a word we do not know is never live."""
    word = fold(row.cell("state")).lower()
    if not row.has("state") or word in _STATES:
        return _STATES.get(word, PostingState.LIVE)
    row.complain("state", "不认识的状态,按已下线处理")
    return PostingState.OFFLINE


def _application(row: Row) -> ApplicationRecord:
    return ApplicationRecord(
        no=row.key("no"),
        posting_no=row.key("posting_no"),
        seeker_no=row.other_key("seeker_no"),
        applied_at=row.moment("applied_at"),
        first_viewed_at=row.moment("first_viewed_at"),
        outcome=row.text("outcome", 64),
    )


def _login(row: Row) -> LoginRecord:
    return LoginRecord(member_no=row.key("member_no"), at=row.needed_moment("at"))


def _seeker(row: Row) -> SeekerRecord:
    return SeekerRecord(
        no=row.key("no"),
        name=row.text("name", 128),
        wanted_job=row.text("wanted_job", 128),
        wanted_city=row.text("wanted_city", 64),
        pay=row.count("pay"),
        years=row.count("years"),
        registered_at=row.moment("registered_at"),
        video_url=row.text("video_url", 512),
        recommend=row.permission("recommend") is True,
    )


_BUILDERS: Mapping[TableKind, Callable[[Row], Record]] = {
    TableKind.MEMBERS: _member,
    TableKind.CONTACTS: _contact,
    TableKind.POSTINGS: _posting,
    TableKind.APPLICATIONS: _application,
    TableKind.LOGINS: _login,
    TableKind.SEEKERS: _seeker,
}
_KINDS: Mapping[TableKind, type[Any]] = {
    TableKind.MEMBERS: MemberRecord,
    TableKind.CONTACTS: ContactRecord,
    TableKind.POSTINGS: PostingRecord,
    TableKind.APPLICATIONS: ApplicationRecord,
    TableKind.LOGINS: LoginRecord,
    TableKind.SEEKERS: SeekerRecord,
}
_STATE_WORDS: Mapping[PostingState, str] = {
    PostingState.LIVE: "发布中 招聘中 在招 上架 有效 live active published open online",
    PostingState.EXPIRED: "已过期 过期 expired",
    PostingState.OFFLINE: "已下线 下线 已下架 下架 已关闭 关闭 已暂停 暂停 停止招聘 offline closed paused inactive",
}
_STATES = {word: state for state, words in _STATE_WORDS.items() for word in words.split()}
