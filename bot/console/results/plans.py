"""用工计划: what companies told us they will hire, by month."""

from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response

from bot.console.results.paging import list_page, page_number, turner
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns import hiring_plans
from campaigns.hiring_plans import PAGE
from campaigns.rights import Right
from campaigns.terms import SHANGHAI


async def plan_list(request: Request) -> Response:
    """Of this month and later."""
    runtime: Runtime = request.app.state.runtime
    owners, today = visitor_of(request).staff.owners, runtime.clock().astimezone(SHANGHAI).date()
    number = request.query_params.get("number", "").strip()[:64]
    total, heads = await hiring_plans.count_plans(today, owners, number)
    lines = await hiring_plans.plans_from(today, owners, page=page_number(request), number=number)
    return await list_page(
        request,
        "results/plans.html",
        "plans",
        groups=[(month, list(rows)) for month, rows in groupby(lines, key=lambda one: one.month)],
        total=total,
        heads=heads,
        pages=max(1, -(-total // PAGE)),
        turn=turner("/plans", number=number),
        only=number,
    )


routes = [StaffRoute("/plans", plan_list, right=Right.SEE)]
