"""Which moments a campaign of this class may have, and the nearest one where somebody asked for another."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bot import wording
from bot.console.shell import weekday
from bot.language import say
from campaigns.calendar import WorkCalendar, holiday_name
from campaigns.errors import InputError
from campaigns.policy import Hours
from campaigns.schedule import WEEKDAYS, BeforeFestival, Once, OnStart, Recurring, parse_schedule
from campaigns.terms import SHANGHAI, MessageClass

FORMS = {
    "on_start": "批准后马上发一次",
    "once": "定好一天发一次",
    "workday": "每个工作日",
    "day": "每天，放假也发",
    "week": "每周一次",
    "festival": "每个节日前最后一个工作日",
}
_TIMED = ("once", "workday", "day", "week", "festival")
_AROUND = range(-40, 61)  # days that are looked at for the nearest; the longest holiday is shorter
_NAMES = "一二三四五六日"
_AGAIN = re.compile(r"[1-9]\d{0,2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a moment must keep to: the class's hours, the days off, and that it lies ahead."""

    kind: MessageClass
    hours: Hours
    calendar: WorkCalendar
    now: datetime


def schedule_of(typed: Mapping[str, str], bounds: Bounds) -> tuple[dict[str, object], dict[str, str]]:
    """The `[schedule]` the form means, and what is wrong with it by field."""
    form, faults = typed["form"], {}
    if form not in FORMS:
        return {}, {"form": say("选一种")}
    clock = _clock(typed["at"])
    if form in _TIMED and clock is None:
        faults["at"] = say("写成 09:30 这样的钟点")
    table = _table(typed, clock)
    if form == "once":
        faults |= _once_faults(typed["on"], clock, bounds)
    elif form in _TIMED and clock is not None:
        faults |= _slot_faults(typed, clock, bounds)
    again = typed["again"]
    if form not in ("once", "on_start") and again:
        if _AGAIN.fullmatch(again):
            table["again_after"] = f"{again}d"
        else:
            faults["again"] = say("写1到999的整数，或者空着")
    elif form in ("workday", "day"):
        faults["again"] = say("每天发的要写隔几天，不然同一家天天收到")
    return table, faults


def schedule_words(table: object) -> str:
    """The choice in a line; "" where nothing was chosen yet."""
    try:
        schedule = parse_schedule(table) if isinstance(table, Mapping) else None
    except InputError:
        return ""
    match schedule:
        case OnStart():
            return say(FORMS["on_start"])
        case Once(at=at):
            local = at.astimezone(SHANGHAI)
            return f"{day_words(local.date())} {local:%H:%M}"
        case Recurring(at=clock, weekday=None, workdays_only=workdays):
            return f"{say('每个工作日') if workdays else say('每天')} {clock:%H:%M}"
        case Recurring(at=clock, weekday=int(on)):
            return f"{say('每周' + _NAMES[on])} {clock:%H:%M}"
        case BeforeFestival(at=clock):
            return f"{say('节前最后一个工作日')} {clock:%H:%M}"
    return ""


def nearest(asked: datetime, bounds: Bounds) -> datetime | None:
    """The allowed moment ahead that is nearest to the one asked for; None where none is near."""
    found = [_on(asked.date() + timedelta(days=n), asked.timetz(), bounds) for n in _AROUND]
    ahead = [one for one in found if one is not None and one > bounds.now]
    return min(ahead, key=lambda one: (abs(one - asked), one), default=None)


def day_words(day: date) -> str:
    return say("{month}月{day}日 {weekday}").format(month=day.month, day=day.day, weekday=say(weekday(day)))


def _on(day: date, clock: time, bounds: Bounds) -> datetime | None:
    if bounds.hours.workdays_only and not bounds.calendar.is_workday(day):
        return None
    held = clock.replace(tzinfo=None)
    inside = bounds.hours.opens <= held < bounds.hours.closes
    return datetime.combine(day, held if inside else bounds.hours.opens, SHANGHAI)


def _table(typed: Mapping[str, str], clock: time | None) -> dict[str, object]:
    at = f"{clock:%H:%M}" if clock else ""
    match typed["form"]:
        case "on_start":
            return {"kind": "on_start"}
        case "once":
            return {"kind": "once", "at": f"{typed['on']}T{at}"}
        case "week":
            days = "all" if typed["weekday"] in WEEKDAYS[5:] else "workdays"
            return {"kind": "recurring", "every": "week", "weekday": typed["weekday"], "at": at, "days": days}
        case "festival":
            return {"kind": "before_festival", "at": at}
        case form:
            days = "workdays" if form == "workday" else "all"
            return {"kind": "recurring", "every": "day", "at": at, "days": days}


def _once_faults(on: str, clock: time | None, bounds: Bounds) -> dict[str, str]:
    day = _day(on)
    if day is None:
        return {"on": say("选一天")}
    if clock is None:
        return {}
    asked = datetime.combine(day, clock, SHANGHAI)
    why = _why_not(asked, bounds)
    if not why:
        return {}
    near = nearest(max(asked, bounds.now.astimezone(SHANGHAI)), bounds)
    remedy = (
        say("最近能发的是{day} {clock}。").format(day=day_words(near.date()), clock=f"{near:%H:%M}") if near else ""
    )
    return {"on": why + remedy}


def _why_not(asked: datetime, bounds: Bounds) -> str:
    day = asked.date()
    if asked <= bounds.now:
        return say("{day} {clock}已经过了，不能发。").format(day=day_words(day), clock=f"{asked:%H:%M}")
    if bounds.hours.workdays_only and not bounds.calendar.is_workday(day):
        off = say("{day}放假，不能发。") if holiday_name(day) or day.weekday() < 5 else say("{day}休息，不能发。")
        return off.format(day=day_words(day))
    if not bounds.hours.opens <= asked.time() < bounds.hours.closes:
        return _outside(asked.time(), bounds)
    return ""


def _slot_faults(typed: Mapping[str, str], clock: time, bounds: Bounds) -> dict[str, str]:
    found = {}
    if not bounds.hours.opens <= clock < bounds.hours.closes:
        last = (datetime.combine(date.min, bounds.hours.closes) - timedelta(minutes=1)).time()
        near = bounds.hours.opens if clock < bounds.hours.opens else last
        found["at"] = _outside(clock, bounds) + say("最近能发的是{clock}。").format(clock=f"{near:%H:%M}")
    if bounds.hours.workdays_only and typed["form"] == "day":
        found["form"] = say("{kind}只在工作日发，选“每个工作日”").format(kind=wording.class_words(bounds.kind))
    if typed["form"] == "week":
        if typed["weekday"] not in WEEKDAYS:
            found["weekday"] = say("选周几")
        elif bounds.hours.workdays_only and typed["weekday"] in WEEKDAYS[5:]:
            found["weekday"] = say("{kind}只在工作日发，选周一到周五").format(kind=wording.class_words(bounds.kind))
    return found


def _outside(clock: time, bounds: Bounds) -> str:
    return say("{clock}不在时段，{kind}只在{opens}–{closes}发。").format(
        clock=f"{clock:%H:%M}",
        kind=wording.class_words(bounds.kind),
        opens=f"{bounds.hours.opens:%H:%M}",
        closes=f"{bounds.hours.closes:%H:%M}",
    )


def _clock(text: str) -> time | None:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", text, re.ASCII)
    return time(int(found[1]), int(found[2])) if found else None


def _day(text: str) -> date | None:
    if not re.fullmatch(r"20\d\d-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
