"""What the policy and the calendar pages share: a file of templates/ as it stands, and a new version of it."""

from collections.abc import Mapping

from starlette.requests import Request

from bot.runtime import Runtime, follow_rules, read_rule_files
from bot.web.desk import log, visitor_of
from campaigns import edits
from campaigns.audit import Action


async def text_of(runtime: Runtime, file: str) -> str:
    return (await read_rule_files(runtime.settings))[file]


async def version_of(file: str) -> int:
    """The number of the version a form was filled by; 0 is the file on the disk."""
    versions = await edits.versions_of(edits.TOP, file)
    return versions[0].id if versions else 0


async def write(request: Request, file: str, text: str, changed: Mapping[str, object]) -> None:
    """Keep a text that was checked; every process goes by it within two seconds."""
    runtime: Runtime = request.app.state.runtime
    await edits.write_files(edits.TOP, {file: text}, by=visitor_of(request).staff.name, now=runtime.clock())
    await log(request, Action.SETTING_CHANGED, f"file/{file}", **changed)
    await follow_rules(runtime)
