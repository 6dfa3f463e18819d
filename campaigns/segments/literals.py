"""Reading the values of a rule: what a field may be compared with decides how a word is read."""

import re
import unicodedata
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from campaigns.errors import InputError
from campaigns.segments.fields import DAY, HOUR, Field, Kind
from campaigns.segments.tree import Value
from campaigns.segments.words import Sort, Token, shown, wrong
from campaigns.terms import SHANGHAI

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_DURATION = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)(h|d|w|小时|天|周)")
_UNITS = {
    "h": HOUR,
    "小时": HOUR,
    "d": DAY,
    "天": DAY,
    "w": 7 * DAY,
    "周": 7 * DAY,
}
_YES, _NO = ("true", "yes", "是"), ("false", "no", "否")
# Outside these years a date is a slip of the finger.
_YEARS = range(1970, 2101)


def read_value(token: Token, field: Field) -> Value:
    """The value a token stands for beside this field; InputError where it cannot be one."""
    _check_word(token, field)
    match field.kind:
        case Kind.TEXT:
            return _text(token, field)
        case Kind.CHOICE | Kind.TAG:
            return _choice(token, field)
        case Kind.MOMENT:
            return _moment(token, field)
        case _:
            return _number(token, field)


def read_flag(token: Token, field: Field) -> bool:
    _check_word(token, field)
    if token.plain not in _YES + _NO:
        raise _misfit(token, field, "“是”或“否”", "yes or no")
    return token.plain in _YES


def _check_word(token: Token, field: Field) -> None:
    if token.sort is Sort.END:
        raise wrong(token.start, f"{shown(field.name)} 还缺要比较的值", "expected a value, found the end")
    if token.sort is Sort.SIGN or token.keyword:
        advice = f"这里应该是一个值，却是 {shown(token.text)}；要当文字请加引号"
        raise wrong(token.start, advice, f"expected a value, found {shown(token.text)}")


def _text(token: Token, field: Field) -> str:
    if not token.text:
        advice = f"空文字比不出结果，请写 {shown(field.name)} is empty"
        raise wrong(token.start, advice, "an empty text equals nothing, write is empty")
    return token.text


def _choice(token: Token, field: Field) -> str:
    """The word itself, or what staff call it."""
    for word, called in field.choices.items():
        if token.text in (word, called):
            return str(word)
    words = "、".join(field.choices)
    raise _misfit(token, field, f"{words}之一", "one of the tiers" if field.name == "tier" else f"one of {words}")


def _number(token: Token, field: Field) -> Decimal:
    if _NUMBER.fullmatch(token.plain):
        return Decimal(token.plain)
    duration = _DURATION.fullmatch(token.plain)
    if duration is None or field.unit is None:
        example = "数字，例如 90" if field.unit is None else "数字或时长，例如 90、90d、2w、72h"
        raise _misfit(token, field, example, "a number")
    # exact: a Decimal would round, or refuse, what is absurdly long
    units = Fraction(duration[1]) * (_UNITS[duration[2]] // HOUR) / (field.unit // HOUR)
    if units.denominator != 1:
        # the odd 12 hours of 36h would silently count as nothing
        raise _misfit(token, field, f"整数{field.measure}", "a whole number of units")
    return Decimal(units.numerator)


def _moment(token: Token, field: Field) -> Value:
    value = _date_or_time(unicodedata.normalize("NFKC", token.text))
    if value is None:
        raise _misfit(token, field, '日期或时间，例如 2026-11-21 或 "2026-11-21 09:00"', "a date or time")
    if value.year not in _YEARS:
        raise _misfit(token, field, f"{_YEARS[0]} 到 {_YEARS[-1]} 年之间", "a year between 1970 and 2100")
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI) if value.tzinfo else value.replace(tzinfo=SHANGHAI)
    return value


def _date_or_time(text: str) -> date | datetime | None:
    for read in (date.fromisoformat, datetime.fromisoformat):
        with suppress(ValueError):
            return read(text)
    return None


def _misfit(token: Token, field: Field, chinese: str, english: str) -> InputError:
    return wrong(
        token.start,
        f"{field.name} 要和{chinese}比较，不能是 {shown(token.text)}",
        f"expected {english}",
    )
