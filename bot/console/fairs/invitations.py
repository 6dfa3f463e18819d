"""Invitations of a fair: the numbers before they go, what was answered, who came, and its end."""

from collections.abc import Sequence
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.fairs.one import no_fair, show
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.sender import inviting
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.numbers import whole_number
from bot.wording import channel_words, fault_words, refusal_words
from campaigns import fairs, hiring
from campaigns.audit import Action
from campaigns.errors import OutreachError
from campaigns.fairs import ANSWERS, ENDS, Answer
from campaigns.rights import Right


async def check(request: Request) -> Response:
    """The numbers before it happens."""
    runtime: Runtime = request.app.state.runtime
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await no_fair(request)
    picked = await _own(request, request.query_params.getlist("pick"))
    if not picked:
        return await show(request, fault=say("选上要请的企业"), status_code=422)
    weighed = await inviting.weigh(runtime, found, picked)
    room, fresh = fairs.room_in(found, await fairs.invitations_to(found.id)), len(picked) - len(weighed.known)
    return await staff_page(
        request,
        "fairs/check.html",
        here="fairs",
        fair=found,
        picked=picked,
        n=len(weighed.reached),
        ways=[(channel_words(one), n) for one, n in sorted(weighed.by_channel.items())],
        later=weighed.later,
        left_out=[(refusal_words(str(one)), n) for one, n in sorted(weighed.left_out.items())],
        known=len(weighed.known),
        fresh=fresh,
        room=room,
        too_many=max(0, fresh - room) if room is not None else 0,
        may_plan=visitor_of(request).may(Right.PLAN),
    )


async def invite(request: Request) -> Response:
    return await _invite(request, by_hand=False)


async def invite_by_hand(request: Request) -> Response:
    """A colleague invited them, by telephone or in person; it is written down as a touch."""
    return await _invite(request, by_hand=True)


async def _invite(request: Request, *, by_hand: bool) -> Response:
    runtime: Runtime = request.app.state.runtime
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await no_fair(request)
    picked = await _own(request, [str(one) for one in (await read_form(request)).getlist("pick")])
    if not picked:
        return await show(request, fault=say("选上要请的企业"), status_code=422)
    by = visitor_of(request).staff.name
    try:
        if by_hand:
            n = await fairs.invite(found.id, picked, by=by, now=runtime.clock())
        else:
            n = await inviting.invite(runtime, found, picked, by=by)
    except OutreachError as exc:
        return await show(request, fault=fault_words(exc), status_code=409)
    await log(request, Action.FAIR_CHANGED, f"fair/{found.id}", what="invited", count=n)
    return _back(found.id, "invited", n=n)


async def end(request: Request) -> Response:
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await no_fair(request)
    state = str((await read_form(request)).get("state", ""))
    try:
        await fairs.end_fair(found.id, state, request.app.state.runtime.clock())
    except OutreachError as exc:
        return await show(request, fault=fault_words(exc), status_code=409)
    await log(request, Action.FAIR_CHANGED, f"fair/{found.id}", what=state)
    return _back(found.id, state)


async def record(request: Request) -> Response:
    """An answer, or whether they came."""
    runtime: Runtime = request.app.state.runtime
    one = await fairs.find_invitation(request.path_params["id"])
    if one is None or not await _own(request, [str(one.member_id)]):
        return await not_found(request, here="fairs", what=say("没有这一家的邀请"))
    form = await read_form(request)
    said, note = str(form.get("said", "")), " ".join(str(form.get("note", "")).split())[:200]
    by, now = visitor_of(request).staff.name, runtime.clock()
    request.path_params["id"] = one.fair_id
    try:
        if said in ENDS:
            await fairs.record_attendance(one.id, Answer(said), note=note, by=by, now=now)
        elif said in ANSWERS:
            await fairs.record_answer(one.id, Answer(said), note=note, by=by, now=now)
        else:
            return await show(request, fault=say("选一个结果"), status_code=422)
    except OutreachError as exc:
        return await show(request, fault=fault_words(exc), status_code=409)
    await log(request, Action.FAIR_CHANGED, f"fair/{one.fair_id}", what=said)
    return _back(one.fair_id, "recorded")


async def _own(request: Request, given: Sequence[str]) -> list[int]:
    """The members of these numbers that this person sees, each once."""
    ids = [n for one in given if (n := whole_number(one)) is not None][: inviting.MOST]
    return [one.id for one in await hiring.companies(ids, visitor_of(request).staff.owners)]


def _back(fair_id: int, done: str, **more: object) -> Response:
    return RedirectResponse(f"/fairs/{fair_id}?{urlencode({'done': done, **more})}", status_code=303)


routes = [
    StaffRoute("/fairs/{id:int}/check", check, right=Right.ANSWER),
    StaffRoute("/fairs/{id:int}/invite", invite, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/fairs/{id:int}/by-hand", invite_by_hand, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/fairs/{id:int}/end", end, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/fairs/invitations/{id:int}", record, right=Right.ANSWER, methods=["POST"]),
]
