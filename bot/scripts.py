"""The 话术 in force: the files of templates/scripts, with what staff wrote in their place."""

from functools import lru_cache
from pathlib import Path

from campaigns import edits
from campaigns.briefing import ScriptBook
from campaigns.folders import read_own
from campaigns.script_file import FOLDER, parse_scripts


async def scripts_in_force(templates: Path) -> ScriptBook:
    """Raises DefinitionError where a file on the disk is wrong; what staff write is checked before it is kept."""
    files = await edits.apply_edits(FOLDER, read_own(templates / FOLDER))
    return _book(tuple(sorted(files.items())))


@lru_cache(maxsize=4)
def _book(files: tuple[tuple[str, str], ...]) -> ScriptBook:
    return parse_scripts(dict(files))
