"""huifang member contacts, member contact: the people of a member, and what colleagues write down about them."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.commands.printing import Shown
from bot.console.member.page import marked_left
from bot.contact_words import decider_words, influence_words, role_words
from bot.database import open_database
from bot.settings import Settings
from bot.web.pages import masked
from campaigns import audit
from campaigns.audit import Action
from campaigns.briefing.people import Branch, Person, deciders, tree_of
from campaigns.cells import parse_key
from campaigns.errors import InputError, StateError
from campaigns.members import consent, find
from campaigns.members.find import Head
from campaigns.members.people import add_contact, describe_contact, make_primary, people_of

_HERE = "命令行"


async def contacts(settings: Settings, number: str) -> dict[str, Any]:
    """As a tree; addresses masked: `member show` has them."""
    async with open_database(settings):
        head = await _head(number)
        people = await people_of(head.id)
    return {
        "member": head.no,
        "name": head.name,
        "decides": [one.no for one in deciders(people)],
        "who_decides": decider_words(people),
        "contacts": [_branch(one) for one in tree_of(people)],
    }


async def describe(
    settings: Settings, number: str, contact: str, typed: Mapping[str, str], *, primary: bool
) -> dict[str, Any]:
    """Raises InputError where something does not fit; StateError for a primary contact who cannot be that."""
    if not typed and not primary:
        raise InputError("写明改什么：--role、--influence、--interests、--reports-to、--title，或 --primary (what?)")
    async with open_database(settings):
        head = await _head(number)
        one = await _contact(head, contact)
        if primary and not one.active:
            raise StateError(f"{one.no} 已经离开，不能做首要联系人 (has left)")
        changes = await describe_contact(one.id, head.id, typed)
        if changes:
            await _log(head, one, changes)
        if primary and await make_primary(one.id, head.id):
            await _log(head, one, {"what": "contact-primary"})
    return {"member": head.no, "contact": one.no, "changes": changes, "primary": primary or one.is_primary}


async def add(settings: Settings, number: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """Raises InputError where something does not fit; nothing is written then."""
    async with open_database(settings):
        head = await _head(number)
        made = await add_contact(head.id, typed)
        await _log(head, made, {"what": "contact-new"})
    return {"member": head.no, "contact": made.no, "name": made.name}


async def left(settings: Settings, number: str, contact: str, *, back: bool) -> dict[str, Any]:
    """Back comes only whom a colleague marked: who said himself that he is the wrong person stays away."""
    async with open_database(settings):
        head = await _head(number)
        one = await _contact(head, contact)
        if one.active == back:
            raise StateError(f"{one.no} {'还在' if back else '已经离开'} (nothing to change)")
        if back and one.id not in await marked_left(head.no):
            raise StateError(f"{one.no} 自己说找错了人，不能再联系 (said so himself)")
        if back:
            await consent.reactivate_contact(one.id)
            await _log(head, one, {"what": "contact-back"}, Action.MEMBER_CHANGED)
        else:
            await consent.deactivate_contact(one.id)
            await _log(head, one, {}, Action.CONTACT_LEFT)
    return {"member": head.no, "contact": one.no, "active": back}


async def _log(head: Head, one: Person, detail: Mapping[str, Any], action: Action = Action.CONTACT_CHANGED) -> None:
    await audit.record_audit(
        action, at=datetime.now(UTC), who=_HERE, subject=f"member/{head.no}",
        detail={"contact": one.id, **detail},
    )  # fmt: skip


async def _head(number: str) -> Head:
    head = await find.find_head(parse_key(number) or number)
    if head is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    return head


async def _contact(head: Head, number: str) -> Person:
    people = {one.no: one for one in await people_of(head.id)}
    found = people.get(parse_key(number) or number)
    if found is None:
        known = "、".join(people) or "没有"
        raise InputError(f"{head.no} 没有编号是 {number} 的联系人，有的是 {known} (no such contact)")
    return found


def _branch(branch: Branch) -> dict[str, Any]:
    one = branch.person
    return {
        "no": one.no, "name": one.name, "title": one.title, "reports_to": one.above, "role": one.role,
        "role_guessed": one.guessed, "influence": one.influence, "interests": list(one.interests),
        "is_primary": one.is_primary, "active": one.active, "consent": one.consent, "mobile": masked(one.mobile),
        "email": masked(one.email), "words": _words(one), "below": [_branch(below) for below in branch.below],
    }  # fmt: skip


def _words(one: Person) -> str:
    left = "" if one.active else "不在了"
    parts = (role_words(one), influence_words(one.influence), "首要" if one.is_primary else "", left, *one.interests)
    return "，".join(filter(None, parts))


def tree_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['name']}  {found['member']}  {found['who_decides']}", *_lines(found["contacts"], 0)]


def _lines(branches: Sequence[Mapping[str, Any]], level: int) -> Iterator[str]:
    for one in branches:
        about = " ".join(filter(None, (one["no"], one["name"], one["title"], one["mobile"])))
        yield f"{'    ' * level}{about}{'：' if one['words'] else ''}{one['words']}"
        yield from _lines(one["below"], level + 1)


def added_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['member']} 加了 {found['name']}，编号 {found['contact']} (added)"]


def left_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['member']} {found['contact']} {'还在' if found['active'] else '离开了，不再写给这一位'}"]


def changed_lines(found: Mapping[str, Any]) -> list[Shown]:
    told = [f"{name}：{one['was'] or '—'} → {one['now'] or '—'}" for name, one in found["changes"].items()]
    return [f"{found['member']} {found['contact']} 记下了", *told]
