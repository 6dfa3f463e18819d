"""A campaign started, paused, resumed, cancelled: each said in numbers before it is done."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.making.beginning import begin, refuse_while_held
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from campaigns import approvals, definitions, outbox
from campaigns.approvals import Request as Asked
from campaigns.audit import Action
from campaigns.definitions import CampaignRow
from campaigns.errors import OutreachError
from campaigns.rights import Right
from campaigns.terms import DeliveryState


@dataclass(frozen=True, slots=True)
class Acts:
    """What may be done with a campaign now. `waiting`: messages that are not sent yet; `asked`: its last request."""

    state: str
    may_plan: bool
    may_approve: bool
    waiting: int
    sent: int
    asked: Asked | None


async def acts_for(request: Request, key: str, row: CampaignRow | None, waiting: int, sent: int) -> Acts:
    visitor = visitor_of(request)
    return Acts(
        state=row.state if row else "draft",
        may_plan=visitor.may(Right.PLAN),
        may_approve=visitor.may(Right.APPROVE),
        waiting=waiting,
        sent=sent,
        asked=await approvals.last_request(key),
    )


async def start(request: Request) -> Response:
    return await _done(request, "start")


async def pause(request: Request) -> Response:
    return await _done(request, "pause")


async def resume(request: Request) -> Response:
    return await _done(request, "resume")


async def cancel(request: Request) -> Response:
    return await _done(request, "cancel")


async def _done(request: Request, what: str) -> Response:
    key = request.path_params["key"]
    if await definitions.find_campaign(key) is None:
        return await not_found(request, here="campaigns", what=say("没有叫 {key} 的营销活动").format(key=key))
    try:
        detail = await _do(request, key, what)
    except OutreachError as exc:
        fault = say("{why}。返回后重新打开看看。").format(why=str(exc).partition(" (")[0])
        return await staff_page(request, "missing.html", here="campaigns", status_code=409, what=fault)
    await log(request, Action.CAMPAIGN_CHANGED, f"campaign/{key}", what=what, **detail)
    return RedirectResponse(f"/campaigns/{key}?done={what}", status_code=303)


async def _do(request: Request, key: str, what: str) -> dict[str, int]:
    runtime: Runtime = request.app.state.runtime
    match what:
        case "start":
            await refuse_while_held()
            await begin(runtime, key, runtime.clock())
        case "pause":
            await definitions.pause(key, note=definitions.paused_by(visitor_of(request).staff.name))
        case "resume":
            await refuse_while_held()
            await definitions.resume(key, now=runtime.clock())
        case "cancel":
            campaign_id = await definitions.cancel(key)
            stopped = await outbox.cancel_queued(campaign_id)
            await outbox.cancel_waiting(campaign_id)
            return {str(DeliveryState.SUPPRESSED): stopped}
    return {}


routes = [
    StaffRoute("/campaigns/{key}/start", start, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/pause", pause, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/resume", resume, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/cancel", cancel, right=Right.PLAN, methods=["POST"]),
]
