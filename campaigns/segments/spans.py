"""Comparisons of numbers and moments as half-open ranges over what is stored, in exact whole numbers.

Python and both databases test the same ranges, so they agree to the microsecond, and a query compares a
column with values worked out beforehand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from math import ceil, floor

from campaigns.segments.fields import Field, Kind
from campaigns.segments.tree import Op, Value
from campaigns.terms import SHANGHAI

Stored = int | date | datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)  # what both databases keep


@dataclass(frozen=True, slots=True)
class Span:
    """low <= stored value < high; None is without end. An empty value is in no span."""

    low: Stored | None
    high: Stored | None


@lru_cache(maxsize=256)  # thousands of members are asked the same at the same moment
def span_of(field: Field, op: Op, value: Value, now: datetime) -> Span | None:
    """The stored values for which the comparison holds; None where there cannot be any."""
    low, high = _range(op, *_cell(value))
    match field.kind:
        case Kind.AGE:
            assert field.unit is not None
            return _age_span(low, high, field.unit // _TICK, _ticks(now))
        case Kind.COUNTDOWN:
            today = now.astimezone(SHANGHAI).date().toordinal()
            return _span(_moved(low, today), _moved(high, today), 1, date.max.toordinal(), date.fromordinal)
        case Kind.MOMENT:
            return _time_span(low, high)
        case _:
            return _span(low, high, -(2**63), 2**63 - 1, int)


def _cell(value: Value) -> tuple[int, int]:
    """The whole numbers that equal a value: one, none (1.5: the empty [2, 2)), or the ticks of a day."""
    match value:
        case Decimal():
            return ceil(value), floor(value) + 1
        case datetime():
            return _ticks(value), _ticks(value) + 1
        case date():
            return _midnight(value), _midnight(value + timedelta(days=1))
        case str():
            raise AssertionError("texts are not ordered")


def _range(op: Op, start: int, end: int) -> tuple[int | None, int | None]:
    match op:
        case Op.EQUAL:
            return start, end
        case Op.LESS:
            return None, start
        case Op.AT_MOST:
            return None, end
        case Op.MORE:
            return end, None
        case Op.AT_LEAST:
            return start, None


def _age_span(low: int | None, high: int | None, unit: int, now: int) -> Span | None:
    # n full units have passed exactly when the moment is in (now - (n + 1) units, now - n units]
    def moment(age: int | None) -> int | None:
        return None if age is None else now - age * unit + 1

    return _time_span(moment(high), moment(low))


def _time_span(low: int | None, high: int | None) -> Span | None:
    least, most = _ticks(datetime.min.replace(tzinfo=UTC)), _ticks(datetime.max.replace(tzinfo=UTC))
    return _span(low, high, least, most, lambda ticks: _EPOCH + ticks * _TICK)


def _span(low: int | None, high: int | None, least: int, most: int, stored: Callable[[int], Stored]) -> Span | None:
    """Only least..most can be stored: a bound beyond them is no bound, or leaves nothing."""
    if low is None or low <= least:
        low = None
    elif low > most:
        return None
    if high is None or high > most:
        high = None
    elif high <= least:
        return None
    return Span(None if low is None else stored(low), None if high is None else stored(high))


def _moved(number: int | None, by: int) -> int | None:
    return None if number is None else number + by


def _ticks(moment: datetime) -> int:
    return (moment - _EPOCH) // _TICK


def _midnight(day: date) -> int:
    return _ticks(datetime.combine(day, time.min, SHANGHAI))
