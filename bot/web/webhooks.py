"""One door per provider: verify, parse, take in, and only then answer.

It stands in front of the pages, without their routing: thousands of receipts a second come in here.
"""

import hmac
import logging
import traceback
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.channels.base import InboundAnswer, InboundRequest
from bot.database import is_away
from bot.inbox import Inbox, take_site_events
from campaigns.errors import WebhookRejected
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

_SITE_EVENTS = (
    'expected a JSON array of {"event": "login" or "viewed", "member": "Q1", "at": "2026-11-23T09:00:00+08:00", '
    '"posting": "P1"}, the last two may be left out; nothing was taken\n'
)
LARGEST_BODY = 1_000_000
_PATH = "/hooks/"
_COME_AGAIN_SECONDS = "10"
_FRAMES_SHOWN = 3
_METHODS = ("GET", "POST")
_LOOPBACK = frozenset({"127.0.0.1", "::1"})


class Hooks:
    """What providers call: /hooks/SECRET/CHANNEL/DOOR, and the site's own /hooks/SECRET/site. All else is `others`."""

    def __init__(self, inbox: Inbox, others: ASGIApp) -> None:
        self._inbox = inbox
        self._runtime = inbox.runtime
        self._secret = inbox.runtime.hook_secret.encode()
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_PATH):
            await self._others(scope, receive, send)
            return
        try:
            answer = await self._answer(scope, receive)
        except Exception as exc:
            answer = _not_taken(exc)
        await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        secret, _, rest = scope["path"][len(_PATH) :].partition("/")
        name, _, door = rest.partition("/")
        if not self._is_open(name, door) or not hmac.compare_digest(secret.encode(), self._secret):
            return PlainTextResponse("not found", status_code=404)
        if scope["method"] not in (_METHODS if door else _METHODS[1:]):
            return PlainTextResponse("method not allowed", status_code=405)
        request = await _read(scope, receive, door or name)
        if request is None:
            self._runtime.rejected[name] += 1
            return PlainTextResponse("too large", status_code=413)
        return await (self._take(ChannelName(name), request) if door else self._take_site(request))

    def _is_open(self, name: str, door: str) -> bool:
        return name == "site" if not door else "/" not in door and name in self._runtime.channels

    async def _take(self, name: ChannelName, request: InboundRequest) -> Response:
        channel = self._runtime.channels[name]
        try:
            channel.verify(request)
            events = channel.parse(request)
        except WebhookRejected as exc:
            self._runtime.rejected[channel.name] += 1
            log.warning("rejected at the %s door of %s: %s", request.door, channel.name, exc)
            return PlainTextResponse("rejected", status_code=403)
        await self._inbox.take(events)
        return _said(channel.answer(request))

    async def _take_site(self, request: InboundRequest) -> Response:
        """Logins and résumés that were read."""
        try:
            if not request.body.lstrip().startswith(b"["):  # an empty object would go for no events at all
                raise WebhookRejected("not a JSON array")
            await take_site_events(self._runtime, request.body)
        except WebhookRejected as exc:
            log.warning("rejected at the site's door: %s", type(exc.__cause__ or exc).__name__)
            return PlainTextResponse(_SITE_EVENTS, status_code=400)
        return PlainTextResponse("ok")


@lru_cache(maxsize=64)
def _said(answer: InboundAnswer) -> Response:
    """Providers are told the same few words again and again; a response can be sent as often as one likes."""
    return Response(answer.body, status_code=answer.status, media_type=answer.content_type)


async def _read(scope: Scope, receive: Receive, door: str) -> InboundRequest | None:
    """The request read whole, or None where it is too large to be a provider's."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            return None
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return InboundRequest(
        method=scope["method"],
        door=door,
        query=read_query(scope["query_string"].decode("latin-1")),
        headers=headers,
        body=body,
        client=_client(scope, headers),
    )


def read_query(text: str) -> dict[str, str]:
    """As `parse_qsl` reads it; of a name that is there twice the last."""
    if "%" in text or "+" in text:
        return dict(parse_qsl(text, keep_blank_values=True))
    # nothing is escaped: the same in a third of the time
    return {name: value for name, _, value in (part.partition("=") for part in text.split("&") if part)}


def _client(scope: Scope, headers: Mapping[str, str]) -> str:
    """Who called; behind a proxy on this machine what that proxy put last: all before it anybody can write."""
    peer = (scope.get("client") or ("",))[0]
    passed_on = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return passed_on if passed_on and peer in _LOOPBACK else peer


def _not_taken(problem: Exception) -> Response:
    """The provider keeps it and comes again. Of the error only where it was: its text may hold what the event says."""
    if is_away(problem):
        log.error("not taken, the database is away (%s)", type(problem).__name__)
        return PlainTextResponse("later", status_code=503, headers={"Retry-After": _COME_AGAIN_SECONDS})
    frames = traceback.extract_tb(problem.__traceback__)[-_FRAMES_SHOWN:]
    where = " < ".join(f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in reversed(frames))
    log.error("not taken, %s at %s", type(problem).__name__, where)
    return PlainTextResponse("not taken", status_code=500)
