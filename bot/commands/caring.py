"""huifang transfer, funnel, targets, advice."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from bot.advice_words import act_words, stage_words, target_words, why_words
from bot.clock import ProductClock
from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.language import LANGUAGES, speak
from bot.runtime import follow_clock, read_rules
from bot.settings import Settings
from campaigns import audit, staff, targets, transfers
from campaigns.advice import Advice
from campaigns.audit import Action
from campaigns.caring import advise_member
from campaigns.errors import InputError
from campaigns.members import find
from campaigns.members.browse import UNOWNED, Sieve
from campaigns.members.staging import read_funnel
from campaigns.rights import Right
from campaigns.targets import Kind, Month, Progress
from campaigns.transfers import Transfer

_HERE = "命令行"
_MOVED = {
    "tasks": "任务", "promises": "答应的事", "problems": "问题", "conversations": "会话", "messages": "待发消息",
    "visits": "拜访",
}  # fmt: skip


async def transfer(settings: Settings, from_: str, to: str, numbers: Sequence[str]) -> list[dict[str, Any]]:
    """Raises InputError for a name nobody has, and where it is not said whose members."""
    if not from_ and not numbers:
        raise InputError("写明是谁的会员 --from，或哪几家 --member (whose members, or which)")
    async with open_database(settings):
        await _check_owner(to)
        ids = tuple([await _member_id(one) for one in numbers]) if numbers else None
        owner = "" if to == UNOWNED else to
        made = await transfers.transfer(Sieve(owner=from_, ids=ids), owner, by=_HERE, now=await _now(settings))
        if made is None:
            return []
        detail = {"count": made.members, "to": to, "before": {name or UNOWNED: n for name, n in made.before.items()}}
        await _log(detail)
        return [_transfer(made)]


async def transfers_made(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        return [_transfer(one) for one in await transfers.list_transfers()]


async def undo(settings: Settings, number: int) -> dict[str, Any]:
    async with open_database(settings):
        back = await transfers.take_back(number, now=await _now(settings))
        if back is None:
            raise InputError(f"没有还能撤销的移交 {number} (no such transfer, or it was taken back)")
        await _log({"count": back.count, "undone": back.owner or UNOWNED})
    return {"transfer": number, "members": back.count}


async def funnel(
    settings: Settings, narrowed: Mapping[str, str], department: str, as_of: datetime | None
) -> list[dict[str, Any]]:
    async with open_database(settings):
        owners = await staff.names_of_department(department) if department else None
        asked = {name: value for name, value in narrowed.items() if value}
        steps = await read_funnel(as_of or await _now(settings), narrowed=asked, owners=owners)
    return [asdict(one) for one in steps]


async def targets_of(
    settings: Settings, month: str, asked: tuple[str, bool, str, int] | None, as_of: datetime | None
) -> dict[str, Any]:
    async with open_database(settings):
        now = as_of or await _now(settings)
        of = targets.month_of(now, (await read_rules(settings))[1], month)
        if asked:
            who, is_department, kind, goal = asked
            if kind not in list(Kind):
                raise InputError(f"--kind {kind}：只能是 {' / '.join(Kind)} (one of these)")
            await targets.set_target(of, who, Kind(kind), goal, is_department=is_department, by=_HERE, now=now)
            await audit.record_audit(
                Action.TARGET_SET, at=datetime.now(UTC), who=_HERE, subject="targets",
                detail={"to": who, "kind": kind, "count": goal, "on": of.name},
            )  # fmt: skip
        found = await targets.read_progress(of)
    return {"month": of.name, "days": of.days, "days_left": of.left, "targets": [_target(one, of) for one in found]}


async def advise(settings: Settings, number: str, as_of: datetime | None) -> dict[str, Any]:
    async with open_database(settings):
        now = as_of or await _now(settings)
        policy, _ = await read_rules(settings)
        found = await advise_member(await _member_id(number), now, policy=policy)
    return {"member": number, "as_of": now.isoformat(), "advice": [_advice(one) for one in found]}


async def _check_owner(name: str) -> None:
    able = [one for one in await staff.list_staff() if one.active and one.may(Right.ANSWER)]
    if name not in {UNOWNED, *(one.name for one in able), *(one.department for one in able if one.department)}:
        raise InputError(f"没有叫 {name}、能回消息的员工或部门 (nobody of that name may answer)")


async def _member_id(number: str) -> int:
    found = await find.member_id_of(number)
    if found is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    return found


async def _log(detail: Mapping[str, Any]) -> None:
    await audit.record_audit(
        Action.MEMBERS_ASSIGNED, at=datetime.now(UTC), who=_HERE, subject="members", detail=dict(detail)
    )


def _transfer(one: Transfer) -> dict[str, Any]:
    return asdict(one)


def _target(one: Progress, month: Month) -> dict[str, Any]:
    return {**asdict(one), "behind": month.is_behind(one)}


def _advice(one: Advice) -> dict[str, Any]:
    told: dict[str, Any] = asdict(one)
    for language in LANGUAGES:
        speak(language)
        told |= {language: why_words(one), f"act_{language}": act_words(one.act)}
    return told


def transfer_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    if not found:
        return ["没有移交 (nothing was handed over)"]
    rows = [
        [one["id"], one["by"], one["owner"] or UNOWNED, one["members"], *_moved(one), bool(one["undone_at"])]
        for one in found
    ]
    return [table(("编号", "谁", "交给", "会员", *_MOVED.values(), "已撤销"), rows)]


def _moved(one: Mapping[str, Any]) -> list[int]:
    return [one["moved"][name] for name in _MOVED]


def undone_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"移交 {found['transfer']} 撤销，{found['members']} 家会员回到原来的负责人"]


def funnel_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    rows = [[stage_words(one["stage"]), one["stage"], one["reached"], one["standing"], one["days"]] for one in found]
    return [table(("阶段", "stage", "到过", "停在", "平均天数"), rows)]


def target_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [
        [one["who"], target_words(one["kind"]), one["done"], one["goal"], one["behind"]]
        for one in found["targets"]
        if one["goal"] or one["done"]
    ]
    return [f"{found['month']}，还剩 {found['days_left']} 天", table(("谁", "目标", "完成", "要", "落后"), rows)]


def advice_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [
        f"{place}. {one['act_zh']}{'：' + one['campaign'] if one['campaign'] else ''}  {one['zh']} ({one['en']})"
        for place, one in enumerate(found["advice"], start=1)
    ]


async def _now(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()
