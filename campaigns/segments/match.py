"""Does one member's facts satisfy a segment?"""

from datetime import datetime
from typing import assert_never

from campaigns.segments.fields import Field, Kind
from campaigns.segments.spans import Span, span_of
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
from campaigns.terms import Facts

_WORDY = (Kind.TEXT, Kind.CHOICE, Kind.TAG)


def matches(segment: Segment, facts: Facts, now: datetime) -> bool:
    """`facts.contacts` holds the active contacts only. `now` is aware."""
    match segment:
        case Everyone():
            return True
        case And(parts):
            return all(matches(part, facts, now) for part in parts)
        case Or(parts):
            return any(matches(part, facts, now) for part in parts)
        case Not(inner):
            return not matches(inner, facts, now)
        case Compare(field, op, value):
            return _compares(field, op, value, facts, now)
        case OneOf(field, values):
            return any(_compares(field, Op.EQUAL, value, facts, now) for value in values)
        case Contains(field, text):
            return text in _text(field, facts)
        case Empty(field):
            return not _text(field, facts) if field.kind in _WORDY else _stored(field, facts) is None
        case Flag(field):
            return _says_yes(field, facts)
        case _:
            assert_never(segment)


def _compares(field: Field, op: Op, value: Value, facts: Facts, now: datetime) -> bool:
    if field.kind is Kind.TAG:
        return f",{value}," in _text(field, facts)
    if isinstance(value, str):
        return _text(field, facts) == value
    span = span_of(field, op, value, now)
    return span is not None and _within(span, _stored(field, facts))


def _within(span: Span, stored: object) -> bool:
    # the types agree by kind: whole numbers, dates or aware times on both sides
    if stored is None:
        return False
    return (span.low is None or stored >= span.low) and (span.high is None or stored < span.high)  # type: ignore[operator]


def _text(field: Field, facts: Facts) -> str:
    if field.attr:
        return facts.attrs.get(field.attr) or ""
    return str(getattr(facts, field.fact))


def _stored(field: Field, facts: Facts) -> object:
    if field.fact == "idle_since":
        return facts.last_login_at or facts.registered_at
    stored = getattr(facts, field.fact)
    return stored * 100 if field.percent and stored is not None else stored


def _says_yes(field: Field, facts: Facts) -> bool:
    channel = field.channel
    if channel is None:
        return any(contact.consent for contact in facts.contacts)
    return not facts.refused and any(
        contact.address(channel) and channel not in contact.blocked for contact in facts.contacts
    )
