"""用工计划: what companies told us they will hire, by month; closed with a click when they found them or gave up."""

from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from bot.console.results.paging import go_back, gone, list_page, may_see, page_number, turner, url_of
from bot.language import say
from bot.result_words import PLAN_STATES
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import hiring, hiring_plans
from campaigns.audit import Action
from campaigns.errors import StateError
from campaigns.hiring_plans import PAGE, PlanState
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_PATH = "/plans"


async def plan_list(request: Request) -> Response:
    """Of this month and later."""
    runtime: Runtime = request.app.state.runtime
    owners, today = visitor_of(request).staff.owners, runtime.clock().astimezone(SHANGHAI).date()
    number, asked = request.query_params.get("number", "").strip()[:64], request.query_params.get("state", "")
    state = PlanState(asked) if asked in list(PlanState) else PlanState.OPEN
    counts = await hiring_plans.count_plans(today, owners, number)
    total, heads = counts[state]
    lines = await hiring_plans.plans_from(today, owners, page=page_number(request), number=number, state=state)
    return await list_page(
        request,
        "results/plans.html",
        "plans",
        states=[(say(PLAN_STATES[one]), _url(one, number), one == state, counts[one][0]) for one in PlanState],
        groups=[(month, list(rows)) for month, rows in groupby(lines, key=lambda one: one.month)],
        total=total,
        heads=heads,
        pages=max(1, -(-total // PAGE)),
        turn=turner(_PATH, state=_asked(state), number=number),
        only=number,
        here_url=_url(state, number),
        ever=any(n for n, _ in counts.values()),
    )


async def settle(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    found = await hiring_plans.find_plan(request.path_params["id"])
    state = str((await read_form(request)).get("state", ""))
    if found is None or state not in list(PlanState) or not await may_see(visitor_of(request), found.member_id):
        return await gone(request)
    try:
        await hiring.settle_plan(found.id, PlanState(state), by=visitor_of(request).staff.name, now=runtime.clock())
    except StateError:
        return await go_back(request, _PATH, "meanwhile")
    await log(request, Action.PLAN_CHANGED, f"member/{found.member_no}", role=found.role, state=state)
    return await go_back(request, _PATH, state)


def _url(state: PlanState, number: str) -> str:
    return url_of(_PATH, state=_asked(state), number=number)


def _asked(state: PlanState) -> str:
    return "" if state is PlanState.OPEN else str(state)


routes = [
    StaffRoute(_PATH, plan_list, right=Right.SEE),
    StaffRoute(_PATH + "/{id:int}", settle, right=Right.ANSWER, methods=["POST"]),
]
