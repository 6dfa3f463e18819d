"""问题: which members have which, narrowed by an address that the statistics lead to; solved with a click."""

from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from bot.console.results.paging import go_back, gone, list_page, may_see, page_number, turner, url_of
from bot.language import say
from bot.problem_categories import categories_in_force
from bot.result_words import FAULTS, category_words
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from campaigns import problems
from campaigns.audit import Action
from campaigns.errors import InputError, StateError
from campaigns.problems import PAGE, ProblemSieve, sieve_from
from campaigns.replies.results import solve_problem
from campaigns.rights import Right
from campaigns.terms import Tier

_PATH = "/problems"
_STATES = {"": "全部", "open": "没解决的", "solved": "解决了的"}
_NAMES = {
    "category": "类别", "fault": "怪谁", "tier": "分级", "trade": "行业", "staff": "谁听说的", "month": "月份",
    "number": "企业编号",
}  # fmt: skip


async def problem_list(request: Request) -> Response:
    """Fifty a page; which ones stands in the address."""
    runtime: Runtime = request.app.state.runtime
    owners = visitor_of(request).staff.owners
    try:
        sieve = sieve_from(request.query_params)
    except InputError:
        sieve = ProblemSieve()
    categories = await categories_in_force(runtime.settings.huifang_templates)
    names = {one.key: category_words(one) for one in categories.all}
    faults = {key: say(label) for key, label in FAULTS.items()}
    asked = asdict(sieve)
    total = await problems.count_problems(sieve, owners)
    chips = [(say(_NAMES[name]), _shown(name, value, names, faults), _without(asked, name))
             for name, value in asked.items() if value and name in _NAMES]  # fmt: skip
    return await list_page(
        request,
        "results/problems.html",
        "problems",
        lines=await problems.browse_problems(sieve, owners, page=page_number(request)),
        total=total,
        pages=max(1, -(-total // PAGE)),
        turn=turner(_PATH, **asked),
        states=[(say(label), url_of(_PATH, **{**asked, "state": key}), key == sieve.state)
                for key, label in _STATES.items()],
        chips=chips,
        names=names,
        faults=faults,
        asked=asked,
        tiers=list(Tier),
        here_url=url_of(_PATH, **asked),
    )  # fmt: skip


def _shown(name: str, value: str, names: dict[str, str], faults: dict[str, str]) -> str:
    if name == "tier":
        return say(value)
    return {"category": names, "fault": faults}.get(name, {}).get(value, value)


def _without(asked: dict[str, str], name: str) -> str:
    return url_of(_PATH, **{**asked, name: ""})


async def solve(request: Request) -> Response:
    return await _changed(request, "solved")


async def reopen(request: Request) -> Response:
    return await _changed(request, "reopen")


async def _changed(request: Request, what: str) -> Response:
    runtime: Runtime = request.app.state.runtime
    found = await problems.find_problem(request.path_params["id"])
    if found is None or not await may_see(visitor_of(request), found.member_id):
        return await gone(request)
    try:
        if what == "solved":
            await solve_problem(found.id, by=visitor_of(request).staff.name, now=runtime.clock())
        else:
            await problems.reopen_problem(found.id)
    except StateError:
        return await go_back(request, _PATH, "meanwhile")
    await log(request, Action.PROBLEM_CHANGED, f"member/{found.member_no}", problem=found.id, what=what)
    return await go_back(request, _PATH, what)


routes = [
    StaffRoute(_PATH, problem_list, right=Right.SEE),
    StaffRoute(_PATH + "/{id:int}/solve", solve, right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_PATH + "/{id:int}/reopen", reopen, right=Right.ANSWER, methods=["POST"]),
]
