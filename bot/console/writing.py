"""The box to write by hand to one member, wherever it stands: the ways there are, the words, the sending."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot import wording
from bot.console.canned_words import fill_canned
from bot.console.moments import time_left
from bot.console.shell import not_found, staff_page
from bot.language import say
from bot.runtime import Runtime
from bot.sender.by_hand import Letter, NotPossible, SmsChoice, sms_choices, write
from bot.web.desk import StaffRoute, log, read_form, visitor_of
from bot.web.pages import masked
from campaigns import conversations, planner
from campaigns.audit import Action
from campaigns.errors import InputError, OutreachError
from campaigns.members import find
from campaigns.planner import WayByHand
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, ChannelName, MessageClass, Reason

_URGENT_HOURS = 3
_WINDOW_HOURS = 48


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to write: `value` names contact and channel. `why`: in words, what is in the way; empty: it is open."""

    value: str
    channel: str
    contact: str
    label: str
    hint: str
    why: str


@dataclass(frozen=True, slots=True)
class Window:
    """How long a chat stays open, and for how many messages; `share` in hours of 48."""

    channel: str
    left: str
    messages: int
    share: float
    urgent: bool


@dataclass(frozen=True, slots=True)
class Template:
    """An answer kept ready, filled for this member."""

    id: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Composer:
    """All the box needs. `refused`: nothing can be sent, and why; then there is no form."""

    number: str
    action: str
    back: str
    nonce: str
    to: str
    open: Sequence[Choice]
    shut: Sequence[Choice]
    chosen: str
    window: Window | None
    sms: Sequence[SmsChoice]
    canned: Sequence[Template]
    link: str  # where the same page is, to be asked for with ?canned=
    refused: str = ""
    text: str = ""
    subject: str = ""
    sms_chosen: str = ""
    problem: str = ""
    given: Mapping[str, str] = field(default_factory=dict)


async def composer_for(
    request: Request,
    member_id: int,
    *,
    back: str,
    typed: Mapping[str, str] | None = None,
    problem: str = "",
    whole: bool = False,
) -> Composer:
    """The box for one member; `back` is the page it stands on. `typed`: what a form that failed was filled with.

    Not `whole`: addresses are masked, whoever looks.
    """
    runtime: Runtime = request.app.state.runtime
    now, who = runtime.clock(), visitor_of(request).staff
    head = await find.find_head_by_id(member_id)
    assert head is not None
    ways = await planner.ways_by_hand(member_id, now, runtime.rulebook)
    choices = [_choice(way, now, full=whole and visitor_of(request).may(Right.ADDRESSES)) for way in ways]
    known, typed = await conversations.find(member_id), typed or {}
    usable = [one for one in choices if not one.why]
    asked = typed.get("way") or request.query_params.get("way", "")
    preferred = f"{known.contact_id}:{known.medium}" if known else ""
    chosen = next((one for value in (asked, preferred) for one in usable if one.value == value), None)
    chosen = chosen or next(iter(usable), None)
    contact_id = int(chosen.value.partition(":")[0]) if chosen else 0
    given = await planner.sample_of(member_id, contact_id, None, now, runtime.rulebook)
    canned = [
        Template(one.id, one.title, fill_canned(one.text, given or {}, who.name))
        for one in (await conversations.list_canned() if chosen else [])
    ]
    picked = request.query_params.get("canned", "")
    inserted = next((one.text for one in canned if str(one.id) == picked), "")
    return Composer(
        number=head.no,
        action=f"/members/{quote(head.no, safe='')}/write",
        back=back,
        nonce=typed.get("nonce") or secrets.token_urlsafe(12),
        to=chosen.contact if chosen else "",
        open=usable,
        shut=[one for one in choices if one.why],
        chosen=chosen.value if chosen else "",
        window=window_of(next((way for way in ways if chosen and _value(way) == chosen.value), None), now),
        sms=await _sms(runtime, member_id, usable, chosen),
        canned=canned,
        link=back,
        refused=_refused(ways),
        text=typed.get("text", "") or inserted,
        subject=typed.get("subject", ""),
        sms_chosen=typed.get("sms", ""),
        problem=problem,
    )


def window_of(way: WayByHand | None, now: datetime) -> Window | None:
    if way is None or way.window_until is None:
        return None
    left = way.window_until - now
    hours = left.total_seconds() / 3600
    return Window(
        channel=wording.channel_words(way.channel),
        left=time_left(way.window_until, now),
        messages=way.window_left,
        share=round(min(hours, _WINDOW_HOURS), 2),
        urgent=hours < _URGENT_HOURS or way.window_left <= 1,
    )


async def _sms(runtime: Runtime, member_id: int, usable: Sequence[Choice], chosen: Choice | None) -> list[SmsChoice]:
    """Filled for each who can get one, and named after whom it is for: what is shown is what goes. The chosen first."""
    able = sorted((one for one in usable if one.channel == ChannelName.SMS), key=lambda one: one != chosen)
    found: list[SmsChoice] = []
    for one in able:
        contact = one.value.partition(":")[0]
        for choice in await sms_choices(runtime, member_id, int(contact)):
            title = f"{one.contact} · {choice.title}" if len(able) > 1 else choice.title
            found.append(SmsChoice(f"{contact}/{choice.key}", title, choice.text))
    return found


def _sms_of(given: str, contact: str) -> str:
    """The campaign whose SMS was chosen. Raises InputError for one that was filled for somebody else."""
    shown_to, slash, key = given.rpartition("/")
    if slash and shown_to != contact:
        raise InputError("选的短信是写给另一位联系人的，选写给这一位的 (filled for another contact)")
    return key


def _refused(ways: Sequence[WayByHand]) -> str:
    if not ways:
        return say("没有联系人，写不了。补上联系人再导入一次。")
    if all(way.why is Reason.REFUSED for way in ways):
        return say("这家企业已退订，所有通道都不能发，手写的也不行。对方自己要求恢复，才能在会员页恢复。")
    return ""


def _choice(way: WayByHand, now: datetime, *, full: bool) -> Choice:
    why = ""
    if way.why is not None:
        why = wording.refusal_words(str(way.why))
    return Choice(
        value=_value(way),
        channel=str(way.channel),
        contact=way.contact or say("（没有名字）"),
        label=wording.channel_words(way.channel),
        hint=_hint(way, now, full=full) if not why else "",
        why=say(why) if why else "",
    )


def _value(way: WayByHand) -> str:
    return f"{way.contact_id}:{way.channel}"


def _hint(way: WayByHand, now: datetime, *, full: bool) -> str:
    if way.window_until is not None:
        return say("剩{left}，{n}条").format(left=time_left(way.window_until, now), n=way.window_left)
    address = way.address if full else masked(way.address)
    if way.message_class is MessageClass.SERVICE and way.starts > now:
        return say("{address}，{at}才发").format(address=address, at=f"{way.starts.astimezone(SHANGHAI):%m-%d %H:%M}")
    return address


# ---- the sending ----------------------------------------------------------------------------------------------------


async def send(request: Request) -> Response:
    """Into the outbox, then back to where the box stands; what cannot go comes back as it was typed."""
    runtime: Runtime = request.app.state.runtime
    visitor, number = visitor_of(request), request.path_params["number"]
    head = await find.find_head(number)
    if head is None or not visitor.staff.sees_owner(head.owner):
        return await not_found(request, here="inbox", what=say("没有编号是{number}的企业会员").format(number=number))
    form = {key: str(value) for key, value in (await read_form(request)).items()}
    back = _safe_back(form.get("back", ""), head.no)
    try:
        letter = await _letter(runtime, head.id, form, visitor.staff.name)
        done = await write(runtime, letter)
    except NotPossible as exc:
        why = wording.refusal_words(str(exc.why))
        return await _again(request, head, back, form, say("没有发：{why}。换一个通道。").format(why=why))
    except OutreachError as exc:
        return await _again(request, head, back, form, str(exc))
    await log(request, Action.WRITTEN_BY_HAND, f"member/{head.no}", channel=str(done.channel), message=done.message_id)
    return RedirectResponse(back, status_code=303)


async def _letter(runtime: Runtime, member_id: int, form: Mapping[str, str], by: str) -> Letter:
    contact, _, channel = form.get("way", "").partition(":")
    if channel not in list(ChannelName) or not (contact.isascii() and contact.isdigit() and len(contact) < 10):
        raise NotPossible(Reason.NO_CONTACT)
    given = await planner.sample_of(member_id, int(contact), None, runtime.clock(), runtime.rulebook)
    return Letter(
        member_id,
        int(contact),
        ChannelName(channel),
        fill_canned(form.get("text", ""), given or {}, by),
        by,
        form.get("nonce", ""),
        form.get("subject", "").strip() if channel == ChannelName.EMAIL else "",
        _sms_of(form.get("sms", ""), contact) if channel == ChannelName.SMS else "",
    )


async def _again(request: Request, head: find.Head, back: str, form: Mapping[str, str], problem: str) -> Response:
    composer = await composer_for(request, head.id, back=back, typed=form, problem=problem)
    return await staff_page(request, "inbox/write.html", here="inbox", status_code=422, head=head, composer=composer)


def _safe_back(back: str, number: str) -> str:
    """A page of ours: what a form says may send nobody elsewhere."""
    own = back.startswith("/") and not back.startswith("//") and "\\" not in back and back.isprintable()
    return back if own else f"/inbox/{quote(number, safe='')}"


routes = [StaffRoute("/members/{number:path}/write", send, right=Right.ANSWER, methods=["POST"])]
