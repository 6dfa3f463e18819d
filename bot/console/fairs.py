"""招聘会: the fairs there are, the groups of similar companies one is made from, who is invited, says yes and comes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.days_given import read_day
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.match_words import answer_words, cluster_words, fair_kind_words, fair_state_words
from bot.runtime import Runtime
from bot.sender import inviting
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.numbers import whole_number
from bot.wording import channel_words, fault_words, refusal_words
from campaigns import fairs, hiring
from campaigns.audit import Action
from campaigns.errors import OutreachError
from campaigns.fairs import ANSWERS, ENDS, Answer, FairRow, Invitation, Kind
from campaigns.hiring import Company
from campaigns.matching import Cluster
from campaigns.members import find
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_CLUSTERS_SHOWN = 30
_COMPANIES_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Line:
    """An invitation of a company this person sees. `sent`: where its message is; empty: by hand."""

    invitation: Invitation
    company: Company
    state: str
    sent: str
    open: bool


async def page(request: Request) -> Response:
    found = await fairs.list_fairs()
    counts = await fairs.count_invitations([one.id for one in found])
    clusters = await hiring.clusters_now(_today(request), visitor_of(request).staff.owners)
    return await staff_page(
        request,
        "fairs/list.html",
        here="fairs",
        fairs=[(one, fair_kind_words(one.kind), fair_state_words(one.state), counts.get(one.id, {})) for one in found],
        clusters=[(one, cluster_words(one)) for one in clusters[:_CLUSTERS_SHOWN]],
        more=max(0, len(clusters) - _CLUSTERS_SHOWN),
        may_plan=visitor_of(request).may(Right.PLAN),
    )


async def new(request: Request) -> Response:
    key = request.query_params.get("cluster", "")[:128]
    cluster = await _cluster(request, key) if key else None
    typed = {}
    if cluster is not None:
        place = cluster.city or say("本地")
        typed = {
            "name": say("{place}{occupation}联合招聘").format(place=place, occupation=cluster.occupation),
            "kind": str(Kind.JOINT),
            "place": cluster.city,
            "occupations": cluster.occupation,
            "source": cluster.key,
        }
    return await _form(request, typed, {}, cluster)


async def add(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    form = {name: str(value)[:512] for name, value in (await read_form(request)).items()}
    now = runtime.clock()
    faults: dict[str, str] = {}
    day = read_day(form, "held_on", now.astimezone(SHANGHAI).date(), faults)
    if day is None and "held_on" not in faults:
        faults["held_on"] = say("选一天")
    capacity, given = None, form.get("capacity", "").strip()
    if given:
        capacity = int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0
    by = visitor_of(request).staff.name
    if not faults and day is not None:
        try:
            made = await fairs.make_fair(
                form.get("name", ""),
                kind=Kind.FAIR if form.get("kind") == Kind.FAIR else Kind.JOINT,
                held_on=day,
                place=form.get("place", ""),
                occupations=form.get("occupations", "").replace(",", "、").replace("，", "、").split("、"),
                capacity=capacity,
                source=form.get("source", ""),
                by=by,
                now=now,
            )
        except OutreachError as exc:
            faults["capacity" if capacity == 0 else "name"] = fault_words(exc)
        else:
            await log(request, Action.FAIR_CHANGED, f"fair/{made}", what="new", name=form.get("name", ""))
            return RedirectResponse(f"/fairs/{made}", status_code=303)
    return await _form(request, form, faults, await _cluster(request, form.get("source", "")))


async def fair(request: Request) -> Response:
    return await _show(request)


async def check(request: Request) -> Response:
    """The numbers before it happens."""
    runtime: Runtime = request.app.state.runtime
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await _no_fair(request)
    picked = await _own(request, request.query_params.getlist("pick"))
    if not picked:
        return await _show(request, fault=say("选上要请的企业"), status_code=422)
    weighed = await inviting.weigh(runtime, found, picked)
    return await staff_page(
        request,
        "fairs/check.html",
        here="fairs",
        fair=found,
        picked=picked,
        n=len(weighed.reached),
        ways=[(channel_words(one), n) for one, n in sorted(weighed.by_channel.items())],
        later=weighed.later,
        left_out=[(refusal_words(str(one)), n) for one, n in sorted(weighed.left_out.items())],
        known=len(weighed.known),
        fresh=len(picked) - len(weighed.known),
        may_plan=visitor_of(request).may(Right.PLAN),
    )


async def invite(request: Request) -> Response:
    return await _invite(request, by_hand=False)


async def invite_by_hand(request: Request) -> Response:
    """A colleague invited them, by telephone or in person; it is written down as a touch."""
    return await _invite(request, by_hand=True)


async def _invite(request: Request, *, by_hand: bool) -> Response:
    runtime: Runtime = request.app.state.runtime
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await _no_fair(request)
    picked = await _own(request, [str(one) for one in (await read_form(request)).getlist("pick")])
    if not picked:
        return await _show(request, fault=say("选上要请的企业"), status_code=422)
    by = visitor_of(request).staff.name
    try:
        if by_hand:
            n = await fairs.invite(found.id, picked, by=by, now=runtime.clock())
        else:
            n = await inviting.invite(runtime, found, picked, by=by)
    except OutreachError as exc:
        return await _show(request, fault=fault_words(exc), status_code=409)
    await log(request, Action.FAIR_CHANGED, f"fair/{found.id}", what="invited", count=n)
    return _back(found.id, "invited", n=n)


async def end(request: Request) -> Response:
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await _no_fair(request)
    state = str((await read_form(request)).get("state", ""))
    try:
        await fairs.end_fair(found.id, state, request.app.state.runtime.clock())
    except OutreachError as exc:
        return await _show(request, fault=fault_words(exc), status_code=409)
    await log(request, Action.FAIR_CHANGED, f"fair/{found.id}", what=state)
    return _back(found.id, state)


async def record(request: Request) -> Response:
    """An answer, or whether they came."""
    runtime: Runtime = request.app.state.runtime
    one = await fairs.find_invitation(request.path_params["id"])
    if one is None or not await _own(request, [str(one.member_id)]):
        return await not_found(request, here="fairs", what=say("没有这一家的邀请"))
    form = await read_form(request)
    said, note = str(form.get("said", "")), " ".join(str(form.get("note", "")).split())[:200]
    by, now = visitor_of(request).staff.name, runtime.clock()
    request.path_params["id"] = one.fair_id
    try:
        if said in ENDS:
            await fairs.record_attendance(one.id, Answer(said), note=note, by=by, now=now)
        elif said in ANSWERS:
            await fairs.record_answer(one.id, Answer(said), note=note, by=by, now=now)
        else:
            return await _show(request, fault=say("选一个结果"), status_code=422)
    except OutreachError as exc:
        return await _show(request, fault=fault_words(exc), status_code=409)
    await log(request, Action.FAIR_CHANGED, f"fair/{one.fair_id}", what=said)
    return _back(one.fair_id, "recorded")


# ---- parts ----------------------------------------------------------------------------------------------------------


async def _show(request: Request, *, fault: str = "", status_code: int = 200) -> Response:
    found = await fairs.find_fair(request.path_params["id"])
    if found is None:
        return await _no_fair(request)
    visitor = visitor_of(request)
    invited = await fairs.invitations_to(found.id)
    known = await hiring.companies([one.member_id for one in invited], visitor.staff.owners)
    lines = await _lines(invited, {one.id: one for one in known})
    counts = Counter(str(one.invitation.state) for one in lines)
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
        offered=await _offered(request, found, {one.member_id for one in invited}),
        answers=[(str(one), answer_words(one)) for one in _answers(found, _today(request))],
        come=found.held_on <= _today(request),
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
        )
        for one in invited
        if one.member_id in known
    ]


async def _offered(request: Request, found: FairRow, invited: set[int]) -> list[Company]:
    """Who could be invited: the group it was made from, else who looks for its occupations now."""
    if found.state != "open":
        return []
    owners = visitor_of(request).staff.owners
    cluster = await _cluster(request, found.source)
    ids = cluster.members if cluster else await hiring.who_needs(found.occupations, owners)
    left = [one for one in ids if one not in invited][:_COMPANIES_SHOWN]
    return await hiring.companies(left, owners)


async def _cluster(request: Request, key: str) -> Cluster | None:
    found = await hiring.clusters_now(_today(request), visitor_of(request).staff.owners) if key else []
    return next((one for one in found if one.key == key), None)


async def _own(request: Request, given: Sequence[str]) -> list[int]:
    """The members of these numbers that this person sees, each once."""
    ids = [n for one in given if (n := whole_number(one)) is not None][: inviting.MOST]
    return [one.id for one in await hiring.companies(ids, visitor_of(request).staff.owners)]


async def _form(
    request: Request, typed: Mapping[str, str], faults: Mapping[str, str], cluster: Cluster | None
) -> Response:
    runtime: Runtime = request.app.state.runtime
    today: date = runtime.clock().astimezone(SHANGHAI).date()
    shown: dict[str, Any] = {"typed": defaultdict(str, typed), "faults": defaultdict(str, faults), "today": today}
    return await staff_page(
        request,
        "fairs/new.html",
        here="fairs",
        status_code=422 if faults else 200,
        cluster=cluster,
        told=cluster_words(cluster) if cluster else "",
        kinds=[(str(one), fair_kind_words(one)) for one in Kind],
        **shown,
    )


async def _no_fair(request: Request) -> Response:
    return await not_found(request, here="fairs", what=say("没有这一场招聘会"))


def _today(request: Request) -> date:
    runtime: Runtime = request.app.state.runtime
    return runtime.clock().astimezone(SHANGHAI).date()


def _back(fair_id: int, done: str, **more: object) -> Response:
    return RedirectResponse(f"/fairs/{fair_id}?{urlencode({'done': done, **more})}", status_code=303)


routes = [
    StaffRoute("/fairs", page, right=Right.SEE),
    StaffRoute("/fairs", add, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/fairs/new", new, right=Right.PLAN),
    StaffRoute("/fairs/{id:int}", fair, right=Right.SEE),
    StaffRoute("/fairs/{id:int}/check", check, right=Right.ANSWER),
    StaffRoute("/fairs/{id:int}/invite", invite, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/fairs/{id:int}/by-hand", invite_by_hand, right=Right.ANSWER, methods=["POST"]),
    StaffRoute("/fairs/{id:int}/end", end, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/fairs/invitations/{id:int}", record, right=Right.ANSWER, methods=["POST"]),
]
