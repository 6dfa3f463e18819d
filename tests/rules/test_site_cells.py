"""Pay as recruiting sites word it, and the plans and sizes that tiers read, in yuan a month, months and people."""

import pytest

from bot.sites.cells import lower_pay, open_pay, upper_pay
from campaigns.tiers.measures import _people, plan_months


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        ("3000~5000元/月", "3000", "5000"),
        ("3,000-4,999", "3000", "4999"),
        ("1万以上/月", "10000", ""),
        ("一万以上/月", "10000", ""),
        ("2000以下", "", "2000"),
        ("8千-1.2万", "8000", "12000"),
        ("1.5万-2万", "15000", "20000"),
        ("1.5-2万", "15000", "20000"),
        ("15k*13", "15000", ""),
        ("8K-12K·14薪", "8000", "12000"),
        ("200元/天", "", ""),
        ("20-30万/年", "", ""),
        ("12000-8000", "", ""),
        ("面议", "", ""),
        ("", "", ""),
    ],
)
def test_pay_in_words_is_read_with_its_units(words: str, low: str, high: str) -> None:
    assert (lower_pay("", words), upper_pay("", words)) == (low, high)


def test_a_number_of_its_own_stands_before_the_words() -> None:
    assert (lower_pay("4500", "1万以上/月"), upper_pay("6000", "1万以上/月")) == ("4500", "6000")


@pytest.mark.parametrize(
    ("flag", "words", "said"), [("1", "", "是"), ("0", "", "否"), ("", "面议", "是"), ("0", "面议", "是"), ("", "", "")]
)
def test_pay_to_be_agreed_on_is_told_by_the_flag_or_the_words(flag: str, words: str, said: str) -> None:
    assert open_pay(flag, words) == said


@pytest.mark.parametrize(
    ("plan", "months"),
    [
        ("包年", 12), ("年度会员", 12), ("三年VIP", 36), ("12个月", 12), ("3个月", 3), ("6个月套餐", 6), ("半年", 6),
        ("包季", 3), ("两季度", 6), ("月度", 1), ("免费", 0), ("试用版", 0), ("非免费", None), ("青年人才版", None),
        ("黄金会员", None),
    ],
)  # fmt: skip
def test_how_long_a_plan_lasts_is_read_from_its_name(plan: str, months: int | None) -> None:
    assert plan_months(plan) == months


@pytest.mark.parametrize(
    ("size", "people"),
    [("20-99人", 20), ("少于20人", 1), ("10,000人以上", 10_000), ("1万人以上", 10_000), ("500人", 500), ("", None)],
)
def test_the_size_of_a_company_is_read_in_people(size: str, people: int | None) -> None:
    assert _people(size) == people
