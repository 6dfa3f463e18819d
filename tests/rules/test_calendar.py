"""Workdays and festivals: known dates, days off of 2026, and a year that is not announced."""

from datetime import date, timedelta

import pytest

from campaigns.calendar import Festival, WorkCalendar
from campaigns.errors import InputError

CALENDAR = WorkCalendar()

DATES = {
    "春节": ("2026-02-17", "2027-02-06", "2028-01-26"),
    "元宵": ("2026-03-03", "2027-02-20", "2028-02-09"),
    "清明": ("2026-04-05", "2027-04-05", "2028-04-04"),
    "端午": ("2026-06-19", "2027-06-09", "2028-05-28"),
    "七夕": ("2026-08-19", "2027-08-08", "2028-08-26"),
    "中秋": ("2026-09-25", "2027-09-15", "2028-10-03"),
    "重阳": ("2026-10-18", "2027-10-08", "2028-10-26"),
    "冬至": ("2026-12-22", "2027-12-22", "2028-12-21"),
    "腊八": ("2027-01-15", "2028-01-04", "2029-01-22"),
}
FIXED = {
    "元旦": (1, 1),
    "妇女节": (3, 8),
    "植树节": (3, 12),
    "劳动节": (5, 1),
    "青年节": (5, 4),
    "护士节": (5, 12),
    "建军节": (8, 1),
    "医师节": (8, 19),
    "教师节": (9, 10),
    "国庆": (10, 1),
    "记者节": (11, 8),
}
OFF_2026 = (
    ("01-01", "01-03"),
    ("02-15", "02-23"),
    ("04-04", "04-06"),
    ("05-01", "05-05"),
    ("06-19", "06-21"),
    ("09-25", "09-27"),
    ("10-01", "10-07"),
)
MADE_UP_2026 = ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10")


def _day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


def _greeted(year: int) -> dict[str, Festival]:
    return {f.name: f for f in CALENDAR.festivals_between(date(year, 1, 1), date(year, 12, 31))}


@pytest.mark.parametrize("name", DATES)
def test_moving_feasts_fall_on_their_true_dates(name: str) -> None:
    found = [CALENDAR.festival_date(name, year).isoformat() for year in (2026, 2027, 2028)]
    assert found == list(DATES[name])


@pytest.mark.parametrize("name", FIXED)
def test_fixed_feasts_fall_on_the_same_day_every_year(name: str) -> None:
    assert CALENDAR.festival_date(name, 2027) == date(2027, *FIXED[name])


def test_days_off_and_make_up_workdays_of_2026_are_the_announced_ones() -> None:
    off = {
        _day(first) + timedelta(days=n) for first, last in OFF_2026 for n in range((_day(last) - _day(first)).days + 1)
    }
    made_up = {_day(text) for text in MADE_UP_2026}
    day = date(2026, 1, 1)
    while day.year == 2026:
        expected = day in made_up or (day.weekday() < 5 and day not in off)
        assert CALENDAR.is_workday(day) is expected, day
        day += timedelta(days=1)


def test_the_last_workday_before_spring_festival_is_a_make_up_saturday() -> None:
    assert CALENDAR.last_workday_before(date(2026, 2, 17)) == date(2026, 2, 14)


def test_the_last_workday_before_a_workday_is_never_that_day() -> None:
    assert CALENDAR.last_workday_before(date(2026, 12, 22)) == date(2026, 12, 21)


def test_the_next_workday_jumps_over_a_whole_holiday() -> None:
    assert CALENDAR.next_workday(date(2026, 9, 30)) == date(2026, 10, 8)
    assert CALENDAR.next_workday(date(2026, 10, 8)) == date(2026, 10, 9)


def test_a_year_not_announced_says_so() -> None:
    assert CALENDAR.is_announced(2026)
    assert not CALENDAR.is_announced(2027)


def test_in_a_year_not_announced_the_statutory_days_are_off() -> None:
    for day in ("01-01", "02-05", "02-08", "04-05", "05-01", "06-09", "09-15", "10-01", "10-03"):
        assert not CALENDAR.is_workday(date.fromisoformat(f"2027-{day}")), day


def test_in_a_year_not_announced_no_weekend_is_a_workday() -> None:
    days = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    assert not [day for day in days if day.weekday() >= 5 and CALENDAR.is_workday(day)]


def test_in_a_year_not_announced_a_statutory_day_on_a_weekend_is_made_good_after_it() -> None:
    # Labour Day 2027: Saturday and Sunday.
    assert CALENDAR.next_workday(date(2027, 4, 30)) == date(2027, 5, 5)
    # New Year's Eve of the lunar year is a Friday; two of the four days fall on the weekend.
    assert CALENDAR.next_workday(date(2027, 2, 4)) == date(2027, 2, 11)


def test_staff_overrule_both_ways_and_only_that_day() -> None:
    calendar = WorkCalendar({date(2027, 2, 20): True, date(2026, 11, 24): False})
    assert calendar.is_workday(date(2027, 2, 20))
    assert not calendar.is_workday(date(2027, 2, 21))
    assert not calendar.is_workday(date(2026, 11, 24))
    assert calendar.is_workday(date(2026, 11, 25))


def test_nobody_is_congratulated_on_qingming_and_qixi_is_off_by_default() -> None:
    assert not {"清明", "七夕"} & set(_greeted(2026))
    qixi = WorkCalendar(optional={"七夕"}).festivals_between(date(2026, 8, 19), date(2026, 8, 19))
    assert "七夕" in [f.name for f in qixi]


def test_professional_days_are_for_the_matching_trade_only() -> None:
    found = _greeted(2026)
    assert found["护士节"].trades == found["医师节"].trades == {"医药健康"}
    assert found["教师节"].trades == {"教育培训"}
    assert found["建军节"].trades
    assert found["记者节"].trades
    assert not found["春节"].trades


def test_dragon_boat_is_wished_in_good_health() -> None:
    assert _greeted(2026)["端午"].greeting == "端午安康"


@pytest.mark.parametrize(
    ("year", "first", "folded"), [(2026, "中秋", "国庆"), (2028, "国庆", "中秋"), (2025, "国庆", "中秋")]
)
def test_mid_autumn_and_national_day_close_together_are_one_message(year: int, first: str, folded: str) -> None:
    found = _greeted(year)
    assert folded not in found
    assert folded in found[first].folded
    assert found[first].greeting == f"{first}快乐、{folded}快乐"


def test_mid_autumn_and_national_day_far_apart_are_two_messages() -> None:
    assert {"中秋", "国庆"} <= set(_greeted(2027))


def test_a_professional_day_is_never_folded_into_everybodys() -> None:
    # Mid-autumn 2033 is two days before Teachers' Day.
    found = _greeted(2033)
    assert found["中秋"].date == date(2033, 9, 8)
    assert found["教师节"].folded == () == found["中秋"].folded


def test_festivals_between_include_both_ends_and_come_in_order() -> None:
    found = CALENDAR.festivals_between(date(2026, 12, 22), date(2027, 2, 6))
    assert [(f.name, f.date.isoformat()) for f in found] == [
        ("冬至", "2026-12-22"),
        ("元旦", "2027-01-01"),
        ("腊八", "2027-01-15"),
        ("春节", "2027-02-06"),
    ]


def test_the_answer_does_not_depend_on_the_span_asked_for() -> None:
    whole = WorkCalendar().festivals_between(date(2024, 1, 1), date(2036, 12, 31))
    day, single = date(2024, 1, 1), []
    while day.year < 2037:
        single += CALENDAR.festivals_between(day, day)
        day += timedelta(days=1)
    assert single == whole


def test_folding_reaches_over_the_end_of_the_year() -> None:
    # 腊八 of 2041 is on 30 December, two days before New Year.
    (laba,) = [f for f in _greeted(2041).values() if f.date.month == 12 and f.name == "腊八"]
    assert laba.folded == ("元旦",)
    assert CALENDAR.festivals_between(date(2042, 1, 1), date(2042, 1, 1)) == []


def test_keys_are_unique_over_the_years() -> None:
    keys = [f.key for f in CALENDAR.festivals_between(date(2024, 1, 1), date(2060, 12, 31))]
    assert len(keys) == len(set(keys))
    assert "冬至-2026" in keys


def test_a_greeting_is_useless_from_midnight_after_the_day() -> None:
    assert _greeted(2026)["冬至"].ends_at.isoformat() == "2026-12-23T00:00:00+08:00"


def test_an_unknown_festival_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"圣诞节.*冬至"):
        CALENDAR.festival_date("圣诞节", 2026)


def test_a_year_without_a_lunar_calendar_is_refused() -> None:
    with pytest.raises(InputError, match="2150"):
        CALENDAR.festival_date("春节", 2150)
