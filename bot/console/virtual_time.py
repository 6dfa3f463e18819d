"""演练时钟: whether the sandbox's virtual clock jumps to what is to be sent next, or goes at real pace."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, own_path, read_form
from campaigns import marks
from campaigns.audit import Action
from campaigns.rights import Right


async def set_pace(request: Request) -> Response:
    """Form field `pace`: "real", anything else lets it jump again. 404 where the clock is the wall's."""
    runtime: Runtime = request.app.state.runtime
    if not runtime.clock.is_virtual:
        raise HTTPException(404)
    form = await read_form(request)
    if real := form.get("pace") == "real":
        await marks.write_mark(marks.AT_REAL_PACE, "1")
    else:
        await marks.delete_mark(marks.AT_REAL_PACE)
    await log(request, Action.CLOCK_CHANGED, "clock", state="照真实快慢走" if real else "有事就跳")
    return RedirectResponse(own_path(str(form.get("to", "/"))), status_code=303)


routes = [StaffRoute("/virtual-time", set_pace, right=Right.APPROVE, methods=["POST"])]
