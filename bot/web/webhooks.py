"""One door per provider: verify, parse, take in, and only then answer."""

import hmac
import logging

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.channels.base import InboundRequest
from bot.inbox import Inbox, take_site_events
from bot.runtime import Runtime
from campaigns.errors import WebhookRejected
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

LARGEST_BODY = 1_000_000


async def receive(request: Request) -> Response:
    """A provider's callback at /hooks/SECRET/CHANNEL/DOOR. What fails in here is answered 500: it comes again."""
    runtime: Runtime = request.app.state.runtime
    channel = runtime.channels.get(_channel_name(request.path_params["channel"]))  # type: ignore[arg-type]
    if channel is None or not _knows_secret(request, runtime):
        return PlainTextResponse("not found", status_code=404)
    inbound = await _read(request)
    if inbound is None:
        return PlainTextResponse("too large", status_code=413)
    try:
        channel.verify(inbound)
        events = channel.parse(inbound)
    except WebhookRejected as exc:
        log.warning("rejected at the %s door of %s: %s", inbound.door, channel.name, exc)
        return PlainTextResponse("rejected", status_code=403)
    inbox: Inbox = request.app.state.inbox
    await inbox.take(events)
    answer = channel.answer(inbound)
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type)


async def receive_site(request: Request) -> Response:
    """The site's own events at /hooks/SECRET/site: logins and résumés that were read."""
    runtime: Runtime = request.app.state.runtime
    if not _knows_secret(request, runtime):
        return PlainTextResponse("not found", status_code=404)
    inbound = await _read(request)
    if inbound is None:
        return PlainTextResponse("too large", status_code=413)
    try:
        await take_site_events(runtime, inbound.body)
    except WebhookRejected as exc:
        return PlainTextResponse(str(exc), status_code=400)
    return PlainTextResponse("ok")


def _channel_name(text: str) -> ChannelName | None:
    return ChannelName(text) if text in list(ChannelName) else None


def _knows_secret(request: Request, runtime: Runtime) -> bool:
    return hmac.compare_digest(request.path_params["secret"].encode(), runtime.hook_secret.encode())


async def _read(request: Request) -> InboundRequest | None:
    """The request read whole, or None where it is too large to be a provider's."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return InboundRequest(
        method=request.method,
        door=request.path_params.get("door", "site"),
        query=dict(request.query_params),
        headers={name.lower(): value for name, value in request.headers.items()},
        body=bytes(body),
    )


routes = [
    Route("/hooks/{secret}/site", receive_site, methods=["POST"]),
    Route("/hooks/{secret}/{channel}/{door}", receive, methods=["GET", "POST"]),
]
