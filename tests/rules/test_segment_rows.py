"""A rule as rows and groups, and the rule they make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.errors import InputError
from campaigns.segments import FIELDS, Segment, parse_segment
from campaigns.segments.fields import ANY_ATTR, Field, Kind
from campaigns.segments.rows import (
    WITHOUT_VALUE,
    Form,
    Group,
    Join,
    Row,
    Verb,
    field_of,
    form_segment,
    row_segment,
    to_form,
    verbs_of,
)
from tests.segment_trees import segments

_NUMBERS = st.integers(-999, 9999).map(str)
_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12)
_VALUES = {
    Kind.TEXT: _TEXTS,
    Kind.MOMENT: st.dates().filter(lambda day: 1970 <= day.year <= 2100).map(str),
}
_NAMES = [*(name for name in FIELDS if name != ANY_ATTR), "attr.园区", "attr.合同 编号"]


def _values(field: Field) -> st.SearchStrategy[str]:
    if field.choices:
        return st.sampled_from([str(word) for word in field.choices])
    return _VALUES.get(field.kind, _NUMBERS)


@st.composite
def rows(draw: st.DrawFn) -> Row:
    name = draw(st.sampled_from(_NAMES))
    field = field_of(name)
    assert field
    verb = draw(st.sampled_from([one for one in verbs_of(field) if one not in (Verb.IN, Verb.NOT_IN)]))
    value = "" if verb in WITHOUT_VALUE else draw(_values(field))
    return Row(name, verb, value)


_GROUPS = st.builds(Group, st.sampled_from(Join), st.lists(rows(), min_size=2, max_size=3).map(tuple))
_FORMS = st.builds(Form, st.sampled_from(Join), st.lists(rows() | _GROUPS, min_size=2, max_size=4).map(tuple))


@given(_FORMS)
def test_a_form_makes_a_rule_that_is_shown_as_the_same_form(form: Form) -> None:
    made = form_segment(form)
    assert parse_segment(str(made)) == made
    assert to_form(made) == form


@given(segments())
def test_a_rule_that_is_shown_as_a_form_is_made_again_by_it(segment: Segment) -> None:
    form = to_form(segment)
    if form is not None:
        assert str(form_segment(form)) == str(segment)


@pytest.mark.parametrize(
    "rule",
    [
        "all",
        "consent",
        "idle_days >= 90 and (tier = 优质 or tier = 高端)",
        'city not in (大同, "朔 州") or not consent',
    ],
)
def test_what_staff_write_is_shown(rule: str) -> None:
    form = to_form(parse_segment(rule))
    assert form is not None
    assert str(form_segment(form)) == rule


@pytest.mark.parametrize(
    "rule",
    ["not (consent or tier = 优质)", "consent and (tier = 优质 or (idle_days > 3 and logins = 0))", "not not consent"],
)
def test_what_is_deeper_stays_a_text(rule: str) -> None:
    assert to_form(parse_segment(rule)) is None


@pytest.mark.parametrize(
    "row",
    [
        Row("nothing", "=", "1"),
        Row("attr.", "=", "1"),
        Row("attr.*", "=", "1"),
        Row("tier", ">", "优质"),
        Row("tier", "drop table", "优质"),
        Row("idle_days", ">=", "3 or all"),
        Row("idle_days", ">=", ""),
        Row("city", "in", "大同) or (all"),
        Row("city", "in", "大同) or city in (朔州"),
        Row("city", "in", ""),
        Row("tier", "=", "最好"),
    ],
)
def test_a_row_that_is_wrong_is_refused(row: Row) -> None:
    with pytest.raises(InputError):
        row_segment(row)


def test_a_text_is_itself_whatever_stands_in_it() -> None:
    for text in ('大同" or all or "', "and", "空 格", "全部", "'"):
        assert to_form(row_segment(Row("name", "=", text))) == Form(Join.ALL, (Row("name", "=", text),))
