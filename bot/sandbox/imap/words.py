"""What an IMAP client says, word by word (RFC 3501 section 9): atoms, strings, literals, lists, sets of numbers."""

import re
from collections.abc import Iterator, Sequence

Word = str | list["Word"]

LITERAL = re.compile(rb"\{(\d{1,10})(\+?)\}$")
_TOKEN = re.compile(
    r'(?P<open>\()|(?P<close>\))|"(?P<quoted>(?:[^"\\\r\n]|\\["\\])*)"|\{(?P<literal>\d+)\+?\}'
    r'|(?P<atom>[^\s(){}"\[\]]+(?:\[[^\]\r\n]*\](?:<\d+(?:\.\d+)?>)?)?)'
)
_RANGE = re.compile(r"(\d{1,10}|\*)(?::(\d{1,10}|\*))?")


class Wrong(Exception):
    """No IMAP, or not now: the command is answered BAD."""


class No(Exception):
    """It cannot be done: the command is answered NO."""


def read_words(text: str, literals: Sequence[bytes]) -> list[Word]:
    """The words of one command; a literal's place in `text` is its length in braces. Raises Wrong."""
    words: list[Word] = []
    open_lists, rest, position = [words], iter(literals), 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Wrong(f"not understood from the {position + 1}th character on")
        _place(match, rest, open_lists)
        position = _next(text, match)
    if len(open_lists) > 1:
        raise Wrong("a parenthesis is not closed")
    return words


def _place(match: re.Match[str], literals: Iterator[bytes], open_lists: list[list[Word]]) -> None:
    if match["open"]:
        inner: list[Word] = []
        open_lists[-1].append(inner)
        open_lists.append(inner)
    elif match["close"]:
        open_lists.pop()
        if not open_lists:
            raise Wrong("a parenthesis too many")
    elif match["literal"]:
        found = next(literals, None)
        if found is None:
            raise Wrong("a literal in the middle of a line")
        open_lists[-1].append(found.decode("utf-8", "surrogateescape"))
    elif match["quoted"] is not None:
        open_lists[-1].append(re.sub(r"\\(.)", r"\1", match["quoted"]))
    else:
        open_lists[-1].append(match["atom"])


def _next(text: str, match: re.Match[str]) -> int:
    """Where the next word begins: words stand apart by exactly one space."""
    end = match.end()
    if end == len(text) or match["open"] or text[end] == ")":
        return end
    if text[end] != " " or end + 1 == len(text):
        raise Wrong("words stand apart by one space")
    return end + 1


def atoms(words: Sequence[Word], count: int) -> list[str]:
    """Exactly so many words, none of them a list. Raises Wrong."""
    found = [word for word in words if isinstance(word, str)]
    if len(found) != len(words) or len(words) != count:
        raise Wrong(f"{count} arguments are wanted")
    return found


def read_set(text: str) -> list[tuple[int | None, int | None]]:
    """`1:3,7,9:*` as pairs; None is the largest number in use. Raises Wrong."""
    ranges = [_RANGE.fullmatch(part) for part in text.split(",")]
    pairs = [(_number(found[1]), _number(found[2] or found[1])) for found in ranges if found]
    if len(pairs) != len(ranges):
        raise Wrong("a set of numbers is wanted")
    return pairs


def chosen(pairs: Sequence[tuple[int | None, int | None]], there: Sequence[int]) -> list[int]:
    """Of the numbers that are there, ascending, those in the set."""
    largest = there[-1] if there else 0
    bounds = [sorted((first or largest, last or largest)) for first, last in pairs]
    return [number for number in there if any(low <= number <= high for low, high in bounds)]


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _number(text: str) -> int | None:
    if text == "*":
        return None
    if int(text) == 0:
        raise Wrong("numbers begin at 1")
    return int(text)
