"""What a person reads where there is nothing to show: no such page, no right to it, or a fault of ours."""

import logging

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from bot.console.shell import not_found, staff_page
from bot.language import say, speak, wanted_language
from bot.web.desk import Refused, StaleForm, find_visitor
from bot.web.pages import page
from bot.wording import right_words

log = logging.getLogger(__name__)


async def missing(request: Request, exc: Exception) -> Response:
    """In the shell for who is logged in; for the world a page that tells nothing of the house."""
    assert isinstance(exc, HTTPException)
    if request.url.path.startswith("/static/"):
        return PlainTextResponse("not found\n", status_code=exc.status_code)
    visitor = await find_visitor(request)
    if visitor is None:
        speak(wanted_language(request.headers.get("accept-language", "")))
        return page(request, "nothing.html", status_code=exc.status_code, kind="missing")
    request.state.visitor = visitor
    speak(visitor.staff.language)
    if exc.status_code == 405:
        answer = await staff_page(request, "unfit.html", here="", status_code=405)
        answer.headers.update(exc.headers or {})
        return answer
    return await not_found(request, here="", what=say("没有这个页面"))


async def refused(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, Refused)
    right = right_words(exc.right)
    return await staff_page(request, "refused_staff.html", here="", status_code=exc.status_code, right=right)


async def stale(request: Request, exc: Exception) -> Response:
    assert isinstance(exc, StaleForm)
    return await staff_page(request, "stale.html", here="", status_code=exc.status_code)


async def gone(request: Request, exc: Exception) -> Response:
    """The browser went away while its form was read: nothing was done, and nobody reads this answer."""
    log.info("%s %s: gone before its form was read", request.method, request.url.path)
    return Response(status_code=400)


async def broken(request: Request, exc: Exception) -> Response:
    """Nothing is read for it: what failed may be the database. The log has the reason."""
    return page(request, "nothing.html", status_code=500, kind="broken")


HANDLERS = {
    404: missing,
    405: missing,
    Refused: refused,
    StaleForm: stale,
    ClientDisconnect: gone,
    Exception: broken,
}
