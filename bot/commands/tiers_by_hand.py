"""huifang tiers try, set, end: who would move by other weights, and a tier that a colleague gives or takes back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from bot.clock import ProductClock
from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.process import bulk_work
from bot.runtime import POLICY_FILE, follow_clock, read_rule_files
from bot.settings import Settings
from campaigns import audit, staff
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.members import find, overrides
from campaigns.members.standing import members_among, read_standing
from campaigns.policy_file import parse_policy
from campaigns.rights import Right
from campaigns.terms import Tier
from campaigns.tier_rules import PARTS
from campaigns.tiers import Move, try_rules
from campaigns.toml_lines import set_value

_HERE = "命令行"


async def try_weights(settings: Settings, weights: Sequence[str]) -> dict[str, Any]:
    """What would change; nothing is saved. Raises InputError for weights that are none, or do not make 100."""
    typed = dict(map(_weight, weights))
    async with open_database(settings):
        text = (await read_rule_files(settings))[POLICY_FILE]
        made = text
        for part, points in typed.items():
            made = set_value(made, "tiers.weights", part, points)
        old, new = parse_policy(text, POLICY_FILE).tiers, parse_policy(made, POLICY_FILE).tiers
        with bulk_work():
            standing = await read_standing(new, await _now(settings))
            tried = try_rules(standing, old, new)
        known = await members_among([one.member_id for one in tried.moves]) if tried.moves else {}
    return {
        "members": len(standing.ids),
        "weights": dict(zip(PARTS, new.weights, strict=True)),
        "moving": tried.moving,
        "waiting": tried.waiting,
        "fixed": tried.fixed,
        "matrix": {was: dict(zip(Tier, line, strict=True)) for was, line in zip(Tier, tried.matrix, strict=True)},
        "moves": [_move(one, known[one.member_id]) for one in tried.moves],
    }


def _weight(text: str) -> tuple[str, int]:
    name, _, points = text.partition("=")
    if name not in PARTS or not points.isascii() or not points.isdigit():
        raise InputError(f"--weight {text}：写成 {PARTS[0]}=30 这样，名字是 {' / '.join(PARTS)} 之一 (NAME=points)")
    return name, int(points)


def _move(one: Move, member: Mapping[str, Any]) -> dict[str, Any]:
    gains = dict(zip(PARTS, one.gains, strict=True))
    return {"no": member["no"], "name": member["name"], "was": one.was, "tier": one.tier,
            "before": one.before, "after": one.after, "gains": gains}  # fmt: skip


def tried_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [[was, *line.values()] for was, line in found["matrix"].items()]
    moves = [
        [one["no"], one["name"], one["was"], one["tier"], f"{one['before']:.1f}", f"{one['after']:.1f}"]
        for one in found["moves"]
    ]
    weights = "  ".join(f"{part} {weight}" for part, weight in found["weights"].items())
    return [
        f"{found['members']:,} 家里有 {found['moving']:,} 家会换级；没有保存 (would move; nothing is saved)",
        f"过线不够多、先不动的 {found['waiting']:,} 家，人工定级的 {found['fixed']:,} 家 (kept by margins, by hand)",
        f"权重 (weights)  {weights}",
        table(("从 \\ 到 (from, to)", *Tier), rows),
        *([table(("会员", "名称", "现在", "会到", "现在几分", "会有几分"), moves)] if moves else []),
    ]


async def give_tier(settings: Settings, number: str, tier: str, reason: str, until: str, by: str) -> dict[str, Any]:
    """As 人工定级 of the member's page. Raises InputError."""
    if tier not in list(Tier):
        raise InputError(f"分级 {tier}：只能是 {' / '.join(Tier)} (one of these)")
    try:
        last = date.fromisoformat(until)
    except ValueError:
        raise InputError(f"--until {until}：写成 2026-12-31 这样 (not a day)") from None
    async with open_database(settings):
        who, member_id = await _colleague(by), await _member_id(number)
        await overrides.set_tier(member_id, Tier(tier), reason, last, by=who, now=await _now(settings))
        await _log(number, who, tier=tier, reason=reason.strip(), until=until)
        found = await overrides.override_of(member_id)
    assert found is not None
    return {"member": number, **asdict(found)}


async def end_tier(settings: Settings, number: str, by: str) -> dict[str, Any]:
    """Back to the tier of the score. Raises InputError where nobody gave one."""
    async with open_database(settings):
        who, member_id = await _colleague(by), await _member_id(number)
        ended = await overrides.end_override(member_id, now=await _now(settings))
        if ended is None:
            raise InputError(f"{number} 没有人工定级 (no tier was given by hand)")
        await _log(number, who, what="tier-end", was=ended.tier, reason=ended.reason)
        tier = (await find.describe_member(number) or {})["tier"]
    return {"member": number, "was": ended.tier, "tier": tier, "reason": ended.reason}


def given_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['member']} 定为{found['tier']}，到 {found['until']}：{found['reason']} (given by hand)"]


def ended_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['member']} 不再人工定级：{found['was']} → {found['tier']} (as scored again)"]


async def _colleague(name: str) -> str:
    able = {one.name for one in await staff.list_staff() if one.active and one.may(Right.PLAN)}
    if name and name not in able:
        raise InputError(f"没有叫 {name}、能安排的员工 (nobody of that name may plan)")
    return name or _HERE


async def _member_id(number: str) -> int:
    found = await find.member_id_of(number)
    if found is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    return found


async def _log(number: str, who: str, **detail: str) -> None:
    await audit.record_audit(Action.TIER_SET, at=datetime.now(UTC), who=who, subject=f"member/{number}", detail=detail)


async def _now(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()
