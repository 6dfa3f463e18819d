"""What a reply says to an invitation: 来, 不来 or 还没定. Whoever asks, or says both, has not answered."""

import re
from dataclasses import dataclass
from enum import StrEnum

from campaigns.intents.words import bare, fold, own_words

_CLAUSE_END = re.compile(r"[,.!;:~、。…\s]+")
_ASKS = re.compile(r"\?|吗|\[问号\]")
_BEFORE = r"(?:(?:你|您)好|好的?|嗯+|那|我们?|咱们?|我司|我们?公司|这边|这次|这回|到时候?|当天|那天|准时|就|都|也|是)*"
_AFTER = r"(?:的|了|啦|啊|呀|吧|哦|哈|谢谢|参加|[0-9一二两三四五六七八九十几]+个?人)*"
_COME = r"(?:来|去|参加|到场|报名)"
_UNSURE = (
    rf"(?:{_COME}不{_COME})?(?:还|暂时|目前)?(?:没有?|未|不)(?:确?定|决定|想好|定下来)"
    rf"|待定|不一定|不好说|再说|再定|再考虑|考虑|考虑一下|考虑考虑|看情况|再?看看|到时候?再?看|再看|(?:可能|也许|应该)不?(?:会|能)?{_COME}"
)
_STAYS_AWAY = rf"(?:不(?:会|能|想|打算|准备|过)?|没(?:空|时间|法|办法)){_COME}|{_COME}不了"
_COMES = rf"(?:一定|肯定|确定)?(?:会|能|要|想|可以|愿意)?{_COME}"


class FairAnswer(StrEnum):
    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


# the unsure ones first: 应该来 is no promise
_RULES = tuple(
    (answer, re.compile(f"{_BEFORE}(?:{said}){_AFTER}"))
    for answer, said in ((FairAnswer.MAYBE, _UNSURE), (FairAnswer.NO, _STAYS_AWAY), (FairAnswer.YES, _COMES))
)


@dataclass(frozen=True, slots=True)
class Answered:
    """`rest`: what else the reply says, to be read as any other."""

    answer: FairAnswer
    rest: str


def read_fair_answer(text: str) -> Answered | None:
    """None where the words are no clear answer."""
    clauses = [one for one in _CLAUSE_END.split(fold(own_words(text))) if one]
    if any(map(_ASKS.search, clauses)):
        return None
    read = [(one, _answer(bare(one))) for one in clauses]
    answers = {answer for _, answer in read if answer}
    if len(answers) != 1:
        return None
    return Answered(answers.pop(), "，".join(one for one, answer in read if answer is None))


def _answer(clause: str) -> FairAnswer | None:
    return next((answer for answer, rule in _RULES if rule.fullmatch(clause)), None)
