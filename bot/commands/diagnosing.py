"""Why a member's postings bring it nothing, and what to say."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from bot.clock import ProductClock
from bot.commands.printing import Shown
from bot.database import open_database
from bot.finding_words import finding_words, script_words
from bot.language import LANGUAGES, speak
from bot.runtime import follow_clock, read_rules
from bot.settings import Settings
from campaigns.diagnosis import Finding, diagnose
from campaigns.errors import InputError
from campaigns.members import find
from campaigns.members.signs import load_market, signs_of


async def diagnose_member(settings: Settings, number: str, as_of: datetime | None) -> dict[str, Any]:
    """The findings in the order in which they are told; InputError where nobody has that number."""
    async with open_database(settings):
        now = as_of or await _now(settings)
        member = await find.describe_member(number)
        if member is None:
            raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
        thresholds = (await read_rules(settings))[0].diagnosis
        signs = (await signs_of([member["id"]], now, thresholds))[member["id"]]
        diagnosis = diagnose(signs, await load_market(now, thresholds), now)
    titles = {post["no"]: post["title"] for post in member["posts"]}
    return {
        "member": number,
        "as_of": now.isoformat(),
        "promotes": diagnosis.promotes,
        "findings": [_finding(one, titles) for one in diagnosis.findings],
    }


def finding_lines(found: Mapping[str, Any]) -> list[Shown]:
    if not found["findings"]:
        return [f"{found['member']} 没有发现问题 (nothing found)"]
    return [line for one in found["findings"] for line in _lines(one)]


def _lines(one: Mapping[str, Any]) -> list[Shown]:
    about = f"{one['title'] or one['posting']}：" if one["posting"] else ""
    return [f"{about}{one['zh']} ({one['en']})", f"    → {one['say_zh']} ({one['say_en']})"]


def _finding(finding: Finding, titles: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {**asdict(finding), "title": titles.get(finding.posting, ""), "script": finding.script}
    for one in LANGUAGES:
        speak(one)
        told |= {one: finding_words(finding), f"say_{one}": script_words(finding)}
    return told


async def _now(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()
