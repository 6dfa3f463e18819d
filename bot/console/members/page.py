"""企业会员: leaf through them."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.member.reaching import best_ways
from bot.console.members.address import REACHABLE, asked_of, kept, list_url, rules_asked
from bot.console.members.chips import chips_of
from bot.console.members.columns import PHONES, Column, chosen_of, columns_for, keep_chosen
from bot.console.members.views import PAGE as VIEWS
from bot.console.members.walking import walk_url
from bot.console.shell import staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns import planner, saved_views, transfers
from campaigns.members.browse import PAGE, Sieve, browse_members
from campaigns.rights import Right
from campaigns.terms import Tier


@dataclass(frozen=True, slots=True)
class Tab:
    """`n` members; None where nobody counted."""

    label: str
    href: str
    n: int | None
    on: bool


async def members(request: Request) -> Response:
    """Fifty a page, by number; every condition is in the address."""
    query = request.query_params
    sieve, asked = await asked_of(request), rules_asked(query)
    first = await saved_views.default_view(visitor_of(request).staff.id, VIEWS)
    if first is not None and not request.url.query:
        return RedirectResponse(f"/members?{first.query or 'all=1'}", status_code=303)
    columns = await columns_for(request)
    if "columns" in query:
        return _with_columns(request, list_url(sieve, rules=asked), columns)
    number = _page_number(query.get("page", ""))
    found = await browse_members(sieve, number)
    chosen = chosen_of(request, columns)
    ids = [line.id for line in found.lines] if any(one.key == "reach" for one in chosen) else []
    runtime: Runtime = request.app.state.runtime
    reached = await planner.reach_of_many(ids, runtime.clock()) if ids else {}
    views = await saved_views.views_of(visitor_of(request).staff.id, VIEWS)
    here = urlencode(kept(sieve, asked))
    return await staff_page(
        request,
        "members/list.html",
        here="members",
        q=sieve.text,
        sieve=sieve,
        found=found,
        number=number,
        pages=max(1, -(-found.total // PAGE)),
        first=(number - 1) * PAGE + 1,
        tabs=[
            *_tabs(sieve, found.tiers, asked),
            *(Tab(v.name, f"/members?{v.query}", None, here == v.query) for v in views),
        ],
        views=views,
        default=first.id if first else None,
        saved=here in {view.query for view in views},
        view_fault=query.get("view_fault", "")[:200],
        view_name=query.get("view_name", "")[:64],
        chips=await chips_of(sieve, asked),
        asked=asked,
        reachable=REACHABLE,
        kept=kept(sieve, asked),
        marked=query.get("marked") == "all",
        columns=columns,
        ways={key: best_ways([asdict(one) for one in rows]) for key, rows in reached.items()},
        chosen={one.key for one in chosen},
        shown=[one for one in chosen if one.key != PHONES],
        open=lambda no, row: walk_url(no, here, (number - 1) * PAGE + row),
        turn=lambda to: list_url(sieve, page=to, rules=asked),
        mark=_marked(list_url(sieve, page=number, rules=asked)),
        sorted_by=lambda key: list_url(
            replace(sieve, sort=key, down=sieve.sort == key and not sieve.down), rules=asked
        ),
        export=lambda kind: list_url(sieve, rules=asked).replace("/members", f"/members.{kind}", 1),
        **await _done(request),
    )


def _with_columns(request: Request, to: str, columns: Sequence[Column]) -> Response:
    answer = RedirectResponse(to, status_code=303)
    keep_chosen(answer, request.query_params.getlist("column"), columns)
    return answer


def _marked(url: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}marked=all"


async def _done(request: Request) -> dict[str, Any]:
    """What was just done to many, and whether it can be taken back."""
    done = request.query_params.get("done", "")
    given = await transfers.last_of(visitor_of(request).staff.name) if done == "assigned" else None
    return {"done": done if given or done != "assigned" else "", "given": given, "unowned": say("待分配")}


def _tabs(sieve: Sieve, tiers: Mapping[str, int], rules: Mapping[str, str]) -> list[Tab]:
    """All members, and each tier."""

    def tab(label: str, tier: str, n: int) -> Tab:
        return Tab(label, list_url(replace(sieve, tier=tier), rules=rules), n, sieve.tier == tier)

    return [tab(say("全部"), "", sum(tiers.values())), *(tab(say(str(t)), str(t), tiers.get(t, 0)) for t in Tier)]


def _page_number(text: str) -> int:
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


routes = [StaffRoute("/members", members, right=Right.SEE)]
