"""For whom the words are shown: the sample's facts, or one of the first members the campaign would write to."""

from dataclasses import dataclass

from starlette.requests import Request

from bot.console.making.frame import Draft
from bot.console.making.looking import Person
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import log, visitor_of
from bot.web.pages import masked
from campaigns import planner
from campaigns.audit import Action
from campaigns.content import Compiled
from campaigns.errors import OutreachError
from campaigns.folders import compiled_content
from campaigns.folders.samples import SAMPLE_LINKS
from campaigns.members import find
from campaigns.members.facts import facts_for
from campaigns.segments import parse_segment

SAMPLE = Person("", "", "", None)
_MOST = 10
_LONGEST_NO = 64


@dataclass(frozen=True, slots=True)
class Persons:
    """`listed`: (number, name) of those to choose from; "" the sample."""

    listed: tuple[tuple[str, str], ...]
    before: str | None
    after: str | None


async def person_of(request: Request, number: str, content: Compiled | None = None) -> Person:
    """A member whom the visitor may see, filled as the sender would now; anybody else is the sample."""
    runtime: Runtime = request.app.state.runtime
    now = runtime.clock()
    head = await find.find_head(number) if number and len(number) <= _LONGEST_NO else None
    if head is None or not visitor_of(request).staff.sees_owner(head.owner):
        return SAMPLE
    await log(request, Action.MEMBER_SEEN, f"member/{head.no}")
    facts = (await facts_for([head.id], now, history=None)).get(head.id)
    contact = next(iter(sorted(facts.contacts, key=lambda one: not one.is_primary)), None) if facts else None
    if contact is None:
        return Person(head.no, head.name, say("没有联系人，用的是样例"), None)
    given = await planner.sample_of(head.id, contact.id, content, now, runtime.rulebook)
    said = " ".join(one for one in (contact.name, masked(contact.email or contact.mobile)) if one)
    return Person(head.no, head.name, said, {**(given or {}), "links": SAMPLE_LINKS})


async def persons(request: Request, draft: Draft, shown: Person) -> Persons:
    """The first of the audience that this visitor may see."""
    runtime: Runtime = request.app.state.runtime
    owners = visitor_of(request).staff.owners
    try:
        segment = parse_segment(str(draft.table.get("segment", "all")))
        found = await find.list_audience(segment, runtime.clock(), _MOST, owners)
    except OutreachError:
        found = []
    listed = [("", say("样例资料")), *((str(one["no"]), str(one["name"])) for one in found)]
    if shown.no and shown.no not in dict(listed):
        listed.append((shown.no, shown.label))
    at = next((place for place, (number, _) in enumerate(listed) if number == shown.no), 0)
    return Persons(
        tuple(listed),
        listed[at - 1][0] if at else None,
        listed[at + 1][0] if at + 1 < len(listed) else None,
    )


def content_of(draft: Draft) -> Compiled | None:
    """What the stored words ask for beside the member's own facts."""
    try:
        return compiled_content(draft.folder.files)
    except OutreachError:
        return None
