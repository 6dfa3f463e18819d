"""Random rules of the segment language, their values near those that `tests/ledgers` fills its members with."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from campaigns.segments.fields import ANY_ATTR, FIELDS, Field, Kind, attr_field
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
from campaigns.terms import SHANGHAI

NOW = datetime(2026, 11, 21, 1, tzinfo=UTC)
LATE = datetime(2026, 11, 21, 17, 30, tzinfo=UTC)  # in Shanghai it is the 22nd
TEXTS = (
    "大同",
    "朔州",
    "大同市",
    "and",
    "a'b",
    'a"b',
    "'; DROP TABLE members; --",
    "100-499人",
    "$1",
    "%",
    "晋 北",
    "（",
)
ATTRS = ("园区", "合同 编号", 'a"b', "it's", "a.b[0]", "a\\b", "$.园区", "空", "in", "x)")
NUMBERS = (-1, 0, 1, 2, 3, 14, 89, 90, 91, 72, 365)

_values_by_kind: dict[Kind, st.SearchStrategy[Value]] = {
    Kind.TEXT: st.sampled_from(TEXTS),
    Kind.MOMENT: st.one_of(
        st.sampled_from([date(2026, 11, 20), date(2026, 11, 21), date(2026, 8, 23), date(1990, 9, 16)]),
        st.sampled_from([NOW, NOW - timedelta(days=90), NOW - timedelta(days=90, microseconds=1)]).map(
            lambda moment: moment.astimezone(SHANGHAI)
        ),
    ),
}
_numbers = st.one_of(
    st.sampled_from(NUMBERS).map(Decimal),
    st.sampled_from(["0.5", "89.99", "90.0", "90.01", "-0.5", "2.000000000000000000000001"]).map(Decimal),
    st.sampled_from([2**31, -(2**31), 2**63, -(2**63) - 1, 10**30, 739_000, 3_000_000]).map(Decimal),
)


def conditions() -> st.SearchStrategy[Segment]:
    return st.one_of(st.just(Everyone()), *(_conditions_on(field) for field in _fields()))


def segments() -> st.SearchStrategy[Segment]:
    """Trees the parser can make, a few levels deep."""
    return st.recursive(
        conditions(),
        lambda inner: st.one_of(
            inner.map(Not),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: And(tuple(parts))),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: Or(tuple(parts))),
        ),
        max_leaves=6,
    )


def _fields() -> list[Field]:
    return [field for field in FIELDS.values() if field.name != ANY_ATTR] + [attr_field(name) for name in ATTRS]


def _conditions_on(field: Field) -> st.SearchStrategy[Segment]:
    if field.kind is Kind.FLAG:
        return st.just(Flag(field))
    values = _values_by_kind.get(field.kind, _numbers)
    if field.choices:
        values = st.sampled_from([str(word) for word in field.choices])
    ops = st.just(Op.EQUAL) if field.choices or field.kind is Kind.TEXT else st.sampled_from(Op)
    made: list[st.SearchStrategy[Segment]] = [
        st.builds(Compare, st.just(field), ops, values),
        st.builds(OneOf, st.just(field), st.lists(values, min_size=1, max_size=3).map(tuple)),
    ]
    if field.kind is Kind.TEXT:
        made.append(st.builds(Contains, st.just(field), st.sampled_from(TEXTS)))
    if field.optional:
        made.append(st.just(Empty(field)))
    return st.one_of(made)
