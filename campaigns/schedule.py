"""When a campaign is due: once, on its start, on recurring slots, before a festival. Slots are Asia/Shanghai time."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from campaigns.calendar import Festival, WorkCalendar
from campaigns.errors import InputError
from campaigns.terms import SHANGHAI

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_FESTIVAL_SLOT = time(9, 30)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAY = timedelta(days=1)
# The last workday before a festival is never further ahead of it than the longest run of days off.
_LONGEST_HOLIDAY = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Once:
    """`again_after`: how long a member written to is left out of later occurrences (None: only this one)."""

    at: datetime
    again_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class OnStart:
    """Once, at the moment it is started, whenever that is; it has no date of its own."""

    again_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Recurring:
    """Every day (`weekday` None) or every week on `weekday` (0 = Monday).

    With `workdays_only` a day off is skipped; a weekly slot moves to the next workday of its week, if any.
    """

    at: time
    weekday: int | None = None
    workdays_only: bool = True
    again_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class BeforeFestival:
    """On the last workday before each festival that is greeted, never after it."""

    at: time = _FESTIVAL_SLOT
    again_after: timedelta | None = None


Schedule = Once | OnStart | Recurring | BeforeFestival


@dataclass(frozen=True, slots=True)
class Due:
    """One occurrence. `key` never changes, even if staff move the day off that moved the slot."""

    key: str
    at: datetime
    festival: Festival | None = None


def parse_schedule(table: Mapping[str, object]) -> Schedule:
    """The `[schedule]` table of a campaign as a schedule. InputError names the key and what was expected."""
    match table.get("kind"):
        case "once":
            _refuse_unknown(table, {"at"})
            return Once(_moment(table), _again_after(table))
        case "on_start":
            _refuse_unknown(table, set())
            return OnStart(_again_after(table))
        case "recurring":
            return _parse_recurring(table)
        case "before_festival":
            _refuse_unknown(table, {"at"})
            at = _clock(table) if "at" in table else _FESTIVAL_SLOT
            return BeforeFestival(at, _again_after(table))
        case other:
            raise _wrong("kind", other, '"once", "on_start", "recurring" or "before_festival"')


def due_occurrences(schedule: Schedule, calendar: WorkCalendar, after: datetime, until: datetime) -> list[Due]:
    """Occurrences with after < at <= until, in order of time: adjoining spans find each exactly once."""
    match schedule:
        case Once(at=at):
            found = [Due(_slot_key(at.astimezone(SHANGHAI)), at.astimezone(SHANGHAI))]
        case OnStart():
            found = []
        case Recurring():
            found = list(_slots(schedule, calendar, _day(after), _day(until)))
        case BeforeFestival():
            found = list(_festival_slots(schedule, calendar, _day(after), _day(until)))
    return sorted((due for due in found if after < due.at <= until), key=lambda due: (due.at, due.key))


def _parse_recurring(table: Mapping[str, object]) -> Recurring:
    _refuse_unknown(table, {"every", "weekday", "at", "days"})
    every, weekday = table.get("every"), table.get("weekday")
    if every not in ("day", "week"):
        raise _wrong("every", every, '"day" or "week"')
    if every == "week" and weekday not in WEEKDAYS:
        raise _wrong("weekday", weekday, "下面之一 (one of) " + ", ".join(f'"{day}"' for day in WEEKDAYS))
    if every == "day" and weekday is not None:
        raise _wrong("weekday", weekday, 'every = "day" 时不写 (no weekday with it)')
    days = table.get("days", "workdays")
    if days not in ("workdays", "all"):
        raise _wrong("days", days, '"workdays" or "all"')
    return Recurring(
        at=_clock(table),
        weekday=WEEKDAYS.index(weekday) if isinstance(weekday, str) else None,
        workdays_only=days == "workdays",
        again_after=_again_after(table),
    )


def _slots(schedule: Recurring, calendar: WorkCalendar, first: date, last: date) -> Iterator[Due]:
    # A slot that was moved may have been due up to six days before the span.
    day = first - timedelta(days=6)
    while day <= last:
        held_on = _held_on(schedule, calendar, day)
        if held_on is not None:
            yield Due(_slot_key(datetime.combine(day, schedule.at)), _at(held_on, schedule.at))
        day += _DAY


def _held_on(schedule: Recurring, calendar: WorkCalendar, day: date) -> date | None:
    if schedule.weekday not in (None, day.weekday()):
        return None
    if not schedule.workdays_only or calendar.is_workday(day):
        return day
    if schedule.weekday is None:
        return None
    moved = calendar.next_workday(day)
    return moved if moved.isocalendar()[:2] == day.isocalendar()[:2] else None


def _festival_slots(schedule: BeforeFestival, calendar: WorkCalendar, first: date, last: date) -> Iterator[Due]:
    for festival in calendar.festivals_between(first, last + _LONGEST_HOLIDAY):
        day = calendar.last_workday_before(festival.date)
        yield Due(f"festival-{festival.key}", _at(day, schedule.at), festival)


def _day(moment: datetime) -> date:
    return moment.astimezone(SHANGHAI).date()


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, SHANGHAI)


def _slot_key(slot: datetime) -> str:
    return slot.strftime("%Y-%m-%dT%H:%M")


def _clock(table: Mapping[str, object]) -> time:
    value = table.get("at")
    if isinstance(value, str) and re.fullmatch(r"\d\d:\d\d", value):
        with suppress(ValueError):
            return time.fromisoformat(value)
    if isinstance(value, time):  # TOML's own local time: at = 10:00:00
        return value.replace(second=0, microsecond=0)
    raise _wrong("at", value, '"09:30" 这样的钟点 (a time of day)')


def _moment(table: Mapping[str, object]) -> datetime:
    value = table.get("at")
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value):
        with suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        raise _wrong("at", value, '"2026-11-24T09:30" 这样的日期和钟点 (a day and time)')
    return value if value.tzinfo else value.replace(tzinfo=SHANGHAI)


def _again_after(table: Mapping[str, object]) -> timedelta | None:
    value = table.get("again_after")
    if value is None:
        return None
    found = re.fullmatch(r"([1-9]\d{0,4})([mhdw])", value) if isinstance(value, str) else None
    if found is None:
        raise _wrong("again_after", value, '"7d"、"12h" 或 "30m" 这样的时长 (a duration)')
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _refuse_unknown(table: Mapping[str, object], known: set[str]) -> None:
    allowed = known | {"kind", "again_after"}
    for key in table:
        if key not in allowed:
            raise InputError(
                f"schedule.{key}: 没有这一项；{table['kind']} 有 {'、'.join(sorted(allowed))} (unknown key)"
            )


def _wrong(key: str, value: object, expected: str) -> InputError:
    got = "什么也没写 (nothing)" if value is None else f"写的是 {value!r}"
    return InputError(f"schedule.{key}: {got}，要的是 {expected}")
