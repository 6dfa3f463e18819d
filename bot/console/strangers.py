"""会话 · 认不出是谁: replies whose sender nobody knows, for staff who see all members."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found, staff_page
from bot.keyword_table import table_in_force
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.numbers import whole_number
from bot.web.pages import masked
from campaigns.audit import Action
from campaigns.errors import StateError
from campaigns.members import find
from campaigns.members.find import Head
from campaigns.replies import strangers
from campaigns.rights import Right

_MOST_FOUND = 10
_LONGEST = 64


async def unknown(request: Request) -> Response:
    return await _show(request) if _sees_all(request) else await _nothing(request)


async def link(request: Request) -> Response:
    """To the member of this number; where it is none, those with such a name are offered."""
    if not _sees_all(request):
        return await _nothing(request)
    runtime: Runtime = request.app.state.runtime
    event_id, typed = request.path_params["id"], str((await read_form(request)).get("member", "")).strip()[:_LONGEST]
    head = await find.find_head(typed) if typed else None
    if head is None:
        found = await find.members_named(typed, _MOST_FOUND) if typed else []
        why = say("选一家") if found else say("没有这个编号或名字的企业会员，再写一次")
        return await _show(request, fault=(event_id, typed, why), offered=found, status_code=422)
    table, pause = await table_in_force(runtime.settings.huifang_templates), runtime.rulebook.policy.doubt_pause
    try:
        await strangers.link_unknown(event_id, head.id, now=runtime.clock(), table=table, doubt_pause=pause)
    except StateError:
        return RedirectResponse("/inbox/unknown?done=gone", status_code=303)
    await log(request, Action.CONTACT_CHANGED, f"member/{head.no}", what="linked", event=event_id)
    return RedirectResponse("/inbox/unknown?done=linked", status_code=303)


async def away(request: Request) -> Response:
    if not _sees_all(request):
        return await _nothing(request)
    event_id = request.path_params["id"]
    try:
        await strangers.put_away(event_id)
    except StateError:
        return RedirectResponse("/inbox/unknown?done=gone", status_code=303)
    await log(request, Action.CONVERSATION_CHANGED, f"event/{event_id}", what="away")
    return RedirectResponse("/inbox/unknown?done=away", status_code=303)


async def _show(
    request: Request,
    *,
    fault: tuple[int, str, str] | None = None,
    offered: Sequence[Head] = (),
    status_code: int = 200,
) -> Response:
    visitor, number = visitor_of(request), whole_number(request.query_params.get("page", "")) or 1
    whole, total = visitor.may(Right.ADDRESSES), await strangers.count_unknown()
    number = max(1, min(number, 10_000))
    rows = await strangers.list_unknown(number)
    if whole and rows:
        await log(request, Action.NUMBERS_SEEN, "inbox/unknown")
    return await staff_page(
        request,
        "inbox/unknown.html",
        here="inbox",
        status_code=status_code,
        rows=rows,
        total=total,
        number=number,
        pages=max(1, -(-total // strangers.PAGE)),
        address=str if whole else masked,
        may_answer=visitor.may(Right.ANSWER),
        fault=fault,
        offered=offered,
        done=request.query_params.get("done", ""),
    )


def _sees_all(request: Request) -> bool:
    return visitor_of(request).staff.owners is None


async def _nothing(request: Request) -> Response:
    return await not_found(request, here="inbox", what=say("没有这一页"))


routes = [
    StaffRoute("/inbox/unknown", unknown, right=Right.SEE),
    StaffRoute("/inbox/unknown/{id:int}/link", link, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/inbox/unknown/{id:int}/away", away, right=Right.ANSWER, methods=["POST"]),
]
