"""The categories of problems: what the shipped file holds, what staff may call them, what is refused."""

import pytest

from campaigns.errors import DefinitionError
from campaigns.problem_file import load_categories, parse_categories
from campaigns.results import Fault
from tests.cast import TEMPLATES

ONE = '[[problem]]\nkey = "login"\nname = "登录不上"\nenglish = "cannot log in"\nfault = "site"\nwords = ["忘了密码"]\n'


def test_the_shipped_categories_can_be_told_apart_by_every_word() -> None:
    found = load_categories(TEMPLATES / "problems.toml")
    assert len(found.all) >= 10
    for one in found.all:
        for word in (one.key, one.name, *one.words):
            assert found.called(word) == one, word


@pytest.mark.parametrize(
    ("said", "key"), [("简历少", "few_applicants"), ("太贵了", "price"), ("什么都不是", None), ("", None)]
)
def test_a_category_is_found_by_its_name_its_words_or_a_part_that_is_no_others(said: str, key: str | None) -> None:
    found = load_categories(TEMPLATES / "problems.toml").called(said)
    assert (found.key if found else None) == key


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "problem"),
        (ONE.replace("site", "nobody"), "fault"),
        (ONE + ONE, "key"),
        (ONE.replace('name = "登录不上"\n', ""), "name"),
        (ONE.replace('["忘了密码"]', '"忘了密码"'), "words"),
        (ONE + "colour = 1\n", "colour"),
    ],
)
def test_a_file_that_is_wrong_is_refused_by_the_place(text: str, place: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        parse_categories(text)
    assert place in str(refused.value)


def test_whose_fault_comes_with_the_category() -> None:
    assert parse_categories(ONE).by_key["login"].fault is Fault.SITE
