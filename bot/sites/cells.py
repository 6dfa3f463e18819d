"""A site's values as the cells of an export: unix seconds, flags, codes, sums and descriptions."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from campaigns.cells import parse_mobile
from campaigns.terms import SHANGHAI

_LATEST = 4_102_444_800  # the year 2100
_TAGS = re.compile(r"<(?:script|style)\b.*?</(?:script|style)>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_BREAKS = re.compile(r"<br\s*/?>|</p>|</div>|</li>", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")
_HOURS = re.compile(r"(?:工作时间|上班时间|工作时段|作息时间|工时)[^。；;]{2,60}")
_WEEK = re.compile(
    r"(?:周末)?双休|单休|大小周|月休\s?\d天|[早晚白夜]班|\d{1,2}[:：点]\d{0,2}\s?[-—~至到]\s?\d{1,2}[:：点]\d{0,2}"
)
_PAY = re.compile(r"(\d+(?:\.\d+)?|[一二两三四五六七八九](?=[万千]))([万千kKwW])?")
_SAID = {word: str(number) for number, word in enumerate("一二三四五六七八九", start=1)} | {"两": "2"}
_NOT_A_MONTH = re.compile("天|日|小时|时薪|年|周|次")
_MULTIPLE = re.compile("[*×·薪]")  # 15k*13: so many months a year


def as_text(value: str, *others: str) -> str:
    """The first that says something."""
    return next((one for one in (value, *others) if one.strip()), "")


def as_moment(value: str, *others: str) -> str:
    """Unix seconds, or a moment as the database writes it; 0 and a zero date are none. The latest of several."""
    found = [moment for one in (value, *others) if (moment := _moment(one))]
    return max(found, default="")


def _moment(value: str) -> str:
    text = value.strip()
    if not text or text.strip("0-: .") == "":
        return ""
    if not text.isascii() or not text.isdigit() or len(text) in (8, 14):
        return text  # a moment in words, or what is none: the import tells
    seconds = int(text)
    if not 0 < seconds < _LATEST:
        return f"{text} 秒"  # refused by the import, with what it was
    return f"{datetime.fromtimestamp(seconds, UTC).astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}"


def as_name(value: str, *others: str) -> str:
    """A name; 0 is none."""
    return next((one for one in (value, *others) if one.strip() and one.strip() != "0"), "")


def as_words(value: str, *others: str) -> str:
    """What people wrote, without the marks of a page."""
    text = as_text(value, *others)
    if "<" in text or "&" in text:
        text = html.unescape(_TAGS.sub(" ", _BREAKS.sub("\n", text)))
    return _BLANKS.sub(" ", text).strip()


def as_count(value: str, *others: str) -> str:
    """A number above zero; 0 says nothing."""
    text = as_text(value, *others).strip()
    return "" if text.strip("0.") == "" else text


def as_flag(value: str) -> str:
    """Whether a number is above zero, or a moment not yet over."""
    return "是" if value.strip("0 ") else "否" if value else ""


def as_sum(value: str) -> str:
    """What some amounts come to."""
    try:
        total = sum((Decimal(one) for one in value.split()), Decimal())
    except InvalidOperation:
        return ""
    return f"{total:.2f}" if total else ""


def first_since(begun: str, looked: str, moments: str) -> str:
    """When it was first looked at: the earliest of `moments` from `begun` on.

    A site that says it was, and not when, gives the moment it began: better a latency of nothing than one unread.
    """
    if looked != "1":
        return ""
    start = int(begun) if begun.isdigit() else 0
    later = [int(one) for one in moments.split() if one.isdigit() and int(one) >= start]
    return as_moment(str(min(later, default=start)))


def hours_in(value: str, *others: str) -> str:
    """Working hours as a description tells them: these sites have no column for them."""
    words = as_words(value, *others)
    found = _HOURS.search(words) or _WEEK.search(words)
    return found[0].strip()[:100] if found else ""


def posting_state(shown: str, audit: str, until: str, now: str) -> str:
    """Live is what is shown, let through and not over."""
    if until.isdigit() and 0 < int(until) < int(now):
        return "expired"
    return "live" if shown != "0" and audit in ("1", "") else "offline"


def words_of(**words: str) -> Callable[[str], str]:
    """A code to a word; `_1="有"` for 1. What is not in the table is left out."""
    return lambda value: words.get(f"_{value.strip()}", "")


def lower_pay(value: str, words: str = "") -> str:
    """The lower end of 3000~5000, 8千-1.2万, 1万以上/月; or the number itself.

    Yuan a month; empty where it is not told.
    """
    return as_count(value) or _band(words)[0]


def upper_pay(value: str, words: str = "") -> str:
    return as_count(value) or _band(words)[1]


def open_pay(value: str, words: str = "") -> str:
    """Whether pay is to be agreed on: the site's flag, or its words."""
    return "是" if "面议" in words else as_flag(value)


def _band(words: str) -> tuple[str, str]:
    """(lower, upper) of a pay class in words; both empty where it is by the day or year, or falls."""
    told = _MULTIPLE.split(words.replace(",", ""))[0]
    if _NOT_A_MONTH.search(told):
        return "", ""
    pay = [_amount(number, unit) for number, unit in _PAY.findall(told)]
    units = [unit for _, unit in _PAY.findall(told)]
    if len(pay) >= 2:
        low = _amount(_PAY.findall(told)[0][0], units[1]) if units[1] and not units[0] and pay[0] < 100 else pay[0]
        return (str(low), str(pay[1])) if low <= pay[1] else ("", "")
    if len(pay) == 1:
        return ("", str(pay[0])) if "以下" in words or "<" in words else (str(pay[0]), "")
    return "", ""


def _amount(number: str, unit: str) -> int:
    times = 10_000 if unit in ("万", "w", "W") else 1000 if unit else 1
    return round(float(_SAID.get(number, number)) * times)


def mail_or_nothing(value: str, *others: str) -> str:
    return next((one for one in (value, *others) if "@" in one), "")


def mobile_or_nothing(value: str, *others: str) -> str:
    """The first that is a mobile, else the first that was meant for one: sites put landlines into the same column."""
    told = [one.strip() for one in (value, *others) if one.strip()]
    meant = [one for one in told if one.startswith("1")]
    return next((one for one in told if parse_mobile(one)), next(iter(meant), ""))
