"""礼品: the plans and the store; one plan with who gets what; the sheet for handing over."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.console import sheets
from bot.console.gifts import words
from bot.console.gifts.form import typed_of
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.pages import masked
from campaigns import gift_ledger, gift_store, gifting
from campaigns.audit import Action
from campaigns.gift_ledger import Plan
from campaigns.gifting import Bearer
from campaigns.gifts import Manner
from campaigns.gifts.values import APPROVED, CLOSED, DRAFT, DROPPED, HANDED, PLANNED, STAND
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, Tier

_AHEAD_DAYS = 400
_HEAD = ("分级", "编号", "企业", "负责人", "怎么问候", "礼品", "价值（元）", "联系人", "电话", "结果", "备注")


async def gifts(request: Request) -> Response:
    return await gifts_page(request)


async def gifts_page(
    request: Request, *, faults: Mapping[str, str] | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    """`edit` names the gift whose figures stand in the form of the store."""
    items = await gift_store.list_items()
    asked = request.query_params.get("edit", "")[:64]
    plans = await gift_ledger.list_plans()
    return await staff_page(
        request,
        "gifts/list.html",
        here="gifts",
        status_code=422 if faults else 200,
        plans=[(one, await _sums(one, visitor_of(request).staff.owners)) for one in plans],
        whole=visitor_of(request).staff.owners is None,
        items=items,
        edited=next((one for one in items if one.name == asked), None),
        may_plan=visitor_of(request).may(Right.PLAN),
        gift_words=words,
        faults=faults or {},
        typed=typed or {},
        done=request.query_params.get("done", ""),
    )


async def _sums(plan: Plan, owners: Collection[str] | None) -> Mapping[str, int]:
    """Of the members the reader may see."""
    lines = [one.line for one in await gifting.bearers(plan.id, owners)]
    going = [line for line in lines if line.state in STAND and line.gifts]
    return {
        "total": sum(line.value for line in going),
        "given": len(going),
        "handed": sum(line.state == HANDED for line in lines),
        "all": len(lines),
    }


async def new(request: Request) -> Response:
    plans = await gift_ledger.list_plans()
    runtime: Runtime = request.app.state.runtime
    festivals = _festivals(runtime)
    wish = gifting.default_wish(
        request.query_params.get("festival", "")[:32] or festivals[0][0], next(iter(plans), None)
    )
    return await wish_page(request, typed_of(wish), {})


async def wish_page(request: Request, typed: Mapping[str, str], faults: Mapping[str, str]) -> Response:
    runtime: Runtime = request.app.state.runtime
    return await staff_page(
        request,
        "gifts/new.html",
        here="gifts",
        status_code=422 if faults else 200,
        festivals=_festivals(runtime),
        tiers=list(Tier),
        manners=words.manners(),
        store=await gift_store.list_items(active=True),
        typed=typed,
        faults=faults,
    )


def _festivals(runtime: Runtime) -> list[tuple[str, str]]:
    """(name, the same with its day), the next ones first."""
    today = runtime.clock().astimezone(SHANGHAI).date()
    found = runtime.rulebook.calendar.festivals_between(today, today + timedelta(days=365))
    return [(one.name, f"{one.name} {one.date:%Y-%m-%d}") for one in found if not one.trades]


async def plan(request: Request) -> Response:
    return await plan_page(request, request.path_params["id"], "")


async def plan_page(request: Request, plan_id: int, fault: str) -> Response:
    """One plan; `tier` narrows it."""
    found = await gift_ledger.find_plan(plan_id)
    if found is None:
        return await no_plan(request)
    visitor = visitor_of(request)
    bearers = await gifting.bearers(found.id, visitor.staff.owners)
    tier = request.query_params.get("tier", "")
    return await staff_page(
        request,
        "gifts/plan.html",
        here="gifts",
        status_code=409 if fault else 200,
        plan=found,
        bearers=[one for one in bearers if tier in ("", one.line.tier)],
        tiers=[(one, *_of_tier(bearers, one)) for one in Tier],
        tier=tier,
        total=sum(one.line.value for one in bearers if one.line.state in STAND),
        whole=visitor.staff.owners is None,
        tasks=sum(one.line.state == PLANNED and one.line.manner is not Manner.MESSAGE for one in bearers),
        by_message=sum(one.line.state == PLANNED and one.line.manner is Manner.MESSAGE for one in bearers),
        by_member={one.line.member_id: one for one in bearers},
        names=await _names(),
        gift_words=words,
        fault=fault,
        done=request.query_params.get("done", "")[:16],
        left_out=request.query_params.get("left", "")[:16],
        may_plan=visitor.may(Right.PLAN) and found.state == DRAFT,
        may_anew=visitor.may(Right.PLAN) and found.state in (DRAFT, CLOSED),
        may_approve=visitor.may(Right.APPROVE) and found.state == DRAFT,
        may_end=visitor.may(Right.APPROVE) and found.state == APPROVED,
        may_hand=visitor.may(Right.ANSWER) and found.state == APPROVED,
    )


def _of_tier(bearers: Sequence[Bearer], tier: Tier) -> tuple[int, int, int]:
    """How many members, how many of them get a gift, what these are worth together."""
    lines = [one.line for one in bearers if one.line.tier is tier and one.line.state in STAND]
    return len(lines), sum(bool(line.gifts) for line in lines), sum(line.value for line in lines)


async def sheet(request: Request) -> Response:
    """To print: one block for each colleague, with room for a signature."""
    found = await _found(request)
    if found is None:
        return await no_plan(request)
    visitor = visitor_of(request)
    bearers = await gifting.bearers(found.id, visitor.staff.owners)
    by_owner: dict[str, list[Bearer]] = {}
    for one in bearers:
        if one.line.state != DROPPED and one.line.manner is not Manner.MESSAGE:
            by_owner.setdefault(one.owner, []).append(one)
    return await staff_page(
        request,
        "gifts/sheet.html",
        here="gifts",
        plan=found,
        by_owner=sorted(by_owner.items()),
        names=await _names(),
        gift_words=words,
        full=visitor.may(Right.ADDRESSES),
        masked=masked,
    )


async def as_csv(request: Request) -> Response:
    found = await _found(request)
    if found is None:
        return await no_plan(request)
    visitor = visitor_of(request)
    bearers = await gifting.bearers(found.id, visitor.staff.owners)
    full = visitor.may(Right.ADDRESSES)
    await log(request, Action.EXPORTED, f"gifts/{found.festival}", rows=len(bearers), kind="csv", addresses=full)
    rows = [_cells(one, await _names(), full) for one in bearers]

    async def pieces() -> AsyncIterator[Sequence[Sequence[str]]]:
        yield rows

    return await sheets.as_file("csv", f"{say('礼品')}-{found.festival}", [say(one) for one in _HEAD], pieces())


def _cells(one: Bearer, names: Mapping[int, str], full: bool) -> list[str]:
    line = one.line
    return [
        line.tier,
        one.no,
        one.name,
        one.owner,
        words.manner_words(line.manner),
        "、".join(names[gift] for gift in line.gifts),
        str(line.value),
        one.contact,
        one.mobile if full else masked(one.mobile),
        words.line_words(line.state),
        line.note,
    ]


async def _names() -> dict[int, str]:
    return {item.id: item.name for item in await gift_store.list_items()}


async def _found(request: Request) -> Plan | None:
    return await gift_ledger.find_plan(request.path_params["id"])


async def no_plan(request: Request) -> Response:
    return await not_found(request, here="gifts", what=say("没有这个礼品计划"))


routes: list[Any] = [
    StaffRoute("/gifts", gifts, right=Right.SEE),
    StaffRoute("/gifts/new", new, right=Right.PLAN),
    StaffRoute("/gifts/{id:int}", plan, right=Right.SEE),
    StaffRoute("/gifts/{id:int}/sheet", sheet, right=Right.SEE),
    StaffRoute("/gifts/{id:int}.csv", as_csv, right=Right.EXPORT),
]
