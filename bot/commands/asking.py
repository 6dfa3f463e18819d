"""Questions: numbers, rules, one member, what a reply means."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from bot.clock import ProductClock
from bot.database import open_database, upgrade
from bot.dossier import describe_member
from bot.runtime import follow_clock, open_runtime
from bot.settings import Settings
from campaigns import touches
from campaigns.calendar_file import load_calendar
from campaigns.content import inspect_sms
from campaigns.errors import InputError
from campaigns.intents import load_table, read_intent
from campaigns.members import find
from campaigns.segments import FIELDS, explain_segment, parse_segment

PREVIEWED = 20


async def migrate(settings: Settings) -> dict[str, Any]:
    await upgrade(settings)
    return {"database": settings.database_shown, "up_to_date": True}


async def stats(settings: Settings) -> dict[str, int]:
    async with open_database(settings):
        return {**await find.count_stats(), "touches": await touches.count_touches()}


async def count(settings: Settings, rule: str, as_of: datetime | None) -> dict[str, int]:
    segment = parse_segment(rule)
    async with open_database(settings):
        return {"count": await find.count_audience(segment, as_of or await _now(settings))}


async def listing(settings: Settings, rule: str, as_of: datetime | None, limit: int) -> list[dict[str, Any]]:
    segment = parse_segment(rule)
    async with open_database(settings):
        return await find.list_audience(segment, as_of or await _now(settings), limit)


def fields() -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "kind": field.kind,
            "label": field.label,
            "explanation": field.explanation,
            "example": field.example,
        }
        for name, field in FIELDS.items()
    ]


def explain(rule: str) -> dict[str, str]:
    segment = parse_segment(rule)
    return {"rule": str(segment), "zh": explain_segment(segment, "zh"), "en": explain_segment(segment, "en")}


def read_replies(settings: Settings, texts: Sequence[str]) -> list[dict[str, Any]]:
    """On any database: the table is a file."""
    table = load_table(settings.huifang_templates / "auto_replies")
    readings = [(text, read_intent(text, table)) for text in texts]
    return [
        {"text": text, "intent": reading.intent, "stop": reading.stops, "matched": reading.matched}
        for text, reading in readings
    ]


def read_sms(text: str, signature: str) -> dict[str, Any]:
    return asdict(inspect_sms(text, signature))


def read_day(settings: Settings, given: str) -> dict[str, Any]:
    """`announced`: whether the days off of that year are known, and not worked out from the law."""
    try:
        day = date.fromisoformat(given)
    except ValueError:
        raise InputError(f"{given}：日期写成 2026-11-24 这样 (a date is expected)") from None
    calendar = load_calendar(settings.huifang_templates / "calendar.toml")
    return {
        "workday": calendar.is_workday(day),
        "festivals": calendar.festivals_on(day),
        "season": calendar.season(day),
        "announced": calendar.is_announced(day.year),
    }


async def member(settings: Settings, number: str) -> dict[str, Any]:
    async with open_database(settings), open_runtime(settings) as runtime:
        return await describe_member(runtime, number)


async def _now(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()
