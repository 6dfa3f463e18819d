"""The pages of 分群: the list, the builder, what the builder asks while somebody builds."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import wording
from bot.console.segments.draft import EMPTY, Draft, Reading, change_draft, draft_of, read_draft, speaks, understand
from bot.console.segments.editor import editor_context
from bot.console.segments.used import uses_of
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.pages import page
from campaigns import saved_segments
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.members.find import count_audience
from campaigns.rights import Right
from campaigns.saved_segments import Saved
from campaigns.segments import parse_segment

_LONGEST_NAME = 200


async def segments(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    found = await saved_segments.list_segments()
    uses = await uses_of(runtime, found)
    return await staff_page(
        request,
        "segments/list.html",
        here="segments",
        segments=[(one, _words(one.rule), uses[one.id]) for one in found],
        may_plan=visitor_of(request).may(Right.PLAN),
        done=request.query_params.get("done", "")[:64],
        gone=request.query_params.get("gone", "")[:64],
    )


async def count(request: Request) -> Response:
    """One number of the list, asked for by the list itself."""
    runtime: Runtime = request.app.state.runtime
    found = await saved_segments.find_segment(request.path_params["id"])
    if found is None:
        return Response("—", status_code=404)
    n = await count_audience(parse_segment(found.rule), runtime.clock(), visitor_of(request).staff.owners)
    return Response(say("{n}家").format(n=f"{n:,}"), media_type="text/plain")


async def new(request: Request) -> Response:
    rule = request.query_params.get("rule", "")[:4000]
    draft = draft_of(rule) if rule.strip() else EMPTY
    name = request.query_params.get("name", "")[:_LONGEST_NAME]
    return await _edit(request, understand(draft, speaks(draft)), None, name)


async def segment(request: Request) -> Response:
    found = await saved_segments.find_segment(request.path_params["id"])
    if found is None:
        return await not_found(request, here="segments", what=say("没有这个分群"))
    draft = draft_of(found.rule)
    return await _edit(request, understand(draft, speaks(draft)), found, found.name)


async def look(request: Request) -> Response:
    """What the builder shows again while somebody builds: all of it, or what follows from the rows or the line."""
    form = await read_form(request)
    by = str(form.get("by", request.query_params.get("by", "")))
    draft = change_draft(read_draft(form), str(form.get("do", "")))
    reading = understand(draft, by if by in ("rows", "line") else speaks(draft))
    part = {"line": "segments/from_line.html", "rows": "segments/from_rows.html"}.get(by, "segments/editor.html")
    return page(request, part, **await editor_context(request, reading, typing=by == "all"))


async def save(request: Request) -> Response:
    """Keep it; or, by one of the builder's own buttons, show the page again with a row more or less."""
    form = await read_form(request)
    found = None
    if "id" in request.path_params:
        found = await saved_segments.find_segment(request.path_params["id"])
        if found is None:
            return await not_found(request, here="segments", what=say("没有这个分群"))
    name = str(form.get("name", ""))[:_LONGEST_NAME]
    draft, do = read_draft(form), str(form.get("do", "save"))
    by = speaks(draft)
    if do != "save":
        changed = change_draft(draft, do)
        return await _edit(request, understand(changed, by if changed == draft else "rows"), found, name)
    return await _keep(request, understand(draft, by), found, name, form)


async def delete(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    found = await saved_segments.find_segment(request.path_params["id"])
    if found is None:
        return await not_found(request, here="segments", what=say("没有这个分群"))
    used = (await uses_of(runtime, [found]))[found.id]
    if used:
        draft = draft_of(found.rule)
        return await _edit(request, understand(draft, speaks(draft)), found, found.name, refused=True, status_code=409)
    await saved_segments.delete_segment(found.id)
    await log(request, Action.SEGMENT_DELETED, f"segment/{found.id}", name=found.name, rule=found.rule)
    return RedirectResponse("/segments?gone=1", status_code=303)


async def _keep(request: Request, reading: Reading, found: Saved | None, name: str, form: FormData) -> Response:
    runtime: Runtime = request.app.state.runtime
    if reading.segment is None or reading.pending:
        return await _edit(request, reading, found, name, strict=True, status_code=422)
    try:
        made = await saved_segments.save_segment(
            name,
            str(reading.segment),
            by=visitor_of(request).staff.name,
            now=runtime.clock(),
            segment_id=found.id if found else None,
        )
    except (saved_segments.NameMissing, saved_segments.NameTaken) as exc:
        fault = wording.fault_words(exc)
        return await _edit(request, reading, found, name, name_fault=fault, status_code=422)
    except InputError as exc:
        return await _edit(request, _too_long(reading.draft, exc), found, name, status_code=422)
    await log(request, Action.SEGMENT_SAVED, f"segment/{made.id}", name=made.name, rule=made.rule)
    return RedirectResponse(f"/segments?done={made.id}", status_code=303)


def _too_long(draft: Draft, problem: InputError) -> Reading:
    return Reading(draft, None, fault=str(problem).partition(" (")[0])


async def _edit(
    request: Request,
    reading: Reading,
    found: Saved | None,
    name: str,
    *,
    strict: bool = False,
    name_fault: str = "",
    refused: bool = False,
    status_code: int = 200,
) -> Response:
    runtime: Runtime = request.app.state.runtime
    return await staff_page(
        request,
        "segments/edit.html",
        here="segments",
        status_code=status_code,
        found=found,
        title=name,
        name_fault=name_fault,
        refused=refused,
        used=(await uses_of(runtime, [found]))[found.id] if found else [],
        may_plan=visitor_of(request).may(Right.PLAN),
        **await editor_context(request, reading, strict=strict),
    )


def _words(rule: str) -> str:
    return wording.segment_words(parse_segment(rule))


routes = [
    StaffRoute("/segments", segments, right=Right.SEE),
    StaffRoute("/segments", save, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/segments/new", new, right=Right.PLAN),
    StaffRoute("/segments/look", look, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/segments/{id:int}", segment, right=Right.SEE),
    StaffRoute("/segments/{id:int}", save, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/segments/{id:int}/count", count, right=Right.SEE),
    StaffRoute("/segments/{id:int}/delete", delete, right=Right.PLAN, methods=["POST"]),
]
