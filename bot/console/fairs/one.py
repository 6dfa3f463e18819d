"""One fair: who is invited and what they said, who could be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.match_words import answer_words, fair_kind_words, fair_state_words
from bot.runtime import Runtime
from bot.sender import inviting
from bot.web.desk import StaffRoute, visitor_of
from campaigns import fairs, hiring
from campaigns.fairs import ANSWERS, CUSTOMER, ENDS, Answer, FairRow, Invitation
from campaigns.hiring import Company
from campaigns.matching import Cluster
from campaigns.members import find
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_COMPANIES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Line:
    """An invitation of a company this person sees. `sent`: where its message is; empty: by hand.

    `heard`: its note is what the company wrote itself.
    """

    invitation: Invitation
    company: Company
    state: str
    sent: str
    open: bool
    heard: bool


async def fair(request: Request) -> Response:
    return await show(request)


async def show(request: Request, *, fault: str = "", status_code: int = 200) -> Response:
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await no_fair(request)
    visitor = visitor_of(request)
    invited = await fairs.invitations_to(found.id)
    known = await hiring.companies([one.member_id for one in invited], visitor.staff.owners)
    lines = await _lines(invited, {one.id: one for one in known})
    counts = Counter(str(one.invitation.state) for one in lines)
    offered = await _offered(request, found, {one.member_id for one in invited})
    room = fairs.room_in(found, invited)
    chosen = offered[: room if room is not None else inviting.MOST]
    come = sum(one.state is Answer.YES for one in invited)
    return await staff_page(
        request,
        "fairs/fair.html",
        here="fairs",
        status_code=status_code,
        fair=found,
        kind=fair_kind_words(found.kind),
        state=fair_state_words(found.state),
        lines=lines,
        counts=[(answer_words(one), counts[one]) for one in Answer if counts[one]],
        offered=offered,
        chosen={one.id for one in chosen},
        spare=len(offered) - len(chosen),
        room=room,
        over=come if found.capacity and come > found.capacity else 0,
        answers=[(str(one), answer_words(one)) for one in _answers(found, today_of(request))],
        come=found.held_on <= today_of(request),
        fault=fault,
        done=request.query_params.get("done", "")[:32],
        count=request.query_params.get("n", "")[:6],
        may=visitor.may(Right.ANSWER),
        may_plan=visitor.may(Right.PLAN),
    )


def _answers(found: FairRow, today: date) -> Sequence[Answer]:
    """What can be written down now."""
    if found.state == "called_off":
        return ()
    return (*(ANSWERS if found.state == "open" else ()), *(ENDS if found.held_on <= today else ()))


async def _lines(invited: Sequence[Invitation], known: Mapping[int, Company]) -> list[Line]:
    states = await find.message_states([one.message_id for one in invited if one.message_id])
    return [
        Line(
            one,
            known[one.member_id],
            answer_words(one.state),
            str(states.get(one.message_id or 0, "")),
            one.state not in ENDS,
            one.by == CUSTOMER and one.state in ANSWERS,
        )
        for one in invited
        if one.member_id in known
    ]


async def _offered(request: Request, found: FairRow, invited: set[int]) -> list[Company]:
    """Who could be invited, who fits best first: the group it was made from, else who looks for its occupations now."""
    if found.state != "open":
        return []
    owners = visitor_of(request).staff.owners
    cluster = await cluster_of(request, found.source)
    fitting = await hiring.who_needs(found.occupations or ([cluster.occupation] if cluster else []), owners)
    rank = {one: place for place, one in enumerate(fitting)}
    ids = sorted(cluster.members, key=lambda one: rank.get(one, len(rank))) if cluster else fitting
    left = [one for one in ids if one not in invited][:_COMPANIES_SHOWN]
    return sorted(await hiring.companies(left, owners), key=lambda one: left.index(one.id))


async def cluster_of(request: Request, key: str) -> Cluster | None:
    found = await hiring.clusters_now(today_of(request), visitor_of(request).staff.owners) if key else []
    return next((one for one in found if one.key == key), None)


async def no_fair(request: Request) -> Response:
    return await not_found(request, here="fairs", what=say("没有这一场招聘会"))


def today_of(request: Request) -> date:
    runtime: Runtime = request.app.state.runtime
    return runtime.clock().astimezone(SHANGHAI).date()


routes = [StaffRoute("/fairs/{id:int}", fair, right=Right.SEE)]
