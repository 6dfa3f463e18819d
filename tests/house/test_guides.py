"""The two guides: they say what the pages say, and each picture is there and used."""

import re
from pathlib import Path

import pytest

from bot.language import LANGUAGES, SOURCE, translations

_DOCS = Path(__file__).resolve().parents[2] / "docs"
_GUIDES = {"zh": _DOCS / "guide.zh.md", "en": _DOCS / "guide.md"}
_PICTURE = re.compile(r"!\[[^\]]+\]\((guide/[\w.-]+\.png)\)")
_QUOTED = {"zh": re.compile("「([^」]+)」"), "en": re.compile(r"\*\*([^*]+)\*\*")}
_PLACE = re.compile(r"%\(\w+\)s|\{\w+\}|…|\d+")
_CHOICE = re.compile(r"\[([^|\[\]]*)\|([^|\[\]]*)\]")  # of one, of many


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_picture_of_a_guide_is_there_and_none_lies_about(language: str) -> None:
    shown = _PICTURE.findall(_GUIDES[language].read_text(encoding="utf-8"))
    assert len(shown) == len(set(shown)) >= 10
    assert {f"guide/{one.name}" for one in (_DOCS / "guide").glob(f"*.{language}.png")} == set(shown)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_guide_says_to_press_is_what_the_pages_say(language: str) -> None:
    quoted = _QUOTED[language].findall(_GUIDES[language].read_text(encoding="utf-8").replace("\n", " "))
    assert len(quoted) > 20
    known = _known(language)
    assert [one for one in quoted if not _is_said(one, known)] == []


def test_both_guides_take_the_same_steps() -> None:
    zh, en = (
        [name.replace(f".{language}.", ".") for name in _PICTURE.findall(guide.read_text(encoding="utf-8"))]
        for language, guide in _GUIDES.items()
    )
    assert zh == en


def _known(language: str) -> set[str]:
    catalogue = translations("en")
    if language == SOURCE:
        return {_bare(text) for text in catalogue}
    return {_bare(_CHOICE.sub(number, text)) for text in catalogue.values() for number in (r"\1", r"\2")}


def _is_said(text: str, known: set[str]) -> bool:
    head, colon, tail = re.split("(：|: )", text, maxsplit=1) if re.search("：|: ", text) else (text, "", "")
    return _bare(text) in known or (bool(colon) and _bare(f"{head}{colon}…") in known and _bare(tail) in known)


def _bare(text: str) -> str:
    return _PLACE.sub("…", text).strip()
