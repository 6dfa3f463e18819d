"""What is done with a conversation: taken, given on, put off, closed, opened again, a meaning put right."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import Page, StaffRoute, log, read_form, visitor_of
from campaigns import conversations, staff
from campaigns.audit import Action
from campaigns.members import find
from campaigns.replies.refusals import record_staff_refusal
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, Direction, Intent, TouchKind
from campaigns.touches import find_touch

_FURTHEST = timedelta(days=366)
_SAID = frozenset({TouchKind.REPLY, TouchKind.AUTO_REPLY})

Act = Callable[[Request, find.Head, datetime], Awaitable[dict[str, str] | None]]


async def _take(request: Request, head: find.Head, now: datetime) -> dict[str, str] | None:
    done = await conversations.take(head.id, by=visitor_of(request).staff.name, at=now)
    return {"to": visitor_of(request).staff.name} if done else None


async def _give(request: Request, head: find.Head, now: datetime) -> dict[str, str] | None:
    """To a colleague who sees this member and may answer; an empty name gives it back to all."""
    to = str((await read_form(request)).get("to", ""))
    able = [one.name for one in await staff.list_staff() if one.active and one.may(Right.ANSWER)]
    sees = {one.name for one in await staff.list_staff() if one.sees_owner(head.owner)}
    if to and (to not in able or to not in sees):
        return None
    return {"to": to} if await conversations.assign(head.id, to, at=now) else None


async def _close(request: Request, head: find.Head, now: datetime) -> dict[str, str] | None:
    return {"state": "closed"} if await conversations.close(head.id, at=now) else None


async def _reopen(request: Request, head: find.Head, now: datetime) -> dict[str, str] | None:
    return {"state": "waiting"} if await conversations.reopen(head.id) else None


async def _put_off(request: Request, head: find.Head, now: datetime) -> dict[str, str] | None:
    """Until a day to come, a year at most; no day: it waits now."""
    asked = str((await read_form(request)).get("on", ""))
    today = now.astimezone(SHANGHAI).date()
    try:
        on = date.fromisoformat(asked) if asked else None
    except ValueError:
        return None
    if on is not None and not today < on <= today + _FURTHEST:
        return None
    return {"on": asked} if await conversations.follow_up(head.id, on) else None


def _page(act: Act) -> Page:
    async def acted(request: Request) -> Response:
        runtime: Runtime = request.app.state.runtime
        number = request.path_params["number"]
        head = await find.find_head(number)
        if head is None or not visitor_of(request).staff.sees_owner(head.owner):
            return await not_found(
                request, here="inbox", what=say("没有编号是{number}的企业会员").format(number=number)
            )
        done = await act(request, head, runtime.clock())
        if done is not None:
            await log(request, Action.CONVERSATION_CHANGED, f"member/{head.no}", **done)
        return RedirectResponse(await _back(request, head.no), status_code=303)

    return acted


async def put_right(request: Request) -> Response:
    """What a word of theirs means. Where it was a refusal that nobody heard, the company is stopped with it."""
    runtime: Runtime = request.app.state.runtime
    found = await find_touch(request.path_params["id"])
    head = await find.find_head_by_id(found[0]) if found else None
    if found is None or head is None or not visitor_of(request).staff.sees_owner(head.owner):
        return await not_found(request, here="inbox", what=say("没有这句话"))
    touch, now, by = found[1], runtime.clock(), visitor_of(request).staff.name
    meant = str((await read_form(request)).get("intent", ""))
    if touch.direction is Direction.IN and touch.kind in _SAID and meant in list(Intent):
        await conversations.put_right(touch.id, text=touch.text, was=touch.intent, now=Intent(meant), by=by, at=now)
        if meant == Intent.STOP:
            await record_staff_refusal(head.id, now=now, by=by)
            await conversations.close(head.id, at=now)
        await log(request, Action.INTENT_CORRECTED, f"member/{head.no}", was=touch.intent, now=meant)
    return RedirectResponse(await _back(request, head.no), status_code=303)


async def _back(request: Request, number: str) -> str:
    """The conversation, beside the list it stood beside."""
    own = f"/inbox/{quote(number, safe='')}"
    back = str((await read_form(request)).get("back", ""))
    return back if back.split("?")[0] == own and back.isprintable() else own


routes = [
    StaffRoute("/inbox/{number:path}/take", _page(_take), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/inbox/{number:path}/give", _page(_give), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/inbox/{number:path}/close", _page(_close), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/inbox/{number:path}/reopen", _page(_reopen), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/inbox/{number:path}/put-off", _page(_put_off), right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/inbox/heard/{id:int}", put_right, right=Right.ANSWER, methods=["POST"]),
]
