"""送审: what waits for a yes or no, one of them with its words, and the answer."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import wording
from bot.console.making.aftermath import aftermath_of
from bot.console.making.beginning import begin, refuse_while_held
from bot.console.making.scoped import as_seen, counts_all
from bot.console.previews import samples_of
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from campaigns import approvals, definitions, planner
from campaigns.audit import Action
from campaigns.errors import InputError, OutreachError, StateError
from campaigns.folders import CampaignFolder
from campaigns.rights import Right
from campaigns.segments import parse_segment

_NO_FAULTS: Mapping[str, str] = {}
Decide = Callable[[Request, approvals.Request, str, datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request with what was submitted; `too_large`: the one who looks asked for it and must not answer it.

    `changed`: (file, address of the difference) against the words that are approved now.
    """

    request: approvals.Request
    folder: CampaignFolder
    audience: str
    too_large: bool
    own: bool
    changed: Sequence[tuple[str, str]]


async def requests(request: Request) -> Response:
    found = [await _waiting(request, one) for one in await approvals.waiting_requests()]
    return await staff_page(
        request,
        "making/approvals.html",
        here="campaigns",
        found=found,
        mine=not counts_all(request),
        may=visitor_of(request).may(Right.APPROVE),
        own_up_to=_own_up_to(request),
    )


async def one_request(request: Request) -> Response:
    return await _show(request)


async def approve(request: Request) -> Response:
    async def decide(request: Request, asked: approvals.Request, by: str, now: datetime) -> None:
        runtime: Runtime = request.app.state.runtime
        await refuse_while_held()
        folder = await approvals.submitted(asked)
        await definitions.refuse_a_clash(runtime.settings.huifang_templates, folder)
        if folder.definition.schedule:
            planner.first_due(folder.definition, now, runtime.rulebook)
        await approvals.approve(asked.id, by=by, now=now, own_up_to=_own_up_to(request))
        await begin(runtime, asked.campaign, now)

    return await _decided(request, approvals.APPROVED, decide)


async def refuse(request: Request) -> Response:
    async def decide(request: Request, asked: approvals.Request, by: str, now: datetime) -> None:
        reason = str((await read_form(request)).get("reason", ""))
        await approvals.refuse(asked.id, by=by, now=now, reason=reason)

    return await _decided(request, approvals.REFUSED, decide)


async def withdraw(request: Request) -> Response:
    """By who asked; for anybody else there is the refusal."""

    async def decide(request: Request, asked: approvals.Request, by: str, now: datetime) -> None:
        if asked.asked_by != by:
            raise StateError(say("是{who}送审的，只有本人能撤回").format(who=asked.asked_by))
        await approvals.withdraw(asked.id, by=by, now=now)

    return await _decided(request, approvals.WITHDRAWN, decide)


async def _decided(request: Request, verdict: str, decide: Decide) -> Response:
    runtime: Runtime = request.app.state.runtime
    try:
        asked = await approvals.read_request(request.path_params["id"])
    except StateError as exc:
        return await not_found(request, here="campaigns", what=str(exc))
    try:
        await decide(request, asked, visitor_of(request).staff.name, runtime.clock())
    except InputError as exc:
        faults = {"reason": _plain(exc)} if verdict == approvals.REFUSED else {"": _plain(exc)}
        return await _show(request, faults=faults)
    except OutreachError as exc:
        return await _show(request, faults={"": _plain(exc)})
    await log(request, Action.CAMPAIGN_DECIDED, f"campaign/{asked.campaign}", verdict=verdict, audience=asked.audience)
    return RedirectResponse(f"/campaigns/{asked.campaign}?done={verdict}", status_code=303)


async def _show(request: Request, *, faults: Mapping[str, str] = _NO_FAULTS) -> Response:
    try:
        asked = await approvals.read_request(request.path_params["id"])
    except StateError as exc:
        return await not_found(request, here="campaigns", what=str(exc))
    found = await _waiting(request, asked)
    runtime: Runtime = request.app.state.runtime
    size, owners = found.request.audience, visitor_of(request).staff.owners
    after = await aftermath_of(runtime, found.folder, size, asked.version_id, owners)
    return await staff_page(
        request,
        "making/approval.html",
        here="campaigns",
        status_code=422 if faults else 200,
        found=found,
        grown_from=await approvals.grown_from(asked) if counts_all(request) else None,
        mine=not counts_all(request),
        after=after if not asked.verdict else None,
        samples=samples_of(found.folder),
        faults=defaultdict(str, faults),
        may=visitor_of(request).may(Right.APPROVE),
        own_up_to=_own_up_to(request),
        reason=str((await read_form(request)).get("reason", "")) if faults else "",
    )


async def _waiting(request: Request, asked: approvals.Request) -> Waiting:
    who = visitor_of(request).staff.name
    folder = await approvals.submitted(asked)
    return Waiting(
        request=await as_seen(request, asked, folder),
        folder=folder,
        audience=wording.segment_words(parse_segment(folder.definition.segment)),
        too_large=not approvals.may_approve(asked, who, _own_up_to(request)),
        own=asked.asked_by == who,
        changed=await _changed(folder, asked),
    )


async def _changed(folder: CampaignFolder, asked: approvals.Request) -> list[tuple[str, str]]:
    row = await definitions.find_campaign(folder.key)
    if row is None or row.version_id == asked.version_id:
        return []
    page = f"/templates/{quote(folder.key, safe='')}/difference"
    both = {"a": f"v{row.version_id}", "b": f"v{asked.version_id}"}
    return [
        (name, f"{page}?{urlencode({'file': name, **both})}")
        for name, text in sorted(folder.files.items())
        if name in row.files and row.files[name] != text
    ]


def _plain(exc: OutreachError) -> str:
    """Without what is said to developers."""
    return wording.fault_words(exc)


def _own_up_to(request: Request) -> int:
    runtime: Runtime = request.app.state.runtime
    return runtime.rulebook.policy.own_up_to


routes = [
    StaffRoute("/campaigns/approvals", requests, right=Right.SEE),
    StaffRoute("/campaigns/approvals/{id:int}", one_request, right=Right.SEE),
    StaffRoute("/campaigns/approvals/{id:int}/approve", approve, right=Right.APPROVE, methods=["POST"]),
    StaffRoute("/campaigns/approvals/{id:int}/refuse", refuse, right=Right.APPROVE, methods=["POST"]),
    StaffRoute("/campaigns/approvals/{id:int}/withdraw", withdraw, right=Right.PLAN, methods=["POST"]),
]
