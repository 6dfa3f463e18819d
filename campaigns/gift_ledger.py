"""Plans of gifts: one for each festival, its lines, and who had what."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from tortoise.exceptions import IntegrityError
from tortoise.transactions import in_transaction

from campaigns import gift_store
from campaigns.errors import InputError, StateError
from campaigns.gifts import Allotted, GiftRules, Line, Manner
from campaigns.gifts.allot import too_soon
from campaigns.gifts.values import APPROVED, CLOSED, DRAFT, DROPPED, HANDED, PLANNED, REFUSED
from campaigns.models import GiftItem, GiftLine, GiftPlan
from campaigns.results import SPOKEN, TAKEN, Medium, Result, VisitResult
from campaigns.terms import Tier

CAUSE = "gift"
"""A task of a line has the cause gift:PLAN:MEMBER:LINE; the first ones were made without their line."""
_RICHEST = 100_000_000
_KEPT = (HANDED, REFUSED, DROPPED)


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
    held_by: int | None
    state: str
    note: str
    by: str
    at: datetime | None


async def had_of(member_ids: Collection[int], *, promised: bool = False, but: int = 0) -> dict[int, dict[int, date]]:
    """Member id → gift id → the festival they had it last.

    With `promised` what approved plans still owe them counts as had; of the plan `but` nothing does.
    """
    states = (HANDED, PLANNED) if promised else (HANDED,)
    lines = GiftLine.filter(member_id__in=list(member_ids), state__in=states).exclude(plan_id=but)
    plans = {row.id: row for row in await GiftPlan.all()}
    days = {number: row.day for number, row in plans.items()}
    found: dict[int, dict[int, date]] = {}
    for member_id, plan_id, gifts, state in await lines.values_list("member_id", "plan_id", "gifts", "state"):
        if state == PLANNED and plans[plan_id].state != APPROVED:
            continue
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
    """A draft of this festival, in place of an earlier draft or one called off. StateError where it is approved.

    What was handed over or not taken, and who was taken out by hand, stays as it is.
    """
    if not 0 <= rules.budget <= _RICHEST:
        raise InputError(f"预算写0到{_RICHEST}元 (a budget of 0 to {_RICHEST} yuan)")
    async with in_transaction():
        before = await GiftPlan.filter(festival=festival).select_for_update().first()
        if before and before.state == APPROVED:
            raise StateError(f"{festival}的计划已经批准，先取消它再重算 (the plan is approved; call it off first)")
        given = {
            "day": rules.day,
            "rule": rule,
            "budget": rules.budget,
            "levels": {str(tier): value for tier, value in rules.levels.items()},
            "manners": {str(tier): str(manner) for tier, manner in manners.items()},
            "by": by,
            "at": now,
            "state": DRAFT,
            "approved_by": "",
            "approved_at": None,
        }
        row = before.update_from_dict(given) if before else GiftPlan(festival=festival, **given)
        try:
            await row.save()
        except IntegrityError as exc:  # somebody else made it in this moment
            raise StateError(f"{festival}刚有人算过，重新打开看看 (somebody made this plan just now)") from exc
        await GiftLine.filter(plan_id=row.id).exclude(state__in=_KEPT).delete()
        kept = {one.member_id for one in await GiftLine.filter(plan_id=row.id).only("id", "member_id")}
        new = [line for line in found.lines if line.member_id not in kept]
        await GiftLine.bulk_create([_row(row.id, line, manners) for line in new])
    return _plan(row)


async def kept_lines(festival: str) -> list[PlanLine]:
    """Those that a new reckoning of this festival leaves as they are."""
    row = await GiftPlan.get_or_none(festival=festival)
    return [line for line in await lines_of(row.id) if line.state in _KEPT] if row else []


async def approve_plan(plan_id: int, *, by: str, now: datetime) -> None:
    """From here the pieces are promised. Raises StateError where the store no longer has them or it is no draft."""
    async with in_transaction():
        await _hold(plan_id, DRAFT)
        wanted: dict[int, int] = {}
        for line in await lines_of(plan_id):
            for gift in line.gifts if line.state == PLANNED else ():
                wanted[gift] = wanted.get(gift, 0) + 1
        await GiftItem.filter(id__in=list(wanted)).order_by("id").select_for_update()  # against another approval
        items = {one.id: one for one in await gift_store.list_items()}
        short = [items[gift].name for gift, pieces in wanted.items() if items[gift].free < pieces]
        if short:
            raise StateError(f"库存不够了：{'、'.join(sorted(short))}。补了库存再批，或者重算 (not enough in store)")
        await GiftPlan.filter(id=plan_id).update(state=APPROVED, approved_by=by, approved_at=now)


async def repeats_of(plan: Plan) -> list[PlanLine]:
    """Its lines that give somebody what they had, or what another plan owes them, within the time."""
    lines = [line for line in await lines_of(plan.id) if line.state == PLANNED and line.gifts]
    had = await had_of([line.member_id for line in lines], promised=True, but=plan.id)
    return [
        line
        for line in lines
        if any(too_soon(had.get(line.member_id, {}).get(gift), plan.rules) for gift in line.gifts)
    ]


async def close_plan(plan_id: int) -> None:
    """Called off, or over: what was not handed over is promised no more."""
    if not await GiftPlan.filter(id=plan_id, state__in=(DRAFT, APPROVED)).update(state=CLOSED):
        raise StateError("这个计划已经结束 (this plan is over)")


async def drop_line(line_id: int, note: str, *, by: str, now: datetime) -> PlanLine:
    """Take a member out of a draft, with the reason: the rest is not reckoned anew by this."""
    return await _end_line(line_id, DRAFT, DROPPED, note, by, now)


async def undrop_line(line_id: int) -> PlanLine:
    """Into the draft again: what they get is for the next reckoning to say."""
    return await _end_line(line_id, DRAFT, PLANNED, "", "", None, was=DROPPED)


async def hand_line(line_id: int, note: str, *, taken: bool, by: str, now: datetime) -> PlanLine:
    """It was brought. Taken, its pieces leave the store; not taken, they stay in it."""
    async with in_transaction():
        line = await _end_line(line_id, APPROVED, HANDED if taken else REFUSED, note, by, now)
        for gift in line.gifts if taken else ():
            row = await GiftItem.filter(id=gift).select_for_update().get()
            await GiftItem.filter(id=gift).update(stock=max(row.stock - 1, 0))
    return line


async def end_with_task(cause: str, result: VisitResult, *, by: str, now: datetime) -> None:
    """What came of a task ends the line it was made of, where the gift was brought, refused, or there was none."""
    line = await _line_of(cause)
    if line is None or line.state != PLANNED or result.result not in SPOKEN | TAKEN | {Result.RETURNED}:
        return
    taken = result.result not in (Result.REFUSED, Result.RETURNED)
    if taken and line.gifts and result.result not in TAKEN and result.medium not in (Medium.GIFT, Medium.VISIT):
        return
    await hand_line(line.id, result.text, taken=taken, by=by, now=now)


async def _line_of(cause: str) -> PlanLine | None:
    """Of an approved plan."""
    match cause.split(":"):
        case [kind, plan, member, *_] if kind == CAUSE and plan.isdigit() and member.isdigit():
            row = await GiftLine.get_or_none(plan_id=int(plan), member_id=int(member))
        case _:
            return None
    approved = row and await GiftPlan.filter(id=row.plan_id, state=APPROVED).exists()
    return _line(row) if row and approved else None


async def find_line(line_id: int) -> PlanLine | None:
    row = await GiftLine.get_or_none(id=line_id) if 0 < line_id < 2**31 else None
    return _line(row) if row else None


async def _end_line(
    line_id: int, plan_state: str, state: str, note: str, by: str, now: datetime | None, *, was: str = PLANNED
) -> PlanLine:
    line = await find_line(line_id)
    if line is None:
        raise StateError("没有这一行 (no such line)")
    await _hold(line.plan_id, plan_state)
    given = {"state": state, "note": note[:255], "by": by, "at": now}
    if not await GiftLine.filter(id=line_id, state=was).update(**given):
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
        held_by=line.held_by,
    )


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
        held_by=row.held_by,
        state=row.state,
        note=row.note,
        by=row.by,
        at=row.at,
    )
