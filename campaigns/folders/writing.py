"""campaign.toml written from its table, for campaigns that staff make in the console."""

import json
import re
from collections.abc import Mapping, Sequence

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def write_definition(table: Mapping[str, object]) -> str:
    """TOML of texts, numbers, flags, lists and one level of tables; a key without a value (None) is left out."""
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping) and value is not None}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for name, inner in table.items():
        if isinstance(inner, Mapping) and inner:
            lines += ["", f"[{_key(name)}]"]
            lines += [f"{_key(key)} = {_value(value)}" for key, value in inner.items() if value is not None]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # TOML wants it escaped
        case Sequence():
            return f"[{', '.join(_value(one) for one in value)}]"
    raise TypeError(f"not a value of campaign.toml: {value!r}")
