"""templates/problems.toml: the categories of problems, in the order they are offered."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from campaigns.content import read_toml
from campaigns.content.tables import check_keys
from campaigns.errors import DefinitionError
from campaigns.results import Fault

FILE = "problems.toml"
_KEYS = ("key", "name", "english", "fault", "words")
_LONGEST = 32


@dataclass(frozen=True, slots=True)
class Category:
    """`fault`: whose it mostly is. `words`: what staff call it in a message."""

    key: str
    name: str
    english: str
    fault: Fault
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Categories:
    all: tuple[Category, ...]

    @cached_property
    def by_key(self) -> Mapping[str, Category]:
        return {one.key: one for one in self.all}

    def called(self, text: str) -> Category | None:
        """The one of this name, or of one of its words; None where it is none or cannot be told from another."""
        text = text.strip().casefold()
        exact = [one for one in self.all if text in _names(one)]
        found = exact or [one for one in self.all if any(text in name or name in text for name in _names(one))]
        return found[0] if len(found) == 1 and text else None


def _names(one: Category) -> list[str]:
    return [name.casefold() for name in (one.key, one.name, one.english, *one.words)]


def load_categories(path: Path) -> Categories:
    """Raises DefinitionError naming the place."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DefinitionError(path.name, "file", "没有这个文件，放一个回去 (file missing)") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(path.name, "file", f"读不出 UTF-8 文字 ({type(exc).__name__})") from exc
    return parse_categories(text, path.name)


def parse_categories(text: str, file: str = FILE) -> Categories:
    table = read_toml(text, file)
    check_keys(table, ("problem",), file)
    rows = table.get("problem", [])
    if not isinstance(rows, list) or not rows or any(not isinstance(row, dict) for row in rows):
        raise DefinitionError(file, "problem", "每类写成一段 [[problem]]，至少一类 (a table for each category)")
    found = [_category(row, file, f"problem {number}") for number, row in enumerate(rows, 1)]
    for kind in ("key", "name"):
        names = [getattr(one, kind) for one in found]
        if again := next((name for name in names if names.count(name) > 1), None):
            raise DefinitionError(file, f"problem.{kind}", f"{again} 写了两次 (named twice)")
    return Categories(tuple(found))


def _category(row: Mapping[str, Any], file: str, place: str) -> Category:
    check_keys(row, _KEYS, file)
    given = {name: _text(row, name, file, place) for name in ("key", "name", "english", "fault")}
    if given["fault"] not in list(Fault):
        raise DefinitionError(file, f"{place}.fault", f"只能是 {'、'.join(Fault)} (whose fault)")
    words = row.get("words", [])
    if not isinstance(words, list) or any(not isinstance(word, str) or not word.strip() for word in words):
        raise DefinitionError(file, f"{place}.words", '要写成 ["简历少"] 这样 (a list of words)')
    return Category(
        given["key"], given["name"], given["english"], Fault(given["fault"]), tuple(word.strip() for word in words)
    )


def _text(row: Mapping[str, Any], name: str, file: str, place: str) -> str:
    value = row.get(name, "")
    if not isinstance(value, str) or not 0 < len(value.strip()) <= _LONGEST:
        raise DefinitionError(file, f"{place}.{name}", f"要写1到{_LONGEST}个字 (1 to {_LONGEST} letters)")
    return value.strip()
