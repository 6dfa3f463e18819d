"""Which campaigns select by which rule: as they were approved, and as their folders stand now."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.runtime import Runtime
from campaigns import definitions, saved_segments
from campaigns.saved_segments import Saved

_FILE = "campaign.toml"


@dataclass(frozen=True, slots=True)
class Use:
    key: str
    title: str


async def uses_of(runtime: Runtime, segments: Iterable[Saved]) -> dict[int, list[Use]]:
    """Segment id → the campaigns with the same rule."""
    saved = list(segments)
    titles, folders = await _folders(runtime)
    rows = await definitions.find_campaigns()
    approved = {key: rows[key].definition.segment for key in folders if key in rows and rows[key].state != "cancelled"}
    found = [saved_segments.uses(saved, rules) for rules in (folders, approved)]
    return {one.id: [Use(key, titles[key]) for key in sorted({*found[0][one.id], *found[1][one.id]})] for one in saved}


async def _folders(runtime: Runtime) -> tuple[dict[str, str], dict[str, str]]:
    """Key → title and key → rule. A folder that cannot be read uses nothing."""
    templates = runtime.settings.huifang_templates
    titles: dict[str, str] = {}
    rules: dict[str, str] = {}
    for key, files in (await definitions.standing_texts(templates, _FILE)).items():
        if found := _read(files):
            titles[key], rules[key] = found
    return titles, rules


def _read(files: Mapping[str, str]) -> tuple[str, str] | None:
    try:
        table = tomllib.loads(files.get(_FILE, ""))
    except tomllib.TOMLDecodeError:
        return None
    title, rule = table.get("title"), table.get("segment")
    return (str(title or ""), rule) if isinstance(rule, str) else None
