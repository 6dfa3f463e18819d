"""From the words of a rule to its tree; a mistake names the place and what was expected."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from campaigns.segments.fields import ANY_ATTR, ATTR_PREFIX, FIELDS, Field, Kind, attr_field
from campaigns.segments.literals import read_flag, read_value
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
from campaigns.segments.words import Sort, Token, plain, shown, split, wrong

MAX_LENGTH: Final = 2000  # characters
MAX_DEPTH: Final = 10  # brackets and nots inside each other; SQLite's parser gives up at about 20
MAX_LIST: Final = 200

_BY_NAME: Mapping[str, Field] = {
    plain(name): field for field in FIELDS.values() if field.name != ANY_ATTR for name in (field.name, field.label)
}
_NEGATABLE = ("in", "contains")
_ORDERED = ("=", "!=", "<", "<=", ">", ">=", "in")
_ALLOWED: Mapping[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("=", "!=", "in", "contains"),
    Kind.CHOICE: ("=", "!=", "in"),
    Kind.TAG: ("=", "!=", "in"),
    Kind.COUNT: _ORDERED,
    Kind.AGE: _ORDERED,
    Kind.COUNTDOWN: _ORDERED,
    Kind.MOMENT: _ORDERED,
    Kind.FLAG: ("=", "!="),
}


def parse_segment(rule: str) -> Segment:
    """The tree of a rule. The rule `all` selects everyone; an empty rule is a mistake.

    InputError names the 1-based position of a mistake and what was expected. `parse_segment(str(segment))` is the
    segment again, as long as the canonical spelling is no longer than a rule may be.
    """
    _check_characters(rule)
    words = _Words(list(split(rule)))
    if words.peek().sort is Sort.END:
        raise wrong(0, "规则是空的，要选全部会员请写 all", "empty rule, write all for everyone")
    segment = _parse_or(words, 0)
    if words.peek().sort is not Sort.END:
        raise _unexpected(words.peek())
    return segment


def _check_characters(rule: str) -> None:
    if len(rule) > MAX_LENGTH:
        raise wrong(MAX_LENGTH, f"规则最多 {MAX_LENGTH} 个字符", f"a rule has at most {MAX_LENGTH} characters")
    for at, char in enumerate(rule):
        # neither database stores these, so nothing could ever match
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise wrong(at, "有不能用的字符", f"character U+{ord(char):04X} cannot be used")


class _Words:
    """The tokens not yet read."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0

    def peek(self) -> Token:
        return self._tokens[self._at]

    def take(self) -> Token:
        token = self.peek()
        if token.sort is not Sort.END:
            self._at += 1
        return token

    def take_keyword(self, *keywords: str) -> bool:
        found = self.peek().keyword in keywords
        if found:
            self.take()
        return found

    def take_sign(self, sign: str) -> bool:
        found = self.peek().is_sign(sign)
        if found:
            self.take()
        return found


def _parse_or(words: _Words, depth: int) -> Segment:
    parts = [_parse_and(words, depth)]
    while words.take_keyword("or"):
        parts.append(_parse_and(words, depth))
    return Or(tuple(parts)) if len(parts) > 1 else parts[0]


def _parse_and(words: _Words, depth: int) -> Segment:
    parts = [_parse_term(words, depth)]
    while words.take_keyword("and"):
        parts.append(_parse_term(words, depth))
    return And(tuple(parts)) if len(parts) > 1 else parts[0]


def _parse_term(words: _Words, depth: int) -> Segment:
    if depth > MAX_DEPTH:
        raise wrong(words.peek().start, f"括号和 not 最多嵌套 {MAX_DEPTH} 层", f"nested deeper than {MAX_DEPTH}")
    if words.take_keyword("not"):
        return Not(_parse_term(words, depth + 1))
    if words.take_keyword("all"):
        return Everyone()
    if words.peek().is_sign("("):
        return _parse_brackets(words, depth)
    return _parse_condition(words)


def _parse_brackets(words: _Words, depth: int) -> Segment:
    opening = words.take()
    inner = _parse_or(words, depth + 1)
    if not words.take_sign(")"):
        if words.peek().sort is not Sort.END:
            raise _unexpected(words.peek())
        raise wrong(opening.start, "这个括号没有合上", "bracket is not closed")
    return inner


def _parse_condition(words: _Words) -> Segment:
    field = _parse_field(words)
    if field.kind is Kind.FLAG:
        return _parse_flag(words, field)
    if words.peek().keyword == "is":
        return _parse_empty(words, field)
    start = words.peek()
    negated = words.take_keyword("not")
    sign = words.take()
    if sign.verb not in _ALLOWED[field.kind] or (negated and sign.verb not in _NEGATABLE):
        raise _wrong_comparison(start, field)
    compared = _parse_compared(words, field, sign.verb)
    return Not(compared) if negated or sign.verb == "!=" else compared


def _parse_field(words: _Words) -> Field:
    token = words.take()
    if token.sort is not Sort.WORD or token.keyword:
        raise wrong(token.start, f"这里应该是字段名{_found(token)}", f"expected a field{_found(token, english=True)}")
    if plain(token.text[: len(ATTR_PREFIX)]) == ATTR_PREFIX:
        return _parse_attr(words, token)
    field = _BY_NAME.get(token.plain)
    if field is None:
        raise _unknown_field(token)
    return field


def _parse_attr(words: _Words, token: Token) -> Field:
    name = token.text[len(ATTR_PREFIX) :]
    if not name and words.peek().sort is Sort.TEXT and words.peek().start == token.end:
        name = words.take().text
    if not name:
        raise wrong(
            token.end,
            "attr. 后面要写自定义字段的名字，例如 attr.园区",
            "expected the name of a custom column",
        )
    return attr_field(name)


def _unknown_field(token: Token) -> Exception:
    close = _closest_field(token.plain)
    advice = f"可能想写 {close}" if close else "字段见 huifang segment fields"
    return wrong(token.start, f"没有叫 {shown(token.text)} 的字段，{advice}", "unknown field")


def _closest_field(word: str) -> str | None:
    if len(word) > 40:  # the comparison is slow, and it is no slip of the finger
        return None
    beginning = [name for name in _BY_NAME if name.startswith(word[:4])]
    return next(iter(get_close_matches(word, _BY_NAME, n=1, cutoff=0.6) or beginning), None)


def _parse_empty(words: _Words, field: Field) -> Segment:
    start = words.take()
    negated = words.take_keyword("not")
    if words.peek().keyword != "empty":
        raise wrong(words.peek().start, "is 后面应该是 empty 或 not empty", "expected empty or not empty")
    if not field.optional:
        raise wrong(start.start, f"{field.name} 不会为空", f"{field.name} is never empty")
    words.take()
    return Not(Empty(field)) if negated else Empty(field)


def _parse_flag(words: _Words, field: Field) -> Segment:
    sign = words.peek()
    if sign.sort is not Sort.SIGN or sign.is_sign(")"):
        return Flag(field)
    if sign.verb not in _ALLOWED[field.kind]:
        raise _wrong_comparison(sign, field)
    words.take()
    wanted = read_flag(words.take(), field)
    return Flag(field) if wanted == (sign.verb == "=") else Not(Flag(field))


def _parse_compared(words: _Words, field: Field, verb: str) -> Segment:
    if verb == "in":
        return OneOf(field, _parse_list(words, field))
    value = read_value(words.take(), field)
    if verb == "contains":
        return Contains(field, str(value))
    return Compare(field, Op.EQUAL if verb == "!=" else Op(verb), value)


def _parse_list(words: _Words, field: Field) -> tuple[Value, ...]:
    if not words.take_sign("("):
        raise wrong(words.peek().start, "in 后面要有括号，例如 in (大同, 朔州)", "expected ( after in")
    values: list[Value] = []
    while not values or words.take_sign(","):
        if len(values) == MAX_LIST:
            raise wrong(words.peek().start, f"列表最多 {MAX_LIST} 个值", f"a list has at most {MAX_LIST} values")
        values.append(read_value(words.take(), field))
    if not words.take_sign(")"):
        raise wrong(words.peek().start, f"列表里应该是 , 或 ){_found(words.peek())}", "expected , or )")
    return tuple(values)


def _wrong_comparison(token: Token, field: Field) -> Exception:
    allowed = [*_ALLOWED[field.kind], *(["is empty", "is not empty"] if field.optional else [])]
    return wrong(
        token.start,
        f"{shown(field.name)} 后面应该是 {' '.join(allowed)} 之一{_found(token)}",
        f"expected one of {' '.join(allowed)}",
    )


def _unexpected(token: Token) -> Exception:
    if token.is_sign(")"):
        return wrong(token.start, "多了一个右括号", "unexpected )")
    return wrong(
        token.start,
        f"这里应该是 and、or 或规则结束{_found(token)}；含空格、括号或顿号的文字请加引号",
        f"expected and, or, or the end{_found(token, english=True)}",
    )


def _found(token: Token, *, english: bool = False) -> str:
    what = ("the end" if english else "规则的结尾") if token.sort is Sort.END else shown(token.text)
    return f", found {what}" if english else f"，却是 {what}"
