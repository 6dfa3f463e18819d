"""Log-in: password, then the code where one is wanted; wrong ones are counted, and waited for."""

import hmac
import math
import time
from collections import OrderedDict
from datetime import UTC, datetime
from urllib.parse import urlencode

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.language import LANGUAGES, say, speak, wanted_language
from bot.runtime import DEMO_MARK, Runtime
from bot.web import desk
from bot.web.desk import StaffRoute, came_from, find_visitor, is_own_page, own_path, read_form, refuse_large
from bot.web.pages import page
from bot.web.passwords import is_password, keep_password, make_password, totp_step
from campaigns import audit, marks, staff
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Role
from campaigns.staff import Proof

FIRST_LOGIN = "admin"
_HALF_SECONDS = 300
_TRIES, _TRIES_SECONDS, _ADDRESSES = 20, 900.0, 10_000


async def first_admin(now: datetime, *, one_time: bool = True) -> str | None:
    """On a database without staff: make one. Returns the password, which nobody can read again."""
    if await staff.count_staff():
        return None
    password = make_password()
    try:
        kept = await keep_password(password)
        await staff.add_staff(
            login=FIRST_LOGIN, name="管理员", role=Role.ADMIN, password=kept, now=now, one_time=one_time
        )
    except InputError:  # another process was first
        return None
    return password


def demo_path(runtime: Runtime) -> str:
    """The way into a demo without a password: its database reaches nobody, and holds nobody."""
    return f"/login/demo?key={runtime.tokens.derive('demo log-in')}"


async def ask(request: Request) -> Response:
    speak(_wanted(request))
    if await find_visitor(request):
        return RedirectResponse(own_path(request.query_params.get("next", "")), status_code=303)
    return _form(request, to=request.query_params.get("next", ""), fresh=await _is_fresh())


async def take(request: Request) -> Response:
    speak(_wanted(request))
    if refused := refuse_large(request):
        return refused
    if not is_own_page(request):
        return PlainTextResponse("这张表不是从登录页来的 (not from our own page)\n", status_code=403)
    given = {name: str(value) for name, value in (await read_form(request)).items()}
    return await _take_code(request, given) if given.get("half") else await _take_password(request, given)


async def demo(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    key = runtime.tokens.derive("demo log-in")
    if await marks.read_mark(DEMO_MARK) is None or not hmac.compare_digest(
        request.query_params.get("key", "").encode(), key.encode()
    ):
        return PlainTextResponse("not found", status_code=404)
    found = await staff.find_proof(FIRST_LOGIN)
    if found is None:
        return PlainTextResponse("not found", status_code=404)
    return await _welcome(request, found, "/")


async def leave(request: Request) -> Response:
    await desk.log(request, Action.LOGGED_OUT)
    return await desk.log_out(request)


async def _take_password(request: Request, given: dict[str, str]) -> Response:
    login, to, now = given.get("login", "").strip()[:64], given.get("next", ""), datetime.now(UTC)
    strangers: Strangers = request.app.state.strangers
    if wait := strangers.wait(came_from(request)):
        return _form(
            request,
            to=to,
            login=login,
            fault=say("这里试得太多了。{wait}后再试").format(wait=_for(wait)),
            status_code=429,
        )
    found = await staff.find_proof(login)
    if found and found.locked_until and found.locked_until > now:
        seconds = (found.locked_until - now).total_seconds()
        return _form(request, to=to, login=login, fault=_too_often(seconds), status_code=429)
    if not await is_password(found.password if found else None, given.get("password", "")) or found is None:
        strangers.note(came_from(request))
        return await _refuse(request, found, login, {"to": to, "login": login}, now)
    if found.totp_secret:
        return _form(request, to=to, half=_halves(request).dumps([found.staff_id, found.password[-16:]]))
    return await _welcome(request, found, to)


async def _take_code(request: Request, given: dict[str, str]) -> Response:
    to, now = given.get("next", ""), datetime.now(UTC)
    try:
        staff_id, ending = _halves(request).loads(given["half"], max_age=_HALF_SECONDS)
    except (BadSignature, ValueError):
        return _form(request, to=to, fault=say("等得太久了，重新登录"), status_code=403)
    found = await staff.proof_of(int(staff_id))
    if found.password[-16:] != ending:
        return _form(request, to=to, fault=say("密码刚刚改过，重新登录"), status_code=403)
    if found.locked_until and found.locked_until > now:
        seconds = (found.locked_until - now).total_seconds()
        return _form(request, to=to, fault=_too_often(seconds), status_code=429)
    step = totp_step(found.totp_secret, given.get("code", ""), now)
    if step is None or not await staff.take_totp_step(found.staff_id, step):
        return await _refuse(request, found, "", {"to": to, "half": given["half"]}, now)
    return await _welcome(request, found, to)


async def _refuse(request: Request, found: Proof | None, login: str, form: dict[str, str], now: datetime) -> Response:
    until = await staff.note_failure(found.staff_id, now) if found else None
    who = await staff.find_staff(found.staff_id) if found else None
    await audit.record_audit(
        Action.LOG_IN_FAILED,
        at=now,
        staff_id=found.staff_id if found else None,
        who=who.name if who else "",
        subject=f"login/{login}" if login else "",
        came_from=came_from(request),
    )
    fault = say("动态码不对，或已经用过") if form.get("half") else say("账号或密码不对")
    if until:
        fault = say("{fault}。{wait}后再试").format(fault=fault, wait=_for((until - now).total_seconds()))
    return _form(request, fault=fault, status_code=403, fresh=await _is_fresh(), **form)


async def _welcome(request: Request, found: Proof, to: str) -> Response:
    await staff.forget_failures(found.staff_id)
    who = await staff.find_staff(found.staff_id)
    if who and (who.one_time or request.query_params.get("lang") in LANGUAGES):  # who chose on the log-in page
        await staff.set_language(found.staff_id, _wanted(request))
    await audit.record_audit(
        Action.LOGGED_IN,
        at=datetime.now(UTC),
        staff_id=found.staff_id,
        who=who.name if who else "",
        came_from=came_from(request),
    )
    return await desk.log_in(request, found.staff_id, own_path(to))


async def _is_fresh() -> bool:
    """Nobody but the first administrator is there, who has not chosen a password yet."""
    found = await staff.list_staff()
    return [one.login for one in found] == [FIRST_LOGIN] and found[0].one_time


def _form(
    request: Request,
    *,
    to: str = "",
    login: str = "",
    half: str = "",
    fault: str = "",
    fresh: bool = False,
    status_code: int = 200,
) -> Response:
    """`fresh`: says where the first password is."""
    return page(
        request,
        "login.html",
        to=to,
        login=login,
        half=half,
        fault=fault,
        first=FIRST_LOGIN if fresh else "",
        languages=LANGUAGES.items(),
        in_language=lambda key: _in_language(request, to, key),
        asked_language=request.query_params.get("lang", "") in LANGUAGES,
        status_code=status_code,
    )


def _halves(request: Request) -> URLSafeTimedSerializer:
    runtime: Runtime = request.app.state.runtime
    return URLSafeTimedSerializer(runtime.tokens.derive("log-in"), salt="half")


def _wanted(request: Request) -> str:
    """What the address asks for, before what the browser does."""
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else wanted_language(request.headers.get("accept-language", ""))


def _in_language(request: Request, to: str, key: str) -> str:
    return f"/login?{urlencode({'lang': key, **({'next': to} if to else {})})}"


def _for(seconds: float) -> str:
    if seconds < 60:
        return say("{n}秒").format(n=math.ceil(seconds))
    return say("{n}分钟").format(n=math.ceil(seconds / 60))


def _too_often(seconds: float) -> str:
    return say("试错太多次。{wait}后再试").format(wait=_for(seconds))


class Strangers:
    """Wrong log-ins by the address they came from: 20 in a quarter of an hour, whatever the names were."""

    def __init__(self) -> None:
        self._tries: OrderedDict[str, list[float]] = OrderedDict()

    def note(self, address: str) -> None:
        tries = [*self._recent(address), time.monotonic()]
        self._tries[address] = tries
        self._tries.move_to_end(address)
        while len(self._tries) > _ADDRESSES:
            self._tries.popitem(last=False)

    def wait(self, address: str) -> float:
        """Seconds till the next may be tried; 0 for now."""
        tries = self._recent(address)
        return _TRIES_SECONDS - (time.monotonic() - tries[-_TRIES]) if len(tries) >= _TRIES else 0.0

    def _recent(self, address: str) -> list[float]:
        since = time.monotonic() - _TRIES_SECONDS
        return [at for at in self._tries.get(address, []) if at > since]


routes = [
    Route("/login", ask, methods=["GET"]),
    Route("/login", take, methods=["POST"]),
    Route("/login/demo", demo, methods=["GET"]),
    StaffRoute("/logout", leave, right=None, methods=["POST"]),
]
