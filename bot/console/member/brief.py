"""访前检查: what to know and say before a visit, on one page that is also printed."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from bot.brief_talk import talk_of
from bot.brief_words import (
    demand_lines,
    latency_words,
    pay_words,
    promise_words,
    unknown_words,
    why_lines,
)
from bot.console import charts
from bot.console.member.seekers import no_member, own_member, path_of
from bot.console.shell import staff_page
from bot.contact_words import decider_words, influence_words, role_words
from bot.finding_words import finding_words, script_words
from bot.language import say
from bot.runtime import Runtime
from bot.scripts import scripts_in_force
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.numbers import whole_number
from bot.web.pages import masked
from campaigns.audit import Action
from campaigns.brief import Brief, brief_of
from campaigns.briefing import Demand, Standing, Talk
from campaigns.diagnosis import Code, Finding, PostingSigns
from campaigns.rights import Right

_MOST = 8  # postings that a sheet of paper has room for
_URGENT = (Code.SITE_FAULT, Code.UNREAD, Code.NEVER_LOOKED)
_MARKS = {
    Standing.KEPT: ("okc", "good"),
    Standing.KEPT_LATE: ("okc", "warn"),
    Standing.BROKEN: ("bad", "bad"),
    Standing.LATE: ("alert", "bad"),
    Standing.OPEN: ("clock", ""),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and what to do about it; no words where figures beside it say the same."""

    urgent: bool
    words: str
    advice: str


@dataclass(frozen=True, slots=True)
class Check:
    """One posting: what it pays, what others pay, what to mend. `fine`: nothing was found at all."""

    post: PostingSigns
    pay: str
    demand: Demand
    findings: Sequence[Found]
    fine: bool


async def page(request: Request) -> Response:
    """`task`: the task the visit is for. `print`: nothing but the sheet."""
    return await _show(request, plain=request.query_params.get("print") == "1")


async def numbers(request: Request) -> Response:
    """The sheet with the phone numbers in full; who saw them is written down."""
    return await _show(request, plain=True, whole=True)


async def _show(request: Request, *, plain: bool, whole: bool = False) -> Response:
    runtime: Runtime = request.app.state.runtime
    head = await own_member(request)
    task = whole_number(request.query_params.get("task", ""))
    limits = runtime.rulebook.policy.diagnosis
    brief = await brief_of(head.no, runtime.clock(), task, thresholds=limits) if head else None
    if head is None or brief is None:
        return await no_member(request)
    await log(request, Action.NUMBERS_SEEN if whole else Action.MEMBER_SEEN, f"member/{head.no}", what="brief")
    checks = _checks(brief)
    return await staff_page(
        request,
        "member/brief.html",
        here="members",
        layout="member/brief_plain.html" if plain else "base.html",
        plain=plain,
        brief=brief,
        path=path_of(head.no),
        why=why_lines(brief),
        people=[one for one in brief.people if one.active],
        decides=decider_words(brief.people),
        role_of=role_words,
        influence_of=influence_words,
        address=str if whole else masked,
        whole=whole,
        latency=latency_words(brief.latency),
        findings=[_told(one) for one in brief.diagnosis.of("")],
        checks=checks[:_MOST],
        more=len(checks) - _MOST,
        wanting=sum(not one.fine for one in checks),
        chart=_chart(checks[:_MOST]),
        demands=_demands(checks[:_MOST]),
        promises=[(one, promise_words(one), *_MARKS[one.standing]) for one in brief.promises],
        talk=await _talk(request, brief),
        may=visitor_of(request).may(Right.ANSWER),
        may_see_numbers=visitor_of(request).may(Right.ADDRESSES),
    )


async def _talk(request: Request, brief: Brief) -> Talk | None:
    """For who speaks to members."""
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    if not visitor.may(Right.ANSWER):
        return None
    book = await scripts_in_force(runtime.settings.huifang_templates)
    return talk_of(brief, book, me=visitor.staff.name, site=runtime.rulebook.site["name"])


def _checks(brief: Brief) -> list[Check]:
    """Those with the gravest finding first, then those with the most unread."""
    found = [_check(one, brief) for one in brief.postings]
    ranks = {code: rank for rank, code in enumerate(Code)}
    worst = {one.posting: ranks[one.code] for one in reversed(brief.diagnosis.findings)}
    return sorted(found, key=lambda one: (worst.get(one.post.no, len(ranks)), -one.post.unread))


def _check(post: PostingSigns, brief: Brief) -> Check:
    """What holds for the whole member is not told again of each."""
    found, whole = brief.diagnosis.of(post.no), {one.code for one in brief.diagnosis.of("")}
    told = [_told(one) for one in found if one.code not in whole]
    return Check(post, pay_words(post), brief.demands[post.no], told, not found)


def _told(finding: Finding) -> Found:
    words = "" if finding.code is Code.UNREAD and "unread" in finding.figures else finding_words(finding)
    return Found(finding.code in _URGENT, words, script_words(finding))


def _chart(checks: Sequence[Check]) -> Markup | None:
    rows = [
        charts.Span(
            one.post.title or one.post.no, one.post.pay_min, one.post.pay_max, pay.p25, pay.p50, pay.p75, one.pay
        )
        for one in checks
        if (pay := one.demand.pay)
    ]
    if not rows:
        return None
    told = say("；").join(
        say("{posting}{pay}，同类一半在{low}–{high}").format(
            posting=row.label, pay=row.text, low=f"{row.p25:,.0f}", high=f"{row.p75:,.0f}"
        )
        for row in rows
    )
    return charts.spans(rows, told)


def _demands(checks: Sequence[Check]) -> list[tuple[str, str, int, Sequence[str], str]]:
    """(occupation, city, similar postings, what they pay and ask, what is not known), each once."""
    once = {(one.post.category, one.post.city): one.demand for one in checks}
    return [
        (category, city, demand.peers, demand_lines(demand), unknown_words(demand))
        for (category, city), demand in once.items()
    ]


routes = [
    StaffRoute("/members/{number:path}/brief", page, right=Right.SEE),
    StaffRoute("/members/{number:path}/brief/numbers", numbers, right=Right.ADDRESSES, methods=["POST"]),
]
