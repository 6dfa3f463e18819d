"""常用语: the answers kept ready, written, changed and taken away."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.canned_words import MINE, NAMES, unknown_names
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.sender.by_hand import LOGIN_LINK
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import conversations
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.rights import Right


async def canned(request: Request) -> Response:
    return await _shown(request)


async def add(request: Request) -> Response:
    return await _saved(request, None)


async def change(request: Request) -> Response:
    canned_id = request.path_params["id"]
    if canned_id not in {one.id for one in await conversations.list_canned()}:
        return await not_found(request, here="inbox", what=say("这条常用语已经删掉了"))
    if (await read_form(request)).get("delete") == "1":
        await conversations.delete_canned(canned_id)
        await log(request, Action.CANNED_CHANGED, f"canned/{canned_id}", deleted=True)
        return RedirectResponse("/inbox/canned", status_code=303)
    return await _saved(request, canned_id)


async def _saved(request: Request, canned_id: int | None) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = {key: str(value).strip() for key, value in (await read_form(request)).items()}
    title, text = form.get("title", ""), form.get("text", "").replace("\r\n", "\n")
    try:
        if unknown := unknown_names(text):
            raise InputError(say("没有{{{name}}}这个变量，能用的在下面").format(name=unknown[0]))
        saved = await conversations.save_canned(
            canned_id, title=title, text=text, by=visitor_of(request).staff.name, now=runtime.clock()
        )
    except InputError as exc:
        return await _shown(request, editing=canned_id or 0, typed={"title": title, "text": text}, problem=str(exc))
    await log(request, Action.CANNED_CHANGED, f"canned/{saved}")
    return RedirectResponse("/inbox/canned", status_code=303)


async def _shown(
    request: Request, *, editing: int | None = None, typed: Mapping[str, str] | None = None, problem: str = ""
) -> Response:
    asked = request.query_params.get("edit", "")
    every = await conversations.list_canned()
    chosen = editing or (int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0)
    known = next((one for one in every if one.id == chosen), None)
    return await staff_page(
        request,
        "inbox/canned.html",
        here="inbox",
        status_code=422 if problem else 200,
        every=every,
        editing=known,
        typed=typed or ({"title": known.title, "text": known.text} if known else {"title": "", "text": ""}),
        problem=problem,
        names=[*NAMES, MINE, LOGIN_LINK.strip("{}")],
        may=visitor_of(request).may(Right.ANSWER),
    )


routes = [
    StaffRoute("/inbox/canned", canned, right=Right.SEE),
    StaffRoute("/inbox/canned", add, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/inbox/canned/{id:int}", change, right=Right.ANSWER, methods=["POST"]),
]
