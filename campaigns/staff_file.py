"""templates/staff.toml: the people behind the names in a member's owner column, and how they are told."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from campaigns.content import read_toml
from campaigns.content.tables import check_keys
from campaigns.errors import DefinitionError

_KEYS = ("name", "wecom", "mail")


@dataclass(frozen=True, slots=True)
class Person:
    """`wecom`: the userid (账号) of the address book, which is not the name shown there."""

    name: str
    wecom: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True)
class Staff:
    """`otherwise`: who is told where a member has no owner, or one without a line. `welcome`: the first word of a
    conversation in customer service; empty says nothing."""

    people: Mapping[str, Person] = field(default_factory=dict)
    otherwise: str = ""
    welcome: str = ""

    def of(self, owner: str) -> Person | None:
        return self.people.get(owner.strip()) or self.people.get(self.otherwise)


def load_staff(path: Path) -> Staff:
    """The file's people; one that is not there names nobody. DefinitionError names a bad entry."""
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows editors put a mark in front
    except FileNotFoundError:
        return Staff()
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(path.name, "file", f"读不出 UTF-8 文字 ({type(exc).__name__})") from exc
    return _staff(read_toml(text, path.name), path.name)


def _staff(table: Mapping[str, Any], file: str) -> Staff:
    check_keys(table, ("otherwise", "welcome", "staff"), file)
    rows = table.get("staff", [])
    if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        raise DefinitionError(file, "staff", "每个人写成一段 [[staff]] (a table for each person)")
    people: dict[str, Person] = {}
    for number, row in enumerate(rows, start=1):
        person = _person(row, file, f"staff {number}")
        if person.name in people:
            raise DefinitionError(file, f"staff {number}", f"{person.name} 写了两次 (named twice)")
        people[person.name] = person
    otherwise = _text(table, "otherwise", file, "otherwise")
    if otherwise and otherwise not in people:
        raise DefinitionError(file, "otherwise", f"[[staff]] 里没有 {otherwise} (nobody of that name)")
    return Staff(people, otherwise, _text(table, "welcome", file, "welcome"))


def _person(row: Mapping[str, Any], file: str, place: str) -> Person:
    check_keys(row, _KEYS, file)
    given = {key: _text(row, key, file, f"{place}.{key}") for key in _KEYS}
    if not given["name"]:
        raise DefinitionError(file, f"{place}.name", "要写会员资料里负责人那一栏的名字 (missing)")
    if "|" in given["wecom"] or given["wecom"].startswith("@"):
        raise DefinitionError(file, f"{place}.wecom", "只写一个账号 (one userid)")
    return Person(**given)


def _text(table: Mapping[str, Any], key: str, file: str, place: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise DefinitionError(file, place, "要写成一段文字 (a text is expected)")
    return value.strip()
