"""The ASGI app: public doors for everyone, staff pages for whoever is logged in."""

import logging
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console import (
    auditing,
    calendars,
    campaign_list,
    campaigns,
    canned,
    faults,
    funnel,
    handing,
    inbox,
    material,
    me,
    phone,
    staff,
    strangers,
    talking,
    targets,
    virtual_time,
    writing,
)
from bot.console.fairs import invitations as fair_invitations
from bot.console.fairs import listing as fairs
from bot.console.fairs import one as fair
from bot.console.gifts import acts as gift_acts
from bot.console.gifts import pages as gifts
from bot.console.imports import pages as imports
from bot.console.making import approving, audience, check, purpose, running, start, when, words
from bot.console.making.reckoning import Reckonings
from bot.console.member import acts as member_acts
from bot.console.member import brief as member_brief
from bot.console.member import contacts as member_contacts
from bot.console.member import page as member
from bot.console.member import seekers as member_seekers
from bot.console.members import assigning, exporting, views
from bot.console.members import page as members
from bot.console.results import mended, plans, problems, promises, recording, statistics
from bot.console.segments import pages as segments
from bot.console.settings import (
    channels,
    days,
    departments,
    diagnosis,
    fields,
    keywords,
    overview,
    policy,
    suppressions,
    tiers,
    tokens,
    webhooks,
)
from bot.console.tasks import doing, lists, task
from bot.console.today import page as today
from bot.console.visits import absences, conflicts, months, one
from bot.database import is_away
from bot.inbox import Inbox
from bot.runtime import Runtime
from bot.web import api, log_in, tracking
from bot.web.pages import STATIC
from bot.web.webhooks import Hooks
from campaigns import outbox

PAGES = (
    today,
    phone,
    writing,
    members,
    exporting,
    assigning,
    views,
    member_acts,
    member_brief,
    member_contacts,
    member_seekers,
    member,
    imports,
    segments,
    fair_invitations,
    fairs,
    fair,
    canned,
    talking,
    strangers,
    inbox,
    doing,
    lists,
    task,
    recording,
    mended,
    problems,
    statistics,
    promises,
    plans,
    approving,
    running,
    start,
    audience,
    purpose,
    when,
    check,
    campaign_list,
    campaigns,
    words,
    calendars,
    gift_acts,
    gifts,
    months,
    conflicts,
    absences,
    one,
    material,
    me,
    staff,
    auditing,
    funnel,
    targets,
    virtual_time,
    handing,
    overview,
    departments,
    tokens,
    webhooks,
    policy,
    diagnosis,
    tiers,
    days,
    channels,
    keywords,
    suppressions,
    fields,
)
log = logging.getLogger(__name__)

# Browsers hold a form's redirects to form-action too: the way back in posts here and ends on the site.
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self' {site}; script-src 'self'; "
    "connect-src 'self'; frame-src 'self' {frames}; base-uri 'none'; frame-ancestors 'self'"
)


def make_app(inbox: Inbox) -> ASGIApp:
    """The doors for providers, and behind them the pages; the same headers on every answer."""
    runtime = inbox.runtime
    pages = Starlette(
        routes=all_routes(),
        middleware=[Middleware(Readable), Middleware(Patient)],
        exception_handlers=faults.HANDLERS,
    )
    pages.state.runtime = runtime
    pages.state.reckonings = Reckonings()
    pages.state.strangers = log_in.Strangers()
    site = _origin(runtime.site_url)
    return Headers(Hooks(inbox, pages), site=site, frames=site if runtime.sandboxed else "")


def all_routes() -> list[BaseRoute]:
    """Every path there is but the providers' doors; what is no StaffRoute is open to the world."""
    return [
        Route("/health", health),
        *tracking.routes,
        *log_in.routes,
        *api.routes,
        *(route for page in PAGES for route in page.routes),
        Mount("/static", StaticFiles(directory=STATIC, packages=[("js_lib_htmx", "static/htmx")])),
    ]


async def health(request: Request) -> JSONResponse:
    """Is the database there, which channels are closed, how much was turned away at the doors of this process.

    Nothing about anybody.
    """
    runtime: Runtime = request.app.state.runtime
    closed = await outbox.closed_channels(runtime.clock())
    found = {"ok": True, "channels": sorted(runtime.channels), "closed": sorted(closed)}
    return JSONResponse({**found, "rejected": dict(runtime.rejected)})


class Readable:
    """An address with a NUL in it is refused: no page means one, and PostgreSQL takes none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\x00" in scope["path"] or b"%00" in scope["query_string"]):
            refused = PlainTextResponse("这个地址不对 (there is no such address)\n", status_code=404)
            return await refused(scope, receive, send)
        await self._app(scope, receive, send)
        return None


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


class Headers:
    """The same headers on every answer. `site` is where a form may end, `frames` whose pages ours may show."""

    def __init__(self, app: ASGIApp, site: str, frames: str = "") -> None:
        self._app = app
        self._headers = [
            (b"content-security-policy", _POLICY.format(site=site, frames=frames).encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            send = _with_headers(send, self._headers)
        await self._app(scope, receive, send)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _with_headers(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            own = {name for name, _ in message.get("headers", [])}  # an answer may be stricter by itself
            added = [(name, value) for name, value in headers if name not in own]
            message["headers"] = [*message.get("headers", []), *added]
        await send(message)

    return wrapped
