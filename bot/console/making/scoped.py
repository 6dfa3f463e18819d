"""How much of a campaign one may count: who does not see all members counts one's own and one's department's alone."""

from dataclasses import replace

from starlette.requests import Request

from bot.web.desk import visitor_of
from campaigns import approvals
from campaigns.folders import CampaignFolder
from campaigns.members.find import count_audience
from campaigns.segments import parse_segment


def counts_all(request: Request) -> bool:
    return visitor_of(request).staff.owners is None


async def audience_of(request: Request, folder: CampaignFolder) -> int:
    """Of those the rule selects now, the ones whom the looker may see."""
    now = request.app.state.runtime.clock()
    return await count_audience(parse_segment(folder.definition.segment), now, visitor_of(request).staff.owners)


async def as_seen(request: Request, asked: approvals.Request, folder: CampaignFolder) -> approvals.Request:
    """A request for this with the number its reader may know: any rule can be submitted, and its answer read off."""
    return asked if counts_all(request) else replace(asked, audience=await audience_of(request, folder))
