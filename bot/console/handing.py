"""移交: what was handed over and what went along, the way back, and what waits in a department for a colleague."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from campaigns import transfers
from campaigns.audit import Action
from campaigns.members.browse import UNOWNED
from campaigns.rights import Right


async def page(request: Request) -> Response:
    who = visitor_of(request).staff
    return await staff_page(
        request,
        "transfers.html",
        here="transfers",
        made=await transfers.list_transfers(by=None if who.owners is None else who.name),
        inboxes=await transfers.department_inboxes(who.owners),
        done=request.query_params.get("done", ""),
    )


async def undo(request: Request) -> Response:
    """Whoever sees all members takes any transfer back, others their own."""
    runtime: Runtime = request.app.state.runtime
    who = visitor_of(request).staff
    found = await transfers.find_transfer(request.path_params["id"])
    if found is None or not (who.owners is None or found.by == who.name):
        return await not_found(request, here="transfers", what=say("没有这次移交"))
    back = await transfers.take_back(found.id, now=runtime.clock())
    if back is not None:
        await log(request, Action.MEMBERS_ASSIGNED, "members", count=back.count, undone=back.owner or UNOWNED)
    return RedirectResponse(f"/transfers?done={'undone' if back else 'none'}", status_code=303)


routes = [
    StaffRoute("/transfers", page, right=Right.ASSIGN),
    StaffRoute("/transfers/{id:int}/undo", undo, right=Right.ASSIGN, methods=["POST"]),
]
