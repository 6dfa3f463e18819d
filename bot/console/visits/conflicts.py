"""排不开: each rule of the visit calendar that lost, why, and what to do about it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.console.shell import staff_page
from bot.console.visits.months import owners_of, url, whose_of
from bot.runtime import Runtime
from bot.visit_words import conflict_line, rule_words, what_to_do
from bot.web.desk import StaffRoute, visitor_of
from campaigns import planned_lists
from campaigns.rights import Right
from campaigns.visiting import Rule

_PAGE = 50


async def conflicts(request: Request) -> Response:
    """Fifty a page; `lost` narrows it to one rule."""
    runtime: Runtime = request.app.state.runtime
    whose, lost, number = whose_of(request), _rule(request.query_params.get("lost", "")), _number(request)
    owners = await owners_of(visitor_of(request).staff, whose)
    counts = await planned_lists.count_conflicts(owners)
    by_rule: dict[str, int] = {}
    for (rule, _), n in counts.items():
        by_rule[rule] = by_rule.get(rule, 0) + n
    total = by_rule.get(lost, 0) if lost else sum(by_rule.values())
    given: dict[str, Any] = {"lost": lost}
    return await staff_page(
        request,
        "visits/conflicts.html",
        here="visits",
        lines=await planned_lists.browse_conflicts(owners, lost, number, _PAGE),
        rules=[(rule, rule_words(rule), n, url("/visits/conflicts", whose, lost=rule)) for rule, n in by_rule.items()],
        everything=url("/visits/conflicts", whose),
        whole=sum(by_rule.values()),
        lost=lost,
        total=total,
        number=number,
        pages=max(1, -(-total // _PAGE)),
        turn=lambda to: url("/visits/conflicts", whose, **given, page=str(to)),
        line=conflict_line,
        cure=what_to_do,
        a_day=runtime.settings.visit_a_day,
    )


def _rule(text: str) -> str:
    return text if text in list(Rule) else ""


def _number(request: Request) -> int:
    text = request.query_params.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


routes = [StaffRoute("/visits/conflicts", conflicts, right=Right.SEE)]
