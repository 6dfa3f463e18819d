"""The ASGI app: public doors for everyone, everything else for this machine alone."""

import logging
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console import status
from bot.database import is_away
from bot.inbox import Inbox
from bot.runtime import Runtime
from bot.web import tracking
from bot.web.pages import STATIC
from bot.web.webhooks import Hooks
from campaigns import outbox

log = logging.getLogger(__name__)

# Paths that strangers may reach; any new one is refused them until it stands here.
PUBLIC = ("/hooks/", "/u/", "/in/", "/c/", "/o/", "/static/")
PUBLIC_EXACT = ("/health",)
_LOCAL = frozenset({"127.0.0.1", "::1"})
_LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
# Browsers hold a form's redirects to form-action too: the way back in posts here and ends on the site.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' {site}; script-src 'self'; "
    "connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def make_app(inbox: Inbox) -> ASGIApp:
    """The doors for providers, and behind them the pages; the same headers on every answer."""
    runtime = inbox.runtime
    pages = Starlette(
        routes=[
            Route("/health", health),
            *tracking.routes,
            *status.routes,
            Mount("/static", StaticFiles(directory=STATIC)),
        ],
        middleware=[Middleware(Patient)],
    )
    pages.state.runtime = runtime
    return Guard(Hooks(inbox, pages), site=_origin(runtime.site_url))


async def health(request: Request) -> JSONResponse:
    """Is the database there, which channels are closed, how much was turned away at the doors of this process.

    Nothing about anybody.
    """
    runtime: Runtime = request.app.state.runtime
    closed = await outbox.closed_channels(runtime.clock())
    found = {"ok": True, "channels": sorted(runtime.channels), "closed": sorted(closed)}
    return JSONResponse({**found, "rejected": dict(runtime.rejected)})


class Patient:
    """The database is away: a person reads what to do. Providers have their answer from their own doors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception as exc:
            if not is_away(exc):
                raise
            log.error("answered 503, the database is away: %s", type(exc).__name__)
            words = "系统暂时不可用，请过几分钟再试 (the database is away, please try again in some minutes)\n"
            await PlainTextResponse(words, status_code=503, headers={"Retry-After": "60"})(scope, receive, send)


class Guard:
    """Default deny: staff pages answer only this machine until there is a log-in. `site` is where a form may end."""

    def __init__(self, app: ASGIApp, site: str) -> None:
        self._app = app
        self._headers = [
            (b"content-security-policy", _POLICY.format(site=site).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        send = _with_headers(send, self._headers)
        if not _is_public(scope["path"]) and not _is_local(scope):
            await PlainTextResponse("not found", status_code=404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _is_public(path: str) -> bool:
    return path in PUBLIC_EXACT or path.startswith(PUBLIC)


def _is_local(scope: Scope) -> bool:
    """From this machine, not passed on by a proxy, and asked for by a local name (no DNS rebinding)."""
    headers = dict(scope["headers"])
    client: tuple[str, int] | None = scope.get("client")
    host = headers.get(b"host", b"").decode("latin-1").rpartition(":")[0] or headers.get(b"host", b"").decode("latin-1")
    forwarded = any(name in headers for name in (b"forwarded", b"x-forwarded-for", b"x-real-ip"))
    return client is not None and client[0] in _LOCAL and host in _LOCAL_HOSTS and not forwarded


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *headers]
        await send(message)

    return wrapped
