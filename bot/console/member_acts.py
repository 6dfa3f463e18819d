"""What is done on a member's page: notes, a pause, a stop of everything, a stop taken back, numbers looked at."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import Page, StaffRoute, log, read_form, visitor_of
from campaigns import remarks
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.members import consent, find
from campaigns.members.find import Head
from campaigns.replies.refusals import record_staff_refusal
from campaigns.rights import Right

_LARGEST = 2**31 - 1
_LONGEST_PAUSE = 90
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
    return "note-gone" if gone else "fault-gone"


async def _pause(request: Request, head: Head, by: str, now: datetime) -> str:
    days = str((await read_form(request)).get("days", ""))
    if not (days.isascii() and days.isdigit() and len(days) < 4 and 1 <= int(days) <= _LONGEST_PAUSE):
        return "fault-days"
    await consent.pause_member(head.id, at=now, source=f"staff:{by}", lasting=timedelta(days=int(days)))
    return "paused"


async def _stop(request: Request, head: Head, by: str, now: datetime) -> str:
    await record_staff_refusal(head.id, now=now, by=by)
    return "stopped"


async def _lift(request: Request, head: Head, by: str, now: datetime) -> str:
    reason = " ".join(str((await read_form(request)).get("reason", "")).split())[:60]
    if not reason:
        return "fault-reason"
    await consent.lift_opt_out(head.id, at=now, source=f"staff:{by}:{reason}"[:128])
    return "lifted"


def _page(act: Act) -> Page:
    async def acted(request: Request) -> Response:
        runtime: Runtime = request.app.state.runtime
        number, who = request.path_params["number"], visitor_of(request).staff
        head = await find.find_head(number)
        if head is None or not who.sees_owner(head.owner):
            missed = say("没有编号是{number}的企业会员").format(number=number)
            return await not_found(request, here="members", what=missed)
        done = await act(request, head, who.name, runtime.clock())
        if not done.startswith("fault"):
            await log(request, Action.MEMBER_CHANGED, f"member/{head.no}", what=done)
        return RedirectResponse(f"/members/{quote(head.no, safe='')}?done={done}", status_code=303)

    return acted


routes = [
    StaffRoute("/members/{number:path}/notes", _page(_add_note), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/members/{number:path}/notes/{id:int}", _page(_delete_note), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/members/{number:path}/pause", _page(_pause), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/members/{number:path}/stop", _page(_stop), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/members/{number:path}/lift", _page(_lift), right=Right.PLAN, methods=["POST"]),
]
