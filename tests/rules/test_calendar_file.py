"""templates/calendar.toml: days off and days worked that only we know, and what is wrong with a line."""

from datetime import date
from pathlib import Path

import pytest

from campaigns.calendar import WorkCalendar
from campaigns.calendar_file import load_calendar
from campaigns.errors import DefinitionError

TEMPLATES = Path(__file__).parents[2] / "templates"
TUESDAY, SATURDAY = date(2026, 11, 24), date(2026, 11, 28)


def written(folder: Path, text: str) -> WorkCalendar:
    path = folder / "calendar.toml"
    path.write_text(text, encoding="utf-8")
    return load_calendar(path)


def test_the_shipped_file_changes_no_day_and_so_does_none(tmp_path: Path) -> None:
    for path in (TEMPLATES / "calendar.toml", tmp_path / "calendar.toml"):
        calendar = load_calendar(path)
        assert calendar.is_workday(TUESDAY)
        assert not calendar.is_workday(SATURDAY)


def test_the_examples_of_the_shipped_file_are_right(tmp_path: Path) -> None:
    text = (TEMPLATES / "calendar.toml").read_text(encoding="utf-8")
    assert text.count("\n# 202") == 2
    calendar = written(tmp_path, text.replace("\n# 202", "\n202"))
    assert not calendar.is_workday(TUESDAY)
    assert calendar.is_workday(date(2027, 2, 20))


def test_a_day_is_off_or_worked_as_the_file_says(tmp_path: Path) -> None:
    calendar = written(tmp_path, '\ufeff[off]\n2026-11-24 = "停电检修"\n[work]\n2026-11-28 = "年会补班"\n')
    assert not calendar.is_workday(TUESDAY)
    assert calendar.is_workday(SATURDAY)
    assert calendar.next_workday(date(2026, 11, 23)) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("text", "key", "said"),
    [
        ('[off]\n2026-11-31 = "x"', "off.2026-11-31", "a date is expected"),
        ('[work]\n"11月24日" = "x"', "work.11月24日", "a date is expected"),
        ('[off]\n2026-11-24 = ""', "off.2026-11-24", "a reason in quotes"),
        ("[off]\n2026-11-24 = true", "off.2026-11-24", "a reason in quotes"),
        ('[off]\n2026-11-24 = "x"\n[work]\n2026-11-24 = "y"', "work.2026-11-24", "twice"),
        ('[off]\n2026-11-24 = "x"\n2026-11-24 = "y"', "toml", "cannot be read"),
        ('[holidays]\n2026-11-24 = "x"', "holidays", "unknown table"),
        ('2026-11-24 = "x"', "2026-11-24", "unknown table"),
        ('off = "2026-11-24"', "off", "a table is expected"),
    ],
)
def test_a_wrong_line_is_refused_by_name(tmp_path: Path, text: str, key: str, said: str) -> None:
    with pytest.raises(DefinitionError, match=said) as caught:
        written(tmp_path, text)
    assert (caught.value.file, caught.value.key) == ("calendar.toml", key)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    (tmp_path / "calendar.toml").write_bytes('[off]\n2026-11-24 = "停电"'.encode("gb18030"))
    with pytest.raises(DefinitionError, match="UTF-8"):
        load_calendar(tmp_path / "calendar.toml")
