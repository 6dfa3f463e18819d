"""The texts of a TOML file as fields of a form, and written back into it: comments and order stay where they can."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.errors import DefinitionError

Path = tuple[str, ...]
Text = str | tuple[str, ...]  # a list of texts is edited a line each

_STATEMENT = re.compile(
    r"""^[ \t]*(?:
        \[(?P<table>[^\[\]\n]+)\][^\n]*
      | (?P<key>[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')[ \t]*=[ \t]*
        (?P<value>\"{3}(?:[^"\\]|\\.|"(?!""))*\"{3}|'{3}.*?'{3}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^#\n]*?)
        [ \t]*(?:\#[^\n]*)?$
      | [^\n]*
    )(?:\n|\Z)""",
    re.MULTILINE | re.DOTALL | re.VERBOSE,
)
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def texts_of(source: str, file: str) -> dict[Path, Text]:
    """Every text and list of texts by its path. Raises DefinitionError where the file is no TOML."""
    try:
        return dict(_leaves(tomllib.loads(source), ()))
    except tomllib.TOMLDecodeError as exc:
        raise DefinitionError(file, "toml", f"读不懂：{exc} (cannot be read)") from exc


def write_texts(source: str, changed: Mapping[Path, Text | None], file: str) -> str:
    """The file with these texts; None takes one out. What cannot be written in its place is written anew as a whole."""
    before = texts_of(source, file)
    changed = {path: text for path, text in changed.items() if before.get(path) != text}
    if not changed:
        return source
    wanted = _with(tomllib.loads(source), changed)
    for path, text in changed.items():
        source = _in_place(source, path, text)
    return source if _same(source, wanted) else dump(wanted)


def dump(table: Mapping[str, Any], at: Path = ()) -> str:
    """TOML of texts, numbers, flags, lists and tables in tables."""
    lines = [f"{_key(key)} = {_value(one)}" for key, one in table.items() if not isinstance(one, Mapping)]
    head = [f"[{'.'.join(map(_key, at))}]"] if at and (lines or not table) else []
    own = "\n".join([*head, *lines]) + "\n" if head or lines else ""
    below = [dump(one, (*at, key)) for key, one in table.items() if isinstance(one, Mapping)]
    return "\n".join(part for part in [own, *below] if part)


def _leaves(table: Mapping[str, Any], at: Path) -> Iterator[tuple[Path, Text]]:
    for key, one in table.items():
        if isinstance(one, Mapping):
            yield from _leaves(one, (*at, key))
        elif isinstance(one, str):
            yield (*at, key), one
        elif isinstance(one, list) and all(isinstance(inner, str) for inner in one):
            yield (*at, key), tuple(one)


def _with(table: dict[str, Any], changed: Mapping[Path, Text | None]) -> dict[str, Any]:
    for (*above, key), text in changed.items():
        inner = table
        for name in above:
            inner = inner.setdefault(name, {})
        if text is None:
            inner.pop(key, None)
        else:
            inner[key] = list(text) if isinstance(text, tuple) else text
    return table


def _in_place(source: str, path: Path, text: Text | None) -> str:
    """The one statement changed; a new one goes below the last of its table, a new table at the end."""
    (*above, key), table, last = path, [], 0
    for found in _STATEMENT.finditer(source):
        if found["table"] is not None:
            table = [part.strip().strip("\"'") for part in found["table"].split(".")]
        if table == above and (found["table"] or found["key"]):
            last = found.end()
        if table == above and found["key"] and found["key"].strip("\"'") == key:
            if text is None:
                return source[: found.start()] + source[found.end() :]
            return source[: found.start("value")] + _value(text) + source[found.end("value") :]
    if text is None:
        return source
    line = f"{_key(key)} = {_value(text)}\n"
    if last or not above:
        before = source[:last]
        return f"{before}{'' if not before or before.endswith(chr(10)) else chr(10)}{line}{source[last:]}"
    return f"{source.rstrip()}\n\n[{'.'.join(map(_key, above))}]\n{line}"


def _same(source: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(source) == wanted
    except tomllib.TOMLDecodeError:
        return False


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _value(one: object) -> str:
    match one:
        case bool():
            return "true" if one else "false"
        case str() if "\n" in one:
            body = one.replace("\\", "\\\\").replace('"""', '""\\"')
            body = f'{body[:-1]}\\"' if body.endswith('"') else body
            return f'"""\n{_CONTROL.sub(_escaped, body)}"""'
        case str():
            return _quoted(one)
        case list() | tuple():
            return f"[{', '.join(_value(inner) for inner in one)}]"
    return str(one)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
