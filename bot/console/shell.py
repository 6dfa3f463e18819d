"""What stands around every staff page: the places there are, the channels' health, the words in Chinese."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse

from bot import wording
from bot.console.moments import weekday_of
from bot.console.places import Place, places_for
from bot.language import LANGUAGES, language, say
from bot.runtime import Runtime, follow_rules
from bot.web.desk import Visitor, visitor_of
from bot.web.pages import page
from campaigns import marks, outbox
from campaigns.rights import Right
from campaigns.terms import SHANGHAI, ChannelName

_ORDER = (ChannelName.WECHAT, ChannelName.SMS, ChannelName.EMAIL)


@dataclass(frozen=True, slots=True)
class ChannelHealth:
    """`dot` is a colour of the console's parts: ok, bad, or none."""

    name: str
    label: str
    dot: str
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Shell:
    places: list[list[Place]]
    channels: tuple[ChannelHealth, ...]
    real: tuple[str, ...]  # words for the channels that reach real people
    virtual_now: datetime | None  # None where the clock is the wall's
    jumps: bool  # the virtual clock goes to what is to be sent next
    sets_pace: bool  # this person may change that


async def staff_page(request: Request, name: str, *, here: str, status_code: int = 200, **context: Any) -> HTMLResponse:
    """Render a page of ours inside the staff's shell; `here` is the key of the place it belongs to.

    `me` is who asks, `form_key` what every form must carry.
    """
    runtime: Runtime = request.app.state.runtime
    visitor = visitor_of(request)
    await follow_rules(runtime)
    return page(
        request,
        name,
        status_code=status_code,
        here=here,
        shell=await _shell(runtime, visitor),
        me=visitor.staff,
        form_key=visitor.form_key,
        words=wording,
        day=day,
        languages=LANGUAGES,
        days_until=lambda value: (_shanghai_day(value) - _shanghai_day(runtime.clock())).days,
        **context,
    )


async def not_found(request: Request, *, here: str, what: str) -> HTMLResponse:
    return await staff_page(request, "missing.html", here=here, status_code=404, what=what)


def day(value: date | datetime | None) -> str:
    """2026年11月23日; empty is a dash."""
    if value is None:
        return "—"
    local = _shanghai_day(value)
    return f"{local:%-d %b %Y}" if language() == "en" else f"{local.year}年{local.month}月{local.day}日"


def weekday(value: date) -> str:
    return weekday_of(value)


async def _shell(runtime: Runtime, visitor: Visitor) -> Shell:
    now = runtime.clock()
    closed = await outbox.closed_channels(now)
    real = [name for name in _ORDER if name in runtime.channels and name not in runtime.sandboxed]
    return Shell(
        places=await places_for(visitor, now, runtime.rulebook.policy, sandboxed=bool(runtime.sandboxed)),
        channels=tuple(_health(runtime, name, closed.get(name), _closed_among(closed, name)) for name in _ORDER),
        real=tuple(wording.channel_words(name) for name in real),
        virtual_now=now if runtime.clock.is_virtual else None,
        jumps=await marks.read_mark(marks.AT_REAL_PACE) is None,
        sets_pace=visitor.may(Right.APPROVE),
    )


def _closed_among(closed: Mapping[str, str], name: ChannelName) -> str:
    """Of several providers of a channel, those that are closed and why."""
    ours = {one.removeprefix(f"{name}_"): why for one, why in closed.items() if one.startswith(f"{name}_")}
    return say("；").join(say("{what}：{why}").format(what=one, why=why) for one, why in ours.items())


def _health(runtime: Runtime, name: ChannelName, closed: str | None, among: str) -> ChannelHealth:
    label = wording.channel_words(name)
    if name not in runtime.channels:
        return ChannelHealth(name, label, "none", say("没有接"), say("没有设置这个通道，要发的在队列里等着"))
    if closed is not None:
        return ChannelHealth(name, label, "bad", say("停了"), closed)
    if among:
        return ChannelHealth(name, label, "bad", say("停了一家"), among)
    if name in runtime.sandboxed:
        return ChannelHealth(name, label, "ok", say("演练"), say("只发到演练手机"))
    return ChannelHealth(name, label, "ok", say("正常"), say("真实发出"))


def _shanghai_day(value: date | datetime) -> date:
    return value.astimezone(SHANGHAI).date() if isinstance(value, datetime) else value
