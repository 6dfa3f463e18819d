"""Workdays and festivals of mainland China, year by year, with staff overrides; a year not announced says so.

Lunar dates and solar terms come from borax, announced days off and make-up workdays from chinese_calendar.
Each year is worked out once and kept: asking again costs one set look-up.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import NamedTuple

import chinese_calendar
from borax.calendars.lunardate import LunarDate, TermUtils

from campaigns.errors import InputError
from campaigns.terms import SHANGHAI

FOLD_DAYS = 7
"""Of two festivals for the same people this close together, only the first gets a message, for both."""

_DAY = timedelta(days=1)
_FIRST_YEAR, _LAST_YEAR = 1902, 2099  # what borax knows, a year's margin on both sides


@dataclass(frozen=True, slots=True)
class Festival:
    """One festival to greet. `trades` empty = everyone. `folded` names the later ones it stands for too.

    `year` is the year the festival is counted in: 腊八 of 2026 falls in January 2027.
    """

    name: str
    date: date
    greeting: str
    trades: frozenset[str] = frozenset()
    year: int = 0
    folded: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Stable and unique, such as 冬至-2026."""
        return f"{self.name}-{self.year or self.date.year}"

    @property
    def ends_at(self) -> datetime:
        """Midnight after the day, Asia/Shanghai: a greeting is useless from here on."""
        return datetime.combine(self.date + _DAY, time(), SHANGHAI)


@dataclass(frozen=True, slots=True)
class _Feast:
    name: str
    when: Callable[[int], date]
    greeting: str = ""  # empty: a day nobody is congratulated on
    trades: frozenset[str] = frozenset()
    optional: bool = False


def _solar(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _lunar(month: int, day: int) -> Callable[[int], date]:
    def when(year: int) -> date:
        found: date = LunarDate(year, month, day).to_solar_date()
        return found

    return when


def _term(name: str) -> Callable[[int], date]:
    def when(year: int) -> date:
        found: date = TermUtils.nth_term_day(year, term_name=name)
        return found

    return when


_HEALTH = frozenset({"医药健康"})
_SCHOOLS = frozenset({"教育培训"})
# Trades a site may add: none of the usual ones is a soldier's or a reporter's, and no greeting is better
# than a wrong one.
_ARMY = frozenset({"国防军工"})
_PRESS = frozenset({"新闻传媒", "文化传媒"})

_FEASTS = {
    feast.name: feast
    for feast in (
        _Feast("元旦", _solar(1, 1), "元旦快乐"),
        _Feast("春节", _lunar(1, 1), "新春快乐"),
        _Feast("元宵", _lunar(1, 15), "元宵节快乐"),
        _Feast("妇女节", _solar(3, 8), "妇女节快乐"),
        _Feast("植树节", _solar(3, 12), "植树节快乐"),
        _Feast("清明", _term("清明")),
        _Feast("劳动节", _solar(5, 1), "劳动节快乐"),
        _Feast("青年节", _solar(5, 4), "青年节快乐"),
        _Feast("护士节", _solar(5, 12), "护士节快乐", trades=_HEALTH),
        _Feast("端午", _lunar(5, 5), "端午安康"),
        _Feast("建军节", _solar(8, 1), "建军节快乐", trades=_ARMY),
        _Feast("七夕", _lunar(7, 7), "七夕快乐", optional=True),
        _Feast("医师节", _solar(8, 19), "医师节快乐", trades=_HEALTH),
        _Feast("教师节", _solar(9, 10), "教师节快乐", trades=_SCHOOLS),
        _Feast("中秋", _lunar(8, 15), "中秋快乐"),
        _Feast("国庆", _solar(10, 1), "国庆快乐"),
        _Feast("重阳", _lunar(9, 9), "重阳安康"),
        _Feast("记者节", _solar(11, 8), "记者节快乐", trades=_PRESS),
        _Feast("冬至", _term("冬至"), "冬至安康"),
        _Feast("腊八", _lunar(12, 8), "腊八安康"),
    )
}

# Statutory days off since 2025: name, first day counted from the festival, number of days.
_STATUTORY = (
    ("元旦", 0, 1),
    ("春节", -1, 4),
    ("清明", 0, 1),
    ("劳动节", 0, 2),
    ("端午", 0, 1),
    ("中秋", 0, 1),
    ("国庆", 0, 3),
)

_NO_OVERRIDES: Mapping[date, bool] = {}


class WorkCalendar:
    """Asked by rules and planners.

    `overrides` are the days that staff know better than the library, each worked (True) or off. `optional` names
    festivals that are off by default (七夕).
    """

    def __init__(self, overrides: Mapping[date, bool] = _NO_OVERRIDES, *, optional: Collection[str] = ()) -> None:
        self._overrides = dict(overrides)
        self._optional = frozenset(optional)
        self._workdays: dict[int, frozenset[date]] = {}
        self._festivals: dict[int, tuple[Festival, ...]] = {}

    def is_announced(self, year: int) -> bool:
        """Whether the days off of that year are known and not only worked out from the law."""
        try:
            chinese_calendar.is_workday(date(year, 12, 31))
        except NotImplementedError:
            return False
        return True

    def is_workday(self, day: date) -> bool:
        """Make-up workdays are workdays. In a year not announced no weekend is."""
        workdays = self._workdays.get(day.year)
        if workdays is None:
            workdays = self._workdays[day.year] = self._work_out(day.year)
        return day in workdays

    def last_workday_before(self, day: date) -> date:
        found = day - _DAY
        while not self.is_workday(found):
            found -= _DAY
        return found

    def next_workday(self, day: date) -> date:
        """The first workday after `day` (never `day` itself)."""
        found = day + _DAY
        while not self.is_workday(found):
            found += _DAY
        return found

    def festival_date(self, name: str, year: int) -> date:
        """The day of any festival of the table, greeted or not. InputError for an unknown name or year."""
        if name not in _FEASTS:
            raise InputError(f"没有叫 {name!r} 的节日；有 {'、'.join(_FEASTS)} (no such festival)")
        _check_year(year)
        return _FEASTS[name].when(year)

    def festivals_between(self, start: date, end: date) -> list[Festival]:
        """Festivals to greet from `start` to `end`, both included, by date, near ones folded into one."""
        years = range(start.year, end.year + 1)
        return [feast for year in years for feast in self._greeted(year) if start <= feast.date <= end]

    def festivals_on(self, day: date) -> list[str]:
        """Names of all festivals of the table on a day, greeted or not. InputError for an unknown year."""
        _check_year(day.year)
        # 腊八 of a year falls into the next
        return [name for name, feast in _FEASTS.items() if day in (feast.when(day.year), feast.when(day.year - 1))]

    def season(self, day: date) -> str:
        """The hiring season a day falls into, the narrower of two; empty between them. InputError for an unknown year.

        The rise of spring hangs on the Spring Festival and not on the first of March.
        """
        new_year = self.festival_date("春节", day.year)
        since = (day - new_year).days
        if -30 <= since <= 7:
            return "春节淡季"
        if 8 <= since <= 70:
            return "金三银四"
        if 9 <= day.month <= 10:
            return "金九银十"
        return "校招" if day.month in (3, 4, 11) else ""

    def _work_out(self, year: int) -> frozenset[date]:
        known = chinese_calendar.is_workday if self.is_announced(year) else _workday_by_law(year)
        return frozenset(day for day in _days_of(year) if self._overrides.get(day, known(day)))

    def _greeted(self, year: int) -> tuple[Festival, ...]:
        found = self._festivals.get(year)
        if found is None:
            found = self._festivals[year] = self._find_greeted(year)
        return found

    def _find_greeted(self, year: int) -> tuple[Festival, ...]:
        _check_year(year)
        feasts = [f for f in _FEASTS.values() if f.greeting and (not f.optional or f.name in self._optional)]
        dated = [
            Festival(feast.name, feast.when(counted), feast.greeting, feast.trades, counted)
            for feast in feasts
            for counted in (year - 1, year, year + 1)
        ]
        # Folding starts at the winter solstice of the year before: a gap of more than a week precedes it,
        # so the answer is the same whichever years are asked for.
        since = _FEASTS["冬至"].when(year - 1)
        folded = _fold(sorted((f for f in dated if f.date >= since), key=lambda f: f.date))
        return tuple(feast for feast in folded if feast.date.year == year)


def _fold(festivals: list[Festival]) -> list[Festival]:
    kept: list[Festival] = []
    for festival in festivals:
        at = next((i for i, first in enumerate(kept) if _covers(first, festival)), None)
        if at is None:
            kept.append(festival)
            continue
        first = kept[at]
        kept[at] = replace(
            first,
            greeting=f"{first.greeting}、{festival.greeting}",
            folded=(*first.folded, festival.name),
        )
    return kept


def _covers(first: Festival, later: Festival) -> bool:
    return first.trades == later.trades and (later.date - first.date).days <= FOLD_DAYS


def _check_year(year: int) -> None:
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise InputError(
            f"{year} 年的农历没有；有 {_FIRST_YEAR} 到 {_LAST_YEAR} 年的 (no lunar calendar for that year)"
        )


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)]


def _workday_by_law(year: int) -> Callable[[date], bool]:
    """Until the notice is out: statutory days and every weekend are off.

    A statutory day on a weekend is made good on the next working day, which the law itself says.
    """
    off = _statutory(year)
    for day in sorted(off):
        if day.weekday() < 5:
            continue
        made_good = day + _DAY
        while made_good in off or made_good.weekday() >= 5:
            made_good += _DAY
        off.add(made_good)
    return lambda day: day.weekday() < 5 and day not in off


def _statutory(year: int) -> set[date]:
    _check_year(year)
    return {
        _FEASTS[name].when(year) + timedelta(days=first + n) for name, first, days in _STATUTORY for n in range(days)
    }


class LunarDay(NamedTuple):
    """`leap`: of the month that is counted twice in a leap year, the second."""

    month: int
    day: int
    leap: bool


def lunar_day(day: date) -> LunarDay:
    """InputError for a year the lunar calendar is not known of."""
    _check_year(day.year)
    lunar = LunarDate.from_solar_date(day.year, day.month, day.day)
    return LunarDay(lunar.month, lunar.day, bool(lunar.leap))


def lunar_name(day: date) -> str:
    """What a wall calendar writes under a day: the solar term, else the lunar month on its first day, else the day."""
    _check_year(day.year)
    lunar = LunarDate.from_solar_date(day.year, day.month, day.day)
    month = f"{'闰' if lunar.leap else ''}{lunar.cn_month}月"
    return str(lunar.term or (month if lunar.day == 1 else lunar.cn_day))


def holiday_name(day: date) -> str:
    """The announced holiday a day off belongs to; empty where there is none, or nothing is announced."""
    try:
        off, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return ""
    return str(name) if off and name else ""
