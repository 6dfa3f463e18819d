"""设置 · 接口令牌: keys for programs. A new one is shown on one answer and nowhere else."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.tabs import settings_page
from bot.console.shell import not_found
from bot.language import say
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import fault_words, right_words
from campaigns import api_tokens
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right


async def tokens(request: Request) -> Response:
    return await _page(request)


async def add(request: Request) -> Response:
    form = await read_form(request)
    name = str(form.get("name", ""))[:200]
    rights = [Right(str(one)) for one in form.getlist("right") if one in list(Right)]
    try:
        secret, made = await api_tokens.make_token(
            name, rights, by=visitor_of(request).staff.name, now=datetime.now(UTC)
        )
    except InputError as exc:
        field = "rights" if name.strip() and not rights else "name"
        fault = fault_words(exc)
        return await _page(request, typed=(name, rights), faults={field: fault}, status_code=422)
    await log(request, Action.KEY_MADE, f"token/{made.name}", rights=sorted(made.rights))
    return await _page(request, told=(made.name, secret))


async def revoke(request: Request) -> Response:
    found = await api_tokens.revoke_token(request.path_params["id"], datetime.now(UTC))
    if found is None:
        return await not_found(request, here="settings", what=say("没有这个令牌"))
    await log(request, Action.KEY_REVOKED, f"token/{found.name}")
    return RedirectResponse(f"/settings/tokens?done={found.id}", status_code=303)


async def _page(
    request: Request,
    *,
    typed: tuple[str, list[Right]] = ("", []),
    faults: dict[str, str] | None = None,
    told: tuple[str, str] | None = None,
    status_code: int = 200,
) -> Response:
    found = await api_tokens.list_tokens()
    done = request.query_params.get("done", "")
    return await settings_page(
        request,
        "settings/tokens.html",
        tab="tokens",
        status_code=status_code,
        tokens=found,
        rights=[(right, right_words(right)) for right in Right if right in api_tokens.GIVEN],
        typed=typed,
        faults=faults or {},
        told=told,
        done=next((one.name for one in found if str(one.id) == done and one.revoked_at), ""),
    )


routes = [
    StaffRoute("/settings/tokens", tokens, right=Right.SETTINGS),
    StaffRoute("/settings/tokens", add, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute("/settings/tokens/{id:int}/revoke", revoke, right=Right.SETTINGS, methods=["POST"]),
]
