"""templates/calendar.toml: the days that staff know better than the announced calendar."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from campaigns.calendar import WorkCalendar
from campaigns.content import read_table, read_toml
from campaigns.errors import DefinitionError

_TABLES = {"off": False, "work": True}


def load_calendar(path: Path) -> WorkCalendar:
    """The calendar with this file's days; one that is not there changes none. DefinitionError names a bad entry."""
    return parse_calendar(read_calendar(path), path.name)


def parse_calendar(text: str, file: str) -> WorkCalendar:
    """The calendar with the days of a text; `file` is what a DefinitionError calls it."""
    return WorkCalendar({one.day: one.is_workday for one in own_days(text, file)})


@dataclass(frozen=True, slots=True)
class OwnDay:
    """A day of our own: off, or a workday, and why."""

    day: date
    is_workday: bool
    reason: str


def read_calendar(path: Path) -> str:
    """The file's text, "" where there is none. Raises DefinitionError."""
    try:
        return path.read_text(encoding="utf-8-sig")  # Windows editors put a mark in front
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as exc:
        raise DefinitionError(path.name, "file", f"读不出 UTF-8 文字 ({type(exc).__name__})") from exc


def own_days(text: str, file: str) -> Iterator[OwnDay]:
    """Every day of a text, as they stand in it. Raises DefinitionError for a bad entry."""
    table = read_toml(text, file)
    seen: dict[date, str] = {}
    for key in table:
        if key not in _TABLES:
            raise DefinitionError(file, key, "只能是 [off]（放假）和 [work]（上班）(unknown table)")
    for name, is_workday in _TABLES.items():
        for key, reason in read_table(table, name, file).items():
            day = _day(key, f"{name}.{key}", file)
            if not isinstance(reason, str) or not reason.strip():
                raise DefinitionError(file, f"{name}.{key}", '后面写上原因，如 = "停电检修" (a reason in quotes)')
            if day in seen:
                raise DefinitionError(file, f"{name}.{key}", f"这一天在 {seen[day]} 里也有，留一个 (twice)")
            seen[day] = f"{name}.{key}"
            yield OwnDay(day, is_workday, reason)


def _day(key: str, place: str, file: str) -> date:
    try:
        return date.fromisoformat(key)
    except ValueError:
        raise DefinitionError(file, place, "日期写成 2026-11-24 这样 (a date is expected)") from None
