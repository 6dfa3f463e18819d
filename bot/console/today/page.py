"""今日: the page that a day begins with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from bot.console import charts
from bot.console.calendar_events import Event, events_between
from bot.console.making.scoped import as_seen
from bot.console.moments import short_day, time_left, weekday_of
from bot.console.settings.causes import cure
from bot.console.shell import staff_page
from bot.console.today.first import first_things
from bot.console.today.first_steps import first_steps
from bot.console.today.numbers import belongs, held_back, numbers_for, stopped
from bot.language import say
from bot.runtime import Runtime
from bot.web.desk import StaffRoute, Visitor, visitor_of
from bot.wording import channel_words
from campaigns import approvals, comebacks, definitions, outbox, restored, webhooks
from campaigns.calendar import WorkCalendar
from campaigns.comebacks import Comeback
from campaigns.definitions import CampaignRow
from campaigns.rights import Right
from campaigns.statements.returning import since_yesterday
from campaigns.terms import SHANGHAI

_DAYS = 14
_MOST_BACK = 8
_AHEAD = timedelta(days=40)
_TOLD = timedelta(days=14)  # so long a refused request stands here, unless something was asked anew


@dataclass(frozen=True, slots=True)
class Stopped:
    """`closures`: (which provider, reason, until); `held`: how many wait, 0 where that is not counted."""

    label: str
    closures: Sequence[tuple[str, str, datetime | None]]
    cure: str
    held: int


async def today(request: Request) -> Response:
    runtime: Runtime = request.app.state.runtime
    visitor, now = visitor_of(request), runtime.clock()
    owners = visitor.staff.owners
    first_day = now.astimezone(SHANGHAI).date()
    closures = await outbox.list_closures(now)
    since = since_yesterday(now)
    events = await events_between(runtime, first_day, first_day + timedelta(days=1), owners)
    return await staff_page(
        request,
        "today/page.html",
        here="today",
        sub=_sub(runtime.rulebook.calendar, first_day),
        held=await _held(),
        steps=await first_steps(runtime, visitor),
        done=request.query_params.get("done", ""),
        numbers=await numbers_for(runtime, visitor, closures),
        first=await first_things(visitor, now),
        events=events,
        totals=_totals(events),
        asked=await _asked(request),
        stopped=await _stopped(visitor, closures),
        turned_down=[
            (one, (await approvals.submitted(one)).definition.title)
            for one in await approvals.refused_requests(visitor.staff.name, now - _TOLD)
        ],
        hooks=await webhooks.stopped_webhooks() if visitor.may(Right.SETTINGS) else [],
        back=[await _back(one, now) for one in await _latest(since, owners)],
        came=await comebacks.count_comebacks(since, owners),
        logged_in=await comebacks.count_logins(since, owners),
        chart=_chart(await comebacks.comebacks_by_day(_midnight(_first_of(first_day)), owners), first_day),
        may_plan=visitor.may(Right.PLAN),
        may_open=visitor.may(Right.SETTINGS),
    )


def _sub(calendar: WorkCalendar, day: date) -> str:
    """9月16日 周三 · 中秋还有9天 · 9月20日周日调休上班."""
    parts = [f"{short_day(day)} {weekday_of(day)}"]
    coming = next(iter(calendar.festivals_between(day, day + _AHEAD)), None)
    if coming:
        days = (coming.date - day).days
        words = say("{festival}还有{n}天") if days else say("今天{festival}")
        parts.append(words.format(festival=say(coming.name), n=days))
    for ahead in (day + timedelta(days=n) for n in range(7)):
        if ahead.weekday() >= 5 and calendar.is_workday(ahead):
            parts.append(say("{day}调休上班").format(day=f"{short_day(ahead)} {weekday_of(ahead)}"))
    return " · ".join(parts)


async def _held() -> Mapping[str, Any] | None:
    """A restored copy that waits for a person's word: since when, and how much of it is uncertain."""
    held = await restored.read_restored()
    if held is None:
        return None
    waiting = await restored.outlook(held)
    return {
        "made_at": held.made_at,
        "would_send": sum(one.would_send for one in waiting),
        "cannot_know": sum(one.cannot_know for one in waiting),
    }


def _totals(events: Sequence[Event]) -> tuple[int, int]:
    """(messages of today's runs that began, of these done)."""
    begun = [one for one in events if not one.about]
    return sum(one.n + one.waits for one in begun), sum(one.n for one in begun)


async def _asked(request: Request) -> list[tuple[str, str, int]]:
    """(title, address, members one may count) of what waits for approval: it may be for today."""
    found = []
    for one in await approvals.waiting_requests():
        folder = await approvals.submitted(one)
        seen = await as_seen(request, one, folder)
        found.append((folder.definition.title, f"/campaigns/approvals/{one.id}", seen.audience))
    return found


async def _stopped(visitor: Visitor, closures: list[outbox.Closure]) -> list[Stopped]:
    names = stopped(closures)
    held = await held_back(visitor) if names else {}
    found = []
    for name in names:
        mine = [one for one in closures if belongs(one.channel, name)]
        told = [(one.channel if one.channel != name else "", one.reason, one.until) for one in mine]
        found.append(Stopped(say(channel_words(name)), told, say(cure(mine[0].reason)), held.get(name, 0)))
    return found


async def _latest(since: datetime, owners: Collection[str] | None) -> list[Comeback]:
    """By a link and of own accord, the newest first."""
    found = [
        *await comebacks.latest_comebacks(since, owners, _MOST_BACK),
        *await comebacks.latest_logins(since, owners, _MOST_BACK),
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)[:_MOST_BACK]


async def _back(one: Comeback, now: datetime) -> Mapping[str, Any]:
    after = time_left(one.at, one.sent_at) if one.sent_at else ""
    if one.sent_at and (days := (one.at - one.sent_at).days):
        after = say("{n}天").format(n=days)
    return {"who": one, "title": await _title(one.campaign) if one.campaign else "", "after": after}


async def _title(key: str) -> str:
    found: CampaignRow | None = await definitions.find_campaign(key)
    return found.definition.title if found else key


def _chart(by_day: Mapping[date, int], today_is: date) -> Markup | None:
    """None where nobody came."""
    if not by_day:
        return None
    first = _first_of(today_is)
    days = [first + timedelta(days=n) for n in range(_DAYS)]
    rows = [(f"{day.month}-{day.day}", by_day.get(day, 0)) for day in days]
    sentence = say("近14天每天从链接回来的会员，最多一天{n}家，今天{m}家")
    return charts.columns(rows, sentence.format(n=max(by_day.values()), m=by_day.get(today_is, 0)), charts.NARROW)


def _first_of(today_is: date) -> date:
    return today_is - timedelta(days=_DAYS - 1)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), SHANGHAI)


routes = [StaffRoute("/", today, right=Right.SEE)]
