"""A day, a month and a number as people write them in a message: 12-01, 12月1日, 明天, 下周一, 三月, 五人."""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta

_DIGITS = {one: n for n, one in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
_TENS = {"十": 10, "百": 100, "千": 1000}
NUMBER = r"(?:\d{1,6}|[零〇一二两俩三四五六七八九十百千]{1,7})"

_WORDS = {"今天": 0, "今日": 0, "明天": 1, "明日": 1, "后天": 2, "大后天": 3}
_WEEKDAYS = {
    "一": 0,
    "二": 1,
    "三": 2,
    "四": 3,
    "五": 4,
    "六": 5,
    "日": 6,
    "天": 6,
    **{str(n): n - 1 for n in range(1, 8)},
}
_LONG_AGO = timedelta(days=183)
"""A day without a year that is over for less than this was meant to be of this year."""

_YEAR = r"(?:(?P<year>\d{4})(?:年|[-/.])|(?P<next>明年|今年))?"
_DAY = re.compile(
    rf"(?P<word>大后天|今天|今日|明天|明日|后天)"
    rf"|(?P<far>下下|下|本|这)?个?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天1-7])"
    rf"|(?P<after>{NUMBER})天(?:后|内|之内|以内|之后|以后)"
    rf"|(?P<end>月底)"
    rf"|(?<![\d.]){_YEAR}(?P<month>{NUMBER})(?:月(?P<day>{NUMBER})(?:日|号)?|[-/.](?P<plain>\d{{1,2}})(?:日|号)?)(?![\d.])"
)
_BEFORE = re.compile(r"^(?:日|号)?(?:之前|以前|前)")
_MONTH = re.compile(
    rf"(?P<word>这个月|本月|当月|下个月|下月)"
    rf"|(?<!\d)(?P<full>\d{{4}})[-/.年](?P<number>\d{{1,2}})月?(?:份)?(?!\d)"
    rf"|(?P<next>明年|后年|今年)?(?P<month>{NUMBER})月(?:份)?"
)


def plain(text: str) -> str:
    """Half width, whatever the keyboard was: １２：３０ is 12:30."""
    return unicodedata.normalize("NFKC", text.replace("\0", ""))


def read_number(text: str) -> int | None:
    """5, 五, 二十五, 一百二; None where it is none."""
    if text.isascii() and text.isdigit():
        return int(text) if len(text) < 7 else None
    whole, held, unit = 0, None, 0
    for one in text:
        if one in _TENS:
            unit = _TENS[one]
            whole, held = whole + (1 if held is None else held) * unit, None
        elif one in _DIGITS:
            if held:
                return None
            held, unit = _DIGITS[one], 1 if one in "零〇" else unit
        else:
            return None
    if not text:
        return None
    return whole + (held or 0) * (unit // 10 if unit >= 100 and text[-1] not in _TENS else 1)


def find_day(text: str, today: date) -> tuple[date | None, str, str]:
    """(the last day that is named, the text without it, how it was named); None where there cannot be such a day."""
    found = list(_DAY.finditer(text))
    if not found:
        return None, text.strip(), ""
    last = found[-1]
    rest = _BEFORE.sub("", text[last.end() :].strip(), count=1)
    return _day(last.groupdict(), today), f"{text[: last.start()].strip()} {rest.strip()}".strip(), last.group()


def find_month(text: str, today: date) -> tuple[date | None, str, str]:
    """(the first of the month that is named, the text without it, how it was named)."""
    found = list(_MONTH.finditer(text))
    if not found:
        return None, text.strip(), ""
    last = found[-1]
    rest = f"{text[: last.start()].strip()} {text[last.end() :].strip()}".strip()
    return _month(last.groupdict(), today), rest, last.group()


def _day(said: Mapping[str, str | None], today: date) -> date | None:
    if said["word"]:
        return today + timedelta(days=_WORDS[said["word"]])
    if said["weekday"]:
        return _weekday(said["far"] or "", _WEEKDAYS[said["weekday"]], today)
    if said["after"]:
        days = read_number(said["after"])
        return today + timedelta(days=days) if days is not None and days <= 366 else None
    if said["end"]:
        return _first(today.year * 12 + today.month) - timedelta(days=1)
    month, day = read_number(said["month"] or ""), read_number(said["day"] or said["plain"] or "")
    return _of_year(said, month or 0, day or 0, today)


def _of_year(said: Mapping[str, str | None], month: int, day: int, today: date) -> date | None:
    try:
        if said["year"] or said["next"]:
            year = int(said["year"] or 0) or today.year + (said["next"] == "明年")
            return date(year, month, day)
        this = date(today.year, month, day)
        return this if this > today - _LONG_AGO else date(today.year + 1, month, day)
    except ValueError:
        return None


def _weekday(far: str, weekday: int, today: date) -> date:
    """周三 is the next Wednesday, today's included; 下周 the week after this one, which begins on Monday."""
    monday = today - timedelta(days=today.weekday())
    weeks = {"下": 1, "下下": 2, "本": 0, "这": 0}.get(far)
    if weeks is not None:
        return monday + timedelta(weeks=weeks, days=weekday)
    return today + timedelta(days=(weekday - today.weekday()) % 7)


def _month(said: Mapping[str, str | None], today: date) -> date | None:
    here = today.year * 12 + today.month - 1
    if said["word"]:
        return _first(here + said["word"].startswith("下"))
    number = read_number(said["number"] or said["month"] or "") or 0
    if not 1 <= number <= 12:
        return None
    if said["full"]:
        year = int(said["full"])
        return date(year, number, 1) if 2000 <= year < 2100 else None
    if said["next"]:
        return date(today.year + {"今年": 0, "明年": 1, "后年": 2}[said["next"]], number, 1)
    return date(today.year + (number < today.month), number, 1)


def _first(months: int) -> date:
    return date(months // 12, months % 12 + 1, 1)
