"""Who stands in the tests of pages and links: members with contacts, and messages that went out to them."""

import contextlib
import hashlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from bot.inbox import Inbox
from bot.runtime import Runtime
from bot.web.app import make_app
from bot.web.desk import COOKIE, Visitor
from campaigns import definitions, outbox, staff, statements, touches
from campaigns.content import variables
from campaigns.definitions import CampaignRow
from campaigns.members.facts import facts_for
from campaigns.models import Application, Contact, Member, Message, Posting, StaffAccount
from campaigns.rights import Role
from campaigns.staff import StaffMember
from campaigns.terms import SHANGHAI, ChannelName

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=SHANGHAI)


def browse(runtime: Runtime, client: str = "127.0.0.1", base_url: str = "http://127.0.0.1:8750") -> httpx.AsyncClient:
    """A browser at that address, that calls us by that name. It follows no redirect."""
    transport = httpx.ASGITransport(app=make_app(Inbox(runtime)), client=(client, 40000))
    return httpx.AsyncClient(transport=transport, base_url=base_url)


async def settle_some(runtime: Runtime) -> None:
    """A little of everything that pages list."""
    campaign = await approved(runtime, "unread_resumes")
    for number in range(3):
        member = await add_member(f"Q20000{number}", f"大同{number}号商行")
        contact = await add_contact(member, mobile=f"1548350303{number}")
        await add_unread(member, f"P{number}", 2)
    await add_message(campaign, member, contact)


@contextlib.asynccontextmanager
async def as_staff(runtime: Runtime, role: Role = Role.ADMIN, **columns: Any) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of somebody who is logged in; every call carries its form key."""
    made = await add_colleague(role, **columns)
    token = await logged_in(made.id)
    async with browse(runtime) as client:
        client.cookies.set(COOKIE, token)
        client.headers["x-form-key"] = Visitor(made, token).form_key
        yield client


async def add_colleague(role: Role = Role.ADMIN, **columns: Any) -> StaffMember:
    """`columns`: login, name, department, password; the others are changed behind the ledger's back."""
    number = await StaffAccount.all().count()
    given = {"login": f"staff{number}", "name": f"员工{number}", "password": "no password at all", **columns}
    extra = {key: given.pop(key) for key in ("grants", "active", "totp_secret") if key in given}
    made = await staff.add_staff(**{"role": role, "one_time": False, "now": datetime.now(UTC), **given})
    if extra:
        await StaffAccount.filter(id=made.id).update(**extra)
    found = await staff.find_staff(made.id)
    assert found is not None
    return found


async def logged_in(staff_id: int) -> str:
    """The cookie of a new session."""
    token = secrets.token_urlsafe(32)
    await staff.open_session(staff_id, hashlib.sha256(token.encode()).hexdigest(), datetime.now(UTC))
    return token


async def add_member(no: str, name: str = "大同机械有限公司", **columns: Any) -> Member:
    since = NOW - timedelta(days=400)
    return await Member.create(**{"no": no, "name": name, "registered_at": since, "idle_since": since, **columns})


async def add_contact(member: Member, no: str = "", **columns: Any) -> Contact:
    given = {"name": "张晓燕", "mobile": "15483503031", "email": "zhang@datong.example", "is_primary": True, **columns}
    return await Contact.create(no=no or f"C{member.no}", member_id=member.id, **given)


async def add_unread(member: Member, no: str, count: int, title: str = "电焊工") -> Posting:
    """A live posting with that many applications nobody has looked at."""
    posting = await Posting.create(no=no, member_id=member.id, title=title, state="live", published_at=NOW)
    for number in range(count):
        await Application.create(no=f"{no}-{number}", posting_id=posting.id, applied_at=NOW)
    await statements.recount_member(member.id)
    return posting


async def approved(runtime: Runtime, key: str) -> CampaignRow:
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, key)
    return await definitions.approve(folder, by="tests", now=NOW)


async def add_message(
    campaign: CampaignRow,
    member: Member,
    contact: Contact | None = None,
    *,
    channel: ChannelName | None = ChannelName.EMAIL,
    state: str = "sent",
    reason: str = "",
    sent_at: datetime | None = NOW,
) -> int:
    """A message of the campaign's one occurrence, as it stands in the ledger. Returns its id."""
    occurrence_id = await outbox.add_occurrence(campaign.id, campaign.version_id, "one", NOW, useless_at=None)
    address = {"email": contact.email, "sms": contact.mobile, "wechat": contact.openid}[channel] if contact else None
    row = {
        "occurrence_id": occurrence_id,
        "member_id": member.id,
        "contact_id": contact.id if contact else None,
        "message_class": campaign.definition.message_class,
        "channel": channel if contact else None,
        "address": address,
        "state": state,
        "reason": reason,
        "not_before": NOW,
    }
    assert await outbox.enqueue([row]) == (1, 1)
    message = await Message.get(occurrence_id=occurrence_id, member_id=member.id)
    await Message.filter(id=message.id).update(sent_at=sent_at)
    return int(message.id)


async def fill_words(runtime: Runtime, message_id: int) -> None:
    """Keep the facts its words are shown from, and the touch, as the sender does."""
    message = await Message.get(id=message_id)
    facts = (await facts_for([message.member_id], NOW))[message.member_id]
    contact = next(one for one in facts.contacts if one.id == message.contact_id)
    filled = variables(facts, contact, now=NOW, site=runtime.rulebook.site, extra={"unread_postings": [], "digest": []})
    await Message.filter(id=message_id).update(facts=filled)
    await touches.record_sent([message_id], NOW)
