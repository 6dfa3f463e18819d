"""Views of the list that somebody keeps: saved under a name, renamed, deleted."""

from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.members.address import kept_of
from bot.console.shell import not_found
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, read_form, visitor_of
from bot.wording import fault_words
from campaigns import saved_views
from campaigns.errors import InputError
from campaigns.rights import Right

PAGE = "members"


async def save(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    query = urlencode(kept_of(QueryParams([(name, str(value)) for name, value in form.multi_items()])))
    name = str(form.get("name", ""))
    try:
        await saved_views.save_view(visitor_of(request).staff.id, PAGE, name, query, now=runtime.clock())
    except InputError as exc:
        return _to(query, fault=fault_words(exc), name=name[:64])
    return _to(query)


async def change(request: Request) -> Response:
    """A new name, the one to begin with, or gone."""
    form, me = await read_form(request), visitor_of(request).staff.id
    number = request.path_params["id"]
    gone = form.get("act") == "delete"
    try:
        if form.get("act") == "default":
            done = await saved_views.choose_default(number, me, PAGE)
        elif gone:
            done = await saved_views.delete_view(number, me)
        else:
            done = await saved_views.rename_view(number, me, str(form.get("name", "")))
    except InputError as exc:
        return _to("", fault=fault_words(exc))
    return _to("") if done else await not_found(request, here="members", what=say("没有这个视图"))


def _to(query: str, **more: str) -> Response:
    asked = "&".join(part for part in (query, urlencode({f"view_{key}": value for key, value in more.items()})) if part)
    return RedirectResponse(f"/members?{asked}" if asked else "/members", status_code=303)


routes = [
    StaffRoute("/members/views", save, right=Right.SEE, methods=["POST"]),
    StaffRoute("/members/views/{id:int}", change, right=Right.SEE, methods=["POST"]),
]
