"""Fairs and joint recruiting: the groups of similar companies, the fairs there are, one of them, a new one."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from bot.clock import ProductClock
from bot.commands.matching import in_both
from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.match_words import answer_words, cluster_words, fair_kind_words, fair_state_words
from bot.runtime import follow_clock, open_runtime
from bot.sender import inviting
from bot.settings import Settings
from campaigns import fairs, hiring
from campaigns.errors import InputError
from campaigns.fairs import ANSWERS, ENDS, Answer, FairRow, Kind
from campaigns.matching import Cluster
from campaigns.terms import SHANGHAI


async def listing(settings: Settings) -> list[dict[str, Any]]:
    async with open_database(settings):
        found = await fairs.list_fairs()
        counts = await fairs.count_invitations([one.id for one in found])
    return [_fair(one, counts.get(one.id, {})) for one in found]


async def clusters(settings: Settings) -> list[dict[str, Any]]:
    """Groups of companies that look for the same, the largest first."""
    async with open_database(settings):
        found = await hiring.clusters_now((await _now(settings)).date())
        known = {one.id: one for one in await hiring.companies([member for each in found for member in each.members])}
    return [_cluster(one, [known[member].no for member in one.members if member in known]) for one in found]


async def show(settings: Settings, fair_id: int) -> dict[str, Any]:
    async with open_database(settings):
        found = await _fair_of(fair_id)
        invited = await fairs.invitations_to(fair_id)
        known = {one.id: one for one in await hiring.companies([one.member_id for one in invited])}
        counts = await fairs.count_invitations([fair_id])
    rows = [
        {"member": known[one.member_id].no, "name": known[one.member_id].name, "state": str(one.state),
         "invited_at": one.invited_at.isoformat(), "message": one.message_id, "note": one.note, "by": one.by}
        for one in invited
    ]  # fmt: skip
    return {**_fair(found, counts.get(fair_id, {})), "invitations": rows}


async def make(
    settings: Settings, name: str, held_on: date, place: str, cluster: str, capacity: int | None, by: str
) -> dict[str, Any]:
    """A fair; with the key of a group a joint recruiting of it."""
    async with open_database(settings):
        now = await _now(settings)
        found = await hiring.clusters_now(now.date()) if cluster else []
        group = next((one for one in found if one.key == cluster), None)
        if cluster and group is None:
            raise InputError(f"没有叫 {cluster} 的一群，huifang fairs clusters 列出现有的 (no such group)")
        made = await fairs.make_fair(
            name,
            kind=Kind.JOINT if group else Kind.FAIR,
            held_on=held_on,
            place=place,
            occupations=[group.occupation] if group else [],
            capacity=capacity,
            source=cluster,
            by=by,
            now=now,
        )
    return await show(settings, made)


async def invite(
    settings: Settings, fair_id: int, numbers: Sequence[str], by: str, *, message: bool = False
) -> dict[str, Any]:
    """Put down by hand that they were invited, once each, each a touch; or invite those who can be written to."""
    async with open_database(settings), open_runtime(settings) as runtime:
        found, ids = await _fair_of(fair_id), await hiring.ids_by_number(numbers)
        if missing := [one for one in numbers if one not in ids]:
            raise InputError(f"没有编号是 {'、'.join(missing)} 的企业会员 (no such member)")
        if message:
            await inviting.invite(runtime, found, list(ids.values()), by=by)
        else:
            await fairs.invite(fair_id, list(ids.values()), by=by, now=runtime.clock())
    return await show(settings, fair_id)


async def answer(settings: Settings, fair_id: int, number: str, said: str, note: str, by: str) -> dict[str, Any]:
    """What they said, or whether they came."""
    async with open_database(settings):
        ids = await hiring.ids_by_number([number])
        invited = await fairs.invitations_to((await _fair_of(fair_id)).id)
        one = next((each for each in invited if each.member_id == ids.get(number)), None)
        if one is None:
            raise InputError(f"这一场没有请 {number} (not invited)")
        if said not in (*ANSWERS, *ENDS):
            raise InputError("写 yes、no、maybe、attended 或 absent (one of these)")
        record = fairs.record_attendance if said in ENDS else fairs.record_answer
        await record(one.id, Answer(said), note=note, by=by, now=await _now(settings))
    return await show(settings, fair_id)


async def end(settings: Settings, fair_id: int, state: str) -> dict[str, Any]:
    """held, or called_off."""
    async with open_database(settings):
        await fairs.end_fair((await _fair_of(fair_id)).id, state, await _now(settings))
    return await show(settings, fair_id)


async def _fair_of(fair_id: int) -> FairRow:
    if (found := await fairs.find_fair(fair_id)) is None:
        raise InputError(f"没有编号是 {fair_id} 的招聘会 (no such fair)")
    return found


def fair_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    if not found:
        return ["还没有办过招聘会 (no fair yet)"]
    rows = [
        [
            one["id"], one["name"], one["kind_zh"], one["held_on"], one["place"], one["state_zh"],
            sum(one["counts"].values()),
        ]
        for one in found
    ]  # fmt: skip
    return [table(("编号", "名字", "哪一种", "哪天", "在哪", "状态", "请了"), rows)]


def cluster_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    return [f"{one['zh']}  [{one['key']}]" for one in found] or ["还没有三家招同一种人的 (no similar companies)"]


def show_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = [[one["member"], one["name"], answer_words(one["state"]), one["note"]] for one in found["invitations"]]
    return [*fair_lines([found]), table(("编号", "企业", "回音", "备注"), rows)]


def _fair(one: FairRow, counts: Mapping[str, int]) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "kind": str(one.kind),
        "kind_zh": fair_kind_words(one.kind),
        "held_on": one.held_on.isoformat(),
        "place": one.place,
        "occupations": list(one.occupations),
        "capacity": one.capacity,
        "state": one.state,
        "state_zh": fair_state_words(one.state),
        "source": one.source,
        "counts": dict(counts),
    }


def _cluster(one: Cluster, members: Sequence[str]) -> dict[str, Any]:
    return {
        "key": one.key,
        "trade": one.trade,
        "city": one.city,
        "occupation": one.occupation,
        "members": list(members),
        "heads": one.heads,
        "planned": one.planned,
        **in_both("", lambda: cluster_words(one)),
    }


async def _now(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock().astimezone(SHANGHAI)
