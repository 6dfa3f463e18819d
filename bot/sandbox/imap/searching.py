"""Which mails SEARCH finds (RFC 3501 section 6.4.4)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from email.header import decode_header, make_header

from bot.sandbox.imap.box import Stored
from bot.sandbox.imap.fetching import header_of
from bot.sandbox.imap.words import No, Word, Wrong, chosen, read_set

_FLAGS = ("SEEN", "DELETED", "ANSWERED", "FLAGGED", "DRAFT")
_SET = re.compile(r"[\d*:,]+")


@dataclass(frozen=True, slots=True)
class Candidate:
    number: int
    mail: Stored
    recent: bool


Test = Callable[[Candidate], bool]


def search(words: Sequence[Word], candidates: Sequence[Candidate]) -> list[Candidate]:
    """Raises Wrong, and No for a charset that nobody here can read."""
    given = list(words)
    if given and _upper(given[0]) == "CHARSET":
        if len(given) < 2 or _upper(given[1]) not in ("UTF-8", "US-ASCII"):
            raise No("[BADCHARSET (UTF-8 US-ASCII)] unknown charset")
        given = given[2:]
    if not given:
        raise Wrong("what to search for?")
    test = _all(given, candidates)
    return [one for one in candidates if test(one)]


def _all(words: list[Word], candidates: Sequence[Candidate]) -> Test:
    rest, tests = list(words), []
    while rest:
        tests.append(_read(rest, candidates))
    return lambda one: all(test(one) for test in tests)


def _read(rest: list[Word], candidates: Sequence[Candidate]) -> Test:
    """One search key, taken from the front of `rest`."""
    word = rest.pop(0)
    if isinstance(word, list):
        return _all(word, candidates)
    key = word.upper()
    if _SET.fullmatch(key):
        numbers = set(chosen(read_set(key), [one.number for one in candidates]))
        return lambda one: one.number in numbers
    if test := _of_flags(key):
        return test
    match key:
        case "ALL":
            return lambda one: True
        case "NOT":
            inner = _read(rest or _missing(), candidates)
            return lambda one: not inner(one)
        case "OR":
            first = _read(rest or _missing(), candidates)
            second = _read(rest or _missing(), candidates)
            return lambda one: first(one) or second(one)
        case "UID":
            uids = set(chosen(read_set(_string(rest)), [one.mail.uid for one in candidates]))
            return lambda one: one.mail.uid in uids
        case "KEYWORD" | "UNKEYWORD":
            flag = _string(rest)
            return lambda one: (flag in one.mail.flags) == (key == "KEYWORD")
    return _of_words(key, rest)


def _of_flags(key: str) -> Test | None:
    wanted = not key.startswith("UN")
    if (name := key.removeprefix("UN")) in _FLAGS:
        flag = f"\\{name.capitalize()}"
        return lambda one: (flag in one.mail.flags) == wanted
    tests: dict[str, Test] = {
        "RECENT": lambda one: one.recent,
        "OLD": lambda one: not one.recent,
        "NEW": lambda one: one.recent and "\\Seen" not in one.mail.flags,
    }
    return tests.get(key)


def _of_words(key: str, rest: list[Word]) -> Test:
    match key:
        case "FROM" | "TO" | "CC" | "BCC" | "SUBJECT":
            return _in_header(key, _string(rest))
        case "HEADER":
            return _in_header(_string(rest), _string(rest))
        case "BODY":
            body = _string(rest).casefold()
            return lambda one: body in _text(one.mail.raw.partition(b"\r\n\r\n")[2])
        case "TEXT":
            text = _string(rest).casefold()
            return lambda one: text in _text(one.mail.raw)
        case "LARGER" | "SMALLER":
            size = _size(_string(rest))
            return lambda one: len(one.mail.raw) > size if key == "LARGER" else len(one.mail.raw) < size
        case "BEFORE" | "ON" | "SINCE":
            day = _day(_string(rest))
            return lambda one: _compares(key, one.mail.arrived.date(), day)
    raise Wrong(f"{key[:40]} is nothing to search by here")


def _in_header(name: str, text: str) -> Test:
    wanted = text.casefold()

    def test(one: Candidate) -> bool:
        return any(wanted in _decoded(str(value)).casefold() for value in header_of(one.mail).get_all(name, []))

    return test


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except (LookupError, ValueError):  # a charset of its own
        return value


def _compares(key: str, arrived: date, day: date) -> bool:
    return {"BEFORE": arrived < day, "ON": arrived == day, "SINCE": arrived >= day}[key]


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace").casefold()


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%d-%b-%Y").date()  # noqa: DTZ007 - a day has no zone
    except ValueError as error:
        raise Wrong("a date is wanted, 1-Feb-2026") from error


def _size(text: str) -> int:
    if not text.isdecimal():
        raise Wrong("a number of octets is wanted")
    return int(text)


def _string(rest: list[Word]) -> str:
    word = rest.pop(0) if rest else None
    if not isinstance(word, str):
        raise Wrong("a word is missing")
    return word


def _missing() -> list[Word]:
    raise Wrong("a search key is missing")


def _upper(word: Word) -> str:
    return word.upper() if isinstance(word, str) else ""
