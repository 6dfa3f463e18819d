"""我的设置: one's own language, password and second step. A new proof logs every other browser out."""

import io
from datetime import UTC, datetime

import segno
from itsdangerous import BadSignature, URLSafeTimedSerializer
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import staff_page
from bot.language import LANGUAGES, say
from bot.runtime import Runtime
from bot.web import desk
from bot.web.desk import StaffRoute, own_path, read_form, visitor_of
from bot.web.passwords import fault_of, is_password, keep_password, make_totp_secret, totp_step, totp_uri
from campaigns import staff
from campaigns.audit import Action

_SETTING_UP = 900  # seconds from the picture to the first code


async def me(request: Request) -> Response:
    return await _page(request)


async def change_password(request: Request) -> Response:
    form, who = await read_form(request), visitor_of(request).staff
    old, new, again = (str(form.get(name, "")) for name in ("old", "new", "again"))
    kept = (await staff.proof_of(who.id)).password
    if not who.one_time and not await is_password(kept, old):  # a one-time one was typed a moment ago
        return await _wrong(request, "old", say("现在的密码不对"))
    if fault := fault_of(new, login=who.login, name=who.name):
        return await _wrong(request, "new", fault)
    if new == old or (who.one_time and await is_password(kept, new)):
        return await _wrong(request, "new", say("和现在的密码一样，换一个"))
    if new != again:
        return await _wrong(request, "again", say("两次填的不一样"))
    await staff.set_password(who.id, await keep_password(new))
    await desk.log(request, Action.PROOF_CHANGED, f"staff/{who.login}", what="password")
    return await desk.log_in(request, who.id, "/?done=password" if who.one_time else "/me?done=password")


async def begin_totp(request: Request) -> Response:
    """A new secret on the page, in a picture and in letters; it counts once a code of it came back."""
    secret = make_totp_secret()
    return await _page(request, secret=secret, setting_up=_signer(request).dumps(secret))


async def turn_on_totp(request: Request) -> Response:
    form, who = await read_form(request), visitor_of(request).staff
    setting_up = str(form.get("setting_up", ""))
    try:
        secret = _signer(request).loads(setting_up, max_age=_SETTING_UP)
    except BadSignature:
        return await _wrong(request, "code", say("过了15分钟，重新开始"))
    step = totp_step(secret, str(form.get("code", "")), datetime.now(UTC))
    if step is None:
        return await _wrong(
            request, "code", say("动态码不对。看看手机的时间准不准"), secret=secret, setting_up=setting_up
        )
    await staff.set_totp(who.id, secret)
    await staff.take_totp_step(who.id, step)
    await desk.log(request, Action.PROOF_CHANGED, f"staff/{who.login}", what="second step on")
    return await desk.log_in(request, who.id, "/me?done=totp")


async def turn_off_totp(request: Request) -> Response:
    form, who = await read_form(request), visitor_of(request).staff
    if not await is_password((await staff.proof_of(who.id)).password, str(form.get("old", ""))):
        return await _wrong(request, "off", say("密码不对，两步验证还开着"))
    await staff.set_totp(who.id, "")
    await desk.log(request, Action.PROOF_CHANGED, f"staff/{who.login}", what="second step off")
    return await desk.log_in(request, who.id, "/me?done=off")


async def choose_language(request: Request) -> Response:
    form = await read_form(request)
    if (chosen := str(form.get("language", ""))) in LANGUAGES:
        await staff.set_language(visitor_of(request).staff.id, chosen)
    return RedirectResponse(own_path(str(form.get("to", ""))), status_code=303)


async def _wrong(request: Request, field: str, fault: str, *, secret: str = "", setting_up: str = "") -> Response:
    return await _page(request, faults={field: fault}, secret=secret, setting_up=setting_up, status_code=422)


async def _page(
    request: Request,
    *,
    faults: dict[str, str] | None = None,
    secret: str = "",
    setting_up: str = "",
    status_code: int = 200,
) -> Response:
    return await staff_page(
        request,
        "me.html",
        here="me",
        status_code=status_code,
        faults=faults or {},
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        picture=_picture(request, secret) if secret else "",
        setting_up=setting_up,
        done=request.query_params.get("done", ""),
    )


def _picture(request: Request, secret: str) -> Markup:
    """The code for the authenticator, as SVG inside the page."""
    runtime: Runtime = request.app.state.runtime
    uri = totp_uri(secret, visitor_of(request).staff.login, f"回访 {runtime.rulebook.site['name']}")
    made = io.BytesIO()
    segno.make(uri, error="m").save(made, kind="svg", scale=4, xmldecl=False, svgns=True, svgclass="qr", lineclass=None)
    return Markup(made.getvalue().decode())  # noqa: S704 (segno's own, of squares alone)


def _signer(request: Request) -> URLSafeTimedSerializer:
    runtime: Runtime = request.app.state.runtime
    return URLSafeTimedSerializer(runtime.tokens.derive("second step"), salt=str(visitor_of(request).staff.id))


routes = [
    StaffRoute("/me", me, right=None),
    StaffRoute("/me/language", choose_language, right=None, methods=["POST"]),
    StaffRoute("/me/password", change_password, right=None, methods=["POST"]),
    StaffRoute("/me/totp", begin_totp, right=None, methods=["POST"]),
    StaffRoute("/me/totp/on", turn_on_totp, right=None, methods=["POST"]),
    StaffRoute("/me/totp/off", turn_off_totp, right=None, methods=["POST"]),
]
