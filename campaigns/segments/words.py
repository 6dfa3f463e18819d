"""From the characters of a rule to its words, and a text back to a word; every token knows where it stood."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from campaigns.errors import InputError

KEYWORDS = {
    "and": "and",
    "且": "and",
    "or": "or",
    "或": "or",
    "not": "not",
    "非": "not",
    "in": "in",
    "属于": "in",
    "contains": "contains",
    "包含": "contains",
    "is": "is",
    "empty": "empty",
    "all": "all",
    "全部": "all",
}

# One character for one character, so that positions stay those of the rule as it was typed.
_FULL_WIDTH = str.maketrans("（），、＝＜＞！", "(),,=<>!")
_SIGNS = {"≤": "<=", "≥": ">=", "≠": "!=", "<>": "!=", "==": "="}
_TOKEN = re.compile(
    r"""(?P<blank>\s+)
      | (?P<text>"(?:[^"]|"")*" | '(?:[^']|'')*' | ＂[^＂]*＂ | [“”][^“”]*[“”] | [‘’][^‘’]*[‘’] | 「[^」]*」)
      | (?P<sign><= | >= | != | <> | == | [=<>≤≥≠(),])
      | (?P<word>[^\s"'＂“”‘’「」=<>≤≥≠!(),]+)""",
    re.VERBOSE,
)
_PLAIN_WORD = re.compile(r"[\w.-]+")


class Sort(Enum):
    WORD = auto()
    TEXT = auto()  # was in quotes
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is exactly what was typed (without quotes), `plain` what it is compared by."""

    sort: Sort
    text: str
    plain: str
    start: int  # 0-based
    end: int

    @property
    def keyword(self) -> str | None:
        return KEYWORDS.get(self.plain) if self.sort is Sort.WORD else None

    @property
    def verb(self) -> str:
        """What it does to the field before it: a sign or a keyword, "" for anything else."""
        return self.plain if self.sort is Sort.SIGN else self.keyword or ""

    def is_sign(self, *signs: str) -> bool:
        return self.sort is Sort.SIGN and self.plain in signs


def wrong(start: int, chinese: str, english: str) -> InputError:
    return InputError(f"第{start + 1}个字符：{chinese} ({english} at {start + 1})")


def shown(text: str) -> str:
    """A word of the rule as a message may quote it."""
    visible = "".join(char if char.isprintable() else "?" for char in text)
    return visible if len(visible) <= 30 else visible[:30] + "…"


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def quote(text: str) -> str:
    """The shortest way to write this text so that it is read as itself."""
    if _PLAIN_WORD.fullmatch(text) and plain(text) not in KEYWORDS:
        return text
    return '"' + text.replace('"', '""') + '"'


def split(rule: str) -> Iterator[Token]:
    """The tokens of a rule, an END token last."""
    easy = rule.translate(_FULL_WIDTH)
    at = 0
    while at < len(rule):
        found = _TOKEN.match(easy, at)
        if found is None:
            raise _no_token(easy, at)
        if found.lastgroup != "blank":
            yield _token(str(found.lastgroup), rule, found)
        at = found.end()
    yield Token(Sort.END, "", "", len(rule), len(rule))


def _token(group: str, rule: str, found: re.Match[str]) -> Token:
    start, end = found.span()
    if group == "sign":
        return Token(Sort.SIGN, found[0], _SIGNS.get(found[0], found[0]), start, end)
    if group == "text":
        inner, mark = rule[start + 1 : end - 1], rule[start]
        text = inner.replace(mark * 2, mark) if mark in "\"'" else inner
        return Token(Sort.TEXT, text, text, start, end)
    word = rule[start:end]
    for offset, char in enumerate(word):
        if not char.isprintable():
            place = f"U+{ord(char):04X}"
            raise wrong(start + offset, f"有看不见的字符 {place}，请删去或放进引号", f"invisible character {place}")
    return Token(Sort.WORD, word, plain(word), start, end)


def _no_token(easy: str, at: int) -> InputError:
    if easy[at] == "!":
        return wrong(at, "! 后面要有 =，或者写 not", "expected != or not")
    return wrong(at, "引号没有合上", "quote is not closed")
