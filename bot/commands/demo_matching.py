"""The demo's staff at work: seekers introduced after visits, a joint recruiting of the largest group of companies."""

import contextlib
from collections.abc import Mapping
from datetime import timedelta

from bot.runtime import Runtime
from bot.sender import introducing as sending
from bot.sender import inviting
from campaigns import fairs, hiring, introducing, introductions
from campaigns.errors import OutreachError
from campaigns.fairs import Kind
from campaigns.terms import SHANGHAI

_BY = "程雪"
_COMPANIES = 5
_IN_ONE = 3
_LOOKED_AT = 200
_AHEAD = timedelta(days=12)


async def introduce_some(runtime: Runtime) -> None:
    """To the first few companies that look for somebody and may be written to."""
    done, now = 0, runtime.clock()
    wanted = dict.fromkeys(one.member_id for one in await hiring.needs_now())
    for member_id in list(wanted)[:_LOOKED_AT]:
        offers = await introducing.offers_for(member_id, now, runtime.rulebook.policy)
        picked = [one.pair.seeker.id for one in offers if one.hindrance is None][:_IN_ONE]
        if picked:
            with contextlib.suppress(OutreachError):
                await sending.introduce(runtime, member_id, picked, by=_BY)
                done += 1
        if done == _COMPANIES:
            return


async def hold_a_fair(runtime: Runtime) -> None:
    """Of the largest group there is, by messages."""
    clusters = await hiring.clusters_now(runtime.clock().astimezone(SHANGHAI).date())
    if not clusters:
        return
    group, now = clusters[0], runtime.clock()
    made = await fairs.make_fair(
        f"{group.city}{group.occupation}联合招聘",
        kind=Kind.JOINT,
        held_on=(now + _AHEAD).astimezone(SHANGHAI).date(),
        place=f"{group.city}人才市场",
        occupations=[group.occupation],
        capacity=None,
        source=group.key,
        by=_BY,
        now=now,
    )
    if found := await fairs.find_fair(made):
        with contextlib.suppress(OutreachError):
            await inviting.invite(runtime, found, group.members, by=_BY)


async def matched() -> Mapping[str, Mapping[str, int]]:
    """What came of both, for the demo's document."""
    found = await fairs.list_fairs()
    counts = await fairs.count_invitations([one.id for one in found])
    return {
        "introductions": await introductions.count_by_state(),
        "fairs": {one.name: sum(counts.get(one.id, {}).values()) for one in found},
    }
