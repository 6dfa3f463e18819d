"""写什么: the words by channel, how they look to somebody, what is wrong with them, and one to oneself."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.making.beginning import hand_in_templates
from bot.console.making.codes import known_codes
from bot.console.making.editing import LONGEST, field_at_fault, fields_of, with_words
from bot.console.making.frame import Draft, making_page, no_campaign, overtaken, read_draft, save_step, with_values
from bot.console.making.looking import (
    Look,
    boxes_of,
    fill,
    looks,
    notice_of,
    one_channel,
    subject_of,
    text_of,
)
from bot.console.making.mending import mend
from bot.console.making.offered import offered
from bot.console.making.persons import SAMPLE, content_of, person_of, persons
from bot.console.making.trying import try_on_oneself
from bot.console.previews import pieces_of
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, read_form
from bot.web.pages import page
from campaigns import edits
from campaigns.custom_fields import Shown, labels_of
from campaigns.errors import DefinitionError, OutreachError
from campaigns.folders import compiled_content, read_own
from campaigns.folders.definition import NEEDS
from campaigns.members.values import custom_names
from campaigns.rights import Right
from campaigns.terms import ChannelName

ORDER = (ChannelName.WECHAT, ChannelName.SMS, ChannelName.EMAIL, ChannelName.WECOM)
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


async def words(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    draft = await _with_left_off(request, draft)
    return await _page(request, draft, {})


async def write(request: Request) -> Response:
    """Keep what holds together; what cannot be filled at all is shown again with what is wrong beside it."""
    standing = await read_draft(request)
    if standing is None:
        return await no_campaign(request)
    draft = await _with_left_off(request, standing)
    form = await read_form(request)
    typed, used = _typed(form), _used(form)
    if faults := _faults(draft, typed, used):
        return await _page(request, draft, typed, used=used, faults=faults)
    files: dict[str, str | None] = {
        file: draft.files[file] for one in used for file in NEEDS[one] if file in draft.files.keys() - standing.files
    }
    files |= with_words(draft.files, typed, used)
    files |= {file: None for one in ORDER if one not in used for file in _left_over(draft, one, used)}
    if list(used) != list(draft.table.get("channels", [])):
        files |= with_values(draft, channels=[str(one) for one in used])
    kept = await save_step(request, draft, "words", files)
    return kept or await _page(request, draft, typed, used=used, faults={"since": overtaken()})


async def preview(request: Request) -> Response:
    """What is typed, mended where a button asks for it, and how it looks; nothing is kept."""
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    draft = await _with_left_off(request, draft)
    form = await read_form(request)
    typed, used = _typed(form), _used(form)
    if asked := str(form.get("mend", "")):
        channel, _, tag = asked.partition(":")
        typed = mend(_whole(draft, typed), channel, tag)
    if "hx-request" not in request.headers:
        return await _page(request, draft, typed, used=used, faults=_faults(draft, typed, used), fine=True)
    shown = await _shown(request, draft, typed, used)
    return page(request, "making/words_looks.html", swapped=True, form_key="", draft=draft, words=wording, **shown)


async def test(request: Request) -> Response:
    """The words as typed to one address of one's own: no touch, nothing is kept."""
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    draft = await _with_left_off(request, draft)
    form = await read_form(request)
    typed, used = _typed(form), _used(form)
    given = str(form.get("test_channel", ""))
    channel = next((one for one in used if one == given), None)
    if channel is None:
        return await _page(request, draft, typed, used=used, faults={"test_channel": say("先选一个用到的通道")})
    person = await person_of(request, str(form.get("member", "")), content_of(draft))
    faults: Mapping[str, str] = {}
    try:
        files = _standing(draft, typed, used)
        found = fill(one_channel(draft, files, channel), channel, person)
        if channel is ChannelName.SMS and draft.state in ("draft", "cancelled"):  # one that runs keeps what is approved
            await hand_in_templates(request.app.state.runtime, [files["sms.toml"]])
        said, faults = await try_on_oneself(request, draft.key, channel, str(form.get("test_to", "")), found)
    except OutreachError as exc:
        said, faults = "", {"test": wording.fault_words(exc)}
    return await _page(request, draft, typed, used=used, faults=faults, tested=said)


# ---- the form -------------------------------------------------------------------------------------------------------


def _typed(form: FormData) -> dict[str, str]:
    """The fields of channels, with plain line breaks and without what no keyboard writes."""
    return {
        name: _UNSEEN.sub("", str(value).replace("\r\n", "\n"))
        for name, value in form.multi_items()
        if "/" in name and name.partition("/")[0] in ORDER
    }


def _used(form: FormData) -> tuple[ChannelName, ...]:
    """The ticked channels by the numbers beside them."""
    ticked = [one for one in ORDER if one in form.getlist("use")]
    return tuple(sorted(ticked, key=lambda one: (_number(form.get(f"place_{one}")), ORDER.index(one))))


def _number(given: object) -> int:
    return int(str(given)) if str(given).isascii() and str(given).isdigit() and len(str(given)) < 3 else 99


def _of_draft(draft: Draft) -> tuple[ChannelName, ...]:
    given = draft.table.get("channels", [])
    return tuple(ChannelName(one) for one in given if one in list(ORDER)) if isinstance(given, list) else ()


def _standing(draft: Draft, typed: Mapping[str, str], used: Sequence[ChannelName]) -> dict[str, str]:
    return {**draft.files, **with_words(draft.files, typed, tuple(used))}


def _left_over(draft: Draft, channel: ChannelName, used: Sequence[ChannelName]) -> list[str]:
    """The files of a channel that is not used any more: the lint wants none that is never sent."""
    if not used or channel not in _of_draft(draft):
        return []
    return [name for name in NEEDS[channel] if name in draft.files]


async def _with_left_off(request: Request, draft: Draft) -> Draft:
    """With the words of channels that were taken out before: who ticks one again finds them."""
    runtime: Runtime = request.app.state.runtime
    disk = read_own(runtime.settings.huifang_templates / draft.key)
    found: dict[str, str] = {}
    for file in {file for one in ORDER for file in NEEDS[one]} - draft.files.keys():
        written = (one.text for one in await edits.versions_of(draft.key, file) if one.text is not None)
        if text := next(written, disk.get(file)):
            found[file] = text
    return replace(draft, files={**found, **draft.files}) if found else draft


def _whole(draft: Draft, typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed above what stands, for every box there is."""
    return {**{one.name: one.value for channel in ORDER for one in boxes_of(draft.files, channel)}, **typed}


def _faults(draft: Draft, typed: Mapping[str, str], used: Sequence[ChannelName]) -> dict[str, str]:
    """By box, why this cannot be kept; empty: it can."""
    if not used:
        return {"use": say("至少用一个通道")}
    if long := {
        name: say("太长了，最多{n}字").format(n=f"{LONGEST:,}") for name in typed if len(typed[name]) > LONGEST
    }:
        return long
    faults: dict[str, str] = {}
    for channel in used:
        boxes = boxes_of(draft.files, channel)
        try:
            files = _standing(draft, typed, [channel])
            folder = one_channel(draft, files, channel)
            boxes = fields_of(files, channel)
            compiled_content(folder.files)
            fill(folder, channel, SAMPLE)
        except DefinitionError as exc:
            where = field_at_fault(exc, boxes) or "use"
            faults[where] = wording.fault_words(exc.problem) if exc.key == "template" else str(exc)
    return faults


# ---- the page -------------------------------------------------------------------------------------------------------


async def _shown(
    request: Request, draft: Draft, typed: Mapping[str, str], used: Sequence[ChannelName]
) -> dict[str, Any]:
    """Previews, lint and the tabs' states of what is typed."""
    runtime: Runtime = request.app.state.runtime
    form = await read_form(request) if request.method == "POST" else FormData()
    asked = str(form.get("member", "") or request.query_params.get("member", ""))
    person = await person_of(request, asked, content_of(draft))
    files, found = dict(draft.files), list[Look]()
    long = any(len(one) > LONGEST for one in typed.values())
    try:
        files = files if long else _standing(draft, typed, used)
        found = looks(draft, files, used, person, runtime.settings.sms_segment_yuan)
    except DefinitionError:
        found = []
    return {
        "looks": found,
        "shown": [one for one in found if one.used],
        "tried": {name: at for at, name in enumerate(used, 1)},
        "person": person,
        "persons": await persons(request, draft, person),
        "tab": _tab(request, form, used),
        "text_of": text_of,
        "pieces_of": lambda one: pieces_of(text_of(one)),
        "subject_of": subject_of,
        "notice_of": notice_of,
        "laid_out": not with_words(draft.files, typed, (ChannelName.EMAIL,)) if "email.txt" in draft.files else False,
        "moment_of": runtime.clock(),
    }


def _tab(request: Request, form: FormData, used: Sequence[ChannelName]) -> ChannelName:
    asked = str(form.get("channel", "") or request.query_params.get("channel", ""))
    return next((one for one in ORDER if one == asked), next(iter(used), ChannelName.WECHAT))


async def _page(
    request: Request,
    draft: Draft,
    typed: Mapping[str, str],
    *,
    used: Sequence[ChannelName] | None = None,
    faults: Mapping[str, str] | None = None,
    tested: str = "",
    fine: bool = False,
) -> Response:
    """`fine`: nobody asked to keep it, so that what is wrong with it is no failure."""
    used = _of_draft(draft) if used is None else used
    shown = await _shown(request, draft, typed, used)
    files = _safe_files(draft, typed, used)
    boxes = {channel: boxes_of(files, channel) for channel in ORDER}
    answer = await making_page(
        request,
        draft,
        "words",
        faults=faults,
        typed={**{one.name: one.value for many in boxes.values() for one in many}, **typed},
        boxes=boxes,
        codes=await known_codes(request.app.state.runtime, draft.key),
        order=ORDER,
        places={one: at for at, one in enumerate(used, 1)},
        offered=offered(draft.files, await labels_of(await custom_names(), Shown.WORDS)),
        tested=tested,
        test_to=str((await read_form(request)).get("test_to", ""))[:200] if request.method == "POST" else "",
        test_channel=await _tried_first(request, used, shown["tab"]),
        needs=_needed_to_try(),
        sandboxed=bool(request.app.state.runtime.sandboxed),
        swapped=False,
        **shown,
    )
    if fine:
        answer.status_code = 200
    return answer


async def _tried_first(request: Request, used: Sequence[ChannelName], tab: ChannelName) -> str:
    """The channel a test begins with: anybody has a phone or a mailbox, few know their openid."""
    if request.method == "POST" and (asked := str((await read_form(request)).get("test_channel", ""))):
        return asked[:20]
    easy = [one for one in used if one in (ChannelName.SMS, ChannelName.EMAIL)]
    return tab if tab in easy else next(iter([*easy, *used]), "")


def _needed_to_try() -> dict[ChannelName, str]:
    return {
        ChannelName.SMS: say("写自己的手机号"),
        ChannelName.EMAIL: say("写自己的邮箱"),
        ChannelName.WECHAT: say("自己先关注，再写公众号给你的openid"),
    }


def _safe_files(draft: Draft, typed: Mapping[str, str], used: Sequence[ChannelName]) -> Mapping[str, str]:
    """With the boxes that the typed text asks for: a new variable of an SMS has one."""
    try:
        return _standing(draft, typed, used)
    except DefinitionError:
        return draft.files


routes = [
    StaffRoute("/campaigns/{key}/make/words", words, right=Right.PLAN),
    StaffRoute("/campaigns/{key}/make/words", write, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/make/words/preview", preview, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/make/words/test", test, right=Right.PLAN, methods=["POST"]),
]
