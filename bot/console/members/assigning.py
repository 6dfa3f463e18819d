"""Many members given to a colleague at once: a question with numbers, the deed, the way back."""

from collections.abc import Mapping
from dataclasses import replace

from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.members.address import asked_of, is_id, kept_of, list_url, read_sieve, rules_asked
from bot.console.shell import staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import staff, transfers
from campaigns.audit import Action
from campaigns.members.assigning import owners_of
from campaigns.members.browse import UNOWNED, Sieve
from campaigns.rights import Right

_MOST_PICKED = 1_000


async def ask(request: Request) -> Response:
    """Who gets them? What each answer would change stands beside it. With `to` chosen it is done."""
    form = await read_form(request)
    sieve = await _picked(request, form)
    owners = await owners_of(sieve)
    colleagues = await _colleagues(request)
    to = str(form.get("to", ""))
    if to and to not in colleagues:
        return await _question(request, form, owners, colleagues, say("选一位同事"))
    if to and form.get("seen") != str(sum(owners.values())):
        return await _question(request, form, owners, colleagues, say("刚才有人改过这些会员，家数变了，再看一遍"))
    if not to:
        return await _question(request, form, owners, colleagues, say("选一位同事") if "seen" in form else "")
    return await _assign(request, form, sieve, to)


async def _assign(request: Request, form: FormData, sieve: Sieve, to: str) -> Response:
    runtime: Runtime = request.app.state.runtime
    owner, by = "" if to == UNOWNED else to, visitor_of(request).staff.name
    given = await transfers.transfer(sieve, owner, by=by, now=runtime.clock())
    before = {name or UNOWNED: n for name, n in given.before.items()} if given else {}
    count = given.members if given else 0
    await log(request, Action.MEMBERS_ASSIGNED, "members", count=count, to=to, before=before)
    return RedirectResponse(_back(form, "assigned" if given else "none"), status_code=303)


async def undo(request: Request) -> Response:
    form = await read_form(request)
    runtime: Runtime = request.app.state.runtime
    last = await transfers.last_of(visitor_of(request).staff.name)
    back = await transfers.take_back(last.id, now=runtime.clock()) if last else None
    if back is not None:
        await log(request, Action.MEMBERS_ASSIGNED, "members", count=back.count, undone=back.owner or UNOWNED)
    return RedirectResponse(_back(form, "undone" if back else "none"), status_code=303)


async def _question(
    request: Request, form: FormData, owners: Mapping[str, int], colleagues: list[str], fault: str
) -> Response:
    total = sum(owners.values())
    changes = {one: total - owners.get("" if one == UNOWNED else one, 0) for one in colleagues}
    return await staff_page(
        request,
        "members/assign.html",
        here="members",
        status_code=422 if fault else 200,
        owners=owners,
        total=total,
        changes=changes,
        unowned=UNOWNED,
        fault=fault,
        to=str(form.get("to", "")),
        ids=_ids(form),
        everyone=form.get("which") == "all",
        kept=kept_of(_conditions(form)),
        back=_back(form, ""),
    )


async def _picked(request: Request, form: FormData) -> Sieve:
    """All of the list, or the marked ones of it."""
    sieve = await asked_of(request, _conditions(form))
    return sieve if form.get("which") == "all" else replace(sieve, ids=_ids(form))


async def _colleagues(request: Request) -> list[str]:
    """Whoever answers, and their departments; of both those whose members the visitor sees: nobody gives a member away
    beyond his own sight."""
    who = visitor_of(request).staff
    able = [one for one in await staff.list_staff() if one.active and one.may(Right.ANSWER)]
    people = sorted({one.name for one in able if who.sees_owner(one.name)})
    departments = {one.department for one in able if one.department and who.sees_owner(one.department)}
    seen = [*people, *sorted(departments - set(people))]
    return [*seen, UNOWNED] if who.owners is None else seen


def _ids(form: FormData) -> tuple[int, ...]:
    given = [str(one) for one in form.getlist("id")][:_MOST_PICKED]
    return tuple(sorted({int(one) for one in given if is_id(one)}))


def _conditions(form: FormData) -> QueryParams:
    return QueryParams([(name, str(value)) for name, value in form.multi_items()])


def _back(form: FormData, done: str) -> str:
    given = _conditions(form)
    url = list_url(read_sieve(given), rules=rules_asked(given))
    return f"{url}{'&' if '?' in url else '?'}done={done}" if done else url


routes = [
    StaffRoute("/members/assign", ask, right=Right.ASSIGN, methods=["POST"]),
    StaffRoute("/members/assign/undo", undo, right=Right.ASSIGN, methods=["POST"]),
]
