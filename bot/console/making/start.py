"""/campaigns/new: what a campaign starts from, and the folder that is made of it."""

import re
import tomllib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.making.beginnings import RESERVED, blank, copied, derived_codes, key_of, numbered
from bot.console.making.frame import step_url
from bot.console.shell import staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import definitions, edits, saved_segments
from campaigns.audit import Action
from campaigns.edits import Overtaken
from campaigns.errors import DefinitionError
from campaigns.folders import Definition, parse_definition
from campaigns.folders.writing import write_definition
from campaigns.rights import Right
from campaigns.saved_segments import Saved
from campaigns.terms import ChannelName, MessageClass

KINDS = (MessageClass.SERVICE, MessageClass.MARKETING, MessageClass.GREETING)
BLANK = "blank"
LONGEST_TITLE = 64
_LONGEST_CODE = 64
_CODE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_TRIES = 99
_MOST_PICKS = 30


@dataclass(frozen=True, slots=True)
class Start:
    """A campaign that another may be made of. `sms`: its sms.toml, None where it has none."""

    key: str
    definition: Definition
    sms: str | None

    @property
    def has_sms(self) -> bool:
        return self.sms is not None


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says; `source` is a campaign's key, or BLANK. `segment`: where one came from it."""

    source: str
    title: str
    kind: str
    channels: tuple[str, ...]
    code: str
    segment: Saved | None = None


async def new(request: Request) -> Response:
    source = request.query_params.get("from", "")[:64]
    segment = await _segment(request.query_params.get("segment", ""))
    return await _page(request, Asked(source, "", MessageClass.SERVICE, ("email", "sms"), "", segment), {})


async def make(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request)
    asked = Asked(
        source=str(form.get("source", ""))[:64],
        title=" ".join(str(form.get("title", "")).split()),
        kind=str(form.get("kind", ""))[:32],
        channels=tuple(str(one)[:32] for one in form.getlist("channel")[:8]),
        code=str(form.get("code", "")).strip(),
        segment=await _segment(str(form.get("segment", ""))),
    )
    starts = {one.key: one for one in await _starts(runtime)}
    faults = _faults(runtime, asked, starts)
    if faults:
        return await _page(request, asked, faults)
    key = await _write(request, asked, starts)
    if key is None:
        return await _page(request, asked, {"title": say("叫这个名字的活动太多了，换一个名称")})
    await log(request, Action.CAMPAIGN_EDITED, f"campaign/{key}", step="new", source=asked.source)
    return RedirectResponse(step_url(key, "audience"), status_code=303)


async def _page(request: Request, asked: Asked, faults: Mapping[str, str]) -> Response:
    runtime: Runtime = request.app.state.runtime
    return await staff_page(
        request,
        "making/new.html",
        here="campaigns",
        status_code=422 if faults else 200,
        **_picks(await _starts(runtime), asked.source),
        asked=asked,
        segment=asked.segment,
        kinds=KINDS,
        channels=list(ChannelName),
        faults=defaultdict(str, faults),
        sandboxed=_in_sandbox(runtime),
        blank=BLANK,
        longest=LONGEST_TITLE,
    )


def _picks(starts: Sequence[Start], source: str) -> dict[str, Any]:
    """What is offered at once: the one that was asked for and as many others as can be looked through."""
    first = [one for one in starts if one.key == source]
    offered = [*first, *(one for one in starts if one.key != source)][:_MOST_PICKS]
    return {"starts": offered, "more_starts": len(starts) - len(offered)}


def _faults(runtime: Runtime, asked: Asked, starts: Mapping[str, Start]) -> dict[str, str]:
    found = {}
    if not asked.title or len(asked.title) > LONGEST_TITLE:
        found["title"] = say("名称写1到{n}个字").format(n=LONGEST_TITLE)
    if asked.source != BLANK and asked.source not in starts:
        found["source"] = say("选一个开头")
    if asked.source == BLANK:
        if asked.kind not in list(KINDS):
            found["kind"] = say("选一类")
        if not asked.channels or any(one not in list(ChannelName) for one in asked.channels):
            found["channel"] = say("至少选一个渠道")
    if fault := _code_fault(runtime, asked, starts):
        found["code"] = fault
    return found


def _code_fault(runtime: Runtime, asked: Asked, starts: Mapping[str, Start]) -> str:
    if asked.code and (len(asked.code) > _LONGEST_CODE or not _CODE.fullmatch(asked.code)):
        return say("模板编号只有英文字母、数字、横线和下划线，最多{n}个").format(n=_LONGEST_CODE)
    for one in starts.values():
        if asked.code and f'"{asked.code}"' in (one.sms or ""):
            return say("这个模板编号{title}在用，各用各的").format(title=one.definition.title)
    start = starts.get(asked.source)
    has_sms = start.has_sms if start else ChannelName.SMS in asked.channels
    if has_sms and not asked.code and not _in_sandbox(runtime):
        return say("短信真实发出，要写服务商审核通过的模板编号；两个活动不能共用一个")
    return ""


def _in_sandbox(runtime: Runtime) -> bool:
    return ChannelName.SMS in runtime.sandboxed or ChannelName.SMS not in runtime.channels


async def _write(request: Request, asked: Asked, starts: Mapping[str, Start]) -> str | None:
    """The new campaign's key; None where every number of it is taken."""
    runtime: Runtime = request.app.state.runtime
    taken, original = await _taken(runtime), await _original(runtime, asked, starts)
    me, now = visitor_of(request).staff.name, runtime.clock()
    for key in (numbered(key_of(asked.title), number) for number in range(1, _TRIES)):
        if key in taken:
            continue
        try:
            await edits.write_files(key, _files(runtime, key, asked, original), by=me, now=now, since=0)
        except Overtaken:  # somebody else made one of this name meanwhile
            continue
        return key
    return None


async def _segment(number: str) -> Saved | None:
    known = number.isascii() and number.isdigit() and len(number) < 10
    return await saved_segments.find_segment(int(number)) if known else None


async def _original(runtime: Runtime, asked: Asked, starts: Mapping[str, Start]) -> Mapping[str, str] | None:
    """The files it is made of; None where it begins with nothing."""
    if asked.source not in starts:
        return None
    return await definitions.standing_files(runtime.settings.huifang_templates, asked.source)


def _files(runtime: Runtime, key: str, asked: Asked, original: Mapping[str, str] | None) -> dict[str, str]:
    files = _begun(runtime, key, asked, original)
    if asked.segment:
        table = tomllib.loads(files["campaign.toml"])
        files["campaign.toml"] = write_definition({**table, "segment": asked.segment.rule})
    return files


def _begun(runtime: Runtime, key: str, asked: Asked, original: Mapping[str, str] | None) -> dict[str, str]:
    derived, others = derived_codes(key)
    code = asked.code or derived
    if original is not None:
        return copied(original, asked.title, code, others if _in_sandbox(runtime) else {})
    channels, share = [ChannelName(one) for one in asked.channels], runtime.rulebook.policy.usual_hold_out
    return blank(asked.title, MessageClass(asked.kind), channels, code, share)


async def _taken(runtime: Runtime) -> set[str]:
    """Every key that is somebody's, or was: its folder's history would be taken for this one's."""
    templates = runtime.settings.huifang_templates
    folders = {path.name for path in templates.iterdir() if path.is_dir()}
    ran = await definitions.every_key()
    return {*RESERVED, *folders, *await edits.edited_folders(), *await definitions.campaign_keys(templates), *ran}


async def _starts(runtime: Runtime) -> list[Start]:
    """The campaigns one can begin with: those that are right, and send or call by a date of their own.

    The ones that came with the house are first.
    """
    templates, found = runtime.settings.huifang_templates, []
    for key, files in (await definitions.standing_texts(templates, "campaign.toml", "sms.toml")).items():
        try:
            definition = parse_definition(files)
        except DefinitionError:
            continue
        if not definition.answers and not definition.by_hand:
            found.append(Start(key, definition, files.get("sms.toml")))
    shipped = set(definitions.keys_on_disk(templates))
    return sorted(found, key=lambda one: (one.key not in shipped, one.key))


routes = [
    StaffRoute("/campaigns/new", new, right=Right.PLAN),
    StaffRoute("/campaigns/new", make, right=Right.PLAN, methods=["POST"]),
]
