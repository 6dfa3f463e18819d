"""When a campaign is due: slots, days off, festivals, and tables that cannot be used."""

import tomllib
from datetime import datetime, time, timedelta

import pytest

from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError
from campaigns.schedule import BeforeFestival, Due, Once, Recurring, Schedule, due_occurrences, parse_schedule
from campaigns.terms import SHANGHAI

CALENDAR = WorkCalendar()


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def _parse(text: str) -> Schedule:
    return parse_schedule(tomllib.loads(text))


def _due(schedule: str | Schedule, after: str, until: str, calendar: WorkCalendar = CALENDAR) -> list[Due]:
    parsed = _parse(schedule) if isinstance(schedule, str) else schedule
    return due_occurrences(parsed, calendar, _at(after), _at(until))


def _times(due: list[Due]) -> list[str]:
    return [one.at.strftime("%Y-%m-%d %H:%M") for one in due]


TUESDAYS = Recurring(time(10), weekday=1)


def test_a_weekly_table_is_understood() -> None:
    parsed = _parse('kind="recurring"\nevery="week"\nweekday="tue"\nat="10:00"\ndays="all"\nagain_after="7d"')
    assert parsed == Recurring(time(10), 1, workdays_only=False, again_after=timedelta(days=7))


def test_a_daily_table_keeps_to_workdays_unless_told_otherwise() -> None:
    assert _parse('kind="recurring"\nevery="day"\nat="08:30"') == Recurring(time(8, 30))


def test_a_festival_table_is_understood_and_half_past_nine_is_usual() -> None:
    assert _parse('kind="before_festival"\nat="10:15"') == BeforeFestival(time(10, 15))
    assert _parse('kind="before_festival"') == BeforeFestival(time(9, 30))


@pytest.mark.parametrize("at", ['"2026-11-24T09:30"', '"2026-11-24T01:30:00+00:00"', "2026-11-24T09:30:00"])
def test_a_single_moment_without_a_zone_is_shanghai_time(at: str) -> None:
    assert _parse(f'kind="once"\nat={at}') == Once(_at("2026-11-24 09:30"))


def test_a_clock_may_be_written_as_toml_time() -> None:
    assert _parse('kind="recurring"\nevery="day"\nat=08:30:00') == Recurring(time(8, 30))


@pytest.mark.parametrize(
    ("written", "expected"),
    [("30m", timedelta(minutes=30)), ("12h", timedelta(hours=12)), ("2w", timedelta(weeks=2))],
)
def test_again_after_takes_minutes_to_weeks(written: str, expected: timedelta) -> None:
    assert _parse(f'kind="once"\nat="2026-11-24T09:30"\nagain_after="{written}"').again_after == expected


@pytest.mark.parametrize(
    ("table", "named"),
    [
        ("", "schedule.kind: .*nothing"),
        ('kind="monthly"', "schedule.kind: .*'monthly'"),
        ('kind="recurring"\nevery="month"\nat="10:00"', "schedule.every: .*'month'"),
        ('kind="recurring"\nevery="week"\nat="10:00"', "schedule.weekday: .*nothing"),
        ('kind="recurring"\nevery="week"\nweekday="tuesday"\nat="10:00"', "schedule.weekday: .*'tuesday'"),
        ('kind="recurring"\nevery="day"\nweekday="tue"\nat="10:00"', "schedule.weekday"),
        ('kind="recurring"\nevery="day"', "schedule.at: .*nothing"),
        ('kind="recurring"\nevery="day"\nat="25:00"', "schedule.at: .*'25:00'"),
        ('kind="recurring"\nevery="day"\nat="10:00"\ndays="weekends"', "schedule.days: .*'weekends'"),
        ('kind="recurring"\nevery="day"\nat="10:00"\nwhen="now"', "schedule.when: .*unknown"),
        ('kind="before_festival"\nevery="day"', "schedule.every: .*unknown"),
        ('kind="before_festival"\nat="noon"', "schedule.at: .*'noon'"),
        ('kind="once"', "schedule.at: .*nothing"),
        ('kind="once"\nat="2026-11-24"', "schedule.at: .*2026-11-24"),
        ('kind="once"\nat="2026-11-31T09:30"', "schedule.at: .*2026-11-31"),
        ('kind="once"\nat="2026-11-24T09:30"\nagain_after="7"', "schedule.again_after: .*'7'"),
        ('kind="once"\nat="2026-11-24T09:30"\nagain_after="0d"', "schedule.again_after: .*'0d'"),
        ('kind="once"\nat="2026-11-24T09:30"\nagain_after=7', "schedule.again_after: .*7"),
        ('kind=["once"]', "schedule.kind"),
        ('kind="recurring"\nevery="week"\nweekday=["tue"]\nat="10:00"', "schedule.weekday"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_key(table: str, named: str) -> None:
    with pytest.raises(InputError, match=named):
        _parse(table)


def test_once_is_due_once() -> None:
    once = 'kind="once"\nat="2026-11-24T09:30"'
    assert _due(once, "2026-11-24 09:30", "2027-01-01 00:00") == []
    assert [one.key for one in _due(once, "2026-11-01 00:00", "2026-11-24 09:30")] == ["2026-11-24T09:30"]


def test_every_tuesday_at_ten() -> None:
    due = _due(TUESDAYS, "2026-11-23 09:00", "2026-12-02 00:00")
    assert [one.key for one in due] == ["2026-11-24T10:00", "2026-12-01T10:00"]
    assert _times(due) == ["2026-11-24 10:00", "2026-12-01 10:00"]


def test_adjoining_spans_find_each_occurrence_exactly_once() -> None:
    whole = _due(TUESDAYS, "2026-09-01 00:00", "2026-11-01 00:00")
    parts, at = [], _at("2026-09-01 00:00")
    while at < _at("2026-11-01 00:00"):
        parts += due_occurrences(TUESDAYS, CALENDAR, at, at + timedelta(hours=5))
        at += timedelta(hours=5)
    assert parts == whole
    assert len({one.key for one in parts}) == len(parts) > 5


def test_a_weekly_slot_on_a_day_off_moves_within_its_week() -> None:
    # Monday to Wednesday, 5 to 7 October 2026, are off.
    (moved,) = _due(TUESDAYS, "2026-10-05 00:00", "2026-10-12 00:00")
    assert _times([moved]) == ["2026-10-08 10:00"]
    assert moved.key == "2026-10-06T10:00"


def test_a_moved_slot_is_found_however_late_the_span_begins() -> None:
    assert _times(_due(TUESDAYS, "2026-10-08 09:59", "2026-10-08 10:00")) == ["2026-10-08 10:00"]


def test_a_weekly_slot_may_move_to_a_make_up_saturday() -> None:
    fridays = Recurring(time(10), weekday=4)
    calendar = WorkCalendar({_at("2026-10-09 00:00").date(): False})
    assert _times(_due(fridays, "2026-10-05 00:00", "2026-10-12 00:00", calendar)) == ["2026-10-10 10:00"]


def test_a_weekly_slot_is_skipped_where_the_rest_of_the_week_is_off() -> None:
    fridays = Recurring(time(10), weekday=4)
    # Friday 2 October 2026 and the weekend after it are off.
    assert _times(_due(fridays, "2026-09-28 00:00", "2026-10-05 00:00")) == []


def test_every_day_keeps_its_days_off_where_it_is_told_to() -> None:
    span = ("2026-09-30 00:00", "2026-10-09 00:00")
    assert _times(_due(Recurring(time(9)), *span)) == ["2026-09-30 09:00", "2026-10-08 09:00"]
    assert len(_due(Recurring(time(9), workdays_only=False), *span)) == 9


def test_a_greeting_goes_on_the_last_workday_before_the_festival() -> None:
    due = _due(BeforeFestival(), "2026-11-23 09:00", "2027-01-01 00:00")
    assert [one.key for one in due] == ["festival-冬至-2026", "festival-元旦-2027"]
    assert _times(due) == ["2026-12-21 09:30", "2026-12-31 09:30"]
    assert [one.festival.name for one in due if one.festival] == ["冬至", "元旦"]


def test_a_greeting_for_a_festival_inside_a_long_holiday_goes_before_the_holiday() -> None:
    due = _due(BeforeFestival(), "2026-02-13 12:00", "2026-02-14 09:30")
    assert _times(due) == ["2026-02-14 09:30"]


def test_festival_occurrences_are_unique_over_the_years() -> None:
    keys = [one.key for one in _due(BeforeFestival(), "2024-01-01 00:00", "2045-01-01 00:00")]
    assert len(keys) == len(set(keys)) > 200
