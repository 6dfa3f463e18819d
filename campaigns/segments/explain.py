"""A segment in plain words, for the person who approves it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal, assert_never

from campaigns.segments.fields import Field, Kind
from campaigns.segments.tree import (
    And,
    Compare,
    Contains,
    Empty,
    Everyone,
    Flag,
    Not,
    OneOf,
    Op,
    Or,
    Segment,
    Value,
)

_WORDY = (Kind.TEXT, Kind.CHOICE, Kind.TAG)
Language = Literal["zh", "en"]

_NUMBER_WORDS = {
    Op.EQUAL: ("等于", "is"),
    Op.LESS: ("少于", "is less than"),
    Op.AT_MOST: ("不超过", "is at most"),
    Op.MORE: ("多于", "is more than"),
    Op.AT_LEAST: ("不少于", "is at least"),
}
_MOMENT_WORDS = {
    Op.EQUAL: ("是", "was on"),
    Op.LESS: ("早于", "was before"),
    Op.AT_MOST: ("不晚于", "was not after"),
    Op.MORE: ("晚于", "was after"),
    Op.AT_LEAST: ("不早于", "was not before"),
}
_TEXT_WORDS = {Op.EQUAL: ("是", "is")}
_DENIED = {"等于": "不等于", "is": "is not", "是": "不是", "was on": "was not on"}


def explain_segment(segment: Segment, language: Language) -> str:
    """One sentence without its full stop: "未登录天数不少于 90 天，并且客户分级是优质或高端"."""
    return _explain(segment, language == "zh")


def _explain(segment: Segment, chinese: bool) -> str:
    match segment:
        case Everyone():
            return "全部会员" if chinese else "every member"
        case And(parts):
            return ("，并且" if chinese else ", and ").join(_grouped(part, chinese) for part in parts)
        case Or(parts):
            return ("，或者" if chinese else ", or ").join(_grouped(part, chinese) for part in parts)
        case Not(inner):
            return _deny(inner, chinese)
        case Compare(field, op, value):
            return _comparison(field, op, [value], chinese)
        case OneOf(field, values):
            return _comparison(field, Op.EQUAL, values, chinese)
        case Contains(field, text):
            return f"{field.label}含有“{text}”" if chinese else f"{field.english} contains “{text}”"
        case Empty(field):
            return f"{field.label}为空" if chinese else f"{field.english} is empty"
        case Flag(field):
            return field.label if chinese else field.english
        case _:
            assert_never(segment)


def _deny(inner: Segment, chinese: bool) -> str:
    match inner:
        case Compare(field, Op.EQUAL, value):
            return _comparison(field, Op.EQUAL, [value], chinese, denied=True)
        case OneOf(field, values):
            return _comparison(field, Op.EQUAL, values, chinese, denied=True)
        case Contains(field, text):
            return f"{field.label}不含“{text}”" if chinese else f"{field.english} does not contain “{text}”"
        case Empty(field):
            return f"{field.label}不为空" if chinese else f"{field.english} is not empty"
    words = _explain(inner, chinese)
    return f"不满足（{words}）" if chinese else f"not ({words})"


def _grouped(segment: Segment, chinese: bool) -> str:
    words = _explain(segment, chinese)
    if not isinstance(segment, And | Or):
        return words
    return f"（{words}）" if chinese else f"({words})"


def _comparison(field: Field, op: Op, values: Sequence[Value], chinese: bool, *, denied: bool = False) -> str:
    words = _words(field)[op][0 if chinese else 1]
    words = _DENIED[words] if denied else words
    either = ("或" if chinese else " or ").join(_value(value, field, chinese) for value in values)
    if not chinese:
        return f"{field.english} {words} {either}"
    if field.kind in _WORDY:
        return f"{field.label}{words}{either}"
    return f"{field.label}{words} {either} {field.measure}".rstrip()


def _words(field: Field) -> dict[Op, tuple[str, str]]:
    if field.kind in _WORDY:
        return _TEXT_WORDS
    return _MOMENT_WORDS if field.kind is Kind.MOMENT else _NUMBER_WORDS


def _value(value: Value, field: Field, chinese: bool) -> str:
    if isinstance(value, str) and field.choices:
        return field.choices.get(value, value) if chinese else value.replace("_", " ")
    if isinstance(value, str):
        return f"“{value}”"
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(" ")  # as read: Asia/Shanghai
    return value.isoformat()
