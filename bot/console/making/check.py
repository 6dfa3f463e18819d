"""检查: every number before anything happens, what is still wrong, then 送审, or for few, 批准并开始."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.making import reckoned
from bot.console.making.aftermath import aftermath_of
from bot.console.making.beginning import begin, refuse_while_held
from bot.console.making.frame import STEPS, Draft, making_page, no_campaign, read_draft, step_url
from bot.console.making.scoped import as_seen, audience_of, counts_all
from bot.language import say
from bot.runtime import Runtime, follow_rules
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.pages import page
from bot.wording import fault_words
from campaigns import approvals, definitions, planner
from campaigns.audit import Action
from campaigns.errors import DefinitionError, InputError, OutreachError
from campaigns.folders import CampaignFolder, lint_folder
from campaigns.folders.linting import LintProblem
from campaigns.members.find import count_audience
from campaigns.rights import Right
from campaigns.segments import parse_segment

_STEP_OF = {"segment": "audience", "schedule": "when"}
_PURPOSE = ("title", "class", "goal", "hold_out", "useless_after")


@dataclass(frozen=True, slots=True)
class Wrong:
    """One thing to mend, and the step that mends it."""

    problem: LintProblem
    step: str
    href: str


@dataclass(frozen=True, slots=True)
class Standing:
    """The campaign as it would be submitted. `why_not` and `why_not_start` say why a button is disabled.

    `audience`: the members of the segment whom the looker may count.
    """

    folder: CampaignFolder | None
    wrong: Sequence[Wrong]
    audience: int
    why_not: str
    why_not_start: str


async def show(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    return await _step(request, draft, "")


async def numbers(request: Request) -> Response:
    """What starting it now would do, worked out beside the page; and with it the buttons, which say so."""
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    back, part = step_url(draft.key, "check"), "making/numbers.html"
    try:
        deciding = "hx-request" in request.headers and (await reckoned.ask(request, draft.folder)).done_at is not None
        more = await _buttons(request, draft, await _standing(request, draft)) if deciding else {}
        if deciding:
            more["form_key"] = visitor_of(request).form_key
        return await reckoned.answer(request, draft, draft.folder, back=back, part=part, deciding=deciding, **more)
    except DefinitionError as exc:
        return page(request, "making/fault.html", status_code=422, fault=fault_words(exc))


async def submit(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    standing = await _standing(request, draft)
    if standing.folder is None or standing.why_not:
        return await _step(request, draft, standing.why_not)
    await _submit(request, standing.folder)
    return RedirectResponse(f"/campaigns/{draft.key}", status_code=303)


async def start(request: Request) -> Response:
    """Approve one's own, which is small enough, and let it run."""
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    standing = await _standing(request, draft)
    if standing.folder is None or standing.why_not_start:
        return await _step(request, draft, standing.why_not_start)
    runtime: Runtime = request.app.state.runtime
    me, now = visitor_of(request).staff.name, runtime.clock()
    try:
        await refuse_while_held()
        asked = await _submit(request, standing.folder)
        await approvals.approve(asked.id, by=me, now=now, own_up_to=runtime.rulebook.policy.own_up_to)
        await begin(runtime, draft.key, now)
    except OutreachError as exc:
        return await _step(request, draft, fault_words(exc))
    subject = f"campaign/{draft.key}"
    await log(request, Action.CAMPAIGN_DECIDED, subject, verdict=approvals.APPROVED, audience=standing.audience)
    await log(request, Action.CAMPAIGN_CHANGED, subject, what="start")
    return RedirectResponse(f"/campaigns/{draft.key}", status_code=303)


async def _submit(request: Request, folder: CampaignFolder) -> approvals.Request:
    """With the number of all: who approves sees them."""
    runtime: Runtime = request.app.state.runtime
    me = visitor_of(request).staff.name
    audience = await count_audience(parse_segment(folder.definition.segment), runtime.clock())
    asked = await approvals.submit(folder, audience, by=me, now=runtime.clock())
    await log(request, Action.CAMPAIGN_SUBMITTED, f"campaign/{folder.key}", audience=audience, version=asked.version_id)
    return asked


async def _step(request: Request, draft: Draft, refused: str) -> Response:
    standing = await _standing(request, draft)
    waiting = await _waiting(request, draft)
    found: dict[str, Any] = {
        **await _buttons(request, draft, standing),
        "found": await _known(request, standing.folder)
        if not (draft.definition and draft.definition.answers)
        else None,
        "refused": refused,
        "waiting": waiting,
        "answers": bool(draft.definition and draft.definition.answers),
    }
    return await making_page(request, draft, "check", faults={"check": refused} if refused else None, **found)


async def _buttons(request: Request, draft: Draft, standing: Standing) -> dict[str, Any]:
    runtime: Runtime = request.app.state.runtime
    owners = visitor_of(request).staff.owners
    return {
        "standing": standing,
        "aftermath": await aftermath_of(runtime, standing.folder, standing.audience, 0, owners)
        if standing.folder
        else None,
        "mine": not counts_all(request),
        "may_approve": visitor_of(request).may(Right.APPROVE),
        "may_set": visitor_of(request).may(Right.SETTINGS),
        "back_to": (step_url(draft.key, "when"), say(STEPS["when"])),
    }


async def _known(request: Request, folder: CampaignFolder | None) -> reckoned.Reckoned | None:
    """What was worked out a moment ago; None where it is under way, or cannot be."""
    if folder is None:
        return None
    try:
        preview = (await reckoned.ask(request, folder)).found
    except OutreachError:
        return None
    runtime: Runtime = request.app.state.runtime
    return reckoned.reckoned(preview, folder, runtime.settings.sms_segment_yuan) if preview else None


async def _waiting(request: Request, draft: Draft) -> approvals.Request | None:
    last = await approvals.last_request(draft.key)
    if last is None or last.verdict:
        return None
    return await as_seen(request, last, await approvals.submitted(last))


async def _standing(request: Request, draft: Draft) -> Standing:
    runtime: Runtime = request.app.state.runtime
    await follow_rules(runtime)
    try:
        folder = draft.folder
    except DefinitionError as exc:
        wrong = [_wrong(draft, LintProblem(exc.file, exc.key, exc.problem))]
        return Standing(None, wrong, 0, _mend(1), _mend(1))
    problems = [*lint_folder(folder), *await definitions.clashes_of(runtime.settings.huifang_templates, folder)]
    audience = await audience_of(request, folder)
    somebody = audience or folder.definition.answers or not counts_all(request)  # others' are whose who approves
    why = _mend(len(problems)) if problems else _never(runtime, folder) if somebody else _nobody()
    return Standing(
        folder,
        [_wrong(draft, problem) for problem in problems],
        audience,
        why,
        why or _why_not_start(request, audience),
    )


def _never(runtime: Runtime, folder: CampaignFolder) -> str:
    """A date that has passed meanwhile."""
    if folder.definition.answers:
        return ""
    try:
        planner.first_due(folder.definition, runtime.clock(), runtime.rulebook)
    except InputError:
        return say("定的日子已经过了，回“什么时候”改")
    return ""


def _why_not_start(request: Request, audience: int) -> str:
    runtime: Runtime = request.app.state.runtime
    if not visitor_of(request).may(Right.APPROVE):
        return say("批准要有审批权，先送审")
    most = runtime.rulebook.policy.own_up_to
    if audience > most:
        return say("自己做的最多自己批准{most}家，这个有{n}家，要别人批准").format(most=f"{most:,}", n=f"{audience:,}")
    return ""


def _mend(n: int) -> str:
    return say("还有{n}处要改").format(n=n)


def _nobody() -> str:
    return say("一家也没选中，回“给谁”放宽一个条件")


def _wrong(draft: Draft, problem: LintProblem) -> Wrong:
    head = problem.key.partition(".")[0]
    step = "words"
    if problem.file == "campaign.toml":
        step = _STEP_OF.get(head, "purpose" if head in _PURPOSE else "words")
    return Wrong(problem, step, step_url(draft.key, step))


routes = [
    StaffRoute("/campaigns/{key}/make/check", show, right=Right.PLAN),
    StaffRoute("/campaigns/{key}/make/check/numbers", numbers, right=Right.PLAN),
    StaffRoute("/campaigns/{key}/make/check/submit", submit, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/make/check/start", start, right=Right.APPROVE, methods=["POST"]),
]
