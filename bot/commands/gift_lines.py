"""huifang gift: what is done with one line of a plan, its sheet, its end, and what a member likes."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from bot import gift_words as words
from bot.commands.gifting import HERE, find_plan, plan_found
from bot.commands.printing import Shown, pairs, table
from bot.database import open_database
from bot.runtime import open_runtime
from bot.settings import Settings
from bot.web.pages import masked
from campaigns import audit, gift_ledger, gift_store, gifting
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.gift_ledger import Plan, PlanLine
from campaigns.gift_store import Taste
from campaigns.gifts import Manner
from campaigns.gifts.values import DROPPED
from campaigns.members import find
from campaigns.members.find import Head

_HEAD = ("负责人", "编号", "企业", "地区", "联系人", "电话", "怎么问候", "礼品", "价值（元）", "结果", "备注")


async def end_line(settings: Settings, plan_id: int, number: str, what: str, note: str = "") -> dict[str, Any]:
    """`what`: handed, refused, dropped or taken_back."""
    async with open_database(settings), open_runtime(settings) as runtime:
        plan, head = await find_plan(plan_id), await _member(number)
        line, now = await _line(plan, head), runtime.clock()
        if what == "taken_back":
            await gifting.take_back(line.id, by=HERE, now=now)
        elif what == "dropped":
            await gifting.drop_line(line.id, note, by=HERE, now=now)
        else:
            await gifting.hand_over(line.id, note, taken=what == "handed", by=HERE, now=now)
        detail = {"what": what, "plan": plan.festival}
        subject = f"member/{head.no}"
        await audit.record_audit(Action.GIFTS_CHANGED, at=now, who=HERE, subject=subject, detail=detail)
        return await plan_found(plan)


async def call_off(settings: Settings, plan_id: int) -> dict[str, Any]:
    async with open_database(settings), open_runtime(settings) as runtime:
        plan, now = await find_plan(plan_id), runtime.clock()
        await gifting.call_off(plan_id, by=HERE, now=now)
        subject, detail = f"gifts/{plan.festival}", {"what": "called_off"}
        await audit.record_audit(Action.GIFTS_CHANGED, at=now, who=HERE, subject=subject, detail=detail)
        return await plan_found(await find_plan(plan_id))


async def tastes(
    settings: Settings,
    number: str,
    likes: Sequence[str] | None,
    dislikes: Sequence[str] | None,
    takes_none: bool | None,
) -> dict[str, Any]:
    """Only what is given changes; nothing given, nothing changes."""
    async with open_database(settings), open_runtime(settings) as runtime:
        head = await _member(number)
        known = (await gift_store.tastes_of([head.id])).get(head.id, Taste())
        if (likes, dislikes, takes_none) != (None, None, None):
            none = known.takes_none if takes_none is None else takes_none
            given = known.likes if likes is None else likes, known.dislikes if dislikes is None else dislikes
            await gift_store.save_taste(head.id, *given, takes_none=none)
            detail, subject = {"what": "taste", "takes_none": none}, f"member/{head.no}"
            await audit.record_audit(Action.GIFTS_CHANGED, at=runtime.clock(), who=HERE, subject=subject, detail=detail)
        return await _taste(head)


async def _taste(head: Head) -> dict[str, Any]:
    known = (await gift_store.tastes_of([head.id])).get(head.id, Taste())
    names = {item.id: item.name for item in await gift_store.list_items()}
    had = (await gift_ledger.had_of([head.id])).get(head.id, {})
    return {
        "member": head.no,
        "likes": list(known.likes),
        "dislikes": list(known.dislikes),
        "takes_none": known.takes_none,
        "had": {names[gift]: day.isoformat() for gift, day in had.items()},
    }


async def sheet(settings: Settings, plan_id: int, *, numbers: bool) -> list[dict[str, str]]:
    """Whom somebody goes to or calls, by colleague; whole numbers only where asked, which is written down."""
    async with open_database(settings), open_runtime(settings) as runtime:
        plan = await find_plan(plan_id)
        names = {item.id: item.name for item in await gift_store.list_items()}
        going = [
            one
            for one in await gifting.bearers(plan_id)
            if one.line.state != DROPPED and one.line.manner is not Manner.MESSAGE
        ]
        detail = {"rows": len(going), "addresses": numbers}
        subject = f"gifts/{plan.festival}"
        await audit.record_audit(Action.EXPORTED, at=runtime.clock(), who=HERE, subject=subject, detail=detail)
    return [
        {
            "owner": one.owner,
            "member": one.no,
            "name": one.name,
            "city": one.city,
            "contact": one.contact,
            "mobile": one.mobile if numbers else masked(one.mobile),
            "manner": str(one.line.manner),
            "gifts": "、".join(names[gift] for gift in one.line.gifts),
            "value": str(one.line.value),
            "state": one.line.state,
            "note": one.line.note,
        }
        for one in sorted(going, key=lambda one: (one.owner, one.no))
    ]


async def _member(number: str) -> Head:
    found = await find.find_head(number)
    if found is None:
        raise InputError(f"没有会员{number} (no such member)")
    return found


async def _line(plan: Plan, head: Head) -> PlanLine:
    for line in await gift_ledger.lines_of(plan.id):
        if line.member_id == head.id:
            return line
    raise InputError(f"{plan.festival}的计划里没有{head.no} (the plan has no such member)")


def sheet_csv(found: Sequence[Mapping[str, str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([_HEAD, *([_safe(cell) for cell in row] for row in _rows(found))])
    return out.getvalue()


def sheet_lines(found: Sequence[Mapping[str, str]]) -> list[Shown]:
    return [table(list(_HEAD), _rows(found))]


def _rows(found: Sequence[Mapping[str, str]]) -> list[list[str]]:
    said = [
        {**one, "manner": words.manner_words(one["manner"]), "state": words.line_words(one["state"])} for one in found
    ]
    return [list(one.values()) for one in said]


def _safe(cell: str) -> str:
    """No spreadsheet takes it for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell


def taste_lines(found: Mapping[str, Any]) -> list[Shown]:
    had = "、".join(f"{name} {day}" for name, day in found["had"].items())
    return pairs(
        {
            "会员": found["member"],
            "喜欢": "、".join(found["likes"]),
            "不要": "、".join(found["dislikes"]),
            "什么都不收": "是" if found["takes_none"] else "否",
            "送过": had,
        }
    )
