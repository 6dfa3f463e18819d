"""The one check every staff page passes: who is it, may he, and did the form come from our own page.

A page that is no `StaffRoute` is refused by tests/web/test_rights.py unless it stands in its table of public ones.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.language import speak
from bot.web.numbers import whole_number
from campaigns import audit, staff
from campaigns.audit import Action
from campaigns.rights import Right
from campaigns.staff import StaffMember

COOKIE = "huifang"
_SAFE = frozenset({"GET", "HEAD"})
_LOOPBACK = frozenset({"127.0.0.1", "::1"})
_LARGEST = 1_000_000  # bytes of a form
_LARGEST_UPLOAD = 200 * 2**20
_FIELDS = 2_000
_MOST_FILES = 20
_OWN = re.compile(r"/me(/.*)?|/logout")  # what is open to who has only a one-time password

Page = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks. `form_key` must come back with every form."""

    staff: StaffMember
    token: str

    @property
    def form_key(self) -> str:
        return hashlib.sha256(f"form:{self.token}".encode()).hexdigest()

    def may(self, right: Right) -> bool:
        return self.staff.may(right)


class Refused(HTTPException):
    """Who asks has not the right; the app says so in a page."""

    def __init__(self, right: Right) -> None:
        super().__init__(403)
        self.right = right


class StaleForm(HTTPException):
    """A form whose key is not the one of this session: it lay open while somebody logged in again."""

    def __init__(self) -> None:
        super().__init__(403)


class StaffRoute(Route):
    """A page for whoever is logged in and has `right`; None: for everybody who is logged in."""

    def __init__(
        self, path: str, page: Page, *, right: Right | None, methods: Sequence[str] = ("GET",), upload: bool = False
    ) -> None:
        """`upload`: its forms may carry files, up to 200 MB, read with `read_upload`."""
        super().__init__(path, _checked(page, right, upload=upload), methods=list(methods))
        self.right = right


def visitor_of(request: HTTPConnection) -> Visitor:
    """Who asks, on a page that was checked."""
    found = request.state.visitor
    assert isinstance(found, Visitor)
    return found


async def read_form(request: Request) -> FormData:
    """What was sent, however often it is asked for; without the NULs, which no field means and PostgreSQL refuses."""
    sent = await request.form(max_files=0, max_fields=_FIELDS)
    return FormData([(name, _cleaned(value)) for name, value in sent.multi_items()])


def _cleaned(value: UploadFile | str) -> UploadFile | str:
    return value.replace("\x00", "") if isinstance(value, str) else value


async def read_upload(request: Request) -> FormData:
    """The same of a form with files; those lie on the disk as they come in, and are gone with the request."""
    return await request.form(max_files=_MOST_FILES, max_fields=20)


async def log(request: Request, action: Action, subject: str = "", **detail: object) -> None:
    """Write down what the person who asks did."""
    who = visitor_of(request).staff
    await audit.record_audit(
        action,
        at=datetime.now(UTC),
        staff_id=who.id,
        who=who.name,
        subject=subject,
        detail=detail,
        came_from=came_from(request),
    )


def came_from(request: HTTPConnection) -> str:
    """The address of the browser: what our own proxy says of it, where one on this machine passed the request on."""
    host = request.client.host if request.client else ""
    passed_on = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return passed_on[:64] if passed_on and host in _LOOPBACK else host


def own_path(to: str) -> str:
    """Only a path of ours: a link with somebody else's address must not end there."""
    inside = to.startswith("/") and not to.startswith(("//", "/\\")) and "\n" not in to and "\r" not in to
    return to if inside else "/"


# ---- sessions -------------------------------------------------------------------------------------------------------


async def log_in(request: Request, staff_id: int, to: str) -> Response:
    """A new session in this browser, and on to `to`; the one it had before ends."""
    await _end_session(request)
    token = secrets.token_urlsafe(32)
    await staff.open_session(staff_id, _digest(token), datetime.now(UTC), request.headers.get("user-agent", ""))
    answer = RedirectResponse(to, status_code=303)
    secure = "https" in (request.url.scheme, request.headers.get("x-forwarded-proto"))
    answer.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=secure, path="/")
    return answer


async def log_out(request: Request) -> Response:
    await _end_session(request)
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


async def find_visitor(request: HTTPConnection) -> Visitor | None:
    token = request.cookies.get(COOKIE, "")
    if not token:
        return None
    found = await staff.read_session(_digest(token), datetime.now(UTC))
    return Visitor(found, token) if found else None


async def _end_session(request: Request) -> None:
    if token := request.cookies.get(COOKIE, ""):
        await staff.end_session(_digest(token))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


# ---- the check ------------------------------------------------------------------------------------------------------


def _checked(page: Page, right: Right | None, *, upload: bool = False) -> Page:
    async def checked(request: Request) -> Response:
        try:
            return await answer(request)
        finally:
            await request.close()  # the files of a form

    async def answer(request: Request) -> Response:
        visitor = await find_visitor(request)
        if visitor is None:
            return _to_log_in(request)
        request.state.visitor = visitor
        speak(visitor.staff.language)
        if upload and right is not None and not visitor.may(right):  # before a long form is read
            raise Refused(right)
        if request.method not in _SAFE and (wrong := await _wrong_form(request, visitor, upload=upload)):
            return wrong
        if visitor.staff.one_time and not _OWN.fullmatch(request.url.path):
            return RedirectResponse("/me", status_code=303)
        if right is not None and not visitor.may(right):
            raise Refused(right)
        return await page(request)

    return checked


def _to_log_in(request: Request) -> Response:
    """A part of a page that a script asks for sends the whole page there."""
    if request.method not in _SAFE:
        return PlainTextResponse("先登录 (log in first)\n", status_code=401)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    to = f"/login?next={quote(asked, safe='')}" if asked != "/" else "/login"
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"HX-Redirect": to})
    return RedirectResponse(to, status_code=303)


async def _wrong_form(request: Request, visitor: Visitor, *, upload: bool) -> Response | None:
    """An answer for a form that is too large or is not from a page of ours; None for a good one. Raises StaleForm."""
    if refused := refuse_large(request, _LARGEST_UPLOAD if upload else _LARGEST):
        return refused
    if upload and not is_own_page(request):  # before a long form is read
        return PlainTextResponse("这张表不是从我们的页面来的 (not from a page of ours)\n", status_code=403)
    read = read_upload if upload else read_form
    given = request.headers.get("x-form-key") or (await read(request)).get("form_key", "")
    if not is_own_page(request) or not hmac.compare_digest(str(given).encode(), visitor.form_key.encode()):
        raise StaleForm
    return None


def refuse_large(request: Request, largest: int = _LARGEST) -> Response | None:
    length = request.headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        return PlainTextResponse("length required\n", status_code=411)
    if whole_number(length, largest) is None:
        return PlainTextResponse(f"太大了，最多{largest // 2**20 or 1}MB (too large)\n", status_code=413)
    return None


def is_own_page(request: HTTPConnection) -> bool:
    """By what the browser says of where a form came from; one that says nothing is judged by the key alone."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")
