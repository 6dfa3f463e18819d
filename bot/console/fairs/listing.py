"""The fairs there are, the groups of similar companies one is made from, and a new one."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.days_given import read_day
from bot.console.fairs.one import cluster_of, today_of
from bot.console.shell import staff_page
from bot.language import say
from bot.match_words import cluster_words, fair_kind_words, fair_state_words
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.wording import fault_words
from campaigns import fairs, hiring
from campaigns.audit import Action
from campaigns.errors import InputError
from campaigns.fairs import Kind
from campaigns.matching import Cluster
from campaigns.rights import Right
from campaigns.terms import SHANGHAI

_CLUSTERS_SHOWN = 30


async def page(request: Request) -> Response:
    found = await fairs.list_fairs()
    counts = await fairs.count_invitations([one.id for one in found])
    clusters = await hiring.clusters_now(today_of(request), visitor_of(request).staff.owners)
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
    cluster = await cluster_of(request, key) if key else None
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
    name, place, capacity = form.get("name", ""), form.get("place", ""), _capacity(form)
    found = fairs.fair_faults(name, place, capacity)
    faults |= {field: fault_words(InputError(fault)) for field, fault in found.items()}
    if not faults and day is not None:
        made = await fairs.make_fair(
            name,
            kind=Kind.FAIR if form.get("kind") == Kind.FAIR else Kind.JOINT,
            held_on=day,
            place=place,
            occupations=form.get("occupations", "").replace(",", "、").replace("，", "、").split("、"),
            capacity=capacity,
            source=form.get("source", ""),
            by=visitor_of(request).staff.name,
            now=now,
        )
        await log(request, Action.FAIR_CHANGED, f"fair/{made}", what="new", name=name)
        return RedirectResponse(f"/fairs/{made}", status_code=303)
    return await _form(request, form, faults, await cluster_of(request, form.get("source", "")))


def _capacity(form: Mapping[str, str]) -> int | None:
    """Empty: as many as like; what is no number is none that can be had."""
    given = form.get("capacity", "").strip()
    if not given:
        return None
    return int(given) if given.isascii() and given.isdigit() and len(given) < 7 else 0


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


routes = [
    StaffRoute("/fairs", page, right=Right.SEE),
    StaffRoute("/fairs", add, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/fairs/new", new, right=Right.PLAN),
]
