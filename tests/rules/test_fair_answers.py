"""来, 不来 and 还没定 are read where they are said; what asks, or says both, is no answer."""

import pytest

from campaigns.intents.fair_answer import read_fair_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("来", "yes"), ("我们来！", "yes"), ("来三个人", "yes"), ("一定来", "yes"), ("好的，会来的", "yes"),
        ("參加", "yes"),
        ("不来", "no"), ("我们这次不来了，谢谢", "no"), ("来不了", "no"), ("没空去", "no"), ("不参加了", "no"),
        ("还没定", "maybe"), ("来不来还没定", "maybe"), ("再看看", "maybe"), ("应该来", "maybe"), ("不一定", "maybe"),
        ("不来\\n> 来、不来、还没定，回复这封信说一句就行", "no"),
    ],
)  # fmt: skip
def test_an_answer_is_read(text: str, answer: str) -> None:
    said = read_fair_answer(text.replace("\\n", "\n"))
    assert said is not None
    assert said.answer == answer


@pytest.mark.parametrize(
    "text", ["", "好的", "来吗？", "在哪里办", "来，不来", "什么时候来面试", "退订", "没空", "没有人来应聘"]
)
def test_what_is_unclear_is_no_answer(text: str) -> None:
    assert read_fair_answer(text) is None


def test_the_rest_of_the_reply_is_kept_to_be_read() -> None:
    said = read_fair_answer("不来，退订")
    assert said is not None
    assert said.rest == "退订"
