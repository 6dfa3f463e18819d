"""One value of a TOML file changed in its place: every comment, blank and order of the file stays."""

import json
import re
import tomllib
from typing import Any

from campaigns.errors import InputError

Scalar = str | int | bool

_TABLE = re.compile(r"\s*\[(?!\[)\s*(?P<name>[^\]]+?)\s*\]\s*(#.*)?$")
_VALUE = r"""(?P<value>"(?:[^"\\]|\\.)*"|'[^']*'|[^#"'\[{]*?)(?P<rest>\s*(?:\#.*)?)$"""


def set_value(text: str, table: str, key: str, value: Scalar | None) -> str:
    """The file with `key` of `[table]` at `value`; None takes its line out. A table that is missing is added.

    Raises InputError for a file that writes it in a way a line cannot hold (an inline table, a text over lines).
    """
    lines = text.split("\n")
    start, end = _span(lines, table)
    place = next((at for at in range(start, end) if _line(lines[at], key)), None)
    if place is not None:
        found = _line(lines[place], key)
        assert found
        lines[place : place + 1] = [] if value is None else [f"{found['head']}{_literal(value)}{found['rest']}"]
    elif value is not None:
        lines = _added(lines, table, end if start else 0, f"{_key(key)} = {_literal(value)}")
    changed = "\n".join(lines)
    if _loaded(changed) != _expected(_loaded(text), table, key, value):
        raise InputError(f"{table}.{key}：这一项的写法特别，改文件本身 (not one plain line)")
    return changed


def _span(lines: list[str], table: str) -> tuple[int, int]:
    """The lines below the table's head, up to the next head; (0, 0) where it is not there."""
    start = 0
    for at, line in enumerate(lines):
        head = _TABLE.match(line)
        if head and start:
            return start, at
        if head and _plain(head["name"]) == table:
            start = at + 1
    return (start, len(lines)) if start else (0, 0)


def _added(lines: list[str], table: str, end: int, line: str) -> list[str]:
    if not end:
        return [*_trimmed(lines), "", f"[{table}]", line, ""]
    while end > 1 and not lines[end - 1].strip():
        end -= 1
    return [*lines[:end], line, *lines[end:]]


def _trimmed(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def _line(line: str, key: str) -> re.Match[str] | None:
    name = re.escape(key)
    return re.match(rf"""(?P<head>\s*(?:{name}|"{name}"|'{name}')\s*=\s*){_VALUE}""", line)


def _expected(tree: dict[str, Any], table: str, key: str, value: Scalar | None) -> dict[str, Any]:
    inner = tree
    for part in table.split("."):
        inner = inner.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InputError(f"{table}：不是一张表 (not a table)")
    if value is None:
        inner.pop(key, None)
    else:
        inner[key] = value
    return tree


def _loaded(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise InputError(f"不是 TOML：{exc} (not TOML)") from None


def _literal(value: Scalar) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)


def _plain(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
