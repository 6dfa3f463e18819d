"""`huifang visits`, `care` and `absence`, from an import to a moved visit."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from campaigns.calendar import WorkCalendar
from tests.days.conftest import Call


@pytest.fixture
def site(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    rows = "".join(f"Q{n},大同{n}号商行,程雪,{'500-999人' if n == 1 else ''}\n" for n in range(1, 4))
    (folder / "members.csv").write_text(f"会员编号,企业名称,客服,规模\n{rows}", encoding="utf-8")
    assert call("import", str(folder)).code == 0


@pytest.mark.usefixtures("site")
def test_visits_are_planned_listed_and_moved_with_a_warning_before(call: Call) -> None:
    found = call("visits", "plan", "--json").found
    assert (found["members"], found["conflicts"]) == (3, 0)
    assert "有负责人的会员 3家" in call("visits", "plan").out
    listed = call("visits", "list", "--days", "200", "--json").found["visits"]
    assert {one["no"] for one in listed} == {"Q1", "Q2"}  # Q3 is of the lowest tier, which nobody calls by hand
    assert call("visits", "list", "--owner", "李娜", "--json").found["visits"] == []
    later = next(one for one in listed if one["task_id"] is None)
    refused = call("visits", "move", str(later["id"]), "2020-01-01")
    assert refused.code == 1
    assert "过去的日子排不了" in refused.err
    assert call("visits", "move", str(later["id"]), "明天").code == 1
    assert call("visits", "move", "999999", "2026-12-01").code == 1


@pytest.mark.usefixtures("site")
def test_care_and_absence_are_opened_listed_and_closed(call: Call) -> None:
    until = (date.today() + timedelta(days=20)).isoformat()  # noqa: DTZ011
    opened = call("care", "open", "Q1", "--until", until, "--reason", "新开通", "--json").found
    assert [(one["member"], one["ends_on"], one["reason"]) for one in opened] == [("Q1", until, "新开通")]
    assert call("care", "open", "Q1", "--until", until, "--reason", "又来").code == 1
    assert call("care", "open", "没有", "--until", until, "--reason", "x").code == 1
    assert call("visits", "plan").code == 0
    assert "重点关注" in call("visits", "list").out
    assert call("care", "close", "Q1", "--json").found == []
    assert call("care", "close", "Q1").code == 1
    added = call("absence", "add", "程雪", "--from", until, "--to", until, "--reason", "年假", "--json").found
    assert [(one["owner"], one["starts_on"]) for one in added] == [("程雪", until)]
    assert "年假" in call("absence", "list").out
    assert call("absence", "list", "--owner", "李娜", "--json").found == []
    number = str(added[0]["id"])
    assert call("absence", "remove", number, "--json").found["owner"] == "程雪"
    assert call("absence", "list", "--json").found == []
    assert f"没有{number}号请假" in call("absence", "remove", number).err
    assert call("visits", "capacity", "程雪", "6", "--json").found == {"程雪": 6}
    assert call("visits", "capacity", "程雪", "99").code == 1


@pytest.mark.usefixtures("site")
def test_a_visit_is_not_put_off_to_a_day_off(call: Call) -> None:
    calendar, today = WorkCalendar(), date.today()  # noqa: DTZ011
    night = calendar.next_workday(today)
    assert call("visits", "plan", "--as-of", f"{night}T10:00:00+08:00").code == 0
    task = next(one["task_id"] for one in call("visits", "list", "--json").found["visits"] if one["task_id"])
    off = next(day for n in range(1, 30) if not calendar.is_workday(day := today + timedelta(days=n)))
    number = next(one["no"] for one in call("visits", "list", "--json").found["visits"] if one["task_id"] == task)
    given = ("visit", "record", number, "--result", "later", "--task", str(task), "--next")
    refused = call(*given, off.isoformat())
    assert (refused.code, "这天休息" in refused.err) == (1, True)
    assert call(*given, calendar.next_workday(off).isoformat()).code == 0
