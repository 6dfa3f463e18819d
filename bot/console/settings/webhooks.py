"""设置 · 对外通知: which other programs are told what happened, what they answered, and another try."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.tabs import settings_page
from bot.console.shell import not_found
from bot.language import say
from bot.outgoing.signing import secret_of
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.numbers import whole_number
from bot.wording import fault_words, hook_kind_words
from campaigns import webhooks
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right
from campaigns.webhooks import Hook, WebhookKind, WebhookState

_STATES = ("due", "sent", "failed")
_CHANGES = {"pause": WebhookState.PAUSED, "resume": WebhookState.ON, "stop": WebhookState.STOPPED}


async def everybody(request: Request) -> Response:
    return await _page(request)


async def add(request: Request) -> Response:
    form = await read_form(request)
    url, kinds = str(form.get("url", ""))[:600], [str(one) for one in form.getlist("kind")]
    try:
        made = await webhooks.add_webhook(url, kinds, by=visitor_of(request).staff.name, now=datetime.now(UTC))
    except InputError as exc:
        field = "url" if any(kind in list(WebhookKind) for kind in kinds) else "kinds"
        return await _page(request, typed=(url, kinds), faults={field: fault_words(exc)}, status_code=422)
    await _log(request, made, "new", kinds=sorted(made.kinds))
    return await _page(request, told=made)


async def one(request: Request) -> Response:
    """The log of what it was told, newest first."""
    hook = await webhooks.find_webhook(request.path_params["id"])
    if hook is None:
        return await _nobody(request)
    state, before = request.query_params.get("state", ""), request.query_params.get("before", "")
    rows = await webhooks.log_of(
        hook.id, before=whole_number(before, 2**63 - 1), state=state if state in _STATES else ""
    )
    return await settings_page(
        request,
        "settings/webhook.html",
        tab="webhooks",
        hook=hook,
        rows=rows,
        state=state,
        states=_STATES,
        older=rows[-1].id if len(rows) == webhooks.PAGE else None,
        done=request.query_params.get("done", ""),
        kind_words=hook_kind_words,
    )


async def change(request: Request) -> Response:
    hook = await webhooks.find_webhook(request.path_params["id"])
    if hook is None:
        return await _nobody(request)
    what = str((await read_form(request)).get("what", ""))
    if what == "rotate" and (rotated := await webhooks.rotate_secret(hook.id, datetime.now(UTC))):
        await _log(request, hook, what)
        return await _page(request, told=rotated)
    if what == "delete":
        await webhooks.delete_webhook(hook.id)
        await _log(request, hook, what)
        return RedirectResponse("/settings/webhooks?done=deleted", status_code=303)
    if what == "test":
        await webhooks.announce_test(hook.id, _runtime(request).clock())
    elif what in _CHANGES:
        await webhooks.change_state(hook.id, _CHANGES[what])
    else:
        return RedirectResponse(f"/settings/webhooks/{hook.id}", status_code=303)
    await _log(request, hook, what)
    return RedirectResponse(f"/settings/webhooks/{hook.id}?done={what}", status_code=303)


async def again(request: Request) -> Response:
    found = await webhooks.send_again(request.path_params["id"])
    hook = await webhooks.find_webhook(found.webhook_id) if found else None
    if found is None or hook is None:
        return await _nobody(request)
    await _log(request, hook, "again", event=found.event_id)
    return RedirectResponse(f"/settings/webhooks/{hook.id}?done=again", status_code=303)


async def _page(
    request: Request,
    *,
    typed: tuple[str, list[str]] = ("", []),
    faults: Mapping[str, str] | None = None,
    told: Hook | None = None,
    status_code: int = 200,
) -> Response:
    tokens = _runtime(request).tokens
    return await settings_page(
        request,
        "settings/webhooks.html",
        tab="webhooks",
        status_code=status_code,
        hooks=await webhooks.list_webhooks(),
        counts=await webhooks.count_deliveries(),
        kinds=[(kind, hook_kind_words(kind)) for kind in WebhookKind],
        typed=typed,
        faults=faults or {},
        told=(told, secret_of(tokens, told.id, told.generation)) if told else None,
        done=request.query_params.get("done", ""),
    )


async def _nobody(request: Request) -> Response:
    return await not_found(request, here="settings", what=say("没有这个通知地址"))


async def _log(request: Request, hook: Hook, what: str, **detail: Any) -> None:
    await log(request, Action.WEBHOOK_CHANGED, f"webhook/{hook.host}", what=what, **detail)


def _runtime(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


routes = [
    StaffRoute("/settings/webhooks", everybody, right=Right.SETTINGS),
    StaffRoute("/settings/webhooks", add, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute("/settings/webhooks/{id:int}", one, right=Right.SETTINGS),
    StaffRoute("/settings/webhooks/{id:int}", change, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute("/settings/webhooks/deliveries/{id:int}/again", again, right=Right.SETTINGS, methods=["POST"]),
]
