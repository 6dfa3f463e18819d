"""Which new seekers fit a member's postings, and introducing them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.clock import ProductClock
from bot.commands.printing import Shown, table
from bot.database import open_database
from bot.language import LANGUAGES, speak
from bot.match_words import ground_words, hindrance_words
from bot.runtime import follow_clock, open_runtime, read_rules
from bot.sender.introducing import introduce
from bot.settings import Settings
from bot.wording import channel_words
from campaigns import introducing
from campaigns.errors import InputError
from campaigns.introducing import Offer
from campaigns.matching import Ground
from campaigns.members import find, seekers
from campaigns.members.find import Head
from campaigns.terms import SHANGHAI


async def match_member(settings: Settings, number: str, as_of: datetime | None, most: int) -> dict[str, Any]:
    """The proposals for one member, the best first; InputError where nobody has that number."""
    async with open_database(settings):
        now = as_of or await _now(settings)
        head = await _head(number)
        await seekers.fill_occupations()
        policy, _ = await read_rules(settings)
        offers = await introducing.offers_for(head.id, now, policy, most=most)
    return {
        "member": head.no,
        "name": head.name,
        "as_of": now.isoformat(),
        "proposals": [_offer(one) for one in offers],
    }


async def introduce_seekers(settings: Settings, number: str, wanted: Sequence[str], by: str) -> dict[str, Any]:
    """In one message, or nobody; InputError says why."""
    async with open_database(settings), open_runtime(settings) as runtime:
        head = await _head(number)
        ids = await seekers.ids_by_number(wanted)
        if missing := [one for one in wanted if one not in ids]:
            raise InputError(f"没有编号是 {'、'.join(missing)} 的求职者 (no such seeker)")
        done = await introduce(runtime, head.id, list(ids.values()), by=by)
    return {
        "member": head.no,
        "introduced": list(done.seekers),
        "message": done.message_id,
        "channel": str(done.channel),
        "not_before": done.starts.isoformat(),
    }


def match_lines(found: Mapping[str, Any]) -> list[Shown]:
    if not found["proposals"]:
        return [f"{found['member']} 没有合适的新求职者 (nobody fits)"]
    rows = [
        [
            one["seeker"], one["name"], one["points"], one["posting_title"],
            "；".join(ground["zh"] for ground in one["grounds"]), one["video"] or "—", one["why_zh"] or "可以介绍",
        ]
        for one in found["proposals"]
    ]  # fmt: skip
    return [table(("编号", "姓名", "分", "职位", "理由", "视频简历", "能不能介绍"), rows)]


def introduced_lines(found: Mapping[str, Any]) -> list[Shown]:
    at = datetime.fromisoformat(found["not_before"]).astimezone(SHANGHAI)
    return [
        f"把{'、'.join(found['introduced'])}介绍给 {found['member']}："
        f"{channel_words(found['channel'])}，{at:%Y-%m-%d %H:%M} 起发 (introduced)"
    ]


def _offer(offer: Offer) -> dict[str, Any]:
    seeker, posting = offer.pair.seeker, offer.pair.posting
    return {
        "seeker": seeker.no,
        "name": seeker.name,
        "wanted_job": seeker.wanted_job,
        "wanted_city": seeker.wanted_city,
        "pay": seeker.pay,
        "years": seeker.years,
        "video": seeker.video_url,
        "posting": posting.no,
        "posting_title": posting.title,
        "points": offer.pair.points,
        "grounds": [_ground(one) for one in offer.pair.grounds],
        "consent": str(offer.consent) or "unknown",
        "introduced_lately": offer.introduced,
        "state": str(offer.state or ""),
        "hindrance": str(offer.hindrance or ""),
        **in_both("why", lambda: hindrance_words(offer.hindrance) if offer.hindrance else ""),
    }


def _ground(ground: Ground) -> dict[str, Any]:
    words = in_both("", lambda: ground_words(ground.kind, ground.figures))
    return {"kind": str(ground.kind), "points": ground.points, "figures": dict(ground.figures), **words}


def in_both(name: str, words: Any) -> dict[str, str]:
    told: dict[str, str] = {}
    for one in sorted(LANGUAGES):  # the source last: what is said after this is Chinese
        speak(one)
        told[f"{name}_{one}" if name else one] = words()
    return told


async def _head(number: str) -> Head:
    if (head := await find.find_head(number)) is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    return head


async def _now(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()
