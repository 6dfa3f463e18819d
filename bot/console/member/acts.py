"""What is done on a member's page: notes, another owner, a contact who left, a pause, a stop, a stop taken back."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.calendars import asked_day
from bot.console.member.page import Refused, colleagues, marked_left, owner_before, show
from bot.console.shell import not_found
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import Page, StaffRoute, log, read_form, visitor_of
from campaigns import remarks, transfers, visit_calendar
from campaigns.audit import Action
from campaigns.errors import InputError, StateError
from campaigns.members import consent, find, overrides
from campaigns.members.browse import UNOWNED, Sieve
from campaigns.members.find import Head
from campaigns.replies.refusals import record_staff_refusal
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, Tier

_LARGEST = 2**31 - 1
_LONGEST_PAUSE = 90
_LONGEST_SOURCE = 128
_LOGGED_ALREADY = ("owner", "left", "tier", "tier-end")
Act = Callable[[Request, Head, str, datetime], Awaitable[str]]


async def _add_note(request: Request, head: Head, by: str, now: datetime) -> str:
    try:
        await remarks.add_remark(head.id, str((await read_form(request)).get("text", "")), by=by, now=now)
    except InputError:
        return "fault-note"
    return "note"


async def _delete_note(request: Request, head: Head, by: str, now: datetime) -> str:
    number = request.path_params["id"]
    gone = number <= _LARGEST and await remarks.delete_remark(number, head.id, by=by)
    return f"note-gone&id={number}" if gone else "fault-gone"


async def _restore_note(request: Request, head: Head, by: str, now: datetime) -> str:
    number = request.path_params["id"]
    back = number <= _LARGEST and await remarks.restore_remark(number, head.id, by=by)
    return "note-back" if back else "fault-back"


async def _give(request: Request, head: Head, by: str, now: datetime) -> str:
    """To a colleague, or back to whose it was before."""
    owner = str((await read_form(request)).get("owner", ""))
    if owner not in [*await colleagues(visitor_of(request).staff, head.owner), await owner_before(head.no)]:
        return "fault-owner"
    asked = Sieve(ids=(head.id,), owner=head.owner or UNOWNED)
    if not await transfers.transfer(asked, owner, by=by, now=now):
        return "fault-meanwhile"
    await log(request, Action.OWNER_CHANGED, f"member/{head.no}", was=head.owner, now=owner)
    return "owner"


async def _contact_left(request: Request, head: Head, by: str, now: datetime) -> str:
    contact = await _contact(request, head)
    if contact is None or not contact["active"]:
        return "fault-contact"
    await consent.deactivate_contact(contact["id"])
    await log(request, Action.CONTACT_LEFT, f"member/{head.no}", contact=contact["id"])
    return f"left&id={contact['id']}"


async def _contact_back(request: Request, head: Head, by: str, now: datetime) -> str:
    """Only what a colleague marked: who said himself that he is the wrong person stays away."""
    contact = await _contact(request, head)
    if contact is None or contact["active"] or contact["id"] not in await marked_left(head.no):
        return "fault-contact"
    await consent.reactivate_contact(contact["id"])
    return "contact-back"


async def _contact(request: Request, head: Head) -> Mapping[str, Any] | None:
    found = await find.describe_member(head.no)
    return next((one for one in (found or {})["contacts"] if one["id"] == request.path_params["id"]), None)


async def _pause(request: Request, head: Head, by: str, now: datetime) -> str:
    days = str((await read_form(request)).get("days", ""))
    if not (days.isascii() and days.isdigit() and len(days) < 4 and 1 <= int(days) <= _LONGEST_PAUSE):
        return "fault-days"
    if not (reason := await _reason(request)):
        return "fault-why"
    source = f"staff:{by}:{reason}"[:_LONGEST_SOURCE]
    await consent.pause_member(head.id, at=now, source=source, lasting=timedelta(days=int(days)))
    return "paused"


async def _resume(request: Request, head: Head, by: str, now: datetime) -> str:
    """What a colleague paused, any colleague begins again; a customer's word is the manager's to lift."""
    return "resumed" if await consent.end_pause(head.id, at=now, source=f"staff:{by}") else "fault-resume"


async def _set_tier(request: Request, head: Head, by: str, now: datetime) -> str:
    form = await read_form(request)
    tier, reason, until = (str(form.get(name, "")).strip() for name in ("tier", "reason", "until"))
    if tier not in list(Tier):
        return "fault-tier"
    try:
        await overrides.set_tier(head.id, Tier(tier), reason, date.fromisoformat(until), by=by, now=now)
    except InputError:
        return "fault-tier-why" if not 0 < len(reason) <= overrides.LONGEST_REASON else "fault-tier-until"
    except ValueError:
        return "fault-tier-until"
    await log(request, Action.TIER_SET, f"member/{head.no}", tier=tier, reason=reason, until=until)
    return "tier"


async def _end_tier(request: Request, head: Head, by: str, now: datetime) -> str:
    """Back to the tier of the score."""
    ended = await overrides.end_override(head.id, now=now)
    if ended is None:
        return "fault-meanwhile"
    await log(request, Action.TIER_SET, f"member/{head.no}", what="tier-end", was=ended.tier, reason=ended.reason)
    return "tier-end"


async def _stop(request: Request, head: Head, by: str, now: datetime) -> str:
    await record_staff_refusal(head.id, now=now, by=by)
    return "stopped"


async def _lift(request: Request, head: Head, by: str, now: datetime) -> str:
    if not (reason := await _reason(request)):
        return "fault-reason"
    await consent.lift_opt_out(head.id, at=now, source=f"staff:{by}:{reason}"[:_LONGEST_SOURCE])
    return "lifted"


async def _open_care(request: Request, head: Head, by: str, now: datetime) -> str:
    form = await read_form(request)
    last = asked_day(str(form.get("until", ""))[:10])
    if last is None:
        return "fault-care-day"
    try:
        today = now.astimezone(SHANGHAI).date()
        await visit_calendar.open_care(head.id, today, last, str(form.get("why", "")), by=by, now=now)
    except (InputError, StateError) as exc:
        return "fault-care-on" if isinstance(exc, StateError) else "fault-care"
    return "care"


async def _close_care(request: Request, head: Head, by: str, now: datetime) -> str:
    today = now.astimezone(SHANGHAI).date()
    try:
        await visit_calendar.close_care(request.path_params["id"], head.id, today, by=by, now=now)
    except StateError:
        return "fault-care-over"
    return "care-over"


async def _reason(request: Request) -> str:
    return " ".join(str((await read_form(request)).get("reason", "")).split())[:60]


def _page(path: str, act: Act) -> Page:
    async def acted(request: Request) -> Response:
        runtime: Runtime = request.app.state.runtime
        number, who = request.path_params["number"], visitor_of(request).staff
        head = await find.find_head(number)
        if head is None or not who.sees_owner(head.owner):
            missed = say("没有编号是{number}的企业会员").format(number=number)
            return await not_found(request, here="members", what=missed)
        done = await act(request, head, who.name, runtime.clock())
        what = done.partition("&")[0]
        if what.startswith("fault"):
            form = {name: str(value) for name, value in (await read_form(request)).items()}
            return await show(request, refused=Refused(path.partition("/")[0], what, form))
        if what not in _LOGGED_ALREADY:
            await log(request, Action.MEMBER_CHANGED, f"member/{head.no}", what=what)
        page = "/contacts" if (await read_form(request)).get("to") == "contacts" else ""
        return RedirectResponse(f"/members/{quote(head.no, safe='')}{page}?done={done}#main", status_code=303)

    return acted


def _route(path: str, act: Act, right: Right = Right.ANSWER) -> StaffRoute:
    return StaffRoute("/members/{number:path}/" + path, _page(path, act), right=right, methods=["POST"])


routes = [
    _route("notes", _add_note),
    _route("notes/{id:int}", _delete_note),
    _route("notes/{id:int}/back", _restore_note),
    _route("owner", _give, Right.ASSIGN),
    _route("contacts/{id:int}/left", _contact_left),
    _route("contacts/{id:int}/back", _contact_back),
    _route("pause", _pause),
    _route("resume", _resume),
    _route("stop", _stop),
    _route("care", _open_care),
    _route("care/{id:int}/close", _close_care),
    _route("lift", _lift, Right.APPROVE),
    _route("tier", _set_tier, Right.PLAN),
    _route("tier/end", _end_tier, Right.PLAN),
]
