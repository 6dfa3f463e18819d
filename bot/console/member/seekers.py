"""求职者 of one member: new ones who fit with what speaks for them, whom to introduce, and what came of it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.match_words import ground_words, hindrance_words, introduction_words
from bot.runtime import Runtime
from bot.sender import introducing as sending
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.numbers import LARGEST, whole_number
from bot.web.pages import masked
from bot.wording import fault_words, refusal_words
from campaigns import introducing, introductions
from campaigns.audit import Action
from campaigns.errors import OutreachError
from campaigns.introducing import Offer
from campaigns.introductions import IntroductionRow, State
from campaigns.members import find, seekers
from campaigns.members.find import Head
from campaigns.members.seekers import Consent, SeekerRow
from campaigns.rights import Right
from campaigns.terms import Defer, Suppress

_SHOWN = 20
_LONGEST_REASON = 100


@dataclass(frozen=True, slots=True)
class Line:
    """A proposal as it is shown. `why`: what is in the way, in words; `ask`: its remedy is to ask the seeker."""

    offer: Offer
    grounds: Sequence[str]
    video: str
    why: str
    ask: bool
    state: str


@dataclass(frozen=True, slots=True)
class Past:
    """A pair that was put down, and where it stands. `sent`: where the company's message is."""

    row: IntroductionRow
    seeker: SeekerRow | None
    posting: str
    state: str
    sent: str
    video: str
    open: bool


async def page(request: Request) -> Response:
    return await _show(request)


async def numbers(request: Request) -> Response:
    """The page with the seekers' numbers in full, to tell them; who saw them is written down."""
    return await _show(request, whole=True)


async def _show(request: Request, *, whole: bool = False, fault: str = "", status_code: int = 200) -> Response:
    runtime: Runtime = request.app.state.runtime
    head = await own_member(request)
    if head is None:
        return await no_member(request)
    await log(request, Action.NUMBERS_SEEN if whole else Action.SEEKERS_SEEN, f"member/{head.no}")
    offers = await introducing.offers_for(head.id, runtime.clock(), runtime.rulebook.policy, most=_SHOWN)
    rows = await introductions.introductions_of(head.id)
    visitor = visitor_of(request)
    return await staff_page(
        request,
        "member/seekers.html",
        here="members",
        status_code=status_code,
        head=head,
        path=path_of(head.no),
        lines=[_line(one) for one in offers],
        past=await _past(rows, {one.pair.seeker.id for one in offers}),
        postings=await seekers.live_postings([head.id]),
        policy=runtime.rulebook.policy,
        address=str if whole else masked,
        whole=whole,
        fault=fault,
        done=request.query_params.get("done", "")[:32],
        count=request.query_params.get("n", "")[:3],
        may=visitor.may(Right.ANSWER),
        may_see_numbers=visitor.may(Right.ADDRESSES),
    )


async def check(request: Request) -> Response:
    """The numbers before it happens."""
    runtime: Runtime = request.app.state.runtime
    head = await own_member(request)
    if head is None:
        return await no_member(request)
    picked = _numbers(request.query_params.getlist("pick"))
    if not 0 < len(picked) <= sending.MOST:
        fault = say("选1到{n}位求职者").format(n=sending.MOST)
        asked = "pick" in request.query_params  # the bare address is a page like any other
        return await _show(request, fault=fault, status_code=422 if asked else 200)
    weighed = await sending.weigh(runtime, head.id, picked)
    verdict = weighed.verdict
    return await staff_page(
        request,
        "member/introduce.html",
        here="members",
        head=head,
        path=path_of(head.no),
        weighed=weighed,
        lines=[_line(one) for one in weighed.offers],
        starts=verdict.until if isinstance(verdict, Defer) else None,
        why=refusal_words(str(verdict.reason)) if isinstance(verdict, Suppress) else "",
        window=weighed.window.days,
    )


async def introduce(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    head = await own_member(request)
    if head is None:
        return await no_member(request)
    picked = _numbers([str(one) for one in (await read_form(request)).getlist("pick")])
    try:
        done = await sending.introduce(runtime, head.id, picked, by=visitor_of(request).staff.name)
    except sending.NotIntroduced as exc:
        return await _show(request, fault=_refused(exc), status_code=422)
    except OutreachError as exc:
        return await _show(request, fault=fault_words(exc), status_code=409)
    detail = {"count": len(done.seekers), "message": done.message_id, "channel": str(done.channel)}
    await log(request, Action.SEEKER_INTRODUCED, f"member/{head.no}", **detail)
    return _back(head.no, "introduced", n=len(done.seekers))


def _refused(exc: sending.NotIntroduced) -> str:
    if exc.why is not None:
        return say("没有介绍：{why}").format(why=refusal_words(str(exc.why)))
    if exc.hindrance is not None:
        return say("没有介绍：{why}").format(why=hindrance_words(exc.hindrance))
    return say("选1到{n}位求职者").format(n=sending.MOST)


# ---- what a colleague learns from the seeker or the company ---------------------------------------------------------

Act = Callable[[Request, Head, str, datetime], Awaitable[str]]


async def _ask(request: Request, head: Head, by: str, now: datetime) -> str:
    runtime: Runtime = request.app.state.runtime
    offers = await introducing.offers_for(head.id, now, runtime.rulebook.policy, most=seekers.CANDIDATES)
    offer = next((one for one in offers if one.pair.seeker.id == request.path_params["id"]), None)
    if offer is None:
        return ""
    await introducing.ask(head.id, offer, now, by=by)
    return "asked"


async def _consent(request: Request, head: Head, by: str, now: datetime) -> str:
    said = str((await read_form(request)).get("said", ""))
    number = request.path_params["id"]
    if said not in (Consent.YES, Consent.NO) or number > LARGEST:
        return ""
    return f"consent-{said}" if await seekers.record_consent(number, Consent(said), by=by, now=now) else ""


async def _change(request: Request, head: Head, by: str, now: datetime) -> str:
    form = await read_form(request)
    what, reason = str(form.get("what", "")), " ".join(str(form.get("reason", "")).split())[:_LONGEST_REASON]
    row = await introductions.find_introduction(request.path_params["id"])
    if row is None or row.member_id != head.id:
        return ""
    match what:
        case "told":
            await introducing.tell(row.id, by=by, now=now)
        case "refused":
            await introductions.refuse(row.id, reason, by=by, now=now)
        case "withdrawn":
            await introductions.withdraw(row.id, reason, by=by, now=now)
        case _:
            return ""
    return what


def _acting(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def acted(request: Request) -> Response:
        runtime: Runtime = request.app.state.runtime
        head = await own_member(request)
        if head is None:
            return await no_member(request)
        try:
            done = await act(request, head, visitor_of(request).staff.name, runtime.clock())
        except OutreachError as exc:
            return await _show(request, fault=fault_words(exc), status_code=409)
        if not done:
            return await _show(request, fault=say("没有这一位，或者已经变了，看看下面"), status_code=422)
        about = request.path_params["id"]
        await log(request, Action.INTRODUCTION_CHANGED, f"member/{head.no}", what=done, seeker=about)
        return _back(head.no, done)

    return acted


# ---- parts ----------------------------------------------------------------------------------------------------------


async def own_member(request: Request) -> Head | None:
    """The member of the address, where the one who asks sees it."""
    head = await find.find_head(request.path_params["number"])
    return head if head and visitor_of(request).staff.sees_owner(head.owner) else None


async def no_member(request: Request) -> Response:
    missed = say("没有编号是{number}的企业会员").format(number=request.path_params["number"])
    return await not_found(request, here="members", what=missed)


def path_of(number: str) -> str:
    return f"/members/{quote(number, safe='')}"


def _back(number: str, done: str, **more: object) -> Response:
    return RedirectResponse(f"{path_of(number)}/seekers?{urlencode({'done': done, **more})}", status_code=303)


def _numbers(given: Sequence[str]) -> list[int]:
    """Those that are numbers of ours, each once."""
    return list(dict.fromkeys(n for one in given if (n := whole_number(one)) is not None))


def _line(offer: Offer) -> Line:
    return Line(
        offer=offer,
        grounds=[ground_words(one.kind, one.figures) for one in offer.pair.grounds],
        video=web_address(offer.pair.seeker.video_url),
        why=hindrance_words(offer.hindrance) if offer.hindrance else "",
        ask=offer.consent is Consent.UNKNOWN,
        state=introduction_words(offer.state) if offer.state else "",
    )


async def _past(rows: Sequence[IntroductionRow], offered: set[int]) -> list[Past]:
    """What was put down and is not offered above."""
    left = [one for one in rows if one.seeker_id not in offered]
    people = await seekers.read_seekers([one.seeker_id for one in left])
    titles = await find.posting_titles([one.posting_id for one in left if one.posting_id])
    states = await find.message_states([one.message_id for one in left if one.message_id])
    return [_past_line(one, people, titles, states) for one in left]


def _past_line(
    row: IntroductionRow, people: Mapping[int, SeekerRow], titles: Mapping[int, str], states: Mapping[int, Any]
) -> Past:
    seeker = people.get(row.seeker_id)
    return Past(
        row=row,
        seeker=seeker,
        posting=titles.get(row.posting_id or 0, ""),
        state=introduction_words(row.state),
        sent=str(states.get(row.message_id or 0, "")),
        video=web_address(seeker.facts.video_url) if seeker else "",
        open=row.state in (State.PROPOSED, State.ASKED, State.INTRODUCED),
    )


def web_address(url: str) -> str:
    """What can be opened; whatever else stands in the field is no link."""
    parts = urlsplit(url) if url.isprintable() and "\\" not in url else None
    return url if parts and parts.scheme in ("http", "https") and parts.netloc else ""


_AT = "/members/{number:path}/"
routes = [
    StaffRoute(_AT + "seekers", page, right=Right.SEE),
    StaffRoute(_AT + "seekers/numbers", numbers, right=Right.ADDRESSES, methods=["POST"]),
    StaffRoute(_AT + "seekers/check", check, right=Right.ANSWER),
    StaffRoute(_AT + "seekers/introduce", introduce, right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_AT + "seekers/{id:int}/ask", _acting(_ask), right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_AT + "seekers/{id:int}/consent", _acting(_consent), right=Right.ANSWER, methods=["POST"]),
    StaffRoute(_AT + "introductions/{id:int}", _acting(_change), right=Right.ANSWER, methods=["POST"]),
]
