"""设置 · 屏蔽名单: whom nobody writes to; added to after a question with numbers, lifted with a reason."""

from collections.abc import Callable
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.tabs import settings_page
from bot.console.shell import not_found
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.pages import masked
from campaigns.audit import Action
from campaigns.members.suppressions import (
    MOST_LINES,
    PAGE,
    Block,
    Pasted,
    add_blocks,
    find_block,
    lift_block,
    list_blocks,
    read_lines,
)
from campaigns.rights import Right

_LONGEST_SEARCH, _LONGEST_REASON = 254, 60
_SHOWN_UNKNOWN = 200
_AT = "/settings/suppressions"


async def suppressions(request: Request) -> Response:
    return await _page(request)


async def look(request: Request) -> Response:
    """What the lines would do: nothing is written."""
    text = await _text(request)
    if fault := _fault(text):
        return await _page(request, typed=text, fault=fault)
    return await _question(request, text, await read_lines(text.splitlines()))


async def back(request: Request) -> Response:
    """The lines once more, to mend them."""
    return await _page(request, typed=await _text(request))


async def add(request: Request) -> Response:
    form, text = await read_form(request), await _text(request)
    if fault := _fault(text):
        return await _page(request, typed=text, fault=fault)
    pasted = await read_lines(text.splitlines())
    if form.get("seen") != str(pasted.count):
        return await _question(request, text, pasted, moved=True)
    runtime: Runtime = request.app.state.runtime
    source = f"staff:{visitor_of(request).staff.name}"[:128]
    await add_blocks(pasted, at=runtime.clock(), source=source)
    counts = {"addresses": len(pasted.addresses), "members": len(pasted.members)}
    await log(request, Action.SUPPRESSIONS_CHANGED, "suppressions", added=pasted.count, **counts)
    return _to(f"added={pasted.count}")


async def lift(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    block = await find_block(request.path_params["id"])
    if block is None:
        return await not_found(request, here="settings", what=say("没有这一条屏蔽，可能已经解除了"))
    reason = " ".join(str((await read_form(request)).get("reason", "")).split())[:_LONGEST_REASON]
    if not reason:
        return await _page(request, lift_fault=block.id)
    await lift_block(block.id, runtime.clock())
    subject = f"member/{block.member_no}" if not block.channel else f"{block.channel}/{masked(block.address)}"
    await log(request, Action.SUPPRESSIONS_CHANGED, subject, lifted=block.reason, reason=reason)
    return _to("lifted=1")


async def _page(request: Request, *, typed: str = "", fault: str = "", lift_fault: int = 0) -> Response:
    runtime: Runtime = request.app.state.runtime
    query = request.query_params
    text, number = query.get("q", "").strip()[:_LONGEST_SEARCH], _number(query.get("page", ""))
    blocks, total = await list_blocks(runtime.clock(), text, number)
    return await settings_page(
        request,
        "settings/suppressions.html",
        tab="suppressions",
        status_code=422 if fault or lift_fault else 200,
        blocks=blocks,
        total=total,
        number=number,
        pages=max(1, -(-total // PAGE)),
        asked=text,
        turn=lambda to: f"{_AT}?{urlencode({**({'q': text} if text else {}), 'page': to})}",
        typed=typed,
        fault=fault,
        lift_fault=lift_fault,
        address=_shown(request),
        most=MOST_LINES,
        added=_number(query["added"]) if query.get("added", "").isdigit() else 0,
        lifted="lifted" in query,
    )


async def _question(request: Request, text: str, pasted: Pasted, *, moved: bool = False) -> Response:
    return await settings_page(
        request,
        "settings/suppress.html",
        tab="suppressions",
        status_code=422 if moved else 200,
        pasted=pasted,
        unknown=[(place, line[:100]) for place, line in pasted.unknown[:_SHOWN_UNKNOWN]],
        text=text,
        moved=moved,
    )


async def _text(request: Request) -> str:
    return str((await read_form(request)).get("lines", ""))


def _fault(text: str) -> str:
    if not text.strip():
        return say("写上邮箱、手机号或会员编号，一行一个")
    if len(text.splitlines()) > MOST_LINES:
        return say("最多{n}行，分几次贴").format(n=f"{MOST_LINES:,}")
    return ""


def _shown(request: Request) -> Callable[[Block], str]:
    whole = visitor_of(request).may(Right.ADDRESSES)
    return lambda block: block.address if whole else masked(block.address)


def _number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def _to(query: str) -> Response:
    return RedirectResponse(f"{_AT}?{query}", status_code=303)


routes = [
    StaffRoute(_AT, suppressions, right=Right.SETTINGS),
    StaffRoute(_AT, add, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute(f"{_AT}/look", look, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute(f"{_AT}/back", back, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute(f"{_AT}/{{id:int}}/lift", lift, right=Right.SETTINGS, methods=["POST"]),
]
