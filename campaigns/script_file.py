"""The files of templates/scripts: what staff say on a visit, as TOML that is checked line by line."""

from collections.abc import Iterator, Mapping
from typing import Any

from campaigns.briefing.scripts import (
    EVERY,
    GREETING_PLACES,
    PLACES,
    ScriptBook,
    Sheet,
    Situation,
    Words,
    places_in,
)
from campaigns.content import read_toml
from campaigns.diagnosis import Code
from campaigns.errors import DefinitionError
from campaigns.terms import Tier

FOLDER = "scripts"
OPENING, CLOSING, FINDINGS, SITUATIONS = "opening.toml", "closing.toml", "findings.toml", "situations.toml"
FILES = (OPENING, FINDINGS, SITUATIONS, CLOSING)
_LONGEST = 200
_TIERS = (EVERY, *Tier)
_PARTS = ("ask", "offer")


def parse_scripts(files: Mapping[str, str]) -> ScriptBook:
    """The book of these files; one that is missing is empty. DefinitionError names file and key of what is wrong."""
    for name in files:
        if name not in FILES:
            raise DefinitionError(name, "-", f"没有这个文件，话术只有{'、'.join(FILES)} (unknown file)")
    return ScriptBook(
        _greetings(files, OPENING),
        _greetings(files, CLOSING),
        {**_about(files, FINDINGS, Code), **_about(files, SITUATIONS, Situation)},
    )


def _greetings(files: Mapping[str, str], file: str) -> dict[str, tuple[Words, ...]]:
    """[高端] say = […]"""
    found = {}
    for tier, table in _tables(files, file):
        _refuse_unknown(tier, _TIERS, file, tier)
        _refuse_others(table, ("say",), file, tier)
        found[str(tier)] = _words(table.get("say"), GREETING_PLACES, file, f"{tier}.say")
    if file in files and EVERY not in found:
        raise DefinitionError(file, EVERY, f"要有 [{EVERY}]，给没有单独写的级别用 (is missing)")
    return found


def _about(
    files: Mapping[str, str], file: str, keys: type[Code] | type[Situation]
) -> dict[Code | Situation, dict[str, Sheet]]:
    """[unread] ask = […], offer = […]; [unread.高端] where one tier has its own words."""
    found: dict[Code | Situation, dict[str, Sheet]] = {}
    for name, table in _tables(files, file):
        _refuse_unknown(name, tuple(keys), file, name)
        key = keys(name)
        own = {tier: table[tier] for tier in Tier if tier in table}
        _refuse_others(table, (*_PARTS, *Tier), file, name)
        found[key] = {EVERY: _sheet(table, PLACES[key], file, name)}
        for tier, inner in own.items():
            if not isinstance(inner, dict):
                raise DefinitionError(file, f"{name}.{tier}", f"要写成 [{name}.{tier}] 表 (a table is expected)")
            _refuse_others(inner, _PARTS, file, f"{name}.{tier}")
            found[key][str(tier)] = _sheet(inner, PLACES[key], file, f"{name}.{tier}")
    if file in files and (missing := [str(one) for one in keys if one not in found]):
        raise DefinitionError(file, missing[0], f"还缺 [{missing[0]}] (is missing)")
    return found


def _sheet(table: Mapping[str, Any], places: frozenset[str], file: str, key: str) -> Sheet:
    ask = _words(table.get("ask"), places, file, f"{key}.ask")
    return Sheet(ask, _words(table["offer"], places, file, f"{key}.offer") if "offer" in table else ())


def _words(value: object, places: frozenset[str], file: str, key: str) -> tuple[Words, ...]:
    if not isinstance(value, list) or not value:
        raise DefinitionError(file, key, "至少写一句 {zh = …, en = …} (a list of lines is expected)")
    return tuple(_line(one, places, file, f"{key}.{place}") for place, one in enumerate(value, 1))


def _line(value: object, places: frozenset[str], file: str, key: str) -> Words:
    if not isinstance(value, dict) or set(value) != {"zh", "en"}:
        raise DefinitionError(file, key, "一句要有 zh 和 en 两样 (zh and en are expected)")
    for language, text in value.items():
        if not isinstance(text, str) or not 0 < len(text.strip()) <= _LONGEST:
            raise DefinitionError(file, f"{key}.{language}", f"写1到{_LONGEST}个字 (1 to {_LONGEST} letters)")
        for name in places_in(text):
            if name not in places:
                known = "、".join(sorted(places))
                raise DefinitionError(file, f"{key}.{language}", f"{{{name}}}这里没有，能用的有{known} (unknown place)")
    return Words(value["zh"].strip(), value["en"].strip())


def _tables(files: Mapping[str, str], file: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, table in read_toml(files.get(file, ""), file).items():
        if not isinstance(table, dict):
            raise DefinitionError(file, name, f"要写成 [{name}] 表 (a table is expected)")
        yield name, table


def _refuse_unknown(name: str, known: tuple[str, ...], file: str, key: str) -> None:
    if name not in known:
        raise DefinitionError(file, key, f"没有这一项，能用的有{'、'.join(known)} (unknown key)")


def _refuse_others(table: Mapping[str, Any], known: tuple[str, ...], file: str, key: str) -> None:
    for name in table:
        _refuse_unknown(name, known, file, f"{key}.{name}")
