"""Links a message carries: opens, clicks, the way back in, the refusal and the preference page.

Scanners fetch every link in a mail within a second of its arrival: no GET here changes anything that matters, and a
target is never taken from the query.
"""

from base64 import b64decode
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from bot.runtime import Runtime
from bot.tokens import LinkKind
from bot.web.pages import page
from campaigns import outbox, touches
from campaigns.outbox import SentLink
from campaigns.replies.refusals import record_refusal, record_return

WAY_IN_GOOD_FOR = timedelta(days=7)
_PIXEL = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


async def show_preferences(request: Request) -> Response:
    """What a refusal would do, with two buttons. Changes nothing."""
    link = await _link(request, LinkKind.UNSUBSCRIBE)
    if link is None:
        return page(request, "gone.html", status_code=404)
    return page(request, "preferences.html", link=link, token=request.path_params["token"])


async def refuse(request: Request) -> Response:
    """The one-click POST (RFC 8058) is a word of refusal; the page's form may narrow it to the channel."""
    link = await _link(request, LinkKind.UNSUBSCRIBE)
    if link is None:
        return page(request, "gone.html", status_code=404)
    form = await request.form()
    runtime: Runtime = request.app.state.runtime
    channel_only = form.get("scope") == "channel"
    await record_refusal(link.message_id, now=runtime.clock(), channel_only=channel_only)
    return page(request, "refused.html", link=link, channel_only=channel_only)


async def show_way_in(request: Request) -> Response:
    """The door back into the site, with a button. Looking at it consumes nothing."""
    link = await _link(request, LinkKind.WAY_IN)
    if link is None or await _is_spent(request, link):
        return page(request, "gone.html", status_code=410)
    return page(request, "way_in.html", link=link, token=request.path_params["token"])


async def go_in(request: Request) -> Response:
    """The button: once, and while the link is fresh, to the posting's unread résumés."""
    link = await _link(request, LinkKind.WAY_IN)
    if link is None or await _is_spent(request, link):
        return page(request, "gone.html", status_code=410)
    runtime: Runtime = request.app.state.runtime
    if not await record_return(link.message_id, now=runtime.clock()):
        return page(request, "gone.html", status_code=410)
    return RedirectResponse(runtime.site_page(link.member_no, link.posting_no), status_code=303)


async def click(request: Request) -> Response:
    """On to a target stored with the words, looked up by its name."""
    link = await _link(request, LinkKind.CLICK)
    target = link.links.get(request.path_params["name"]) if link else None
    if link is None or target is None:
        return page(request, "gone.html", status_code=404)
    runtime: Runtime = request.app.state.runtime
    if request.method == "GET":
        await touches.use_link(link.message_id, "click", runtime.clock())
    return RedirectResponse(target, status_code=302)


async def opened(request: Request) -> Response:
    link = await _link(request, LinkKind.OPEN)
    runtime: Runtime = request.app.state.runtime
    if link is not None and request.method == "GET":
        await touches.use_link(link.message_id, "open", runtime.clock())
    return Response(_PIXEL, media_type="image/gif", headers={"Cache-Control": "no-store"})


async def _link(request: Request, kind: LinkKind) -> SentLink | None:
    runtime: Runtime = request.app.state.runtime
    message_id = runtime.tokens.read_link(kind, request.path_params["token"])
    return await outbox.sent_link(message_id) if message_id is not None else None


async def _is_spent(request: Request, link: SentLink) -> bool:
    runtime: Runtime = request.app.state.runtime
    expired = link.sent_at is None or runtime.clock() > link.sent_at + WAY_IN_GOOD_FOR
    return expired or await touches.link_used(link.message_id, "way_in")


routes = [
    Route("/u/{token}", show_preferences, methods=["GET"]),
    Route("/u/{token}", refuse, methods=["POST"]),
    Route("/in/{token}", show_way_in, methods=["GET"]),
    Route("/in/{token}", go_in, methods=["POST"]),
    Route("/c/{token}/{name}", click, methods=["GET"]),
    Route("/o/{token}.gif", opened, methods=["GET"]),
]
