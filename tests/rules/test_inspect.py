"""What `huifang inspect sms` and `inspect day` say."""

from datetime import date
from decimal import Decimal

import pytest

from bot.commands import campaigning, printing
from bot.commands.asking import read_day, read_sms
from bot.settings import load_settings
from campaigns.calendar import WorkCalendar
from campaigns.content import inspect_sms
from campaigns.errors import InputError
from campaigns.folders import read_folder, sms_cost
from tests.cast import TEMPLATES

SETTINGS = load_settings(env_file=None, huifang_templates=TEMPLATES)


@pytest.mark.parametrize(
    ("length", "segments"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (160, 3), (201, 3), (202, 4)]
)
def test_70_characters_are_one_segment_and_more_are_67_each(length: int, segments: int) -> None:
    found = read_sms("字" * length, "")
    assert (found["length"], found["segments"]) == (length, segments)


def test_latin_letters_count_as_much_as_chinese() -> None:
    assert read_sms("a" * 71, "")["segments"] == 2


def test_the_signature_is_counted_with_its_brackets_and_nothing_else_is_added() -> None:
    assert read_sms("字" * 63, "古城人才网") == {"length": 70, "segments": 1, "problems": ()}
    assert read_sms("字" * 64, "古城人才网")["segments"] == 2
    assert read_sms("【古城人才网】" + "字" * 63, "")["length"] == 70


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("您有3份【简历】没看", "brackets"),
        ("登录 hr.example.com 看简历", "link"),
        ("看 https://x.example/1", "link"),
        ("有事打15483503031", "mobile number"),
        ("有事打+86 154-8350-3031", "mobile number"),
        ("加微信详谈", "private contact"),
        ("请来面试", "forbidden words"),
        ("请填问卷", "forbidden words"),
        ("本周套餐限时优惠", "missing opt-out"),
        ("拒收请回复R，本周套餐优惠", "opt-out not last"),
        ("字" * 501, "too long"),
        ("${a}${b}有简历", "adjacent variables"),
        ("{1}{2}", "nothing but variables"),
        ("", "empty"),
    ],
)
def test_what_is_wrong_is_named(text: str, word: str) -> None:
    assert f"({word})" in " ".join(inspect_sms(text, "古城人才网").problems)


@pytest.mark.parametrize(
    "text",
    [
        "您有3份简历没看，忘了密码致电0352-5550100。",
        "本周套餐优惠。拒收请回复R",
        "本周套餐优惠，回T退订",
        "订单号 20261123090000123 已生成",
    ],
)
def test_what_is_in_order_has_no_problem(text: str) -> None:
    assert inspect_sms(text, "古城人才网").problems == ()


def test_a_text_without_any_signature_is_told_so() -> None:
    assert "(no signature)" in " ".join(inspect_sms("有3份简历没看").problems)


@pytest.mark.parametrize(
    ("day", "workday", "festivals", "season", "announced"),
    [
        ("2026-02-17", False, ["春节"], "春节淡季", True),
        ("2026-02-14", True, [], "春节淡季", True),
        ("2026-02-25", True, [], "金三银四", True),
        ("2026-04-05", False, ["清明"], "金三银四", True),
        ("2026-04-29", True, [], "校招", True),
        ("2026-08-19", True, ["七夕", "医师节"], "", True),
        ("2026-09-10", True, ["教师节"], "金九银十", True),
        ("2026-11-24", True, [], "校招", True),
        ("2027-01-15", True, ["腊八"], "春节淡季", False),
        ("2028-10-03", False, ["中秋"], "金九银十", False),
    ],
)
def test_a_day_is_known(day: str, workday: bool, festivals: list[str], season: str, announced: bool) -> None:
    assert read_day(SETTINGS, day) == {
        "workday": workday,
        "festivals": festivals,
        "season": season,
        "announced": announced,
    }


@pytest.mark.parametrize(("first", "last"), [(date(2026, 2, 25), date(2026, 4, 28))])
def test_spring_begins_eight_days_after_the_feast_and_lasts_nine_weeks(first: date, last: date) -> None:
    seasons = [WorkCalendar().season(date.fromordinal(day)) for day in range(first.toordinal(), last.toordinal() + 1)]
    assert set(seasons) == {"金三银四"}


@pytest.mark.parametrize("given", ["tomorrow", "2026-13-01", "1800-01-01", "2300-01-01"])
def test_what_is_no_date_or_beyond_the_calendar_is_refused(given: str) -> None:
    with pytest.raises(InputError):
        read_day(SETTINGS, given)


def test_a_preview_says_what_the_sms_would_cost() -> None:
    folder = read_folder(TEMPLATES / "recruiting_tips")
    found = campaigning.sms_price(sms_cost(folder, 1000, Decimal("0.045")))
    assert found is not None
    assert found["segments"] == found["segments_each"] * 1000
    assert Decimal(found["yuan"]) == Decimal("0.045") * found["segments"]
    assert found["yuan"] in printing._price_lines(found)[0]
    assert campaigning.sms_price(sms_cost(folder, 0, Decimal("0.045"))) is None
