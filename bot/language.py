"""The words of the console in the reader's language. Chinese is the source; English comes from a Babel catalogue."""

from collections.abc import Mapping
from contextvars import ContextVar
from functools import cache
from pathlib import Path

from babel.messages.pofile import read_po

CATALOGUES = Path(__file__).parent / "web" / "locales"
SOURCE = "zh"
LANGUAGES = {"zh": "中文", "en": "English"}

_reader: ContextVar[str] = ContextVar("language", default=SOURCE)


def speak(language: str) -> None:
    """From here on this request is answered in that language; an unknown one is the source."""
    _reader.set(language if language in LANGUAGES else SOURCE)


def language() -> str:
    return _reader.get()


def say(text: str) -> str:
    """`text` as the reader reads it; what nobody translated stays as it stands."""
    return text if _reader.get() == SOURCE else translations(_reader.get()).get(text, text)


def say_n(one: str, many: str, n: int) -> str:
    """For the templates' plural; Chinese has none, and the English of both is the same phrase."""
    return say(one if n == 1 else many)


@cache
def translations(language: str) -> Mapping[str, str]:
    """Chinese → that language."""
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    return {str(message.id): str(message.string) for message in catalogue if message.id and message.string}
