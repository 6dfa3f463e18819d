"""给谁: a saved segment or a rule in one line, who that is now, and who of them would be left out and why."""

from typing import Any

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from bot.console.making import reckoned
from bot.console.making.frame import (
    Draft,
    making_page,
    no_campaign,
    overtaken,
    read_draft,
    save_step,
    step_url,
    with_values,
)
from bot.console.making.scoped import counts_all
from bot.console.segments import draft as drafting
from bot.console.segments.draft import Reading
from bot.console.segments.editor import SAMPLED, look_at
from bot.language import say
from bot.web.desk import StaffRoute, read_form
from bot.web.pages import page
from bot.wording import fault_words
from campaigns import saved_segments
from campaigns.errors import DefinitionError
from campaigns.folders import CampaignFolder, folder_of
from campaigns.rights import Right
from campaigns.saved_segments import Saved

_LONGEST = 4000


async def show(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    rule = str(draft.table.get("segment", "all"))
    return await _step(request, draft, rule, _chosen(rule, await saved_segments.list_segments()))


async def save(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    form = await read_form(request)
    saved = await saved_segments.list_segments()
    rule, chosen = _asked(form, saved)
    if form.get("go") == "look":
        return await _step(request, draft, rule, chosen)
    reading = read_rule(rule)
    if reading.segment is None:
        name = "saved" if _way(form) == "saved" else "rule"
        fault = say("选一个分群，或者自己写一行") if name == "saved" else reading.fault
        return await _step(request, draft, rule, chosen, faults={name: fault})
    answer = await save_step(request, draft, "audience", with_values(draft, segment=rule.strip()))
    return answer or await _step(request, draft, rule, chosen, faults={"since": overtaken()})


async def look(request: Request) -> Response:
    """Who it is now, while somebody chooses or writes."""
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    form = await read_form(request)
    saved = await saved_segments.list_segments()
    rule, _ = _asked(form, saved)
    return page(request, "making/look.html", draft=draft, **await _looked(request, draft, rule))


async def left_out(request: Request) -> Response:
    """What a run now would do with this audience, by reason."""
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    rule = request.query_params.get("rule", "")[:_LONGEST]
    folder = with_rule(draft, rule)
    if isinstance(folder, str):
        return page(request, "making/fault.html", status_code=422, fault=folder)
    back = step_url(draft.key, "audience")
    return await reckoned.answer(request, draft, folder, back=back, part="making/left_out.html")


def read_rule(rule: str) -> Reading:
    return drafting.understand(drafting.Draft(line=rule, shown=False), "line")


def with_rule(draft: Draft, rule: str) -> CampaignFolder | str:
    """The campaign with this audience, or what is wrong with it."""
    changed = with_values(draft, segment=rule)["campaign.toml"]
    try:
        return folder_of(draft.key, {**draft.files, "campaign.toml": changed or ""})
    except DefinitionError as exc:
        return fault_words(exc)


def _asked(form: FormData, saved: list[Saved]) -> tuple[str, int]:
    """The rule the form means, and the number of the segment it comes from (0: typed)."""
    rule, number = str(form.get("rule", ""))[:_LONGEST], str(form.get("saved", ""))
    if _way(form) == "saved":
        found = next((one for one in saved if str(one.id) == number), None)
        return (found.rule, found.id) if found else ("", 0)
    return rule, 0


def _way(form: FormData) -> str:
    """Which of the two was meant: the one that was changed, where only one was, whatever is ticked."""
    way = "saved" if form.get("way") == "saved" else "line"
    if "was" not in form:
        return way
    wrote = " ".join(str(form.get("rule", "")).split()) != " ".join(str(form["was"]).split())
    chose = form.get("saved", "") not in ("", form.get("was_saved", ""))
    return way if wrote == chose else "line" if wrote else "saved"


def _chosen(rule: str, saved: list[Saved]) -> int:
    segment = read_rule(rule).segment
    return next((one.id for one in saved if segment is not None and one.rule == str(segment)), 0)


async def _step(
    request: Request, draft: Draft, rule: str, chosen: int, faults: dict[str, str] | None = None
) -> Response:
    typed = {"rule": rule, "way": "saved" if chosen or (faults and "saved" in faults) else "line"}
    return await making_page(
        request,
        draft,
        "audience",
        faults=faults,
        typed=typed,
        saved=await saved_segments.list_segments(),
        chosen=chosen,
        **await _looked(request, draft, rule),
    )


async def _looked(request: Request, draft: Draft, rule: str) -> dict[str, Any]:
    """As far as the one who looks sees them: a number of others' members would tell of each what a rule asks."""
    reading = read_rule(rule)
    return {
        "reading": reading,
        "looked": await look_at(request, reading.segment),
        "mine": not counts_all(request),
        "sampled": SAMPLED,
        "rule": rule,
        "bad_end": rule[: reading.at - 1] if reading.at else "",
        "usable": draft.definition is not None and reading.segment is not None,
    }


routes = [
    StaffRoute("/campaigns/{key}/make/audience", show, right=Right.PLAN),
    StaffRoute("/campaigns/{key}/make/audience", save, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/make/audience/look", look, right=Right.PLAN, methods=["POST"]),
    StaffRoute("/campaigns/{key}/make/audience/left-out", left_out, right=Right.PLAN),
]
