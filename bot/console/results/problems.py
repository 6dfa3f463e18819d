"""问题: which members have which, narrowed by an address that the statistics lead to; solved with a click."""

from dataclasses import asdict, replace

from starlette.requests import Request
from starlette.responses import Response

from bot.console.results.paging import go_back, gone, list_page, may_see, page_number, turner, url_of
from bot.language import say
from bot.problem_categories import categories_in_force
from bot.result_words import FAULTS, category_words
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import problems
from campaigns.audit import Action
from campaigns.errors import InputError, StateError
from campaigns.problems import NOTHING, PAGE, ProblemSieve, sieve_from
from campaigns.replies.results import reopen_problem, solve_problem, solve_problems
from campaigns.rights import Right
from campaigns.terms import Tier

_PATH = "/problems"
_STATES = {"": "全部", "open": "没解决的", "solved": "解决了的", "untold": "修好了还没告诉的"}
_NAMES = {
    "category": "类别", "fault": "责任在谁", "tier": "分级", "trade": "行业", "staff": "谁听说的", "month": "月份",
    "since": "从哪个月起", "number": "企业编号",
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
        of_category=await problems.count_problems(_of_category(sieve), owners) if sieve.category else 0,
        untold=await problems.count_problems(replace(sieve, state="untold"), owners),
        untold_url=url_of(f"{_PATH}/mended", **{**asked, "state": ""}),
        told_n=request.query_params.get("n", "")[:6],
        told_tasks=request.query_params.get("tasks", "")[:6],
    )  # fmt: skip


def _shown(name: str, value: str, names: dict[str, str], faults: dict[str, str]) -> str:
    if value == NOTHING:
        return say("没有写")
    if name == "tier":
        return say(value)
    return {"category": names, "fault": faults}.get(name, {}).get(value, value)


def _without(asked: dict[str, str], name: str) -> str:
    return url_of(_PATH, **{**asked, name: ""})


def _of_category(sieve: ProblemSieve) -> ProblemSieve:
    """What a click on the whole of a category solves: the open ones of this list."""
    return replace(sieve, state="open")


async def solve_all(request: Request) -> Response:
    """Every open problem of a category at once, as its list is narrowed."""
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    try:
        sieve = _of_category(sieve_from({name: str(value) for name, value in (await read_form(request)).items()}))
        if not sieve.category:
            return await gone(request)
        ids = await problems.open_ids(sieve, visitor.staff.owners)
        await solve_problems(ids, by=visitor.staff.name, now=runtime.clock())
    except InputError:
        return await gone(request)
    except StateError:
        return await go_back(request, _PATH, "meanwhile")
    await log(request, Action.PROBLEM_CHANGED, "problems", kind=sieve.category, what="solved", count=len(ids))
    return await go_back(request, _PATH, "solved")


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
            await reopen_problem(found.id)
    except StateError:
        return await go_back(request, _PATH, "meanwhile")
    await log(request, Action.PROBLEM_CHANGED, f"member/{found.member_no}", problem=found.id, what=what)
    return await go_back(request, _PATH, what)


routes = [
    StaffRoute(_PATH, problem_list, right=Right.SEE),
    StaffRoute(_PATH + "/solve", solve_all, right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_PATH + "/{id:int}/solve", solve, right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_PATH + "/{id:int}/reopen", reopen, right=Right.ANSWER, methods=["POST"]),
]
