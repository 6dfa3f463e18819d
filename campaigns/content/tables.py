"""TOML as its author wrote it, and what is wrong with it."""

import tomllib
from collections.abc import Mapping
from typing import Any

from campaigns.errors import DefinitionError


def read_toml(text: str, file: str) -> dict[str, Any]:
    """Raises DefinitionError naming the file and the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise DefinitionError(file, "toml", f"读不懂：{exc} (cannot be read)") from exc


def read_table(table: Mapping[str, Any], key: str, file: str) -> Mapping[str, Any]:
    """A table inside a table, empty where it is missing. Raises DefinitionError where it is something else."""
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise DefinitionError(file, key, f"要写成 [{key}] 表 (a table is expected)")
    return value


def check_keys(table: Mapping[str, Any], known: tuple[str, ...], file: str) -> None:
    for key in table:
        if key not in known:
            raise DefinitionError(file, key, f"没有这一项，只有 {'、'.join(known)} (unknown key)")
