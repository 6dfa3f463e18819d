"""A segment as one boolean SQL expression over `members m`.

Every value of the rule, and every name of a custom column, is a parameter. Each part is true or false and
never NULL, so that NOT means the rest.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, assert_never

from campaigns.segments.fields import Field, Kind
from campaigns.segments.spans import span_of
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

Dialect = Literal["sqlite", "postgres"]
Param = str | int | date | datetime

_WORDY = (Kind.TEXT, Kind.CHOICE, Kind.TAG)
_NOBODY = "1 = 0"
_CONSENTED = "EXISTS (SELECT 1 FROM contacts c WHERE c.member_id = m.id AND c.active AND c.consent)"
_REFUSED = """EXISTS (
  SELECT 1 FROM suppressions s
  WHERE s.member_id = m.id AND s.channel IS NULL AND s.lifted_at IS NULL AND s.until IS NULL)"""
_HAS_ADDRESS = """EXISTS (
  SELECT 1 FROM contacts c
  WHERE c.member_id = m.id AND c.active AND c.{column} <> '' AND NOT EXISTS (
    SELECT 1 FROM suppressions s
    WHERE s.channel = {channel} AND s.address = c.{column} AND s.lifted_at IS NULL))"""
# not json_extract: no JSON path names a key with a quotation mark on every SQLite, a comparison does
_SQLITE_ATTR = "(SELECT a.value FROM json_each(m.attrs) a WHERE a.key = {name})"


@dataclass(frozen=True, slots=True)
class Filter:
    """`sql` has the places $1, $2 … in order, one for each of `params` (times are aware and UTC)."""

    sql: str
    params: list[Param]


def to_filter(segment: Segment, now: datetime, dialect: Dialect) -> Filter:
    """The members `m` of a segment at the moment `now` (aware), as a condition for WHERE."""
    compiler = _Compiler(now, dialect)
    return Filter(f"({compiler.compile(segment)})", compiler.params)


class _Compiler:
    def __init__(self, now: datetime, dialect: Dialect) -> None:
        self.now, self.dialect = now, dialect
        self.params: list[Param] = []

    def compile(self, segment: Segment) -> str:
        match segment:
            case Everyone():
                return "1 = 1"
            case And(parts):
                return " AND ".join(map(self._grouped, parts))
            case Or(parts):
                return " OR ".join(map(self._grouped, parts))
            case Not(inner):
                return f"NOT ({self.compile(inner)})"
            case Compare(field, op, value):
                return self._compare(field, op, value)
            case OneOf(field, values):
                return self._one_of(field, values)
            case Contains(field, text):
                return f"{self._find}({self._text(field)}, {self._place(text)}) > 0"
            case Empty(field):
                return f"{self._text(field)} = ''" if field.kind in _WORDY else f"m.{field.column} IS NULL"
            case Flag(field):
                return self._flag(field)
            case _:
                assert_never(segment)

    def _grouped(self, segment: Segment) -> str:
        sql = self.compile(segment)
        return f"({sql})" if isinstance(segment, And | Or | OneOf) else sql

    @property
    def _find(self) -> str:
        return "strpos" if self.dialect == "postgres" else "instr"

    def _compare(self, field: Field, op: Op, value: Value) -> str:
        if field.kind is Kind.TAG:
            return f"{self._find}({self._text(field)}, {self._place(f',{value},')}) > 0"
        if isinstance(value, str):
            return f"{self._text(field)} = {self._place(value)}"
        span = span_of(field, op, value, self.now)
        if span is None:
            return _NOBODY
        column = f"m.{field.column} * 100" if field.percent else f"m.{field.column}"
        tests = [f"m.{field.column} IS NOT NULL"] if field.optional else ["1 = 1"]
        if span.low is not None:
            tests.append(f"{column} >= {self._place(span.low)}")
        if span.high is not None:
            tests.append(f"{column} < {self._place(span.high)}")
        return f"({' AND '.join(tests)})"

    def _one_of(self, field: Field, values: tuple[Value, ...]) -> str:
        if field.kind in (Kind.TEXT, Kind.CHOICE):
            text = self._text(field)
            return f"{text} IN ({', '.join(self._place(str(value)) for value in values)})"
        return " OR ".join(self._compare(field, Op.EQUAL, value) for value in values)

    def _text(self, field: Field) -> str:
        if not field.attr:
            return f"m.{field.column}"
        name = self._place(field.attr)
        value = f"m.attrs ->> {name}" if self.dialect == "postgres" else _SQLITE_ATTR.format(name=name)
        return f"coalesce({value}, '')"

    def _flag(self, field: Field) -> str:
        if field.channel is None:
            return _CONSENTED
        channel = self._place(field.channel.value)
        return f"({_HAS_ADDRESS.format(column=field.column, channel=channel)} AND NOT {_REFUSED})"

    def _place(self, value: Param) -> str:
        self.params.append(value)
        place = f"${len(self.params)}"
        return f"{place}::{_postgres_type(value)}" if self.dialect == "postgres" else place


def _postgres_type(value: Param) -> str:
    # said aloud: ->> takes a text or a number, and a count may be compared with more than its column holds
    match value:
        case str():
            return "text"
        case int():
            return "bigint"
        case datetime():
            return "timestamptz"
        case date():
            return "date"
