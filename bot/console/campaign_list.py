"""营销活动: the list, with what became of each."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.campaign_dates import next_date_of
from bot.console.paging import page_of
from bot.console.shell import staff_page
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from bot.web.pages import page
from campaigns import definitions
from campaigns.definitions import CampaignRow
from campaigns.errors import DefinitionError
from campaigns.folders import Definition
from campaigns.replies.reading import AUTO_REPLIES
from campaigns.reports import CampaignReport, campaign_reports
from campaigns.rights import Right

_STATES = ("running", "paused", "approved", "draft", "cancelled")
_PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the list. `fault` is what is wrong with its folder, "" where nothing is."""

    key: str
    title: str
    definition: Definition | None
    row: CampaignRow | None
    report: CampaignReport | None
    next_at: datetime | None = None
    fault: str = ""

    @property
    def state(self) -> str:
        return self.row.state if self.row else "draft"


async def campaigns(request: Request) -> Response:
    return await staff_page(request, "campaigns/list.html", here="campaigns", **await _list(request))


async def live(request: Request) -> Response:
    """The rows of the list alone, asked for again and again."""
    return page(request, "campaigns/lines.html", words=wording, **await _list(request))


async def _list(request: Request) -> dict[str, Any]:
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    every = await _lines(runtime, visitor.staff.owners)
    asked = {name: request.query_params.get(name, "").strip()[:64] for name in ("state", "q")}
    found = [one for one in every if asked["q"].casefold() in f"{one.title}\n{one.key}".casefold()]
    shown = [one for one in found if asked["state"] in ("", one.state)]
    shown.sort(key=lambda one: (_STATES.index(one.state) if one.state in _STATES else 9, one.key))
    paged = page_of(request, shown, _PAGE)
    return {
        "paged": paged,
        "lines": [replace(one, next_at=next_date_of(runtime, one.row, one.definition)) for one in paged.rows],
        "every": len(every),
        "found": len(found),
        "asked": asked,
        "counts": {state: sum(one.state == state for one in found) for state in _STATES},
        "address": lambda path, **given: _address(path, {**asked, **given}),
        "turn": lambda number: _address("/campaigns", {**asked, "page": str(number)}),
        "may_plan": visitor.may(Right.PLAN),
        "answers_off": next((one for one in every if one.key == AUTO_REPLIES and one.state == "draft"), None),
    }


async def _lines(runtime: Runtime, owners: Collection[str] | None) -> list[Line]:
    reports = {report.key: report for report in await campaign_reports(owners=owners)}
    standing = await definitions.standing_definitions(runtime.settings.huifang_templates)
    rows = await definitions.find_campaigns()
    return [_line(key, rows.get(key), standing.get(key), reports.get(key)) for key in sorted({*standing, *reports})]


def _line(
    key: str, row: CampaignRow | None, standing: Definition | DefinitionError | None, report: CampaignReport | None
) -> Line:
    fault = wording.fault_words(standing) if isinstance(standing, DefinitionError) else ""
    written = standing if isinstance(standing, Definition) else None
    definition = row.definition if row else written
    return Line(
        key=key,
        title=definition.title if definition else key,
        definition=definition,
        row=row,
        report=report,
        fault=fault,
    )


def _address(path: str, asked: dict[str, str]) -> str:
    given = {name: value for name, value in asked.items() if value and (name, value) != ("page", "1")}
    return f"{path}?{urlencode(given)}" if given else path


routes = [
    StaffRoute("/campaigns", campaigns, right=Right.SEE),
    StaffRoute("/campaigns/live", live, right=Right.SEE),
]
