"""Moments as a list of people's words shows them: short, by how long ago or how soon."""

from datetime import date, datetime, timedelta

from bot.language import language, say
from campaigns.terms import SHANGHAI

_WEEKDAYS = "一二三四五六日"


def short_moment(at: datetime, now: datetime) -> str:
    """08:57, 昨天, 周一, 9月14日: as near as one needs to know."""
    local, today = at.astimezone(SHANGHAI), now.astimezone(SHANGHAI).date()
    days = (today - local.date()).days
    if days == 0:
        return f"{local:%H:%M}"
    if days == 1:
        return say("昨天")
    return weekday_of(local.date()) if 0 < days < 7 else short_day(local.date())


def short_day(day: date) -> str:
    return f"{day:%b} {day.day}" if language() == "en" else f"{day.month}月{day.day}日"


def weekday_of(day: date) -> str:
    return f"{day:%a}" if language() == "en" else f"周{_WEEKDAYS[day.weekday()]}"


def full_day(day: date, today: date) -> str:
    """今天 9月16日 周三."""
    said = f"{short_day(day)} {weekday_of(day)}"
    return f"{say('今天')} {said}" if day == today else said


def time_left(until: datetime, now: datetime) -> str:
    """1小时07分, 46小时, 12分."""
    left = max(until - now, timedelta())
    hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
    if hours >= 10:
        return say("{n}小时").format(n=hours)
    return say("{h}小时{m:02}分").format(h=hours, m=minutes) if hours else say("{m}分").format(m=minutes)
