"""Finding members: the audience of a rule, the sender of a reply, the page of one member, the numbers of all."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from campaigns import statements
from campaigns.models import Application, Contact, Login, Member, Message, Posting, Seeker, Suppression
from campaigns.segments import Segment, to_filter
from campaigns.terms import ChannelName


@dataclass(frozen=True, slots=True)
class Match:
    """Who wrote: a member, and the contact whose address it was."""

    member_id: int
    contact_id: int | None


async def select_audience(segment: Segment, now: datetime, owners: Collection[str] | None = None) -> list[int]:
    """The ids of the members a rule selects, in the order of their numbers' creation; `owners` as in counting."""
    return [row["id"] for row in await _select("m.id", segment, now, "ORDER BY m.id", owners)]


async def count_audience(segment: Segment, now: datetime, owners: Collection[str] | None = None) -> int:
    """With `owners` among these people's members alone."""
    return int((await _select("count(*) AS n", segment, now, owners=owners))[0]["n"])


async def list_audience(
    segment: Segment, now: datetime, limit: int, owners: Collection[str] | None = None
) -> list[dict[str, Any]]:
    columns = "m.no, m.name, m.tier, m.city, m.trade, m.unread_resumes, m.idle_since"
    return await _select(columns, segment, now, f"ORDER BY m.no LIMIT {int(limit)}", owners)


async def match_member(channel: ChannelName, address: str) -> Match | None:
    """The contact with this address; of several members sharing it, the primary contact registered last."""
    contact = await Contact.filter(**_having(channel, address)).order_by("-is_primary", "-id").first()
    return Match(contact.member_id, contact.id) if contact else None


async def is_a_customers(channel: ChannelName, address: str) -> bool:
    """Whether a contact of some member has this address, still there or not, or it was refused by whoever had it."""
    same = address.lower() if channel is ChannelName.EMAIL else address
    if await match_member(channel, same) is not None:
        return True
    return await Suppression.filter(channel=channel, address__in={address, same}, lifted_at=None).exists()


async def members_sharing(match: Match, channel: ChannelName, address: str) -> dict[int, str]:
    """Whom a word from this address stands for, id → number: `match` and every member with a contact who has it.

    An answer may come from another address than it went to: the matched contact's own counts as well.
    """
    matched = await Contact.get_or_none(id=match.contact_id) if match.contact_id is not None else None
    own = getattr(matched, ADDRESS_COLUMNS[channel], None)
    sharing = {contact.member_id for contact in await Contact.filter(**_having(channel, address, own))}
    members = Member.filter(id__in={match.member_id, *sharing}).order_by("no")
    return dict(await members.values_list("id", "no"))


async def match_contact(contact_id: int) -> Match | None:
    contact = await Contact.get_or_none(id=contact_id)
    return Match(contact.member_id, contact.id) if contact else None


async def hold_contact(contact_id: int) -> None:
    """Until the transaction ends nobody else holds this contact: what is asked of it now stays true."""
    await Contact.filter(id=contact_id).select_for_update(no_key=True).first()


async def member_id_of(member_no: str) -> int | None:
    member = await Member.get_or_none(no=member_no)
    return member.id if member else None


@dataclass(frozen=True, slots=True)
class Head:
    """Who a member is, in a line."""

    id: int
    no: str
    name: str
    owner: str


async def find_head(member_no: str) -> Head | None:
    row = await Member.get_or_none(no=member_no)
    return Head(row.id, row.no, row.name, row.owner) if row else None


async def find_head_by_id(member_id: int) -> Head | None:
    row = await Member.get_or_none(id=member_id)
    return Head(row.id, row.no, row.name, row.owner) if row else None


async def members_named(text: str, limit: int) -> list[Head]:
    """Whose name holds this text, whoever has them."""
    rows = await Member.filter(name__icontains=text).order_by("no").limit(limit)
    return [Head(row.id, row.no, row.name, row.owner) for row in rows]


async def contact_names(member_id: int) -> Mapping[int, str]:
    """Contact id → name, of those who left as well."""
    return dict(await Contact.filter(member_id=member_id).values_list("id", "name"))


async def describe_member(member_no: str) -> dict[str, Any] | None:
    """All we hold about one member, as plain values: who they are, contacts, postings, unread, suppressions."""
    member = await Member.get_or_none(no=member_no)
    if member is None:
        return None
    unread = await unread_by_posting([member.id])
    return {
        "id": member.id,
        "no": member.no,
        **{
            name: getattr(member, name)
            for name in (
                "name", "trade", "nature", "size", "city", "plan", "plan_expires_on", "owner", "attrs", "tier",
                "tier_score", "tier_by_rule", "tier_reasons", "registered_at", "last_login_at", "login_count",
                "postings", "live_postings", "applications", "unread_resumes", "oldest_unread_at", "stage",
            )
        },
        "contacts": await Contact.filter(member_id=member.id)
        .order_by("-is_primary", "id")
        .values(
            "id", "no", "name", "title", "mobile", "email", "openid", "external_userid", "qq", "is_primary",
            "parent_no", "consent", "consent_at", "consent_source", "active", "role", "influence", "interests",
        ),
        "posts": [
            {**post, "unread": unread.get(post["id"], 0)}
            for post in await Posting.filter(member_id=member.id)
            .order_by("-published_at")
            .values(
                "id", "no", "title", "city", "pay_min", "pay_max", "heads", "hours", "contact_name", "published_at",
                "refreshed_at", "state", "contact_phone", "negotiable", "duties_length", "deadline",
            )
        ],
        "suppressions": await _suppressions_of(member.id),
    }  # fmt: skip


async def unread_by_posting(member_ids: Sequence[int]) -> Mapping[int, int]:
    """Unread applications by posting id, for all postings of these members."""
    postings = await Posting.filter(member_id__in=list(member_ids)).values_list("id", flat=True)
    counts: dict[int, int] = {}
    unread = await Application.filter(posting_id__in=list(postings), first_viewed_at=None).values_list("posting_id")
    for (posting_id,) in unread:
        counts[posting_id] = counts.get(posting_id, 0) + 1
    return counts


@dataclass(frozen=True, slots=True)
class Waiting:
    """The applications of one posting: how many there are, how many were looked at, since when the oldest waits."""

    applications: int
    seen: int
    oldest: datetime | None


async def waiting_by_posting(member_id: int) -> Mapping[int, Waiting]:
    """By posting id; a posting without applications is left out."""
    rows = await statements.query(
        """
        SELECT a.posting_id, count(*) AS n, count(a.first_viewed_at) AS seen,
          min(CASE WHEN a.first_viewed_at IS NULL THEN a.applied_at END) AS oldest
        FROM applications a JOIN postings p ON p.id = a.posting_id WHERE p.member_id = $1 GROUP BY a.posting_id
        """,
        member_id,
    )
    return {
        row["posting_id"]: Waiting(int(row["n"]), int(row["seen"]), statements.moment(row["oldest"])) for row in rows
    }


async def posting_titles(posting_ids: Collection[int]) -> Mapping[int, str]:
    return dict(await Posting.filter(id__in=list(posting_ids)).values_list("id", "title"))


async def message_states(message_ids: Sequence[int]) -> Mapping[int, str]:
    """Where each message stands, for the timeline."""
    return dict(await Message.filter(id__in=list(message_ids)).values_list("id", "state"))


async def count_stats(owners: Collection[str] | None = None) -> dict[str, int]:
    """How much there is; with `owners` of these people's members alone. Job seekers are nobody's, and counted whole."""
    ours = {} if owners is None else {"owner__in": sorted(owners)}
    members = Member.filter(**ours)
    contacts, postings, logins = (
        table.filter(**{f"member__{name}": value for name, value in ours.items()})
        for table in (Contact, Posting, Login)
    )
    applications = Application.filter(**{f"posting__member__{name}": value for name, value in ours.items()})
    return {
        "members": await members.count(),
        "contacts": await contacts.count(),
        "contacts_with_mobile": await contacts.filter(mobile__not_isnull=True).count(),
        "contacts_with_email": await contacts.filter(email__not_isnull=True).count(),
        "contacts_with_openid": await contacts.filter(openid__not_isnull=True).count(),
        "contacts_consenting": await contacts.filter(consent=True).count(),
        "postings": await postings.count(),
        "live_postings": await postings.filter(state="live").count(),
        "applications": await applications.count(),
        "unread": await applications.filter(first_viewed_at=None).count(),
        "logins": await logins.count(),
        "seekers": await Seeker.all().count(),
    }


async def count_members(owners: Collection[str] | None = None) -> int:
    members = Member.all() if owners is None else Member.filter(owner__in=sorted(owners))
    return await members.count()


async def count_members_of(owners: Collection[str]) -> dict[str, int]:
    """Owner → how many members; who has none is left out."""
    if not owners:
        return {}
    places = ", ".join(f"${number}" for number in range(1, len(owners) + 1))
    rows = await statements.query(
        f"SELECT owner, count(*) AS n FROM members WHERE owner IN ({places}) GROUP BY owner", *owners
    )
    return {row["owner"]: int(row["n"]) for row in rows}


async def record_login(member_id: int, at: datetime) -> None:
    """The site tells that a member logged in."""
    _, new = await Login.get_or_create(member_id=member_id, at=at)
    if new:
        member = await Member.get(id=member_id)
        member.last_login_at = max(at, member.last_login_at or at)
        member.idle_since, member.login_count = member.last_login_at, member.login_count + 1
        await member.save(update_fields=["last_login_at", "idle_since", "login_count"])


async def record_views(member_id: int, at: datetime, posting_no: str | None = None) -> int:
    """The site tells that a member looked at its unread applications (of one posting, or all). Returns how many."""
    postings = Posting.filter(member_id=member_id)
    if posting_no:
        postings = postings.filter(no=posting_no)
    ids = await postings.values_list("id", flat=True)
    seen = await Application.filter(posting_id__in=list(ids), first_viewed_at=None).update(first_viewed_at=at)
    await statements.recount_member(member_id)
    return seen


ADDRESS_COLUMNS = {
    ChannelName.EMAIL: "email",
    ChannelName.SMS: "mobile",
    ChannelName.WECHAT: "openid",
    ChannelName.WECOM: "external_userid",
}


def _having(channel: ChannelName, *addresses: str | None) -> dict[str, list[str]]:
    """The filter of contacts with one of these addresses. Mail's are stored in lower case."""
    wanted = [address for address in addresses if address]
    return {
        f"{ADDRESS_COLUMNS[channel]}__in": [one.lower() for one in wanted] if channel is ChannelName.EMAIL else wanted
    }


async def _suppressions_of(member_id: int) -> list[dict[str, Any]]:
    columns = ("channel", "reason", "source", "at", "until", "lifted_at")
    contacts = await Contact.filter(member_id=member_id).values_list("mobile", "email", "openid", "external_userid")
    addresses = [address for row in contacts for address in row if address]
    company = await Suppression.filter(member_id=member_id).values(*columns)
    closed = await Suppression.filter(address__in=addresses).values(*columns) if addresses else []
    return sorted(company + closed, key=lambda row: row["at"])


async def _select(
    columns: str, segment: Segment, now: datetime, tail: str = "", owners: Collection[str] | None = None
) -> list[dict[str, Any]]:
    dialect: Literal["sqlite", "postgres"] = "postgres" if statements.is_postgres(statements.connection()) else "sqlite"
    rule = to_filter(segment, now, dialect)
    params = [*rule.params, *sorted(owners or ())]
    places = ", ".join(f"${len(rule.params) + number}" for number in range(1, len(owners or ()) + 1))
    ours = "" if owners is None else f" AND m.owner IN ({places})" if owners else " AND 1 = 0"
    return await statements.query(f"SELECT {columns} FROM members m WHERE {rule.sql}{ours} {tail}", *params)
