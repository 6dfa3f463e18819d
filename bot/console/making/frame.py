"""What the five steps share: the draft as it stands, its saving, the page around a step."""

import tomllib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import wording
from bot.console.making.moments import schedule_words
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import log, read_form, visitor_of
from campaigns import definitions, edits
from campaigns.audit import Action
from campaigns.edits import Overtaken
from campaigns.errors import DefinitionError
from campaigns.folders import CampaignFolder, Definition, folder_of, parse_definition
from campaigns.folders.writing import write_definition
from campaigns.segments import parse_segment

STEPS = {"audience": "给谁", "purpose": "为了什么", "words": "写什么", "when": "什么时候", "check": "检查"}
_ORDER = tuple(STEPS)


@dataclass(frozen=True, slots=True)
class Draft:
    """`table` is campaign.toml as it stands; `definition` None where it is wrong, and `fault` says what."""

    key: str
    files: Mapping[str, str]
    table: Mapping[str, Any]
    definition: Definition | None
    fault: str
    since: int  # of the newest edit: what a form was read from
    saved_at: datetime | None
    state: str

    @property
    def title(self) -> str:
        return str(self.table.get("title", self.key))

    @property
    def folder(self) -> CampaignFolder:
        """Raises DefinitionError where the definition is wrong."""
        return folder_of(self.key, self.files)


async def read_draft(request: Request) -> Draft | None:
    """The campaign of the address as staff left it."""
    runtime: Runtime = request.app.state.runtime
    key, templates = request.path_params["key"], runtime.settings.huifang_templates
    if not await definitions.is_campaign(templates, key):
        return None
    files = await definitions.standing_files(templates, key)
    newest = await edits.newest_of(key)
    row = await definitions.find_campaign(key)
    definition, fault = _parsed(files)
    return Draft(
        key=key,
        files=files,
        table=_table(files),
        definition=definition,
        fault=fault,
        since=newest.id if newest else 0,
        saved_at=newest.at if newest else None,
        state=row.state if row else "draft",
    )


async def save_step(request: Request, draft: Draft, step: str, files: Mapping[str, str | None]) -> Response | None:
    """Keep what a step wrote, and on to the next one (or the one the form's `go` names).

    None where somebody else wrote meanwhile: the step is shown again with what was typed and `OVERTAKEN`.
    """
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    given = str(form.get("since", ""))
    since = int(given) if given.isascii() and given.isdigit() and len(given) < 10 else draft.since
    try:
        me = visitor_of(request).staff.name
        await edits.write_files(draft.key, files, by=me, now=runtime.clock(), since=since)
    except Overtaken:
        return None
    await log(request, Action.CAMPAIGN_EDITED, f"campaign/{draft.key}", step=step, files=sorted(files))
    asked = str(form.get("go", ""))
    go = asked if asked in STEPS else _ORDER[min(_ORDER.index(step) + 1, len(_ORDER) - 1)]
    return RedirectResponse(step_url(draft.key, go), status_code=303)


def with_values(draft: Draft, **changed: object) -> dict[str, str | None]:
    """campaign.toml with these keys changed; None takes one out."""
    return {"campaign.toml": write_definition({**draft.table, **changed})}


def overtaken() -> str:
    return say("别人刚才改过这个活动，没有覆盖。再存一次就用你的，或者重新打开看他的。")


def step_url(key: str, step: str) -> str:
    return f"/campaigns/{key}/make/{step}"


async def making_page(
    request: Request,
    draft: Draft,
    step: str,
    *,
    faults: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
    **context: Any,
) -> Response:
    """`making/STEP.html` (it extends making/frame.html). `faults` and `typed` are by field, "" where there is none."""
    at = _ORDER.index(step)
    return await staff_page(
        request,
        f"making/{step}.html",
        here="campaigns",
        status_code=422 if faults else 200,
        draft=draft,
        step=step,
        steps=[(one, say(label), step_url(draft.key, one), _told(draft, one)) for one, label in STEPS.items()],
        at=at,
        before=_ORDER[at - 1] if at else "",
        after=_ORDER[at + 1] if at + 1 < len(_ORDER) else "",
        labels={one: say(label) for one, label in STEPS.items()},
        faults=defaultdict(str, faults or {}),
        typed=defaultdict(str, typed or {}),
        **context,
    )


async def no_campaign(request: Request) -> Response:
    return await not_found(request, here="campaigns", what=say("没有这个营销活动"))


def _told(draft: Draft, step: str) -> str:
    """The choice a step made, in a line; "" where it made none."""
    definition = draft.definition
    if definition is None:
        return ""
    match step:
        case "audience":
            return wording.segment_words(parse_segment(definition.segment))[:40]
        case "purpose":
            share = say("，对照组{n}%").format(n=round(definition.hold_out * 100)) if definition.hold_out else ""
            return wording.class_words(definition.message_class) + share
        case "words":
            return say("、").join(wording.channel_words(name) for name in definition.channels)
        case "when":
            return schedule_words(definition.schedule)
    return ""


def _parsed(files: Mapping[str, str]) -> tuple[Definition | None, str]:
    try:
        return parse_definition(files), ""
    except DefinitionError as exc:
        return None, wording.fault_words(exc)


def _table(files: Mapping[str, str]) -> Mapping[str, Any]:
    try:
        return tomllib.loads(files.get("campaign.toml", ""))
    except tomllib.TOMLDecodeError:
        return {}
