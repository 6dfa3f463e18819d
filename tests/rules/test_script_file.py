"""The files of 话术: what is shipped says something about everything, and what is wrong is refused by its place."""

import re

import pytest

from campaigns.briefing import PLACES, Situation
from campaigns.diagnosis import Code
from campaigns.errors import DefinitionError
from campaigns.folders import read_own
from campaigns.script_file import CLOSING, FILES, FINDINGS, FOLDER, OPENING, SITUATIONS, parse_scripts
from campaigns.terms import Tier
from tests.cast import TEMPLATES

SHIPPED = read_own(TEMPLATES / FOLDER)
LINE = '{zh = "您好", en = "Hello"}'


def test_the_shipped_files_say_something_about_every_finding_and_situation_to_every_tier() -> None:
    book = parse_scripts(SHIPPED)
    assert set(SHIPPED) == set(FILES)
    for key in (*Code, *Situation):
        by_tier = book.about[key]
        assert all((by_tier.get(tier) or by_tier["every"]).ask for tier in Tier), key
    assert set(book.about) == set(PLACES)
    assert book.opening["every"]
    assert book.closing["every"]


def test_the_shipped_words_use_every_figure_there_is_to_use_and_no_stock_phrases() -> None:
    said = "".join(SHIPPED.values())
    assert not re.search("尊敬的|亲爱的|贵司|敬请", said)
    assert len(re.findall(r"zh = ", said)) == len(re.findall(r", en = ", said))


@pytest.mark.parametrize("file", FILES)
def test_a_file_that_leaves_something_out_is_refused(file: str) -> None:
    table = re.compile(r"^\[.*?(?=^\[|\Z)", re.MULTILINE | re.DOTALL)
    with pytest.raises(DefinitionError, match="is missing") as refused:
        parse_scripts({file: table.sub("", SHIPPED[file], count=1)})
    assert refused.value.file == file


@pytest.mark.parametrize(
    ("file", "text", "key"),
    [
        (OPENING, f'[every]\nsay = [{LINE}]\n["贵宾"]\nsay = [{LINE}]', "贵宾"),
        (OPENING, f"[every]\nsay = [{LINE}]\nask = []", "every.ask"),
        (OPENING, "[every]\nsay = []", "every.say"),
        (OPENING, '[every]\nsay = "您好"', "every.say"),
        (OPENING, '[every]\nsay = [{zh = "您好"}]', "every.say.1"),
        (OPENING, '[every]\nsay = [{zh = "您好", en = " "}]', "every.say.1.en"),
        (OPENING, f'[every]\nsay = [{{zh = "{"好" * 201}", en = "Hello"}}]', "every.say.1.zh"),
        (CLOSING, '[every]\nsay = [{zh = "{unread}份", en = "Bye"}]', "every.say.1.zh"),
        (CLOSING, "every = 1", "every"),
        (FINDINGS, f"[unheard]\nask = [{LINE}]", "unheard"),
        (FINDINGS, '[unread]\nask = [{zh = "{p50}元", en = "x"}]', "unread.ask.1.zh"),
        (FINDINGS, f'[unread]\nask = [{LINE}]\n"高端" = 1', "unread.高端"),
        (FINDINGS, f"[unread]\noffer = [{LINE}]", "unread.ask"),
        (SITUATIONS, f'[hiring]\nask = [{LINE}]\n[hiring."高端"]\nsay = [{LINE}]', "hiring.高端.say"),
        ("notes.toml", "", "-"),
    ],
)
def test_what_is_wrong_is_refused_by_file_and_key(file: str, text: str, key: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        parse_scripts({file: text})
    assert (refused.value.file, refused.value.key) == (file, key)


def test_what_is_no_toml_is_refused_by_its_file() -> None:
    with pytest.raises(DefinitionError, match=OPENING):
        parse_scripts({OPENING: "[every"})
