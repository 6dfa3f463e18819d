"""营销活动: the list, and one campaign: what it says, to whom, what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console import campaign_report, exporting
from bot.console.making.running import acts_for
from bot.console.members.address import list_url
from bot.console.previews import samples_of
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import Page, StaffRoute, visitor_of
from bot.web.pages import page
from campaigns import definitions
from campaigns.definitions import CampaignRow
from campaigns.errors import DefinitionError, InputError
from campaigns.folders import CampaignFolder, Definition
from campaigns.members.browse import Sieve
from campaigns.replies.reading import AUTO_REPLIES
from campaigns.reports import CampaignReport, campaign_reports
from campaigns.rights import Right
from campaigns.schedule import BeforeFestival, Once, OnStart, Recurring, due_occurrences, parse_schedule
from campaigns.segments import parse_segment
from campaigns.terms import SHANGHAI

_WEEKDAYS = "一二三四五六日"
_STATES = ("running", "paused", "approved", "draft", "cancelled")
_SOON, _EVER = timedelta(days=14), timedelta(days=400)
_RECEIPTS = timedelta(days=1)  # after which hardly one comes


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the list. `fault` is what is wrong with its folder, "" where nothing is."""

    key: str
    title: str
    definition: Definition | None
    state: str
    note: str
    report: CampaignReport | None
    next_at: datetime | None
    fault: str = ""


async def campaigns(request: Request) -> Response:
    return await staff_page(request, "campaigns/list.html", here="campaigns", **await _list(request))


async def live(request: Request) -> Response:
    """The rows of the list alone, asked for again and again."""
    return page(request, "campaigns/lines.html", words=wording, **await _list(request))


async def _list(request: Request) -> dict[str, Any]:
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    reports = {report.key: report for report in await campaign_reports(owners=visitor.staff.owners)}
    keys = await definitions.campaign_keys(runtime.settings.huifang_templates)
    every = [await _line(runtime, key, reports.get(key)) for key in sorted({*keys, *reports})]
    asked = {name: request.query_params.get(name, "").strip()[:64] for name in ("state", "q")}
    found = [one for one in every if asked["q"].casefold() in f"{one.title}\n{one.key}".casefold()]
    shown = [one for one in found if asked["state"] in ("", one.state)]
    shown.sort(key=lambda one: (_STATES.index(one.state) if one.state in _STATES else 9, one.key))
    return {
        "lines": shown,
        "every": len(every),
        "found": len(found),
        "asked": asked,
        "counts": {state: sum(one.state == state for one in found) for state in _STATES},
        "address": lambda path, **given: _address(path, {**asked, **given}),
        "may_plan": visitor.may(Right.PLAN),
        "answers_off": next((one for one in every if one.key == AUTO_REPLIES and one.state == "draft"), None),
    }


def _address(path: str, asked: dict[str, str]) -> str:
    given = {name: value for name, value in asked.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


async def campaign(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    key = request.path_params["key"]
    folder, fault = await _folder(runtime, key)
    row = await definitions.find_campaign(key)
    definition = row.definition if row else folder.definition if folder else None
    if definition is None and not fault:
        return await not_found(request, here="campaigns", what=say("没有叫 {key} 的营销活动").format(key=key))
    report = await campaign_report.report_of(request, row) if row else None
    next_at = _next_at(runtime, row, definition)
    return await staff_page(
        request,
        "campaigns/page.html",
        here="campaigns",
        key=key,
        definition=definition,
        row=row,
        report=report,
        log=await campaign_report.happened(row, report) if row and report else [],
        run_name=campaign_report.run_name,
        fault=fault,
        changed=bool(row and folder and dict(row.files) != dict(folder.files)),
        audience=_explained(definition.segment) if definition else "",
        goal=_explained(definition.goal) if definition and definition.goal else "",
        schedule=_schedule(definition) if definition else "",
        next_at=next_at,
        live=_is_live(runtime, row, report, next_at),
        mark=_mark(row, report),
        samples=_samples(row, folder),
        listed=lambda fate: list_url(Sieve(campaign=key, fate=fate)),
        heard=lambda inbound: list_url(Sieve(campaign=key, inbound=inbound)),
        acts=await acts_for(request, key, row, report.totals.waiting if report else None),
        done=request.query_params.get("done", ""),
        may_export=visitor_of(request).may(Right.EXPORT),
    )


async def _line(runtime: Runtime, key: str, report: CampaignReport | None) -> Line:
    folder, fault = await _folder(runtime, key)
    row = await definitions.find_campaign(key)
    definition = row.definition if row else folder.definition if folder else None
    return Line(
        key=key,
        title=definition.title if definition else key,
        definition=definition,
        state=row.state if row else "draft",
        note=row.note if row else "",
        report=report,
        next_at=_next_at(runtime, row, definition),
        fault=fault,
    )


def _next_at(runtime: Runtime, row: CampaignRow | None, definition: Definition | None) -> datetime | None:
    """The next date of one that runs, or will once it is started."""
    if row is None or definition is None or row.state not in ("running", "approved") or not _has_dates(definition):
        return None
    schedule, now = parse_schedule(definition.schedule), runtime.clock()
    for span in (_SOON, _EVER):
        if coming := due_occurrences(schedule, runtime.rulebook.calendar, now, now + span):
            return coming[0].at
    return None


def _is_live(
    runtime: Runtime, row: CampaignRow | None, report: campaign_report.Report | None, next_at: datetime | None
) -> bool:
    """Whether the numbers may still change by themselves, so that the page asks for them again."""
    if row is None or report is None:
        return False
    if report.totals.waiting or row.state == "approved":
        return True
    if row.state == "running" and (next_at or not _has_dates(row.definition) or not _all_planned(report)):
        return True
    awaited = report.totals.sent - report.totals.delivered - report.totals.bounced
    return bool(awaited and report.chosen and runtime.clock() - report.chosen[0].at < _RECEIPTS)


def _all_planned(report: campaign_report.Report) -> bool:
    return bool(report.runs) and all(run.planned_at for run in report.runs)


def _mark(row: CampaignRow | None, report: campaign_report.Report | None) -> str:
    """What more of the page than its numbers depends on; another one means that the page is to be read anew."""
    if row is None or report is None:
        return ""
    planned = sum(run.planned_at is not None for run in report.runs) if _has_dates(row.definition) else 0
    return f"{row.state}-{planned}-{'some' if report.totals.audience else 'none'}"


def _has_dates(definition: Definition) -> bool:
    return not definition.answers and not definition.by_hand


async def _folder(runtime: Runtime, key: str) -> tuple[CampaignFolder | None, str]:
    """The folder as it stands now, or what is wrong with it; neither where there is none."""
    try:
        return await definitions.load_campaign(runtime.settings.huifang_templates, key), ""
    except DefinitionError as exc:
        return None, wording.fault_words(exc)
    except InputError:
        return None, ""


def _explained(rule: str) -> str:
    return wording.segment_words(parse_segment(rule))


def _schedule(definition: Definition) -> str:
    """When it is sent, in plain words."""
    if definition.answers:
        return say("对方一来消息就答")
    if definition.by_hand:
        return say("同事写一条发一条")
    schedule = parse_schedule(definition.schedule)
    match schedule:
        case Once(at=at):
            return say("只发一次：{at}").format(at=f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
        case OnStart():
            return say("批准后马上发，只发一次")
        case Recurring(at=at, weekday=None, workdays_only=workdays):
            return f"{say('每个工作日') if workdays else say('每天')} {at:%H:%M}"
        case Recurring(at=at, weekday=int(on)):
            return f"{say('每周' + _WEEKDAYS[on])} {at:%H:%M}"
        case BeforeFestival(at=at):
            return f"{say('节前最后一个工作日')} {at:%H:%M}"
    raise AssertionError(schedule)


def _samples(row: CampaignRow | None, folder: CampaignFolder | None) -> Sequence[object]:
    """What will be sent: the approved version's words, else the folder's."""
    if row is not None:
        return samples_of(CampaignFolder(row.key, row.files, "", row.definition))
    return samples_of(folder)


def _export(kind: str) -> Page:
    async def export(request: Request) -> Response:
        key = request.path_params["key"]
        row = await definitions.find_campaign(key)
        if row is None:
            return await not_found(request, here="campaigns", what=say("没有叫 {key} 的营销活动").format(key=key))
        return await exporting.export_campaign(request, row, kind)

    return export


def _part(name: str) -> Page:
    """A piece of the report that is asked for by itself: progress, or depth (by tier and beside the hold-out)."""

    async def part(request: Request) -> Response:
        key = request.path_params["key"]
        row = await definitions.find_campaign(key)
        if row is None:
            return await not_found(request, here="campaigns", what=say("没有叫 {key} 的营销活动").format(key=key))
        runtime: Runtime = request.app.state.runtime
        report = await campaign_report.report_of(request, row)
        next_at = _next_at(runtime, row, row.definition)
        mark = _mark(row, report)
        context: dict[str, Any] = {
            "key": key,
            "report": report,
            "definition": row.definition,
            "state": row.state,
            "next_at": next_at,
            "live": _is_live(runtime, row, report, next_at),
            "mark": mark,
            "listed": lambda fate: list_url(Sieve(campaign=key, fate=fate)),
            "depth": await campaign_report.depth_of(request, report) if name == "depth" else None,
            "part": name,
        }
        if "hx-request" in request.headers:
            answer = page(request, f"campaigns/{name}.html", words=wording, **context)
            if request.query_params.get("mark", mark) != mark:
                answer.headers["HX-Trigger"] = "moved"
            return answer
        return await staff_page(request, "campaigns/part.html", here="campaigns", **context)

    return part


routes = [
    StaffRoute("/campaigns", campaigns, right=Right.SEE),
    StaffRoute("/campaigns/live", live, right=Right.SEE),
    StaffRoute("/campaigns/{key}", campaign, right=Right.SEE),
    *(StaffRoute(f"/campaigns/{{key}}/{name}", _part(name), right=Right.SEE) for name in ("progress", "depth")),
    *(StaffRoute(f"/campaigns/{{key}}/export.{kind}", _export(kind), right=Right.EXPORT) for kind in ("csv", "xlsx")),
]
