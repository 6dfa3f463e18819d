"""设置 · 发送规则: the limits of policy.toml, each with what it changes in words."""

from collections.abc import Mapping

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.limits import GROUPS, LIMITS, Limit, shown
from bot.console.settings.policy_versions import policy_versions
from bot.console.settings.rules import text_of, version_of, write
from bot.console.settings.tabs import settings_page
from bot.language import say
from bot.runtime import POLICY_FILE, Runtime
from bot.web.desk import StaffRoute, read_form
from bot.wording import fault_words
from campaigns.errors import DefinitionError, InputError
from campaigns.policy_file import parse_policy
from campaigns.rights import Right
from campaigns.toml_lines import set_value

_LONGEST = 20


async def policy(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    text = await text_of(runtime, POLICY_FILE)
    return await _page(request, shown(parse_policy(text, POLICY_FILE)))


async def change(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    text = await text_of(runtime, POLICY_FILE)
    stands = shown(parse_policy(text, POLICY_FILE))
    typed = {key: str(form.get(key, stands[key])).strip()[:_LONGEST] for key in LIMITS}
    if not await _is_current(form):
        faults = {"": say("你打开这页以后，别人改过了。看一眼现在的，再改")}
        return await _page(request, stands, faults=faults, status_code=409)
    changed = {key: value for key, value in typed.items() if value != stands[key]}
    made, faults = _apply(text, changed)
    if faults:
        return await _page(request, typed, faults=faults, status_code=422)
    if changed:
        await write(request, POLICY_FILE, made, {key: f"{stands[key]} → {value}" for key, value in changed.items()})
    return RedirectResponse(f"/settings/policy?done={len(changed)}", status_code=303)


async def restore(request: Request) -> Response:
    """An earlier version, or the file's own text, once more: as a new version, so that this too can be undone."""
    form = await read_form(request)
    versions = await policy_versions(request.app.state.runtime)
    found = next((one for one in versions if str(one.id) == str(form.get("to", "")) and one.back), None)
    if found is None or not await _is_current(form):
        runtime: Runtime = request.app.state.runtime
        stands = shown(parse_policy(await text_of(runtime, POLICY_FILE), POLICY_FILE))
        faults = {"": say("你打开这页以后，别人改过了。看一眼现在的，再改")}
        return await _page(request, stands, faults=faults, status_code=409)
    changed = {one.key: f"{one.now} → {one.then}" for one in found.back}
    await write(request, POLICY_FILE, found.text, {"restored": found.id, **changed})
    return RedirectResponse(f"/settings/policy?back={len(changed)}", status_code=303)


async def _is_current(form: FormData) -> bool:
    return str(form.get("version", "")) == str(await version_of(POLICY_FILE))


def _apply(text: str, changed: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The new text, and what is wrong by key. The file says one mistake at a time: each is left out for the next."""
    left, faults = dict(changed), dict[str, str]()
    while True:
        made = text
        try:
            for key, value in left.items():
                table, _, name = key.rpartition(".")
                made = set_value(made, table, name, _value(LIMITS[key], value))
            parse_policy(made, POLICY_FILE)
        except DefinitionError as exc:
            faults[exc.key] = _plain(exc)
            # of two hours that do not go together the file names one, whichever was typed
            wrong = {exc.key} if exc.key in left else {key for key in left if _table(key) == _table(exc.key)}
            left = {key: value for key, value in left.items() if key not in wrong}
            if not wrong:
                return text, faults
        except InputError as exc:
            return text, {"": _plain(exc)}
        else:
            return made, faults


def _table(key: str) -> str:
    return key.rpartition(".")[0]


def _value(limit: Limit, typed: str) -> str | int:
    if limit.kind != "number":
        return typed
    return int(typed) if typed.isascii() and typed.isdigit() else typed


def _plain(problem: InputError) -> str:
    words = problem.problem if isinstance(problem, DefinitionError) else str(problem)
    return fault_words(words)


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
