"""Gifts: what lies in store, who likes what, the plan of each festival and its lines."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from campaigns.errors import InputError, StateError
from campaigns.gifts import Allotted, Gift, GiftRules, Line, Manner
from campaigns.models import GiftItem, GiftLine, GiftPlan, GiftTaste
from campaigns.terms import Tier

LONGEST = 64
_DEAREST, _MOST_PIECES, _RICHEST = 100_000, 1_000_000, 100_000_000
_MOST_TASTES = 10
PLANNED, HANDED, REFUSED, DROPPED = "planned", "handed", "refused", "dropped"
DRAFT, APPROVED, CLOSED = "draft", "approved", "closed"


@dataclass(frozen=True, slots=True)
class Item:
    """`stock`: pieces in store; `promised`: those of them that approved plans still owe somebody."""

    id: int
    name: str
    value: int
    stock: int
    promised: int
    tastes: tuple[str, ...]
    house: bool
    active: bool

    @property
    def free(self) -> int:
        return max(self.stock - self.promised, 0)

    @property
    def gift(self) -> Gift:
        return Gift(self.id, self.name, self.value, self.free, frozenset(self.tastes), self.house)


@dataclass(frozen=True, slots=True)
class Taste:
    likes: tuple[str, ...] = ()
    dislikes: tuple[str, ...] = ()
    takes_none: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Money in whole yuan; `manners`: how each tier is greeted."""

    id: int
    festival: str
    rule: str
    rules: GiftRules
    manners: Mapping[Tier, Manner]
    state: str
    by: str
    at: datetime
    approved_by: str
    approved_at: datetime | None


@dataclass(frozen=True, slots=True)
class PlanLine:
    id: int
    plan_id: int
    member_id: int
    tier: Tier
    manner: Manner
    gifts: tuple[int, ...]
    value: int
    why: tuple[str, ...]
    obstacle: str
    state: str
    note: str
    by: str
    at: datetime | None


# ---- the store ------------------------------------------------------------------------------------------------------


async def list_items(*, active: bool = False) -> list[Item]:
    """Dearest first; with `active` without those that are given no more."""
    rows = await (GiftItem.filter(active=True) if active else GiftItem.all()).order_by("-value", "name")
    promised = await _promised()
    return [_item(row, promised.get(row.id, 0)) for row in rows]


async def save_item(
    name: str, value: int, stock: int, tastes: Collection[str], *, house: bool, active: bool = True
) -> Item:
    """New, or anew by its name. Raises InputError that says what is wrong with which."""
    name = " ".join(name.split())
    if not 0 < len(name) <= LONGEST:
        raise InputError(f"名称写1到{LONGEST}个字 (a name of 1 to {LONGEST} characters)")
    if not 0 < value <= _DEAREST:
        raise InputError(f"价值写1到{_DEAREST}元 (a value of 1 to {_DEAREST} yuan)")
    if not 0 <= stock <= _MOST_PIECES:
        raise InputError(f"库存写0到{_MOST_PIECES}件 (a stock of 0 to {_MOST_PIECES} pieces)")
    given = {"value": value, "stock": stock, "tastes": words_of(tastes), "house": house, "active": active}
    row, _ = await GiftItem.update_or_create(name=name, defaults=given)
    return _item(row, (await _promised()).get(row.id, 0))


def words_of(given: Collection[str]) -> list[str]:
    """Kinds as they are kept: trimmed, each once, in the order of the words."""
    words = sorted({" ".join(one.split()) for one in given} - {""})
    if len(words) > _MOST_TASTES or any(len(one) > 16 for one in words):
        raise InputError(f"喜好最多{_MOST_TASTES}个词，每个最多16个字 (at most {_MOST_TASTES} words of 16 characters)")
    return words


async def _promised() -> dict[int, int]:
    """Item id → pieces that approved plans owe."""
    plans = await GiftPlan.filter(state=APPROVED).values_list("id", flat=True)
    owed: dict[int, int] = {}
    for (gifts,) in await GiftLine.filter(plan_id__in=plans, state=PLANNED).values_list("gifts"):
        for gift in gifts:
            owed[gift] = owed.get(gift, 0) + 1
    return owed


# ---- who likes what, who had what -----------------------------------------------------------------------------------


async def tastes_of(member_ids: Collection[int]) -> dict[int, Taste]:
    rows = await GiftTaste.filter(member_id__in=list(member_ids))
    return {row.member_id: Taste(tuple(row.likes), tuple(row.dislikes), row.takes_none) for row in rows}


async def save_taste(member_id: int, likes: Collection[str], dislikes: Collection[str], *, takes_none: bool) -> None:
    given = {"likes": words_of(likes), "dislikes": words_of(dislikes), "takes_none": takes_none}
    await GiftTaste.update_or_create(member_id=member_id, defaults=given)


async def had_of(member_ids: Collection[int]) -> dict[int, dict[int, date]]:
    """Member id → gift id → the festival they had it last."""
    lines = await GiftLine.filter(member_id__in=list(member_ids), state=HANDED).values_list(
        "member_id", "plan_id", "gifts"
    )
    days = dict(await GiftPlan.all().values_list("id", "day"))
    found: dict[int, dict[int, date]] = {}
    for member_id, plan_id, gifts in lines:
        had = found.setdefault(member_id, {})
        for gift in gifts:
            had[gift] = max(had.get(gift, days[plan_id]), days[plan_id])
    return found


# ---- plans ----------------------------------------------------------------------------------------------------------


async def list_plans() -> list[Plan]:
    return [_plan(row) for row in await GiftPlan.all().order_by("-day", "-id")]


async def find_plan(plan_id: int) -> Plan | None:
    row = await GiftPlan.get_or_none(id=plan_id) if 0 < plan_id < 2**31 else None
    return _plan(row) if row else None


async def lines_of(plan_id: int) -> list[PlanLine]:
    """By tier as it was, then by worth."""
    found = [_line(row) for row in await GiftLine.filter(plan_id=plan_id).order_by("id")]
    order = {tier: number for number, tier in enumerate(Tier)}
    return sorted(found, key=lambda line: (order[line.tier], -line.value, line.id))


async def save_plan(
    festival: str,
    rule: str,
    rules: GiftRules,
    manners: Mapping[Tier, Manner],
    found: Allotted,
    *,
    by: str,
    now: datetime,
) -> Plan:
    """A draft of this festival, in place of an earlier draft. Raises StateError where it is approved already."""
    if not 0 <= rules.budget <= _RICHEST:
        raise InputError(f"预算写0到{_RICHEST}元 (a budget of 0 to {_RICHEST} yuan)")
    async with in_transaction():
        before = await GiftPlan.filter(festival=festival).select_for_update().first()
        if before and before.state != DRAFT:
            raise StateError(f"{festival}的计划已经批准，先取消它再重算 (the plan is approved; call it off first)")
        given = {
            "day": rules.day,
            "rule": rule,
            "budget": rules.budget,
            "levels": {str(tier): value for tier, value in rules.levels.items()},
            "manners": {str(tier): str(manner) for tier, manner in manners.items()},
            "by": by,
            "at": now,
        }
        row = before.update_from_dict(given) if before else GiftPlan(festival=festival, **given)
        try:
            await row.save()
        except IntegrityError as exc:  # somebody else made it in this moment
            raise StateError(f"{festival}刚有人算过，重新打开看看 (somebody made this plan just now)") from exc
        await GiftLine.filter(plan_id=row.id).delete()
        await GiftLine.bulk_create([_row(row.id, line, manners) for line in found.lines])
    return _plan(row)


async def approve_plan(plan_id: int, *, by: str, now: datetime) -> None:
    """From here the pieces are promised. Raises StateError where the store no longer has them or it is no draft."""
    async with in_transaction():
        await _hold(plan_id, DRAFT)
        items = {one.id: one for one in await list_items()}
        wanted: dict[int, int] = {}
        for line in await lines_of(plan_id):
            for gift in line.gifts if line.state == PLANNED else ():
                wanted[gift] = wanted.get(gift, 0) + 1
        short = [items[gift].name for gift, pieces in wanted.items() if items[gift].free < pieces]
        if short:
            raise StateError(f"库存不够了：{'、'.join(sorted(short))}。补了库存再批，或者重算 (not enough in store)")
        await GiftPlan.filter(id=plan_id).update(state=APPROVED, approved_by=by, approved_at=now)


async def close_plan(plan_id: int) -> None:
    """Called off, or over: what was not handed over is promised no more."""
    if not await GiftPlan.filter(id=plan_id, state__in=(DRAFT, APPROVED)).update(state=CLOSED):
        raise StateError("这个计划已经结束 (this plan is over)")


async def drop_line(line_id: int, note: str, *, by: str, now: datetime) -> PlanLine:
    """Take a member out of a draft, with the reason: the rest is not reckoned anew by this."""
    return await _end_line(line_id, DRAFT, DROPPED, note, by, now)


async def hand_line(line_id: int, note: str, *, taken: bool, by: str, now: datetime) -> PlanLine:
    """It was brought. Taken, its pieces leave the store; not taken, they stay in it."""
    async with in_transaction():
        line = await _end_line(line_id, APPROVED, HANDED if taken else REFUSED, note, by, now)
        for gift in line.gifts if taken else ():
            row = await GiftItem.filter(id=gift).select_for_update().get()
            await GiftItem.filter(id=gift).update(stock=max(row.stock - 1, 0))
    return line


async def find_line(line_id: int) -> PlanLine | None:
    row = await GiftLine.get_or_none(id=line_id) if 0 < line_id < 2**31 else None
    return _line(row) if row else None


async def _end_line(line_id: int, plan_state: str, state: str, note: str, by: str, now: datetime) -> PlanLine:
    line = await find_line(line_id)
    if line is None:
        raise StateError("没有这一行 (no such line)")
    await _hold(line.plan_id, plan_state)
    given = {"state": state, "note": note[:255], "by": by, "at": now}
    if not await GiftLine.filter(id=line_id, state=PLANNED).update(**given):
        raise StateError("这一行刚被别人改过，重新打开看看 (somebody changed this line)")
    return replace(line, state=state, note=note[:255], by=by, at=now)


async def _hold(plan_id: int, state: str) -> None:
    row = await GiftPlan.filter(id=plan_id).select_for_update().first()
    if row is None or row.state != state:
        raise StateError("这个计划不在这一步了，重新打开看看 (this plan is at another stage)")


# ---- rows -----------------------------------------------------------------------------------------------------------


def _row(plan_id: int, line: Line, manners: Mapping[Tier, Manner]) -> GiftLine:
    return GiftLine(
        plan_id=plan_id,
        member_id=line.member_id,
        tier=str(line.tier),
        manner=str(manners.get(line.tier, Manner.MESSAGE)),
        gifts=[gift.id for gift in line.gifts],
        value=line.value,
        why=[str(one) for one in line.why],
        obstacle=str(line.obstacle or ""),
    )


def _item(row: GiftItem, promised: int) -> Item:
    return Item(row.id, row.name, row.value, row.stock, promised, tuple(row.tastes), row.house, row.active)


def _plan(row: GiftPlan) -> Plan:
    levels = {Tier(tier): int(value) for tier, value in row.levels.items()}
    return Plan(
        id=row.id,
        festival=row.festival,
        rule=row.rule,
        rules=GiftRules(budget=row.budget, day=row.day, levels=levels),
        manners={Tier(tier): Manner(manner) for tier, manner in row.manners.items()},
        state=row.state,
        by=row.by,
        at=row.at,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
    )


def _line(row: GiftLine) -> PlanLine:
    return PlanLine(
        id=row.id,
        plan_id=row.plan_id,
        member_id=row.member_id,
        tier=Tier(row.tier),
        manner=Manner(row.manner),
        gifts=tuple(row.gifts),
        value=row.value,
        why=tuple(row.why),
        obstacle=row.obstacle,
        state=row.state,
        note=row.note,
        by=row.by,
        at=row.at,
    )
