"""答应的事: what is open, overdue, kept and broken; settled with a click."""

from starlette.requests import Request
from starlette.responses import Response

from bot.console.results.paging import go_back, gone, list_page, may_see, page_number, turner, url_of
from bot.language import say
from bot.result_words import PROMISE_STATES
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import promises
from campaigns.audit import Action
from campaigns.errors import StateError
from campaigns.promises import PAGE, PromiseState, WhichPromises
from campaigns.replies.results import settle_promise
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_PATH = "/promises"


async def promise_list(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    owners, today = visitor_of(request).staff.owners, runtime.clock().astimezone(SHANGHAI).date()
    asked, number = request.query_params.get("which", ""), request.query_params.get("number", "").strip()[:64]
    which = WhichPromises(asked) if asked in list(WhichPromises) else WhichPromises.OPEN
    counts = await promises.count_promises(today, owners, number)
    return await list_page(
        request,
        "results/promises.html",
        "promises",
        which=which,
        states=[(say(PROMISE_STATES[one]), _url(one, number), one == which, counts[one])
                for one in WhichPromises],
        lines=await promises.browse_promises(which, today, owners, page=page_number(request), number=number),
        total=counts[which],
        pages=max(1, -(-counts[which] // PAGE)),
        turn=turner(_PATH, which=which, number=number),
        today=today,
        only=number,
        here_url=_url(which, number),
    )  # fmt: skip


async def settle(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    found = await promises.find_promise(request.path_params["id"])
    state = str((await read_form(request)).get("state", ""))
    if found is None or state not in list(PromiseState) or not await may_see(visitor_of(request), found.member_id):
        return await gone(request)
    try:
        await settle_promise(found.id, PromiseState(state), by=visitor_of(request).staff.name, now=runtime.clock())
    except StateError:
        return await go_back(request, _PATH, "meanwhile")
    await log(request, Action.PROMISE_CHANGED, f"member/{found.member_no}", promise=found.id, state=state)
    return await go_back(request, _PATH, state)


def _url(which: WhichPromises, number: str) -> str:
    return url_of(_PATH, which="" if which is WhichPromises.OPEN else str(which), number=number)


routes = [
    StaffRoute(_PATH, promise_list, right=Right.SEE),
    StaffRoute(_PATH + "/{id:int}", settle, right=Right.ANSWER, methods=["POST"]),
]
