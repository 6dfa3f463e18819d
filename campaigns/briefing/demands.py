"""What similar postings pay and ask: quartiles with their sample, usual schooling and years, words in their titles."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from campaigns.diagnosis import Quartiles

SHOWN = 3  # answers, and words, that a brief has room for
LEAST_TOLD = 5  # postings that say what schooling they want, before any is called usual
LEAST_MEMBERS = 3  # behind a word: fewer would be one company's way of writing
_APART = re.compile(r"[()（）\[\]【】「」/、,，;；:：|｜+＋·•\s_\-—–]+")
_NOISE = re.compile(
    r"\d|急聘|急招|诚聘|高薪|招聘|直招|包吃|包住|食宿|双休|单休|五险|社保|底薪|日结|月结|男女|不限|若干|优先|年底|面议"
)


class Unknown(StrEnum):
    """What the data does not tell about similar postings."""

    PLACE = "place"  # the posting itself has no occupation or no city: nothing to compare it with
    PAY = "pay"
    EDUCATION = "education"
    EXPERIENCE = "experience"
    SKILLS = "skills"


@dataclass(frozen=True, slots=True)
class Asked:
    """So many similar postings that ask for this schooling and these years; empty: they do not say."""

    category: str
    city: str
    education: str
    experience: str
    postings: int


@dataclass(frozen=True, slots=True)
class Named:
    """A title, and how many similar postings of how many members bear it."""

    category: str
    city: str
    title: str
    postings: int
    members: int


@dataclass(frozen=True, slots=True)
class Share:
    """`postings` of `among` say this word."""

    word: str
    postings: int
    among: int


@dataclass(frozen=True, slots=True)
class Demand:
    """What other members' postings of one posting's occupation and city pay and ask.

    `paid_among`: whose pay it is, the occupation or the group above it. `unknown` says what nothing can be said of.
    """

    posting: str
    peers: int
    pay: Quartiles | None
    paid_among: str
    education: Sequence[Share]
    experience: Sequence[Share]
    skills: Sequence[Share]
    unknown: Sequence[Unknown]


def demand_of(
    posting: str,
    category: str,
    city: str,
    pay: tuple[str, Quartiles] | None,
    asked: Iterable[Asked],
    named: Iterable[Named],
) -> Demand:
    """`asked` and `named` may hold other occupations and cities as well: those are left out."""
    here = [one for one in asked if (one.category, one.city) == (category, city)]
    titles = [one for one in named if (one.category, one.city) == (category, city)]
    education = _usual((one.education, one.postings) for one in here)
    experience = _usual((one.experience, one.postings) for one in here)
    skills = skills_in(titles, category)
    known = {
        Unknown.PLACE: bool(category and city),
        Unknown.PAY: pay is not None,
        Unknown.EDUCATION: bool(education),
        Unknown.EXPERIENCE: bool(experience),
        Unknown.SKILLS: bool(skills),
    }
    unknown = [one for one, is_known in known.items() if not is_known]
    among, quartiles = pay or ("", None)
    return Demand(posting, sum(one.postings for one in here), quartiles, among, education, experience, skills, unknown)


def skills_in(titles: Iterable[Named], category: str) -> list[Share]:
    """The words that stand in these titles beside the occupation, of at least three members, the commonest first."""
    postings: Counter[str] = Counter()
    members: Counter[str] = Counter()
    total = 0
    for one in titles:
        total += one.postings
        for word in {*_words(one.title)} - {category}:
            postings[word] += one.postings
            members[word] += one.members
    common = [(word, n) for word, n in postings.most_common() if members[word] >= LEAST_MEMBERS]
    return [Share(word, n, total) for word, n in common[: 2 * SHOWN]]


def _words(title: str) -> list[str]:
    return [word for word in _APART.split(title) if 2 <= len(word) <= 12 and not _NOISE.search(word)]


def _usual(answers: Iterable[tuple[str, int]]) -> list[Share]:
    """Of those that say anything; none where too few do."""
    told: Counter[str] = Counter()
    for word, n in answers:
        if word:
            told[word] += n
    total = sum(told.values())
    return [Share(word, n, total) for word, n in told.most_common(SHOWN)] if total >= LEAST_TOLD else []
