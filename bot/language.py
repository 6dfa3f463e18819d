"""The words of the console in the reader's language. Chinese is the source; English comes from a Babel catalogue."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

CATALOGUES = Path(__file__).parent / "web" / "locales"
SOURCE = "zh"
LANGUAGES = {"zh": "中文", "en": "English"}
PRODUCT = {"zh": "回访", "en": "Huifang"}
_NUMBERED = re.compile(r"((?:\{(\w+)[^}]*\}|%\((\w+)\)s)[^{}%\[\]]*)\[([^|\[\]]*)\|([^|\[\]]*)\]")
_WEIGHT = re.compile(r"[01](\.[0-9]{0,3})?")

_reader: ContextVar[str] = ContextVar("language", default=SOURCE)


def speak(language: str) -> None:
    """From here on this request is answered in that language; an unknown one is the source."""
    _reader.set(language if language in LANGUAGES else SOURCE)


def language() -> str:
    return _reader.get()


@contextlib.contextmanager
def speaking(language: str) -> Iterator[None]:
    """For a while in that language, whatever the reader's is."""
    before = _reader.get()
    speak(language)
    try:
        yield
    finally:
        speak(before)


def wanted_language(accepted: str) -> str:
    """Of an Accept-Language header, the first of ours in the order of its weights; the source where there is none."""
    weighed = [_weighed(one) for one in accepted.split(",")[:20]]
    for _, name in sorted((one for one in weighed if one[0] > 0), key=lambda one: -one[0]):
        if name in LANGUAGES:
            return name
    return SOURCE


def _weighed(one: str) -> tuple[float, str]:
    """`en-GB;q=0.8` → 0.8, en."""
    name, _, weight = one.partition(";")
    given = weight.strip().removeprefix("q=") or "1"
    return float(given) if _WEIGHT.fullmatch(given) else 0.0, name.strip().partition("-")[0].lower()


class Phrase(str):
    """A text with numbers to come. Of `{n} [day|days]` the first is said where the number before it is one."""

    def format(self, *given: object, **values: object) -> str:
        return str.format(in_number(self, values), *given, **values)


def say(text: str) -> str:
    """`text` as the reader reads it, a Phrase; what nobody translated stays as it stands."""
    return Phrase(text if _reader.get() == SOURCE else translations(_reader.get()).get(text, text))


def in_number(text: str, values: Mapping[str, object]) -> str:
    """Each `[one|many]` decided by the number before it; `values` are not in the text yet, for they may hold such."""
    return _NUMBERED.sub(lambda found: found[1] + found[4 if str(values.get(found[2] or found[3])) == "1" else 5], text)


def say_n(one: str, many: str, n: int) -> str:
    """For the templates' plural; Chinese has none, and the English of both is the same phrase."""
    return say(one if n == 1 else many)


@cache
def translations(language: str) -> Mapping[str, str]:
    """Chinese → that language."""
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
