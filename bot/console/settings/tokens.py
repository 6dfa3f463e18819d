"""设置 · 接口令牌: keys for programs. A new one is shown on one answer and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.tabs import settings_page
from bot.console.shell import not_found
from bot.language import say
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.numbers import whole_number
from bot.wording import fault_words, right_words
from campaigns import api_tokens, staff
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right


@dataclass(frozen=True, slots=True)
class Typed:
    """The form as it was filled in."""

    name: str = ""
    rights: Sequence[Right] = ()
    department: str = ""
    per_minute: str = str(api_tokens.PER_MINUTE)

    @property
    def most(self) -> int:
        """Requests a minute; 0 for what is no number."""
        return whole_number(self.per_minute) or 0


async def tokens(request: Request) -> Response:
    return await _page(request)


async def add(request: Request) -> Response:
    form = await read_form(request)
    typed = Typed(
        str(form.get("name", ""))[:200],
        [Right(str(one)) for one in form.getlist("right") if one in list(Right)],
        str(form.get("department", ""))[:200],
        str(form.get("per_minute", api_tokens.PER_MINUTE))[:20].strip(),
    )
    if faults := await _faults(typed):
        return await _page(request, typed=typed, faults=faults, status_code=422)
    try:
        secret, made = await api_tokens.make_token(
            typed.name,
            typed.rights,
            by=visitor_of(request).staff.name,
            now=datetime.now(UTC),
            department=typed.department,
            per_minute=typed.most,
        )
    except InputError as exc:
        return await _page(request, typed=typed, faults={"name": fault_words(exc)}, status_code=422)
    bounds = {"department": made.department, "per_minute": made.per_minute}
    await log(request, Action.KEY_MADE, f"token/{made.name}", rights=sorted(made.rights), **bounds)
    return await _page(request, told=(made.name, secret))


async def _faults(typed: Typed) -> dict[str, str]:
    """What is wrong with a field by itself; the ledger says the rest, which is of the name."""
    found = {}
    if typed.name.strip() and api_tokens.GIVEN.isdisjoint(typed.rights):
        found["rights"] = say("至少给一项权限")
    if typed.department and typed.department not in await _departments():
        found["department"] = say("没有这个部门")
    elif typed.department and not api_tokens.WRITING.isdisjoint(typed.rights):
        found["department"] = say("只看一个部门的令牌不能写，选全部，或者不给写的权限")
    if not 0 < typed.most <= api_tokens.MOST_PER_MINUTE:
        found["per_minute"] = say("写1到{most}的整数").format(most=f"{api_tokens.MOST_PER_MINUTE:,}")
    return found


async def _departments() -> list[str]:
    return sorted({one.department for one in await staff.list_staff() if one.department})


async def revoke(request: Request) -> Response:
    found = await api_tokens.revoke_token(request.path_params["id"], datetime.now(UTC))
    if found is None:
        return await not_found(request, here="settings", what=say("没有这个令牌"))
    await log(request, Action.KEY_REVOKED, f"token/{found.name}")
    return RedirectResponse(f"/settings/tokens?done={found.id}", status_code=303)


async def _page(
    request: Request,
    *,
    typed: Typed = Typed(),
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
        departments=await _departments(),
        most=api_tokens.MOST_PER_MINUTE,
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
