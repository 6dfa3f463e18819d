"""A rule as rows and groups of rows, as far as it is one: what a form shows, and the rule a form makes.

`all` of two levels: rows and groups joined one way, the rows of each group another. What is deeper, or denies a whole
group, is no such form and stays a text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from campaigns.errors import InputError
from campaigns.segments.fields import ANY_ATTR, ATTR_PREFIX, FIELDS, Field, Kind, attr_field
from campaigns.segments.grammar import parse_segment
from campaigns.segments.tree import And, Compare, Contains, Empty, Everyone, Flag, Not, OneOf, Op, Or, Segment, Value
from campaigns.segments.words import quote


class Join(StrEnum):
    ALL = "all"
    ANY = "any"


class Verb(StrEnum):
    """A comparison as it is chosen. The value of a list is written as the language writes one: 大同, "朔 州"."""

    IS = "="
    IS_NOT = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "in"
    NOT_IN = "not in"
    CONTAINS = "contains"
    NOT_CONTAINS = "not contains"
    EMPTY = "is empty"
    NOT_EMPTY = "is not empty"
    YES = "yes"
    NO = "no"


_LISTS = (Verb.IN, Verb.NOT_IN)
WITHOUT_VALUE = frozenset({Verb.EMPTY, Verb.NOT_EMPTY, Verb.YES, Verb.NO})
_ORDERED = (Verb.AT_LEAST, Verb.AT_MOST, Verb.MORE, Verb.LESS, Verb.IS, Verb.IS_NOT, *_LISTS)
_VERBS = {
    Kind.TEXT: (Verb.IS, Verb.IS_NOT, *_LISTS, Verb.CONTAINS, Verb.NOT_CONTAINS),
    Kind.CHOICE: (Verb.IS, Verb.IS_NOT, *_LISTS),
    Kind.TAG: (Verb.IS, Verb.IS_NOT, *_LISTS),
    Kind.FLAG: (Verb.YES, Verb.NO),
}


@dataclass(frozen=True, slots=True)
class Row:
    """`field` by name, a custom column as attr.NAME without quotes; `value` as typed."""

    field: str
    verb: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    join: Join
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """Without parts: everyone."""

    join: Join
    parts: tuple[Row | Group, ...]


def field_of(name: str) -> Field | None:
    """The field a row names."""
    if name.startswith(ATTR_PREFIX) and name != ANY_ATTR and len(name) > len(ATTR_PREFIX):
        return attr_field(name.removeprefix(ATTR_PREFIX))
    return FIELDS.get(name) if name != ANY_ATTR else None


def verbs_of(field: Field) -> tuple[Verb, ...]:
    """What may be asked of it, the usual first."""
    return (*_VERBS.get(field.kind, _ORDERED), *((Verb.EMPTY, Verb.NOT_EMPTY) if field.optional else ()))


def to_form(segment: Segment) -> Form | None:
    """The rule as a form; None where it is more than a form can show."""
    match segment:
        case Everyone():
            return Form(Join.ALL, ())
        case And(parts) | Or(parts):
            shown = [_part(part) for part in parts]
            known = tuple(part for part in shown if part is not None)
            return Form(_join(segment), known) if len(known) == len(shown) else None
    row = _row(segment)
    return Form(Join.ALL, (row,)) if row else None


def row_segment(row: Row) -> Segment:
    """One row as a rule. Raises InputError for a field, comparison or value that is wrong."""
    field = field_of(row.field)
    if field is None:
        raise InputError("没有这个字段，选一个 (unknown field)")
    if row.verb not in verbs_of(field):
        raise InputError("这个字段不能这样比，选一个 (unknown comparison)")
    name = ATTR_PREFIX + quote(field.attr) if field.attr else field.name
    made = parse_segment(_written(name, Verb(row.verb), row.value))
    if not _is_leaf(made):  # a list that closes its bracket and goes on
        raise InputError("这里只能写值，几个值用顿号或逗号隔开 (values only)")
    return made


def form_segment(form: Form) -> Segment:
    """The rule a form makes. Raises InputError at the first row that is wrong."""
    parts = [row_segment(part) if isinstance(part, Row) else _joined(part.join, part.rows) for part in form.parts]
    return _all_of(form.join, parts)


def _joined(join: Join, rows: Sequence[Row]) -> Segment:
    return _all_of(join, [row_segment(row) for row in rows])


def _all_of(join: Join, parts: Sequence[Segment]) -> Segment:
    if not parts:
        return Everyone()
    if len(parts) == 1:
        return parts[0]
    return And(tuple(parts)) if join is Join.ALL else Or(tuple(parts))


def _written(name: str, verb: Verb, value: str) -> str:
    match verb:
        case Verb.YES:
            return name
        case Verb.NO:
            return f"not {name}"
        case Verb.EMPTY | Verb.NOT_EMPTY:
            return f"{name} {verb}"
        case Verb.IN | Verb.NOT_IN:
            return f"{name} {verb} ({value})"
        case _:
            return f"{name} {verb} {_quoted(value)}"


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _part(segment: Segment) -> Row | Group | None:
    if isinstance(segment, And | Or):
        rows = [_row(part) for part in segment.parts]
        known = tuple(row for row in rows if row is not None)
        return Group(_join(segment), known) if len(known) == len(rows) else None
    return _row(segment)


def _join(segment: And | Or) -> Join:
    return Join.ALL if isinstance(segment, And) else Join.ANY


def _row(segment: Segment) -> Row | None:
    match segment:
        case Not(Compare(field, Op.EQUAL, value)):
            return Row(_name(field), Verb.IS_NOT, _value(value))
        case Not(OneOf(field, values)):
            return Row(_name(field), Verb.NOT_IN, _values(values))
        case Not(Contains(field, text)):
            return Row(_name(field), Verb.NOT_CONTAINS, text)
        case Not(Empty(field)):
            return Row(_name(field), Verb.NOT_EMPTY)
        case Not(Flag(field)):
            return Row(_name(field), Verb.NO)
        case Compare(field, op, value):
            return Row(_name(field), Verb(op.value), _value(value))
        case OneOf(field, values):
            return Row(_name(field), Verb.IN, _values(values))
        case Contains(field, text):
            return Row(_name(field), Verb.CONTAINS, text)
        case Empty(field):
            return Row(_name(field), Verb.EMPTY)
        case Flag(field):
            return Row(_name(field), Verb.YES)
    return None


def _is_leaf(segment: Segment) -> bool:
    inner = segment.inner if isinstance(segment, Not) else segment
    return isinstance(inner, Compare | OneOf | Contains | Empty | Flag)


def _name(field: Field) -> str:
    return ATTR_PREFIX + field.attr if field.attr else field.name


def _value(value: Value) -> str:
    """As it stands in one box: a text as it is, the others as the language writes them."""
    match value:
        case str():
            return value
        case Decimal():
            return f"{value:f}"
        case _:
            return value.isoformat()


def _values(values: Sequence[Value]) -> str:
    return "、".join(quote(_value(value)) if isinstance(value, str) else _value(value) for value in values)
