"""What the lists of problems, promises and plans have in common: their tabs, their pages, the way back after an act."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.web.desk import Visitor, own_path, read_form, visitor_of
from campaigns.members import find
from campaigns.rights import Right

_TABS = (("problems", "/problems", "问题"), ("statistics", "/statistics/problems", "问题的数字"),
         ("promises", "/promises", "答应的事"), ("plans", "/plans", "用工计划"))  # fmt: skip


async def list_page(request: Request, name: str, tab: str, **context: Any) -> Response:
    """One of the four pages, with its neighbours above it."""
    number = page_number(request)
    return await staff_page(
        request,
        name,
        here="problems",
        neighbours=[(say(label), href, key == tab) for key, href, label in _TABS],
        may=visitor_of(request).may(Right.ANSWER),
        number=number,
        done=request.query_params.get("done", ""),
        **context,
    )


def page_number(request: Request) -> int:
    text = request.query_params.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def url_of(path: str, **asked: str) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{path}?{query}" if query else path


def turner(path: str, **asked: str) -> Callable[[int], str]:
    return lambda to: url_of(path, **asked, page=str(to) if to > 1 else "")


async def may_see(visitor: Visitor, member_id: int) -> bool:
    head = await find.find_head_by_id(member_id)
    return head is not None and visitor.staff.sees_owner(head.owner)


async def go_back(request: Request, otherwise: str, done: str) -> Response:
    """To the page the form stood on."""
    back = own_path(str((await read_form(request)).get("back", "")) or otherwise)
    joint = "&" if "?" in back else "?"
    return RedirectResponse(f"{back}{joint}done={done}", status_code=303)


async def gone(request: Request) -> Response:
    return await not_found(request, here="problems", what=say("没有这一条"))
