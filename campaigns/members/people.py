"""The people of a member as colleagues know them: read, described, added by hand, one of them the primary contact."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tortoise.transactions import in_transaction

from campaigns.briefing.people import Person, in_order, is_below, role_by_title
from campaigns.cells import parse_key, parse_words
from campaigns.columns import TableKind
from campaigns.errors import InputError
from campaigns.fields import FIELDS
from campaigns.members.find import ADDRESS_COLUMNS
from campaigns.models import Contact
from campaigns.rows import Fault
from campaigns.terms import ChannelName, ContactRole

DESCRIBED = ("title", "parent_no", "role", "influence", "interests")
"""What colleagues write about anybody."""
ADDED = ("name", "mobile", "email", *DESCRIBED)
"""What they write about somebody the site does not know."""
_WRONG = {
    "name": "姓名最多128个字 (a name has at most 128 letters)",
    "mobile": "不是手机号，要11位数字 (not a mobile number: 11 digits)",
    "email": "不是邮箱地址 (not an e-mail address)",
    "title": "职务最多128个字 (a title has at most 128 letters)",
    "role": "没有这个角色 (no such role)",
    "influence": "影响力是1到3 (influence is 1 to 3)",
    "interests": "兴趣一共最多255个字 (interests have at most 255 letters)",
}
_NO_SUCH = "这家企业没有这位联系人 (this member has no such contact)"

Changes = dict[str, dict[str, Any]]
"""Field → what it `was` and is `now`; empty text for nothing."""


class UnfitContact(InputError):
    """`faults`: field → what is wrong with what was typed."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__("；".join(faults.values()))
        self.faults = faults


async def people_of(member_id: int) -> list[Person]:
    """Who is there before who left, in the order of their weight."""
    return in_order(map(person_of, await Contact.filter(member_id=member_id)))


def person_of(row: Contact) -> Person:
    told = ContactRole(row.role) if row.role else None
    role = told or role_by_title(row.title)
    return Person(
        row.id, row.no, row.name, row.title, row.mobile, row.parent_no, row.is_primary, row.active, role,
        told is None and role is not None, row.influence, split_interests(row.interests), row.email, row.consent,
        row.consent_at, row.consent_source,
    )  # fmt: skip


def split_interests(text: str | None) -> tuple[str, ...]:
    return parse_words(text or "")


async def describe_contact(contact_id: int, member_id: int, typed: Mapping[str, str]) -> Changes:
    """`typed`: some of DESCRIBED as people write it, read as an import reads it; an empty text says: not known.

    Raises UnfitContact, and InputError where the member has no such contact; nothing is written then.
    """
    async with in_transaction():
        rows = await _held(member_id)
        row = next((one for one in rows if one.id == contact_id), None)
        if row is None:
            raise InputError(_NO_SUCH)
        told = _read(typed, DESCRIBED, rows, row)
        changed = {name: value for name, value in told.items() if value != getattr(row, name)}
        if changed:
            await Contact.filter(id=row.id).update(**changed)
    return {name: {"was": getattr(row, name) or "", "now": value or ""} for name, value in changed.items()}


async def add_contact(member_id: int, typed: Mapping[str, str]) -> Person:
    """Somebody a colleague met: `typed` some of ADDED, a name at least. A consent is not assumed: none is recorded.

    Raises UnfitContact; nothing is written then.
    """
    async with in_transaction():
        told = _read({"name": "", **typed}, ADDED, await _held(member_id), None)
        row = await Contact.create(no=uuid.uuid4().hex, member_id=member_id, **told)
        row.no = f"HF-{row.id}"  # no site numbers its people so
        await row.save(update_fields=["no"])
    return person_of(row)


async def add_sender(member_id: int, channel: ChannelName, address: str) -> int:
    """Who wrote from this address belongs to this member: the contact who has it, else a new one without a name.

    A consent is not assumed: none is recorded.
    """
    async with in_transaction():
        column, given = ADDRESS_COLUMNS[channel], address.lower() if channel is ChannelName.EMAIL else address
        for row in await _held(member_id):
            if getattr(row, column) == given:
                return int(row.id)
        columns: dict[str, Any] = {"no": uuid.uuid4().hex, "member_id": member_id, "name": "", column: given}
        added = await Contact.create(**columns)
        added.no = f"HF-{added.id}"  # no site numbers its people so
        await added.save(update_fields=["no"])
    return int(added.id)


async def make_primary(contact_id: int, member_id: int) -> bool:
    """In place of whoever was. False for one who left, is it already, or is somebody else's."""
    async with in_transaction():
        rows = {one.id: one for one in await _held(member_id)}
        row = rows.get(contact_id)
        if row is None or row.is_primary or not row.active:
            return False
        await Contact.filter(member_id=member_id).exclude(id=contact_id).update(is_primary=False, primary_ours=True)
        await Contact.filter(id=contact_id).update(is_primary=True, primary_ours=True)
    return True


async def _held(member_id: int) -> list[Contact]:
    """Nobody else changes them until the transaction ends: two changes at a time make no circle."""
    return await Contact.filter(member_id=member_id).order_by("id").select_for_update(no_key=True)


def _read(
    typed: Mapping[str, str], names: Collection[str], rows: Sequence[Contact], row: Contact | None
) -> dict[str, Any]:
    found = {name: FIELDS[TableKind.CONTACTS][name](typed[name]) for name in names if name in typed}
    faults = {name: _WRONG[name] for name, value in found.items() if isinstance(value, Fault)}
    if found.get("name") == "":
        faults["name"] = "写上姓名 (a name is needed)"
    for name in ("mobile", "email"):
        if name not in faults and (same := _same(rows, name, found.get(name))):
            faults[name] = f"这家已经有这一位：{same.name or same.no} (somebody here has it already)"
    if wrong := _wrong_superior(typed.get("parent_no", ""), rows, row):
        faults["parent_no"] = wrong
    if faults:
        raise UnfitContact(faults)
    return found


def _same(rows: Sequence[Contact], name: str, value: str | None) -> Contact | None:
    return next((one for one in rows if value and getattr(one, name) == value), None)


def _wrong_superior(text: str, rows: Sequence[Contact], row: Contact | None) -> str:
    """What is wrong with whom somebody is to report to. What stands there already is left to who wrote it."""
    no = parse_key(text) or ""
    if not text.strip() or (row and no == row.parent_no):
        return ""
    if no not in {one.no for one in rows}:
        return _NO_SUCH
    if row and is_below(map(person_of, rows), no, row.no):
        return "绕成圈了：选的就是这一位，或者要向这一位汇报 (a circle: this one, or somebody below)"
    return ""
