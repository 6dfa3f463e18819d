"""The status page: what there is, what waits for a person, where to look. And the way to the sandbox's phone."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, visitor_of
from campaigns import definitions, restored, visits
from campaigns.members import find
from campaigns.replies.events import count_events
from campaigns.reports import CampaignReport, campaign_reports
from campaigns.rights import Right


async def home(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    owners = visitor_of(request).staff.owners
    reports = await campaign_reports()
    return await staff_page(
        request,
        "status.html",
        here="today",
        stats=await find.count_stats(owners),
        reports=[(report, await _title(report)) for report in reports],
        uncertain=sum(report.unknown for report in reports),
        waiting=sum(report.waiting for report in reports),
        answers=_answers(await count_events()),
        tasks=sorted((await visits.count_open(owners)).items(), key=lambda pair: -pair[1]),
        sandboxed=bool(runtime.sandboxed),
        held=await _held(),
    )


async def phone(request: Request) -> Response:
    """On to the sandbox's phone page, with the addresses it was asked for."""
    runtime: Runtime = request.app.state.runtime
    if not runtime.sandboxed:
        return await not_found(request, here="today", what=say("沙箱没有开，看不了客户的手机"))
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{runtime.site_url}/phone{query}", status_code=307)


async def _held() -> Mapping[str, Any] | None:
    """A restored copy that waits for a person's word: since when, and how much of it is uncertain."""
    held = await restored.read_restored()
    if held is None:
        return None
    waiting = await restored.outlook(held)
    return {
        "made_at": held.made_at,
        "would_send": sum(one.would_send for one in waiting),
        "cannot_know": sum(one.cannot_know for one in waiting),
    }


async def _title(report: CampaignReport) -> str:
    found = await definitions.find_campaign(report.key)
    return found.definition.title if found else report.key


def _answers(events: Mapping[str, int]) -> dict[str, int]:
    """What came in by the providers' doors, by what became of it."""

    def told(kind: str, outcome: str) -> int:
        return events.get(f"{kind}:{outcome}", 0)

    return {
        "replies": told("reply", "applied"),
        "automatic": told("auto_reply", "applied"),
        "unmatched": told("reply", "unmatched") + told("auto_reply", "unmatched"),
        "repeats": told("reply", "repeat") + told("auto_reply", "repeat"),
    }


routes = [
    StaffRoute("/", home, right=Right.SEE),
    StaffRoute("/phone", phone, right=Right.SEE),
]
