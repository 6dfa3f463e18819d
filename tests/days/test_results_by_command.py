"""`huifang visit record`, `problems` and `promises`, from an outcome to a member that is told."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.days.conftest import Call

TODAY = date.today()  # noqa: DTZ011
SOON = (TODAY + timedelta(days=8)).isoformat()
MONTH = f"{TODAY + timedelta(days=90):%Y-%m}"
HEARD = (
    *(
        "visit",
        "record",
        "Q1",
        "--result",
        "接通，谈完",
        "--medium",
        "visit",
        "--problem",
        "登录不上",
        "--cause",
        "忘了密码",
    ),
    *(
        "--problem",
        "few_applicants",
        "--promise",
        "发候选人",
        "--due",
        SOON,
        "--plan",
        f"普工:5:{MONTH}",
        "--mood",
        "glad",
    ),
    *("--plan", f"焊工:2:{MONTH}", "--key", "k", "--by", "程雪"),
)


@pytest.fixture
def site(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "members.csv").write_text("会员编号,企业名称,客服\nQ1,大同商行,程雪\n", encoding="utf-8")
    assert call("import", str(folder)).code == 0


@pytest.mark.usefixtures("site")
def test_an_outcome_is_recorded_once_and_its_problems_and_promises_are_settled(call: Call) -> None:
    found = call(*HEARD, "--json").found
    assert (found["problems"], found["promise"], found["plans"], found["new"]) == (2, True, 2, True)
    assert call(*HEARD, "--json").found["new"] is False
    listed = call("problems", "list", "--state", "open", "--json").found
    assert {one["category"]: one["cause"] for one in listed["problems"]} == {"login": "忘了密码", "few_applicants": ""}
    assert "登录不上" in call("problems", "list").out
    login = next(one["id"] for one in listed["problems"] if one["category"] == "login")
    solved = call("problems", "solve", str(login), "--json").found
    assert solved == {"solved": [login], "to_tell": [login]}
    assert call("problems", "solve", str(login)).code == 1
    asked = call("problems", "tell", "--category", "login", "--json").found
    assert (asked["done"], asked["messages"], asked["tasks"]) == (False, 0, 1)  # nobody there can be written to
    assert call("problems", "tell", "--yes", "--json").found["tasks"] == 1
    assert call("problems", "tell", "--yes").code == 1
    figures = call("problems", "figures", "--json").found
    assert (figures["whole"]["n"], figures["whole"]["open"]) == (2, 1)
    assert "近12个月2个问题" in call("problems", "figures").out
    assert call("problems", "solve", "--category", "简历少", "--json").found["to_tell"] == []
    [promise] = call("promises", "list", "--json").found["promises"]
    assert (promise["what"], promise["due_on"], promise["overdue"]) == ("发候选人", SOON, False)
    assert call("promises", "settle", str(promise["id"]), "--json").found["state"] == "kept"
    assert call("promises", "settle", str(promise["id"])).code == 1
    assert "发候选人" in call("promises", "list", "--which", "kept").out


@pytest.mark.usefixtures("site")
def test_the_task_of_a_promise_is_closed_only_with_what_became_of_it(call: Call) -> None:
    assert call(*HEARD, "--json").code == 0
    [promise] = call("promises", "list", "--json").found["promises"]
    task = str(promise["task"])
    assert "visit record" in call("member", "done", task).err
    record = ("visit", "record", "Q1", "--result", "talked", "--task", task)
    assert "--settled" in call(*record).err
    assert call(*record, "--settled", "solved").code == 1
    assert call(*record, "--settled", "办到了", "--json").code == 0
    assert call("promises", "list", "--json").found["counts"] == {"open": 0, "overdue": 0, "kept": 1, "broken": 0}


@pytest.mark.usefixtures("site")
def test_plans_are_listed_and_closed(call: Call) -> None:
    assert call(*HEARD, "--json").code == 0
    found = call("plans", "list", "--member", "Q1", "--json").found
    assert found["counts"]["open"] == {"plans": 2, "heads": 7}
    plans = {one["role"]: one["id"] for one in found["plans"]}
    assert "焊工" in call("plans", "list").out
    closed = call("plans", "close", str(plans["焊工"]), "--as", "不招了", "--by", "程雪", "--json").found
    assert (closed["state"], closed["closed_by"]) == ("dropped", "程雪")
    assert call("plans", "close", str(plans["焊工"])).code == 1
    assert [one["role"] for one in call("plans", "list", "--json").found["plans"]] == ["普工"]
    assert "焊工2人：要招的" in call("plans", "close", str(plans["焊工"]), "--as", "open").out


WRONG = [
    (("visit", "record", "Q9", "--result", "talked"), "没有编号是 Q9"),
    (("visit", "record", "Q1", "--result", "sang"), "--result"),
    (("visit", "record", "Q1", "--result", "talked", "--promise", "发"), "--promise_on"),
    (("visit", "record", "Q1", "--result", "talked", "--problem", "天气"), "没有这一类"),
    (("visit", "record", "Q1", "--result", "talked", "--plan", "普工"), "--plan 普工"),
    (("visit", "record", "Q1", "--result", "talked", "--task", "99"), "没有编号是 99 的任务"),
    (("problems", "list", "--month", "soon"), "月份写成"),
    (("problems", "solve"), "只写一样"),
    (("promises", "list", "--which", "x"), "只能是"),
    (("promises", "settle", "7"), "没有编号是 7"),
]


@pytest.mark.usefixtures("site")
def test_what_cannot_be_is_said_and_nothing_is_written(call: Call) -> None:
    for words, said in WRONG:
        done = call(*words)
        assert (done.code, said in done.err) == (1, True), words
    assert call("problems", "list", "--json").found["total"] == 0
