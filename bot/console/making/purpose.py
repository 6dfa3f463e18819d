"""为了什么: the title, the class with what the law wants of it, the goal, the hold-out, when it is too late."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.making.frame import Draft, making_page, no_campaign, overtaken, read_draft, save_step, with_values
from bot.console.making.scoped import counts_all
from bot.console.making.start import KINDS, LONGEST_TITLE
from bot.language import say
from bot.web.desk import StaffRoute, read_form, visitor_of
from campaigns.errors import InputError
from campaigns.experiments import smallest_lift
from campaigns.members.find import count_audience
from campaigns.rights import Right
from campaigns.segments import parse_segment
from campaigns.terms import MessageClass

GOALS = {
    "": "不看结果",
    "unread_resumes = 0": "看完未读简历",
    "unread_resumes < 3": "未读简历少于3份",
    "idle_days < 7": "登录",
    "live_postings >= 1": "有职位在招",
    "renewal_days > 30": "续费",
}
_OTHER = "other"
_EXPLAINED = {
    MessageClass.SERVICE: (
        "和他自己的事有关：未读简历、到期、账号。不要同意也能发，但不能夹带推销，短信不写“拒收请回复R”。"
    ),
    MessageClass.MARKETING: (
        "推广和劝他回来。法律要求：对方同意过，写明是谁发的、怎么拒收，邮件主题写“广告”；只在工作日白天发，有频次上限。"
    ),
    MessageClass.GREETING: "节日问候。按营销对待：对方同意过，写明怎么拒收，计入频次上限，只在工作日白天发。",
}
_UNITS = ("h", "d", "w")
_MOST = 50  # percent held out
_LONGEST_RULE = 4000
_USUAL = 0.1  # of the audience reach the goal by themselves, where nothing is known yet
_SHARES = (0.05, 0.1, 0.2)
_DURATION = re.compile(r"(\d{1,4})([hdw])")
_PERCENT = re.compile(r"\d{1,2}(\.\d)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What a hold-out of `share` percent can show: `lift` percentage points, in four rounds of five."""

    share: int
    held: int
    lift: float


async def show(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    return await _step(request, draft, _written(draft), {})


async def save(request: Request) -> Response:
    draft = await read_draft(request)
    if draft is None:
        return await no_campaign(request)
    typed = _typed(await read_form(request))
    faults = _faults(typed)
    if faults:
        return await _step(request, draft, typed, faults)
    answer = await save_step(request, draft, "purpose", with_values(draft, **_values(draft, typed)))
    return answer or await _step(request, draft, typed, {"since": overtaken()})


def _written(draft: Draft) -> dict[str, str]:
    """The form as campaign.toml fills it."""
    goal = str(draft.table.get("goal", ""))
    share, useless = draft.table.get("hold_out", 0), _DURATION.fullmatch(str(draft.table.get("useless_after", "")))
    return {
        "title": draft.title,
        "kind": str(draft.table.get("class", "")),
        "goal": goal if goal in GOALS else _OTHER,
        "goal_rule": "" if goal in GOALS else goal,
        "hold_out": f"{share * 100:g}" if isinstance(share, int | float) else "0",
        "useless_n": useless[1] if useless else "",
        "useless_unit": useless[2] if useless else "d",
    }


def _typed(form: FormData) -> dict[str, str]:
    names = {"title": 300, "kind": 32, "goal": 64, "hold_out": 16, "useless_n": 16, "useless_unit": 4}
    found = {name: " ".join(str(form.get(name, "")).split())[:longest] for name, longest in names.items()}
    return {**found, "goal_rule": str(form.get("goal_rule", "")).strip()[:_LONGEST_RULE]}


def _faults(typed: Mapping[str, str]) -> dict[str, str]:
    found = {}
    if not 1 <= len(typed["title"]) <= LONGEST_TITLE:
        found["title"] = say("名称写1到{n}个字").format(n=LONGEST_TITLE)
    if typed["kind"] not in list(KINDS):
        found["kind"] = say("选一类")
    if fault := _goal_fault(typed):
        found["goal"] = fault
    share = typed["hold_out"] or "0"
    if not _PERCENT.fullmatch(share) or float(share) > _MOST:
        found["hold_out"] = say("写0到{n}的数，最多一位小数").format(n=_MOST)
    if typed["useless_n"] and not (re.fullmatch(r"[1-9]\d{0,3}", typed["useless_n"], re.ASCII)):
        found["useless"] = say("写1到9999的整数，或者空着")
    elif typed["useless_n"] and typed["useless_unit"] not in _UNITS:
        found["useless"] = say("选小时、天或周")
    return found


def _goal_fault(typed: Mapping[str, str]) -> str:
    if typed["goal"] != _OTHER:
        return "" if typed["goal"] in GOALS else say("选一个目标")
    if not typed["goal_rule"]:
        return say("写一行规则，达到了就算成功")
    try:
        parse_segment(typed["goal_rule"])
    except InputError as exc:
        return wording.fault_words(exc)
    return ""


def _values(draft: Draft, typed: Mapping[str, str]) -> dict[str, object]:
    goal = typed["goal_rule"] if typed["goal"] == _OTHER else typed["goal"]
    share = float(typed["hold_out"] or 0) / 100
    return {
        "title": typed["title"],
        "class": typed["kind"],
        "goal": goal or None,
        "hold_out": round(share, 4) or None,
        "useless_after": typed["useless_n"] + typed["useless_unit"] if typed["useless_n"] else None,
    }


async def _step(request: Request, draft: Draft, typed: Mapping[str, str], faults: Mapping[str, str]) -> Response:
    audience = await _audience(request, draft)
    return await making_page(
        request,
        draft,
        "purpose",
        faults=faults,
        typed=typed,
        kinds=[(str(kind), wording.class_words(kind), say(_EXPLAINED[kind])) for kind in KINDS],
        goals=[(rule, say(words)) for rule, words in GOALS.items()],
        other=_OTHER,
        goal_words=_explained(typed["goal_rule"]) if typed["goal"] == _OTHER else "",
        audience=audience,
        mine=not counts_all(request),
        held_outs=held_outs(audience),
        usual=round(_USUAL * 100),
        most=_MOST,
        longest=LONGEST_TITLE,
    )


def held_outs(audience: int) -> list[HeldOut]:
    """What some hold-outs would show of an audience of this size; none where it is too small to be divided."""
    found = []
    for share in _SHARES:
        held = round(audience * share)
        if held and audience > held:
            found.append(HeldOut(round(share * 100), held, smallest_lift(audience - held, held, _USUAL) * 100))
    return found


async def _audience(request: Request, draft: Draft) -> int:
    if draft.definition is None:
        return 0
    now = request.app.state.runtime.clock()
    return await count_audience(parse_segment(draft.definition.segment), now, visitor_of(request).staff.owners)


def _explained(rule: str) -> str:
    try:
        return wording.segment_words(parse_segment(rule))
    except InputError:
        return ""


routes = [
    StaffRoute("/campaigns/{key}/make/purpose", show, right=Right.PLAN),
    StaffRoute("/campaigns/{key}/make/purpose", save, right=Right.PLAN, methods=["POST"]),
]
