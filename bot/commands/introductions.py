"""huifang introductions: who was introduced to a member, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.match_words import introduction_words
from bot.runtime import open_runtime
from bot.settings import Settings
from campaigns import audit, introducing, introductions
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.members import find, seekers
from campaigns.members.find import Head
from campaigns.members.seekers import Consent


async def listed(settings: Settings, number: str) -> list[dict[str, Any]]:
    async with open_database(settings):
        return await _listed(await _head(number))


async def change(settings: Settings, introduction_id: int, what: str, reason: str, by: str) -> list[dict[str, Any]]:
    """told, refused or withdrawn; StateError where it was changed already."""
    async with open_database(settings), open_runtime(settings) as runtime:
        row, now = await introductions.find_introduction(introduction_id), runtime.clock()
        if row is None:
            raise InputError(f"没有编号是 {introduction_id} 的介绍 (no such introduction)")
        match what:
            case "told":
                await introducing.tell(row.id, by=by, now=now)
            case "refused":
                await introductions.refuse(row.id, reason, by=by, now=now)
            case "withdrawn":
                await introductions.withdraw(row.id, reason, by=by, now=now)
            case _:
                raise InputError("写 told、refused 或 withdrawn (one of these)")
        head = await find.find_head_by_id(row.member_id)
        assert head is not None
        await _record(head, by, now, what=what, seeker=row.seeker_id)
        return await _listed(head)


async def ask(settings: Settings, number: str, seeker: str, by: str) -> list[dict[str, Any]]:
    async with open_database(settings), open_runtime(settings) as runtime:
        head, seeker_id, now = await _head(number), await _seeker(seeker), runtime.clock()
        offers = await introducing.offers_for(head.id, now, runtime.rulebook.policy, most=seekers.CANDIDATES)
        offer = next((one for one in offers if one.pair.seeker.id == seeker_id), None)
        if offer is None:
            raise InputError(f"{seeker} 不适合 {number}，或者介绍过了 (fits no posting, or was introduced)")
        await introducing.ask(head.id, offer, now, by=by)
        await _record(head, by, now, what="asked", seeker=seeker_id)
        return await _listed(head)


async def consent(settings: Settings, seeker: str, said: str, by: str) -> dict[str, Any]:
    if said not in (Consent.YES, Consent.NO):
        raise InputError("写 yes 或 no (one of these)")
    async with open_database(settings), open_runtime(settings) as runtime:
        await seekers.record_consent(await _seeker(seeker), Consent(said), by=by, now=runtime.clock())
    return {"seeker": seeker, "consent": said}


def list_lines(found: Sequence[Mapping[str, Any]]) -> list[Shown]:
    if not found:
        return ["还没有介绍过谁 (nobody yet)"]
    rows = [
        [one["id"], one["seeker"], one["name"], one["state_zh"], one["introduced_at"] or "—", one["told_at"] or "—",
         one["reason"], one["seeker_words"]]
        for one in found
    ]  # fmt: skip
    return [table(("号", "编号", "姓名", "状态", "介绍", "告诉本人", "为什么", "跟本人说"), rows)]


def consent_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"{found['seeker']}：{'愿意' if found['consent'] == Consent.YES else '不愿意'}"]


async def _listed(head: Head) -> list[dict[str, Any]]:
    rows = await introductions.introductions_of(head.id)
    known = await seekers.read_seekers([one.seeker_id for one in rows])
    return [
        {
            "id": one.id,
            "seeker": known[one.seeker_id].facts.no,
            "name": known[one.seeker_id].facts.name,
            "state": str(one.state),
            "state_zh": introduction_words(one.state),
            "introduced_at": one.introduced_at,
            "told_at": one.told_at,
            "reason": one.reason,
            "seeker_words": one.seeker_words,
            "by": one.by,
        }
        for one in rows
        if one.seeker_id in known
    ]


async def _record(head: Head, who: str, at: datetime, **detail: object) -> None:
    await audit.record_audit(Action.INTRODUCTION_CHANGED, at=at, who=who, subject=f"member/{head.no}", detail=detail)


async def _head(number: str) -> Head:
    if (head := await find.find_head(number)) is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    return head


async def _seeker(number: str) -> int:
    if (found := (await seekers.ids_by_number([number])).get(number)) is None:
        raise InputError(f"没有编号是 {number} 的求职者 (no such seeker)")
    return found
