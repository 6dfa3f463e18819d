"""设置 · 客户分级: how members come to their tiers, what each is owed, and who would move by other weights."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from starlette.datastructures import FormData, QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.settings.limits import SERVICE_GROUPS, TIER_GROUPS, Group, shown
from bot.console.settings.rules import apply, is_current, text_of, version_of, write
from bot.console.settings.tabs import settings_page
from bot.language import say
from bot.process import bulk_work
from bot.runtime import POLICY_FILE, Runtime
from bot.web.desk import StaffRoute, read_form, visitor_of
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
_LONGEST = 20
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
    text, stands = await _stands(request)
    typed = {**stands, **_typed(request.query_params, TIER_GROUPS)}
    changed = {key: value for key, value in typed.items() if value != stands[key]}
    made, faults = apply(text, changed)
    asked = any(key in request.query_params for key in _keys(TIER_GROUPS))
    if faults:
        return await _page(request, typed, faults=_fewer(faults), status_code=422)
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
    form = await read_form(request)
    text, stands = await _stands(request)
    typed = {**stands, **_typed(form, groups)}
    if not await is_current(form, POLICY_FILE):
        faults = {"": say("你打开这页以后，别人改过了。看一眼现在的，再改")}
        return await _page(request, stands, faults=faults, status_code=409)
    changed = {key: value for key, value in typed.items() if value != stands[key]}
    made, faults = apply(text, changed)
    if faults:
        return await _page(request, typed, faults=_fewer(faults), status_code=422)
    if changed:
        await write(request, POLICY_FILE, made, {key: f"{stands[key]} → {value}" for key, value in changed.items()})
    return RedirectResponse(f"{_AT}?done={len(changed)}", status_code=303)


async def _stands(request: Request) -> tuple[str, dict[str, str]]:
    runtime: Runtime = request.app.state.runtime
    text = await text_of(runtime, POLICY_FILE)
    return text, dict(shown(parse_policy(text, POLICY_FILE)))


def _typed(given: FormData | QueryParams, groups: Sequence[Group]) -> dict[str, str]:
    return {key: str(given[key]).strip()[:_LONGEST] for key in _keys(groups) if key in given}


def _keys(groups: Sequence[Group]) -> list[str]:
    return [limit.key for group in groups for limit in group.limits]


def _fewer(faults: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with a sum says nothing where one of its numbers is none."""
    return {key: words for key, words in faults.items() if not any(other.startswith(f"{key}.") for other in faults)}


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
