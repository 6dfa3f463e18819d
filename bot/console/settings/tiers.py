"""设置 · 客户分级: how members come to their tiers, what each is owed, and who would move by other weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.limit import Group
from bot.console.settings.limits import SERVICE_GROUPS, TIER_GROUPS
from bot.console.settings.rules import (
    apply,
    fewer,
    keys_of,
    save_limits,
    standing_limits,
    typed_limits,
    version_of,
)
from bot.console.settings.tabs import settings_page
from bot.process import bulk_work
from bot.runtime import POLICY_FILE, Runtime
from bot.web.desk import StaffRoute, visitor_of
from bot.wording import tier_part_words
from campaigns.members.standing import (
    count_tiers,
    ids_of_owners,
    last_tiering,
    members_among,
    read_standing,
)
from campaigns.policy_file import parse_policy
from campaigns.rights import Right
from campaigns.terms import Tier
from campaigns.tier_rules import PARTS, TierRules
from campaigns.tiers import Move, Tried, try_rules

_AT = "/settings/tiers"
_TOLD = 2
_LEAST_POINTS = 0.05


@dataclass(frozen=True, slots=True)
class Moving:
    """A member who would move, and why: the parts that weigh most, as (name, points)."""

    no: str
    name: str
    was: Tier
    tier: Tier
    before: float
    after: float
    why: Sequence[tuple[str, float]]


async def tiers(request: Request) -> Response:
    """With weights in the address: what would change by them. Nothing is saved."""
    text, stands = await standing_limits(request)
    typed = {**stands, **typed_limits(request.query_params, TIER_GROUPS)}
    changed = {key: value for key, value in typed.items() if value != stands[key]}
    made, faults = apply(text, changed)
    asked = any(key in request.query_params for key in keys_of(TIER_GROUPS))
    if faults:
        return await _page(request, typed, faults=fewer(faults), status_code=422)
    rules = parse_policy(text, POLICY_FILE).tiers, parse_policy(made, POLICY_FILE).tiers
    tried = await _try(request, *rules) if asked else None
    return await _page(request, typed, tried=tried, changed=len(changed))


async def change(request: Request) -> Response:
    """What was looked at is saved, and in force the next night."""
    return await _save(request, TIER_GROUPS)


async def serve(request: Request) -> Response:
    """Who calls, how often, how many messages."""
    return await _save(request, SERVICE_GROUPS)


async def _save(request: Request, groups: Sequence[Group]) -> Response:
    saved = await save_limits(request, groups)
    if saved.faults:
        return await _page(request, saved.typed, faults=saved.faults, status_code=saved.status)
    return RedirectResponse(f"{_AT}?done={saved.changed}", status_code=303)


async def _try(request: Request, old: TierRules, new: TierRules) -> Mapping[str, Any]:
    runtime: Runtime = request.app.state.runtime
    owners = visitor_of(request).staff.owners
    with bulk_work():
        standing = await read_standing(new, runtime.clock())
        seen = None if owners is None else np.isin(standing.ids, await ids_of_owners(owners))
        tried = try_rules(standing, old, new, seen)
    return {
        "tried": tried,
        "members": len(standing.ids),
        "moves": await _moving(tried),
        "lines": list(zip(Tier, *tried.lines, strict=False)),
    }


async def _moving(tried: Tried) -> list[Moving]:
    known = await members_among([one.member_id for one in tried.moves]) if tried.moves else {}
    return [
        Moving(
            known[one.member_id]["no"],
            known[one.member_id]["name"],
            one.was,
            one.tier,
            one.before,
            one.after,
            _why(one),
        )
        for one in tried.moves
    ]


def _why(move: Move) -> list[tuple[str, float]]:
    gains = [(tier_part_words(part), gain) for part, gain in zip(PARTS, move.gains, strict=True) if gain is not None]
    telling = sorted((one for one in gains if abs(one[1]) >= _LEAST_POINTS), key=lambda one: -abs(one[1]))
    return telling[:_TOLD]


async def _page(
    request: Request,
    typed: Mapping[str, str],
    *,
    faults: Mapping[str, str] | None = None,
    tried: Mapping[str, Any] | None = None,
    changed: int = 0,
    status_code: int = 200,
) -> Response:
    return await settings_page(
        request,
        "settings/tiers.html",
        tab="tiers",
        status_code=status_code,
        groups=TIER_GROUPS,
        service=SERVICE_GROUPS,
        typed=typed,
        faults=faults or {},
        version=await version_of(POLICY_FILE),
        counts=await count_tiers(visitor_of(request).staff.owners),
        last=await last_tiering(),
        found=tried,
        changed=changed,
        done=request.query_params.get("done", "")[:3],
        tiers=list(Tier),
    )


routes = [
    StaffRoute(_AT, tiers, right=Right.SETTINGS),
    StaffRoute(_AT, change, right=Right.SETTINGS, methods=["POST"]),
    StaffRoute(f"{_AT}/service", serve, right=Right.SETTINGS, methods=["POST"]),
]
