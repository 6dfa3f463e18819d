"""huifang gift: the store of gifts and the plans of festivals, from the machine itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.runtime import open_runtime
from bot.settings import Settings
from campaigns import audit, gift_ledger, gift_store, gifting
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.gift_ledger import Plan
from campaigns.gift_store import Item

_HERE = "命令行"


async def store(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [_item(one) for one in await gift_store.list_items()]


async def add(
    settings: Settings, name: str, value: int, stock: int, tastes: Sequence[str], *, house: bool
) -> dict[str, Any]:
    async with open_database(settings), open_runtime(settings) as runtime:
        made = await gift_store.save_item(name, value, stock, tastes, house=house)
        detail = {"value": value, "stock": stock}
        await audit.record_audit(
            Action.GIFTS_CHANGED, at=runtime.clock(), who=_HERE, subject=f"gift/{made.name}", detail=detail
        )
    return _item(made)


async def plan(settings: Settings, festival: str, budget: int, rule: str) -> dict[str, Any]:
    """The figures of the last plan stand where none is given."""
    async with open_database(settings), open_runtime(settings) as runtime:
        plans = await gift_ledger.list_plans()
        wish = replace(gifting.default_wish(festival, next(iter(plans), None)), budget=budget)
        wish = replace(wish, rule=rule) if rule else wish
        calendar = runtime.rulebook.calendar
        found = await gifting.reckon_plan(wish, calendar, by=_HERE, now=runtime.clock())
        return await _plan(found.plan) | {"takes_none": found.takes_none, "refused": found.refused}


async def plans(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [_head(one) for one in await gift_ledger.list_plans()]


async def show(settings: Settings, plan_id: int) -> dict[str, Any]:
    async with open_database(settings):
        return await _plan(await _found(plan_id))


async def approve(settings: Settings, plan_id: int) -> dict[str, Any]:
    async with open_database(settings), open_runtime(settings) as runtime:
        await _found(plan_id)
        now = runtime.clock()
        tasks = await gifting.approve_plan(plan_id, runtime.rulebook.calendar, by=_HERE, now=now)
        found = await _found(plan_id)
        subject, detail = f"gifts/{found.festival}", {"what": "approved", "tasks": tasks}
        await audit.record_audit(Action.GIFTS_CHANGED, at=now, who=_HERE, subject=subject, detail=detail)
        return await _plan(found) | {"tasks": tasks}


async def _found(plan_id: int) -> Plan:
    found = await gift_ledger.find_plan(plan_id)
    if found is None:
        raise InputError(f"没有{plan_id}号礼品计划，看 huifang gift plans (no such plan)")
    return found


async def _plan(found: Plan) -> dict[str, Any]:
    names = {item.id: item.name for item in await gift_store.list_items()}
    bearers = await gifting.bearers(found.id)
    lines = [
        {
            "member": one.no,
            "name": one.name,
            "tier": str(one.line.tier),
            "owner": one.owner,
            "manner": str(one.line.manner),
            "gifts": [names[gift] for gift in one.line.gifts],
            "value": one.line.value,
            "why": list(one.line.why),
            "obstacle": one.line.obstacle,
            "state": one.line.state,
        }
        for one in bearers
    ]
    total = sum(one.line.value for one in bearers if one.line.state != gift_ledger.DROPPED)
    return _head(found) | {"total": total, "lines": lines}


def _head(one: Plan) -> dict[str, Any]:
    day = one.rules.day.isoformat()
    return {"id": one.id, "festival": one.festival, "day": day, "state": one.state, "budget": one.rules.budget}


def _item(one: Item) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "value": one.value,
        "stock": one.stock,
        "free": one.free,
        "tastes": list(one.tastes),
        "house": one.house,
        "active": one.active,
    }


def store_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [
        [one["name"], f"{one['value']:,}", f"{one['stock']:,}", f"{one['free']:,}", "、".join(one["tastes"])]
        for one in found
    ]
    return [table(["礼品", "价值（元）", "库存", "还能用", "哪一类"], rows)]


def plans_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [[str(one["id"]), one["festival"], one["day"], one["state"], one["budget"]] for one in found]
    return [table(["编号", "节日", "日期", "状态", "预算（元）"], rows)]


def plan_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [
        [
            one["tier"],
            one["member"],
            one["name"],
            "、".join(one["gifts"]) or f"—（{one['obstacle']}）",
            f"{one['value']:,}",
        ]
        for one in found["lines"]
    ]
    head = (
        f"{found['festival']} {found['state']}：合计{found['total']:,}元，预算{found['budget']:,}元（{found['id']}号）"
    )
    return [head, table(["分级", "编号", "企业", "礼品", "元"], rows)]
