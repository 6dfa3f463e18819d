"""设置 · 发送规则: the limits of policy.toml, each with what it changes in words."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.limits import GROUPS, shown
from bot.console.settings.policy_versions import policy_versions
from bot.console.settings.rules import is_current, save_limits, text_of, version_of, write
from bot.console.settings.tabs import settings_page
from bot.language import say
from bot.runtime import POLICY_FILE, Runtime
from bot.web.desk import StaffRoute, read_form
from campaigns.policy_file import parse_policy
from campaigns.rights import Right


async def policy(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    text = await text_of(runtime, POLICY_FILE)
    return await _page(request, shown(parse_policy(text, POLICY_FILE)))


async def change(request: Request) -> Response:
    saved = await save_limits(request, GROUPS)
    if saved.faults:
        return await _page(request, saved.typed, faults=saved.faults, status_code=saved.status)
    return RedirectResponse(f"/settings/policy?done={saved.changed}", status_code=303)


async def restore(request: Request) -> Response:
    """An earlier version, or the file's own text, once more: as a new version, so that this too can be undone."""
    form = await read_form(request)
    versions = await policy_versions(request.app.state.runtime)
    found = next((one for one in versions if str(one.id) == str(form.get("to", "")) and one.back), None)
    if found is None or not await is_current(form, POLICY_FILE):
        runtime: Runtime = request.app.state.runtime
        stands = shown(parse_policy(await text_of(runtime, POLICY_FILE), POLICY_FILE))
        faults = {"": say("你打开这页以后，别人改过了。看一眼现在的，再改")}
        return await _page(request, stands, faults=faults, status_code=409)
    changed = {one.key: f"{one.now} → {one.then}" for one in found.back}
    await write(request, POLICY_FILE, found.text, {"restored": found.id, **changed})
    return RedirectResponse(f"/settings/policy?back={len(changed)}", status_code=303)


async def _page(
    request: Request, typed: Mapping[str, str], *, faults: Mapping[str, str] | None = None, status_code: int = 200
) -> Response:
    return await settings_page(
        request,
        "settings/policy.html",
        tab="policy",
        status_code=status_code,
        groups=GROUPS,
        typed=typed,
        faults=faults or {},
        version=await version_of(POLICY_FILE),
        versions=await policy_versions(request.app.state.runtime),
        back=request.query_params.get("back", "")[:3],
        done=request.query_params.get("done", "")[:3],
    )


routes = [
    StaffRoute("/settings/policy", policy, right=Right.SETTINGS),
    StaffRoute("/settings/policy", change, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute("/settings/policy/restore", restore, right=Right.SETTINGS, methods=["POST"]),
]
