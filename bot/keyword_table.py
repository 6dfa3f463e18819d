"""The keyword table in force: the file of templates/auto_replies, or what staff wrote in its place."""

import asyncio
from functools import lru_cache
from pathlib import Path

from campaigns import edits
from campaigns.intents import IntentTable
from campaigns.intents.reading import make_table
from campaigns.intents.table import Example, load_examples, parse_keywords

FOLDER, FILE = "auto_replies", "keywords.toml"


async def table_in_force(templates: Path) -> IntentTable:
    """A second of work in a thread where file or examples are others than last time."""
    text = await text_in_force(templates)
    return await asyncio.to_thread(_table, templates / FOLDER, _changed(templates / FOLDER), text)


async def text_in_force(templates: Path) -> str:
    """The words of the table, as whoever edited them last left them."""
    edited = await _edited(await edits.latest())
    return edited if edited is not None else (templates / FOLDER / FILE).read_text(encoding="utf-8")


def examples_of(templates: Path) -> tuple[Example, ...]:
    return _examples(templates / FOLDER / "examples", _changed(templates / FOLDER))


async def _edited(latest: int) -> str | None:
    """None where nobody ever edited it."""
    if not latest:
        return None
    newest = next(iter(await edits.versions_of(FOLDER, FILE)), None)
    return newest.text if newest else None


def _changed(folder: Path) -> float:
    return max(path.stat().st_mtime for path in folder.rglob("*"))


@lru_cache(maxsize=4)
def _table(folder: Path, changed: float, text: str) -> IntentTable:
    return make_table(parse_keywords(text, FILE), _examples(folder / "examples", changed))


@lru_cache(maxsize=4)
def _examples(folder: Path, changed: float) -> tuple[Example, ...]:
    return tuple(load_examples(folder))
