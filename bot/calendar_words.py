"""The Chinese calendar in the reader's language: festivals, and what a wall calendar writes under a day."""

from datetime import date

from bot.language import SOURCE, language, say
from campaigns.calendar import LunarDay, lunar_day, lunar_name

TERMS = (
    "小寒", "大寒", "立春", "雨水", "惊蛰", "春分", "清明", "谷雨", "立夏", "小满", "芒种", "夏至",
    "小暑", "大暑", "立秋", "处暑", "白露", "秋分", "寒露", "霜降", "立冬", "小雪", "大雪", "冬至",
)  # fmt: skip
"""The solar terms, as a calendar names them."""


def under_the_day(day: date) -> str:
    """The solar term, else the lunar month on its first day; any other day in Chinese alone, where it is short."""
    name = lunar_name(day)
    if language() == SOURCE:
        return name
    lunar = lunar_day(day)
    if name in TERMS:
        return say(name)
    return say("农历{day}").format(day=_numbered(lunar)) if lunar.day == 1 else ""


def lunar_words(day: date) -> str:
    """十五, 冬至; 10-15, and where it is one the term."""
    name = lunar_name(day)
    if language() == SOURCE:
        return name
    numbered = _numbered(lunar_day(day))
    return f"{numbered}, {say(name)}" if name in TERMS else numbered


def _numbered(lunar: LunarDay) -> str:
    return f"{lunar.month}{'+' if lunar.leap else ''}-{lunar.day}"
