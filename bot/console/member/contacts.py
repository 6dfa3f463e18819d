"""联系人 of one member as a tree: who reports to whom, what each is to us; described, added, made primary."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.member.page import marked_left
from bot.console.member.reaching import ways_of
from bot.console.member.seekers import no_member, own_member, path_of
from bot.console.shell import staff_page
from bot.contact_words import CONTACT_ROLES, INFLUENCES, decider_words, influence_words, role_words
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.pages import masked
from bot.wording import fault_words
from campaigns import planner
from campaigns.audit import Action
from campaigns.briefing.people import Person, is_below, tree_of
from campaigns.errors import InputError
from campaigns.members import people as ledger
from campaigns.members.find import Head
from campaigns.members.people import ADDED, DESCRIBED, UnfitContact
from campaigns.rights import Right

_NEW = "new"
_LONGEST = 1000  # of what is typed: too long for any field, and still shown as it was typed


@dataclass(frozen=True, slots=True)
class Sheet:
    """What is being written about `whom`; of nobody yet: somebody new."""

    whom: Person | None
    typed: Mapping[str, str]
    faults: Mapping[str, str] = field(default_factory=dict)

    def fault(self, name: str) -> str:
        return fault_words(self.faults[name]) if name in self.faults else ""


async def page(request: Request) -> Response:
    head = await own_member(request)
    if head is None:
        return await no_member(request)
    await log(request, Action.MEMBER_SEEN, f"member/{head.no}", what="contacts")
    people = await ledger.people_of(head.id)
    return await _show(request, head, people, _asked(request, people))


def _asked(request: Request, people: Sequence[Person]) -> Sheet | None:
    key = request.query_params.get("edit", "")
    if not visitor_of(request).may(Right.ANSWER):
        return None
    if key == _NEW:
        return Sheet(None, dict.fromkeys(ADDED, ""))
    whom = next((one for one in people if str(one.id) == key), None)
    return Sheet(whom, _written(whom)) if whom else None


def _written(one: Person) -> dict[str, str]:
    """As it stands; a role that was only guessed is not written down."""
    return {
        "title": one.title,
        "parent_no": one.above,
        "role": "" if one.guessed or one.role is None else str(one.role),
        "influence": str(one.influence or ""),
        "interests": "、".join(one.interests),
    }


async def _show(
    request: Request, head: Head, people: Sequence[Person], sheet: Sheet | None, *, status_code: int = 200
) -> Response:
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    gone = any(not one.active for one in people)
    return await staff_page(
        request,
        "member/people.html",
        here="members",
        status_code=status_code,
        head=head,
        path=path_of(head.no),
        people=people,
        tree=tree_of(people),
        ways=ways_of([asdict(one) for one in await planner.reach_of(head.id, runtime.clock())]),
        role_of=role_words,
        influence_of=influence_words,
        decides=decider_words(people),
        address=masked,
        sheet=sheet,
        superiors=_superiors(people, sheet),
        roles=CONTACT_ROLES,
        influences=INFLUENCES,
        marked_left=await marked_left(head.no) if gone else frozenset(),
        may=visitor.may(Right.ANSWER),
        done="" if status_code != 200 else request.query_params.get("done", "")[:32],
        left=request.query_params.get("id", "")[:10],
    )


def _superiors(people: Sequence[Person], sheet: Sheet | None) -> list[Person]:
    """Whom somebody can report to without going in a circle."""
    if sheet is None:
        return []
    whom = sheet.whom
    return [one for one in people if whom is None or not is_below(people, one.no, whom.no)]


async def describe(request: Request) -> Response:
    head = await own_member(request)
    if head is None:
        return await no_member(request)
    typed = await _typed(request, DESCRIBED)
    number = request.path_params["id"]
    try:
        changes = await ledger.describe_contact(number, head.id, typed)
    except UnfitContact as exc:
        people = await ledger.people_of(head.id)
        whom = next(one for one in people if one.id == number)
        return await _show(request, head, people, Sheet(whom, typed, exc.faults), status_code=422)
    except InputError:
        return _back(head, "fault-contact")
    if changes:
        await log(request, Action.CONTACT_CHANGED, f"member/{head.no}", contact=number, **changes)
    return _back(head, "described")


async def add(request: Request) -> Response:
    head = await own_member(request)
    if head is None:
        return await no_member(request)
    typed = await _typed(request, ADDED)
    try:
        made = await ledger.add_contact(head.id, typed)
    except UnfitContact as exc:
        people = await ledger.people_of(head.id)
        return await _show(request, head, people, Sheet(None, typed, exc.faults), status_code=422)
    await log(request, Action.CONTACT_CHANGED, f"member/{head.no}", what="contact-new", contact=made.id)
    return _back(head, "added")


async def make_primary(request: Request) -> Response:
    head = await own_member(request)
    if head is None:
        return await no_member(request)
    number = request.path_params["id"]
    if not await ledger.make_primary(number, head.id):
        return _back(head, "fault-contact")
    await log(request, Action.CONTACT_CHANGED, f"member/{head.no}", what="contact-primary", contact=number)
    return _back(head, "primary")


async def _typed(request: Request, names: Sequence[str]) -> dict[str, str]:
    form = await read_form(request)
    return {name: str(form.get(name, ""))[:_LONGEST].strip() for name in names}


def _back(head: Head, done: str) -> Response:
    return RedirectResponse(f"{path_of(head.no)}/contacts?done={done}", status_code=303)


_AT = "/members/{number:path}/contacts"
routes = [
    StaffRoute(_AT, page, right=Right.SEE),
    StaffRoute(_AT, add, right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_AT + "/{id:int}", describe, right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_AT + "/{id:int}/primary", make_primary, right=Right.ANSWER, methods=["POST"]),
]
