"""会话: the list of conversations, one of them beside what is known of its member, the parts that renew themselves."""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import Response

from bot import wording
from bot.console.moments import full_day, short_day, short_moment, time_left, weekday_of
from bot.console.shell import not_found, staff_page
from bot.console.threads import MOST, by_day, read_thread, stamp
from bot.console.writing import Window, composer_for, window_of
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, log, visitor_of
from bot.web.numbers import whole_number
from bot.web.pages import masked, page
from campaigns import conversations, planner, staff, visits
from campaigns.audit import Action
from campaigns.conversations import PAGE, Line, Sieve, State, Tab
from campaigns.members import find
from campaigns.replies import strangers
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, Intent

_LONGEST_SEARCH = 64
_TABS = {Tab.WAITING: "等回复", Tab.MINE: "我的", Tab.NOBODYS: "没人管", Tab.ALL: "全部"}
_URGENT = timedelta(hours=3)
_NOT_CHANGED = 204


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list as it is shown."""

    line: Line
    href: str
    moment: str
    end: str
    urgent: bool
    badge: str
    current: bool


async def inbox(request: Request) -> Response:
    return await staff_page(
        request, "inbox/page.html", here="inbox", found=await _list(request, ""), talk=None, canned_right=_may(request)
    )


async def thread(request: Request) -> Response:
    """One conversation; a member who never answered has one too, with no words of theirs."""
    return await _show(request)


async def numbers(request: Request) -> Response:
    """The page with phone numbers and addresses in full; who saw them is written down."""
    return await _show(request, whole=True)


async def _show(request: Request, *, whole: bool = False) -> Response:
    runtime: Runtime = request.app.state.runtime
    head = await _own_member(request)
    if head is None:
        number = request.path_params["number"]
        return await not_found(request, here="inbox", what=say("没有编号是{number}的企业会员").format(number=number))
    await log(request, Action.NUMBERS_SEEN if whole else Action.MEMBER_SEEN, f"member/{head.no}")
    now, visitor = runtime.clock(), visitor_of(request)
    href = _href(head.no)
    back = href + _kept(request)
    composer = await composer_for(request, head.id, back=back, whole=whole) if visitor.may(Right.ANSWER) else None
    return await staff_page(
        request,
        "inbox/page.html",
        here="inbox",
        found=await _list(request, head.no),
        talk=await conversations.find(head.id),
        head=head,
        side=await _side(runtime, head, whole=whole),
        offers_numbers=visitor.may(Right.ADDRESSES) and not whole,
        composer=composer,
        colleagues=await _colleagues(head.owner) if visitor.may(Right.ANSWER) else [],
        days_to_come=_days_to_come(now),
        canned_right=_may(request),
        back=back,
        today=now.astimezone(SHANGHAI).date(),
        window=composer.window if composer else None,
        **await _thread_part(request, head),
    )


async def list_part(request: Request) -> Response:
    """The list alone, where it is another than the one that was shown."""
    found = await _list(request, request.query_params.get("at", ""))
    if found["stamp"] == request.query_params.get("seen"):
        return Response(status_code=_NOT_CHANGED)
    return page(request, "inbox/list.html", found=found, words=wording)


async def thread_part(request: Request) -> Response:
    head = await _own_member(request)
    if head is None:
        return Response(status_code=404)
    if _digest(await stamp(head.id)) == request.query_params.get("seen"):
        return Response(status_code=_NOT_CHANGED)
    return page(
        request,
        "inbox/thread.html",
        words=wording,
        head=head,
        talk=await conversations.find(head.id),
        may_answer=visitor_of(request).may(Right.ANSWER),
        form_key=visitor_of(request).form_key,
        back=_href(head.no) + _kept(request),
        **await _thread_part(request, head),
    )


async def window_part(request: Request) -> Response:
    """How long the chat of the contact who wrote last stays open."""
    head = await _own_member(request)
    if head is None:
        return Response(status_code=404)
    return page(request, "inbox/window.html", window=await _window(request, head), number=head.no)


# ---- the list -------------------------------------------------------------------------------------------------------


async def _list(request: Request, current: str) -> dict[str, Any]:
    runtime: Runtime = request.app.state.runtime
    asked, visitor, now = request.query_params, visitor_of(request), runtime.clock()
    tab = Tab(asked["tab"]) if asked.get("tab") in list(Tab) else Tab.WAITING
    text = asked.get("find", "").strip()[:_LONGEST_SEARCH]
    number = max(1, min(whole_number(asked.get("page", "")) or 1, 10_000))
    today = now.astimezone(SHANGHAI).date()
    sieve = Sieve(me=visitor.staff.name, today=today, tab=tab, text=text, owners=visitor.staff.owners)
    found = await conversations.browse(sieve, number)
    kept = _query(tab, text, number)
    rows = [_row(line, kept, now, today, current) for line in found.lines]
    counts = [(str(one), say(_TABS[one]), found.counts[one], f"/inbox{_query(one, text, 1)}") for one in Tab]
    if visitor.staff.owners is None:
        counts.append(("unknown", say("认不出是谁"), await strangers.count_unknown(), "/inbox/unknown"))
    return {
        "rows": rows,
        "tabs": counts,
        "tab": str(tab),
        "text": text,
        "number": number,
        "pages": max(1, -(-found.total // PAGE)),
        "total": found.total,
        "turn": lambda to: f"/inbox{_query(tab, text, to)}",
        "stamp": _digest(repr([(row, kept) for row in rows]) + repr(counts)),
        "part": f"/inbox/parts/list?{urlencode({**_asked(tab, text, number), 'at': current})}",
        "at": current,
    }


def _row(line: Line, kept: str, now: datetime, today: date, current: str) -> Row:
    end, urgent = _end(line, now, today)
    return Row(
        line,
        _href(line.no) + kept,
        short_moment(line.heard_at, now),
        end,
        urgent,
        _badge(line.intent),
        line.no == current,
    )


def _end(line: Line, now: datetime, today: date) -> tuple[str, bool]:
    """What to know of it at a glance, and whether it is urgent."""
    if line.state is State.CLOSED:
        return (say("已停发") if line.intent == Intent.STOP else say("办完了")), False
    if line.follow_up_on and line.follow_up_on > today:
        return say("{day}再跟").format(day=short_day(line.follow_up_on)), False
    if line.state is State.ANSWERED:
        return (line.assigned or say("已自动回")), False
    if line.window_until and line.window_until > now and line.window_left:
        urgent = line.window_until - now < _URGENT
        return say("剩{left}").format(left=time_left(line.window_until, now)), urgent
    return line.assigned, False


def _badge(intent: str) -> str:
    return {"stop": "badge--red", "complaint": "badge--red", "filled": "badge--green"}.get(
        intent, "" if intent in ("unknown", "thanks", "auto_reply") else "badge--brand"
    )


def _query(tab: Tab, text: str, number: int) -> str:
    asked = _asked(tab, text, number)
    return f"?{urlencode(asked)}" if asked else ""


def _asked(tab: Tab, text: str, number: int) -> dict[str, str]:
    given = {"tab": "" if tab is Tab.WAITING else str(tab), "find": text, "page": str(number) if number > 1 else ""}
    return {name: value for name, value in given.items() if value}


def _kept(request: Request) -> str:
    """Of the address: which list it stands beside."""
    kept = {name: value for name, value in request.query_params.items() if name in ("tab", "find", "page")}
    return f"?{urlencode(kept)}" if kept else ""


# ---- one conversation -----------------------------------------------------------------------------------------------


async def _thread_part(request: Request, head: find.Head) -> dict[str, Any]:
    runtime: Runtime = request.app.state.runtime
    asked = request.query_params.get("skip", "")
    skip = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0
    seen = _digest(await stamp(head.id))
    said, more = await read_thread(runtime, head.id, skip=skip)
    today = runtime.clock().astimezone(SHANGHAI).date()
    href, kept = _href(head.no), _kept(request)
    joined = "&" if kept else "?"
    return {
        "days": [(full_day(on, today), rows) for on, rows in by_day(said)],
        "seen": seen,
        "older": f"{href}{kept}{joined}skip={skip + MOST}" if more else "",
        "skip": skip,
        "intents": [(str(one), wording.intent_words(one)) for one in Intent if one is not Intent.AUTO_REPLY],
        "badge": _badge,
        "thread_url": f"/inbox/parts/thread/{quote(head.no, safe='')}{kept}{joined}seen={seen}",
    }


async def _side(runtime: Runtime, head: find.Head, *, whole: bool) -> dict[str, Any]:
    found = await find.describe_member(head.no) or {}
    now = runtime.clock()
    ways = await planner.ways_by_hand(head.id, now, runtime.rulebook)
    first: dict[str, Any] = {}
    for way in ways:
        if str(way.channel) not in first or (first[str(way.channel)].why and not way.why):
            first[str(way.channel)] = way
    since = found.get("last_login_at") or found.get("registered_at")
    posts = sorted((one for one in found.get("posts", ()) if one["unread"]), key=lambda one: -one["unread"])
    tasks = [one for one in await visits.visits_of(head.id) if one.state == "open"]
    return {
        "member": found,
        "idle": (now - since).days if since else None,
        "oldest": (now - found["oldest_unread_at"]).days if found.get("oldest_unread_at") else None,
        "ways": [_reach(way, now, whole=whole) for way in first.values()],
        "post": posts[0] if posts else None,
        "posts": len(found.get("posts", ())),
        "tasks": tasks[:5],
        "contacts": {one["id"]: one for one in found.get("contacts", ())},
    }


def _reach(way: planner.WayByHand, now: datetime, *, whole: bool) -> tuple[str, str, bool]:
    """(channel, what to know of it, can it be used)."""
    if way.why is not None:
        return str(way.channel), wording.refusal_words(str(way.why)), False
    if way.window_until is not None:
        left = time_left(way.window_until, now)
        return str(way.channel), say("剩{left}，{n}条").format(left=left, n=way.window_left), True
    return str(way.channel), way.address if whole else masked(way.address), True


async def _window(request: Request, head: find.Head) -> Window | None:
    runtime: Runtime = request.app.state.runtime
    known = await conversations.find(head.id)
    ways = await planner.ways_by_hand(head.id, runtime.clock(), runtime.rulebook)
    usable = [way for way in ways if way.why is None]
    last = (known.contact_id, known.medium) if known else (None, "")
    way = next((one for one in usable if (one.contact_id, str(one.channel)) == last), None)
    return window_of(way or next(iter(usable), None), runtime.clock())


async def _colleagues(owner: str) -> list[str]:
    """Who may be given a conversation of this owner's member: whoever answers, and sees it."""
    everybody = await staff.list_staff()
    return [one.name for one in everybody if one.active and one.may(Right.ANSWER) and one.sees_owner(owner)]


def _days_to_come(now: datetime) -> list[tuple[str, str]]:
    """(date, words): tomorrow, this Friday or the next, Monday after."""
    today = now.astimezone(SHANGHAI).date()
    friday = today + timedelta(days=(4 - today.weekday()) % 7 or 7)
    monday = today + timedelta(days=7 - today.weekday())
    days = {today + timedelta(days=1): say("明天")}
    for day in (friday, monday):
        days.setdefault(day, f"{short_day(day)} {weekday_of(day)}")
    return [(day.isoformat(), words) for day, words in sorted(days.items())]


async def _own_member(request: Request) -> find.Head | None:
    """None where there is none, or it is not for this person to see."""
    head = await find.find_head(request.path_params["number"])
    return head if head and visitor_of(request).staff.sees_owner(head.owner) else None


def _may(request: Request) -> bool:
    return visitor_of(request).may(Right.ANSWER)


def _href(number: str) -> str:
    return f"/inbox/{quote(number, safe='')}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


routes = [
    StaffRoute("/inbox", inbox, right=Right.SEE),
    StaffRoute("/inbox/parts/list", list_part, right=Right.SEE),
    StaffRoute("/inbox/parts/thread/{number:path}", thread_part, right=Right.SEE),
    StaffRoute("/inbox/parts/window/{number:path}", window_part, right=Right.SEE),
    StaffRoute("/inbox/{number:path}/numbers", numbers, right=Right.ADDRESSES, methods=["POST"]),
    StaffRoute("/inbox/{number:path}", thread, right=Right.SEE),
]
