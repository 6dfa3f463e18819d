"""告诉客户修好了: who reported a fault of the site that is solved, the way to each, and the click that tells them."""

from collections.abc import Mapping
from dataclasses import asdict
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.results.paging import gone, list_page, url_of
from bot.problem_categories import categories_in_force
from bot.result_words import category_words
from bot.runtime import Runtime
from bot.sender import mending
from bot.sender.mending import Weighed
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import channel_words, refusal_words
from campaigns import problems
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.problems import ProblemLine, ProblemSieve, sieve_from
from campaigns.rights import Right
from campaigns.terms import Suppress

_PATH = "/problems/mended"
_ASKED = tuple(name for name in ProblemSieve.__slots__ if name != "state")


async def mended(request: Request) -> Response:
    """The numbers before it happens."""
    found = await _waiting(request, request.query_params)
    if found is None:
        return await gone(request)
    sieve, weighed = found
    return await _show(request, sieve, weighed)


async def tell(request: Request) -> Response:
    form = QueryParams([(name, str(value)) for name, value in (await read_form(request)).multi_items()])
    found = await _waiting(request, form)
    if found is None:
        return await gone(request)
    sieve, weighed = found
    shown = {int(one) for one in form.getlist("pick") if one.isascii() and one.isdigit() and len(one) < 19}
    lines = [one for one in weighed.lines if one.id in shown]
    try:
        told = await mending.tell(request.app.state.runtime, lines, by=visitor_of(request).staff.name)
    except InputError:
        return RedirectResponse(url_of("/problems", **_asked(sieve), done="meanwhile"), status_code=303)
    await log(request, Action.PROBLEM_CHANGED, "problems", what="told", count=told.messages, tasks=told.tasks)
    more = urlencode({"done": "told", "n": told.messages, "tasks": told.tasks})
    back = url_of("/problems", **_asked(sieve))
    return RedirectResponse(f"{back}{'&' if '?' in back else '?'}{more}", status_code=303)


async def _waiting(request: Request, asked: QueryParams) -> tuple[ProblemSieve, Weighed] | None:
    try:
        sieve = sieve_from({name: asked.get(name, "") for name in _ASKED})
    except InputError:
        return None
    lines = await problems.mended_untold(sieve, visitor_of(request).staff.owners)
    return sieve, await mending.weigh(request.app.state.runtime, lines)


async def _show(request: Request, sieve: ProblemSieve, weighed: Weighed) -> Response:
    runtime: Runtime = request.app.state.runtime
    categories = await categories_in_force(runtime.settings.huifang_templates)
    names = {one.key: category_words(one) for one in categories.all}
    return await list_page(
        request,
        "results/mended.html",
        "problems",
        rows=[(one, names.get(one.category, one.category), _way(weighed, one)) for one in weighed.lines],
        n=len(weighed.reached),
        calls=len(weighed.called),
        ways=[(channel_words(one), n) for one, n in sorted(weighed.by_channel.items())],
        left_out=[(refusal_words(str(one)), n) for one, n in sorted(weighed.left_out.items())],
        asked=_asked(sieve),
        back_url=url_of("/problems", **_asked(sieve)),
    )


def _way(weighed: Weighed, line: ProblemLine) -> tuple[str, str]:
    """(message, task or wait, which channel or why not)."""
    verdict = weighed.verdicts.get(line.member_id)
    if verdict is None:
        return "wait", ""
    if not isinstance(verdict, Suppress):
        return "message", channel_words(str(verdict.channel))
    called = line.member_id in weighed.called
    return "task" if called else "wait", refusal_words(str(verdict.reason))


def _asked(sieve: ProblemSieve) -> Mapping[str, str]:
    return {name: value for name, value in asdict(sieve).items() if value and name != "state"}


routes = [
    StaffRoute(_PATH, mended, right=Right.SEE),
    StaffRoute(_PATH, tell, right=Right.ANSWER, methods=["POST"]),
]
