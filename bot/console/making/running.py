"""A campaign started, paused, resumed, cancelled: each said in numbers before it is done."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import wording
from bot.console.making.beginning import begin, refuse_while_held
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from campaigns import approvals, definitions, planner, tallies
from campaigns.approvals import Request as Asked
from campaigns.audit import Action
from campaigns.definitions import CampaignRow
from campaigns.errors import OutreachError, StateError
from campaigns.rights import Right
from campaigns.terms import DeliveryState, Reason

_GONE = (DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.BOUNCED)
_LEADS_TO = {"start": "running", "pause": "paused", "resume": "running", "cancel": "cancelled"}


@dataclass(frozen=True, slots=True)
class Acts:
    """What may be done with a campaign now. `asked`: its last request.

    `waiting` and `sent` are of the whole campaign, for all of it is paused or cancelled; `on_the_wire` cannot be
    stopped. `by_hand`: what colleagues write themselves, which nobody plans, changes or
    stops. `seen`: what the page counts as waiting, where that is another number (one run, some owners' members).
    """

    state: str
    may_plan: bool
    may_approve: bool
    waiting: int
    on_the_wire: int
    sent: int
    seen: int | None
    asked: Asked | None
    by_hand: bool


async def acts_for(request: Request, key: str, row: CampaignRow | None, seen: int | None) -> Acts:
    """`seen`: what waits of the part that the page shows, None where it shows nothing."""
    visitor = visitor_of(request)
    states = await tallies.states_of(row.id) if row else {}
    waiting, on_the_wire = (states.get(one, 0) for one in (DeliveryState.QUEUED, DeliveryState.SENDING))
    return Acts(
        state=row.state if row else "draft",
        may_plan=visitor.may(Right.PLAN),
        may_approve=visitor.may(Right.APPROVE),
        waiting=waiting,
        on_the_wire=on_the_wire,
        sent=sum(states.get(one, 0) for one in _GONE),
        seen=None if seen in (None, waiting + on_the_wire) else seen,
        asked=await approvals.last_request(key),
        by_hand=bool(row and row.definition.by_hand),
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
    row = await definitions.find_campaign(key)
    if row is None:
        return await not_found(request, here="campaigns", what=say("没有叫 {key} 的营销活动").format(key=key))
    done = RedirectResponse(f"/campaigns/{key}?done={what}", status_code=303)
    if row.definition.by_hand and what != "resume":
        fault = say("这里记的是同事手写的话，写一条发一条，不能开始、暂停或者取消。什么都没有改。")
        return await staff_page(request, "missing.html", here="campaigns", status_code=409, what=fault)
    if row.state == _LEADS_TO[what]:  # pressed twice, or somebody else was quicker: it is done
        return done
    try:
        if what == "start" and row.state != "approved":
            raise StateError(say("活动现在是“{state}”，不能开始").format(state=wording.campaign_state_words(row.state)))
        detail = await _do(request, key, what)
    except OutreachError as exc:
        fault = say("{why}。返回后重新打开看看。").format(why=wording.fault_words(exc))
        return await staff_page(request, "missing.html", here="campaigns", status_code=409, what=fault)
    await log(request, Action.CAMPAIGN_CHANGED, f"campaign/{key}", what=what, **detail)
    return done


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
            ended = await planner.call_off(key, runtime.clock())
            return {
                str(DeliveryState.SUPPRESSED): ended.messages,
                str(Reason.WAITS_FOR_STAFF): ended.waited_for_staff,
            }
    return {}


routes = [
    StaffRoute("/campaigns/{key}/start", start, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/pause", pause, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/resume", resume, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/cancel", cancel, right=Right.PLAN, methods=["POST"]),
]
