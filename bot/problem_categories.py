"""The categories of problems in force: templates/problems.toml, or what staff wrote in its place."""

from functools import lru_cache
from pathlib import Path

from campaigns import edits
from campaigns.problem_file import FILE, Categories, parse_categories


async def categories_in_force(templates: Path) -> Categories:
    """Raises DefinitionError naming the place."""
    return _categories(await text_in_force(templates))


async def text_in_force(templates: Path) -> str:
    newest = next(iter(await edits.versions_of(edits.TOP, FILE)), None)
    if newest is not None and newest.text is not None:
        return newest.text
    return (templates / FILE).read_text(encoding="utf-8-sig")


@lru_cache(maxsize=4)
def _categories(text: str) -> Categories:
    return parse_categories(text)
