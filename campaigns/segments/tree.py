"""What a rule means, as a frozen tree; `str()` of it is the rule again, in its canonical spelling."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from campaigns.segments.fields import ATTR_PREFIX, Field
from campaigns.segments.words import quote

Value = str | Decimal | date | datetime  # for the kinds text and choice; numbers; moments


class Op(StrEnum):
    EQUAL = "="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Everyone:
    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class Compare:
    field: Field
    op: Op
    value: Value

    def __str__(self) -> str:
        return _comparison(self.field, self.op, self.value)


@dataclass(frozen=True, slots=True)
class OneOf:
    field: Field
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return _list(self, "in")


@dataclass(frozen=True, slots=True)
class Contains:
    field: Field
    text: str

    def __str__(self) -> str:
        return f"{_name(self.field)} contains {quote(self.text)}"


@dataclass(frozen=True, slots=True)
class Empty:
    field: Field

    def __str__(self) -> str:
        return f"{_name(self.field)} is empty"


@dataclass(frozen=True, slots=True)
class Flag:
    """A yes-or-no field that must say yes."""

    field: Field

    def __str__(self) -> str:
        return self.field.name


@dataclass(frozen=True, slots=True)
class Not:
    inner: "Segment"

    def __str__(self) -> str:
        match self.inner:
            case Compare(field, Op.EQUAL, value):
                return _comparison(field, "!=", value)
            case OneOf() as one_of:
                return _list(one_of, "not in")
            case Contains(field, text):
                return f"{_name(field)} not contains {quote(text)}"
            case Empty(field):
                return f"{_name(field)} is not empty"
        return f"not {_grouped(self.inner)}"


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple["Segment", ...]

    def __str__(self) -> str:
        return " and ".join(map(_grouped, self.parts))


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple["Segment", ...]

    def __str__(self) -> str:
        return " or ".join(map(_grouped, self.parts))


Segment = Everyone | Compare | OneOf | Contains | Empty | Flag | Not | And | Or


def _grouped(segment: Segment) -> str:
    return f"({segment})" if isinstance(segment, And | Or) else str(segment)


def _comparison(field: Field, sign: str, value: Value) -> str:
    return f"{_name(field)} {sign} {_written([value])}"


def _list(one_of: OneOf, word: str) -> str:
    return f"{_name(one_of.field)} {word} ({_written(one_of.values)})"


def _name(field: Field) -> str:
    return ATTR_PREFIX + quote(field.attr) if field.attr else field.name


def _written(values: Iterable[Value]) -> str:
    return ", ".join(map(_literal, values))


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat()
