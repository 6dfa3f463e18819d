"""One campaign: what it says, to whom, what became of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console import campaign_report, exporting
from bot.console.campaign_dates import has_dates, next_date_of, schedule_words
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
from campaigns.folders import CampaignFolder
from campaigns.members.browse import Sieve
from campaigns.rights import Right
from campaigns.segments import parse_segment

_RECEIPTS = timedelta(days=1)  # after which hardly one comes


async def campaign(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    key = request.path_params["key"]
    folder, fault = await _folder(runtime, key)
    row = await definitions.find_campaign(key)
    definition = row.definition if row else folder.definition if folder else None
    if definition is None and not fault:
        return await not_found(request, here="campaigns", what=say("没有叫 {key} 的营销活动").format(key=key))
    report = await campaign_report.report_of(request, row) if row else None
    next_at = next_date_of(runtime, row, definition)
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
        schedule=schedule_words(definition) if definition else "",
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


def _is_live(
    runtime: Runtime, row: CampaignRow | None, report: campaign_report.Report | None, next_at: datetime | None
) -> bool:
    """Whether the numbers may still change by themselves, so that the page asks for them again."""
    if row is None or report is None:
        return False
    if report.totals.waiting or row.state == "approved":
        return True
    if row.state == "running" and (next_at or not has_dates(row.definition) or not _all_planned(report)):
        return True
    awaited = report.totals.sent - report.totals.delivered - report.totals.bounced
    return bool(awaited and report.chosen and runtime.clock() - report.chosen[0].at < _RECEIPTS)


def _all_planned(report: campaign_report.Report) -> bool:
    return bool(report.runs) and all(run.planned_at for run in report.runs)


def _mark(row: CampaignRow | None, report: campaign_report.Report | None) -> str:
    """What more of the page than its numbers depends on; another one means that the page is to be read anew."""
    if row is None or report is None:
        return ""
    planned = sum(run.planned_at is not None for run in report.runs) if has_dates(row.definition) else 0
    return f"{row.state}-{planned}-{'some' if report.totals.audience else 'none'}"


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
        next_at = next_date_of(runtime, row, row.definition)
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
    StaffRoute("/campaigns/{key}", campaign, right=Right.SEE),
    *(StaffRoute(f"/campaigns/{{key}}/{name}", _part(name), right=Right.SEE) for name in ("progress", "depth")),
    *(StaffRoute(f"/campaigns/{{key}}/export.{kind}", _export(kind), right=Right.EXPORT) for kind in ("csv", "xlsx")),
]
