"""Members by the page for a program that reads them all: by id, so that no page is lost while others are added."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from campaigns.models import Contact, Member, Suppression

_COLUMNS = (
    "id", "no", "name", "trade", "nature", "size", "city", "owner", "plan", "plan_expires_on", "tier", "registered_at",
    "last_login_at", "login_count", "live_postings", "applications", "unread_resumes", "oldest_unread_at",
    "activity_state", "p_active", "attrs",
)  # fmt: skip
_CONTACT = ("member_id", "no", "name", "title", "mobile", "email", "is_primary", "consent", "active", "parent_no",
            "role", "influence", "interests")  # fmt: skip


@dataclass(frozen=True, slots=True)
class MemberLine:
    """One member as plain values, with its contacts."""

    id: int
    values: dict[str, Any]
    contacts: list[dict[str, Any]]
    refused: bool


async def members_after(
    after: int, limit: int, *, owners: Collection[str] | None, number: str = ""
) -> list[MemberLine]:
    """In the order of their ids, in three queries. `owners`: of these people's members alone; `number`: one member."""
    asked = Member.filter(id__gt=after)
    if owners is not None:
        asked = asked.filter(owner__in=sorted(owners))
    if number:
        asked = asked.filter(no=number)
    rows = await asked.order_by("id").limit(limit).values(*_COLUMNS)
    ids = [row["id"] for row in rows]
    contacts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for contact in await Contact.filter(member_id__in=ids).order_by("-is_primary", "id").values(*_CONTACT):
        contacts[contact.pop("member_id")].append(contact)
    standing = Suppression.filter(member_id__in=ids, channel=None, until=None, lifted_at=None)
    refused = set(await standing.values_list("member_id", flat=True))
    return [
        MemberLine(row.pop("id"), row, contacts[number], number in refused)
        for number, row in zip(ids, rows, strict=True)
    ]
