"""Why an answer was understood as it was, in words a colleague can follow."""

import pytest

from bot.wording import evidence_words


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        ("already-filled", "按关键词表的already-filled"),
        ("退订", "依据“退订”"),
        ("STOP", "依据“STOP”"),
        ("unsubscribe", "依据“unsubscribe”"),
        ("classifier 0.83", "分类器判断，把握83%"),
        ("classifier", "分类器判断"),
    ],
)
def test_a_reading_names_its_rule_its_word_or_how_sure_it_is(evidence: str, words: str) -> None:
    assert evidence_words(evidence) == words
