"""Words of one thing in both languages: errors, the Chinese calendar, the audit log."""

import ast
import contextlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bot import console
from bot.calendar_words import lunar_words, under_the_day
from bot.console.audit_words import _KEYS, detail_words, thing_words
from bot.language import speak
from bot.wording import fault_words

CONSOLE = Path(console.__file__).parent


@contextlib.contextmanager
def english() -> Iterator[None]:
    speak("en")
    try:
        yield
    finally:
        speak("zh")


@pytest.mark.parametrize(
    ("error", "chinese", "said"),
    [
        ("没有这个分群 (no such segment)", "没有这个分群", "no such segment"),
        ("schedule.on: 没有这一天 (no such day)", "schedule.on: 没有这一天", "schedule.on: no such day"),
        (
            "schedule.kind: 什么也没写 (nothing)，要的是 daily (a kind)",
            "schedule.kind: 什么也没写",
            "schedule.kind: nothing; a kind",
        ),
        ("认不出表头，例如 会员编号(no known header)", "认不出表头，例如 会员编号", "no known header"),
        ("谁也没说英文（真的）", "谁也没说英文（真的）", "谁也没说英文（真的）"),
    ],
)
def test_an_error_is_told_in_the_readers_half_of_it(error: str, chinese: str, said: str) -> None:
    assert fault_words(error) == chinese
    with english():
        assert fault_words(error) == said


def test_in_english_a_day_has_its_term_or_the_start_of_its_month_and_nothing_that_cannot_be_read() -> None:
    days = date(2026, 12, 22), date(2026, 11, 9), date(2026, 11, 23)
    assert [under_the_day(one) for one in days] == ["冬至", "十月", "十五"]
    with english():
        assert [under_the_day(one) for one in days] == ["Winter solstice", "Lunar 10-1", ""]
        assert [lunar_words(one) for one in days] == ["11-14, Winter solstice", "10-1", "10-15"]


def test_an_entry_of_the_log_names_the_thing_and_leads_to_it() -> None:
    assert thing_words("campaign/unread_resumes") == ("营销活动", "unread_resumes", "/campaigns/unread_resumes")
    assert thing_words("member/Q/1") == ("企业会员", "Q/1", "/members/Q%2F1")
    assert thing_words("sms/138****0000") == ("短信", "138****0000", "/settings/suppressions")
    assert thing_words("members") == ("会员列表", "", "/members")
    assert thing_words("who knows") == ("", "who knows", "")


def test_what_was_changed_is_told_in_words_and_what_is_empty_is_left_out() -> None:
    detail = {"role": "agent", "department": "", "rights": ["see"], "active": True, "asked": {}, "rows": 1234}
    assert detail_words(detail) == [("角色", "客服"), ("权限", "看会员和活动"), ("在用", "是的"), ("行数", "1,234")]
    with english():
        assert detail_words({"was": "stop", "now": "thanks"}) == [("before", "Refusal"), ("Now", "Thanks")]
        assert detail_words({"company.window_days": "30 → 31"}) == [("In any window of", "30 → 31")]
        assert detail_words({"what": "one-time password", "of_a_later_release": 1}) == [
            ("What was done", "one-time password"),
            ("of_a_later_release", "1"),
        ]


def test_every_name_that_a_page_writes_into_the_log_has_a_word() -> None:
    written = {name for path in CONSOLE.rglob("*.py") for name in _names_written(path)}
    assert {"role", "what", "rows"} <= written
    assert written - _KEYS.keys() == set()


def _names_written(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("log", "desk.log"):
            yield from (one.arg for one in node.keywords if one.arg)
