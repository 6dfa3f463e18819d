"""huifang gift: the store of gifts and the plans of festivals, from the machine itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bot import gift_words as words
from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.runtime import open_runtime
from bot.settings import Settings
from campaigns import audit, gift_ledger, gift_store, gifting
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.gift_ledger import Plan
from campaigns.gift_store import Item
from campaigns.gifts import Manner
from campaigns.gifts.values import STAND
from campaigns.terms import Tier

HERE = "命令行"


async def store(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [_item(one) for one in await gift_store.list_items()]


async def add(
    settings: Settings,
    name: str,
    value: int | None,
    stock: int | None,
    tastes: Sequence[str] | None,
    house: bool | None,
    active: bool | None,
) -> dict[str, Any]:
    """Of a gift that is there already only what is given changes."""
    async with open_database(settings), open_runtime(settings) as runtime:
        known = {one.name: one for one in await gift_store.list_items()}.get(" ".join(name.split()))
        made = await gift_store.save_item(
            name,
            _given(value, known.value if known else None, "--value"),
            _given(stock, known.stock if known else None, "--stock"),
            tastes if tastes is not None else known.tastes if known else (),
            house=house if house is not None else bool(known and known.house),
            active=active if active is not None else not known or known.active,
        )
        detail = {"value": made.value, "stock": made.stock}
        await audit.record_audit(
            Action.GIFTS_CHANGED, at=runtime.clock(), who=HERE, subject=f"gift/{made.name}", detail=detail
        )
    return _item(made)


def _given(value: int | None, known: int | None, option: str) -> int:
    found = value if value is not None else known
    if found is None:
        raise InputError(f"库里还没有它，写上{option} (it is new: give {option})")
    return found


async def plan(
    settings: Settings, festival: str, budget: int, rule: str, levels: Sequence[str] = (), manners: Sequence[str] = ()
) -> dict[str, Any]:
    """The figures of the last plan stand where none is given."""
    async with open_database(settings), open_runtime(settings) as runtime:
        plans = await gift_ledger.list_plans()
        wish = replace(gifting.default_wish(festival, next(iter(plans), None)), budget=budget)
        wish = replace(wish, rule=rule) if rule else wish
        wish = replace(wish, levels={**wish.levels, **_levels(levels)}, manners={**wish.manners, **_manners(manners)})
        calendar = runtime.rulebook.calendar
        found = await gifting.reckon_plan(wish, calendar, by=HERE, now=runtime.clock())
        return await plan_found(found.plan) | {"takes_none": found.takes_none, "refused": found.refused}


def _levels(given: Sequence[str]) -> dict[Tier, int]:
    found = {}
    for tier, text in _by_tier(given):
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InputError(f"{tier}={text}：写整数的元，如高端=300 (whole yuan, as 高端=300)")
        found[tier] = int(text)
    return found


def _manners(given: Sequence[str]) -> dict[Tier, Manner]:
    found = {}
    for tier, text in _by_tier(given):
        if text not in list(Manner):
            raise InputError(f"{tier}={text}：写{'、'.join(Manner)} (one of {', '.join(Manner)})")
        found[tier] = Manner(text)
    return found


def _by_tier(given: Sequence[str]) -> Iterator[tuple[Tier, str]]:
    for one in given:
        tier, _, text = one.partition("=")
        if tier not in list(Tier):
            raise InputError(f"{one}：前面写{'、'.join(Tier)} (begin with one of {', '.join(Tier)})")
        yield Tier(tier), text


async def plans(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [_head(one) for one in await gift_ledger.list_plans()]


async def show(settings: Settings, plan_id: int) -> dict[str, Any]:
    async with open_database(settings):
        return await plan_found(await find_plan(plan_id))


async def approve(settings: Settings, plan_id: int) -> dict[str, Any]:
    async with open_database(settings), open_runtime(settings) as runtime:
        await find_plan(plan_id)
        now = runtime.clock()
        tasks = await gifting.approve_plan(plan_id, runtime.rulebook.calendar, by=HERE, now=now)
        found = await find_plan(plan_id)
        subject, detail = f"gifts/{found.festival}", {"what": "approved", "tasks": tasks}
        await audit.record_audit(Action.GIFTS_CHANGED, at=now, who=HERE, subject=subject, detail=detail)
        return await plan_found(found) | {"tasks": tasks}


async def find_plan(plan_id: int) -> Plan:
    found = await gift_ledger.find_plan(plan_id)
    if found is None:
        raise InputError(f"没有{plan_id}号礼品计划，看 huifang gift plans (no such plan)")
    return found


async def plan_found(found: Plan) -> dict[str, Any]:
    names = {item.id: item.name for item in await gift_store.list_items()}
    bearers = await gifting.bearers(found.id)
    held_by = {one.line.member_id: one.no for one in bearers}
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
            "held_by": held_by.get(one.line.held_by or 0, ""),
            "note": one.line.note,
            "state": one.line.state,
        }
        for one in bearers
    ]
    total = sum(one.line.value for one in bearers if one.line.state in STAND)
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
    rows = [
        [str(one["id"]), one["festival"], one["day"], words.plan_words(one["state"]), one["budget"]] for one in found
    ]
    return [table(["编号", "节日", "日期", "状态", "预算（元）"], rows)]


def plan_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [
        [
            one["tier"],
            one["member"],
            one["name"],
            "、".join(one["gifts"]) or "—",
            f"{one['value']:,}",
            _why(one),
            words.line_words(one["state"]) + (f"：{one['note']}" if one["note"] else ""),
        ]
        for one in found["lines"]
    ]
    state, money = words.plan_words(found["state"]), f"合计{found['total']:,}元，预算{found['budget']:,}元"
    head = f"{found['festival']} {state}：{money}（{found['id']}号）"
    return [head, table(["分级", "编号", "企业", "礼品", "元", "为什么", "结果"], rows)]


def _why(one: Mapping[str, Any]) -> str:
    why = [words.why_words(each) for each in one["why"]]
    lost = words.obstacle_words(one["obstacle"]) if one["obstacle"] else ""
    lost += f"（{one['held_by']}）" if one["held_by"] else ""
    return "；".join([*why, f"更好的让给了：{lost}" if lost and one["gifts"] else lost]).strip("；")
