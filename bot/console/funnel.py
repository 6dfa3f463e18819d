"""漏斗: how far members came, from their registration to their renewal; each number is a list of members."""

from collections.abc import Sequence
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from bot.advice_words import stage_words
from bot.console import charts
from bot.console.shell import staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns import staff
from campaigns.members.staging import GROUPS, Step, count_by, read_funnel
from campaigns.rights import Right
from campaigns.stages import Stage
from campaigns.terms import Tier

_LONGEST = 64
_LISTED = 30  # rows of the comparison
_BY = {"tier": "按分级比较", "owner": "按负责人比较", "trade": "按行业比较"}


async def funnel(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    query, visitor = request.query_params, visitor_of(request).staff
    asked = {key: query.get(key, "").strip()[:_LONGEST] for key in (*GROUPS, "department")}
    narrowed = {key: asked[key] for key in GROUPS if asked[key]}
    owners = await _owners(asked["department"], visitor.owners)
    by = query.get("by", "tier") if query.get("by", "tier") in GROUPS else "tier"
    steps = await read_funnel(runtime.clock(), narrowed=narrowed, owners=owners)
    compared = await count_by(by, narrowed=narrowed, owners=owners)
    everybody = [one for one in await staff.list_staff() if visitor.sees_owner(one.name)]
    return await staff_page(
        request,
        "statistics/funnel.html",
        here="funnel",
        steps=steps,
        total=steps[0].reached,
        chart=_chart(steps),
        asked=asked,
        by=by,
        bys={key: say(words) for key, words in _BY.items()},
        compared=list(compared.items())[:_LISTED],
        more=max(0, len(compared) - _LISTED),
        stages=list(Stage),
        named=stage_words,
        tiers=[str(one) for one in Tier],
        people=sorted(one.name for one in everybody),
        departments=sorted({one.department for one in everybody if one.department}),
        link=lambda **more: _link(asked, more),
    )


async def _owners(department: str, seen: frozenset[str] | None) -> frozenset[str] | None:
    if not department:
        return seen
    names = await staff.names_of_department(department)
    return names if seen is None else names & seen


def _chart(steps: Sequence[Step]) -> Markup:
    first = steps[0].reached
    bars = [charts.Bar(stage_words(one.stage), one.reached, _share(one.reached, first), "b2") for one in steps]
    told = say("、").join(f"{bar.label} {bar.n:,}" for bar in bars)
    return charts.funnel(bars, say("漏斗：{rows}").format(rows=told))


def _share(part: int, whole: int) -> str:
    return f"{part * 100 / whole:.0f}%" if whole else ""


def _link(asked: dict[str, str], more: dict[str, str]) -> str:
    given = {key: value for key, value in {**asked, **more}.items() if value}
    return f"/members?{urlencode(given) or 'all=1'}"


routes = [StaffRoute("/statistics/funnel", funnel, right=Right.SEE)]
