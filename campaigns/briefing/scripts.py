"""话术: what to say on a visit, by tier and by what was found; lines whose figures are not known are left out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from campaigns.diagnosis import Code

T = TypeVar("T")

EVERY = "every"
"""As a tier: the words for all tiers that have none of their own."""

_PLACE = re.compile(r"\{(\w*)\}")
_CODES = frozenset(map(str, Code))
_COMMON = frozenset(("contact", "company", "me", "site"))
_MOST_OF_ONE = 2  # postings with the same finding that are asked about
_MOST_ASKED = 6  # about findings; what was promised and what is always asked comes beside them
_MOST_OFFERED = 5


class Situation(StrEnum):
    """What is talked about beside the findings."""

    PROMISE_LATE = "promise_late"
    PROMISE_OPEN = "promise_open"
    PROMISE_KEPT = "promise_kept"
    NOTHING_FOUND = "nothing_found"
    NOTHING_POSTED = "nothing_posted"
    HIRING = "hiring"
    WHO_DECIDES = "who_decides"
    RENEWAL = "renewal"


_BAND = frozenset(("p25", "p50", "p75", "peers", "city", "category"))
_NAMED: Mapping[Code | Situation, frozenset[str]] = {
    Code.SITE_FAULT: frozenset(("notify_failures", "mail_bounces", "login_errors", "audit_wait", "posting")),
    Code.UNREAD: frozenset(("unread", "oldest_days", "read_after", "reads", "posting")),
    Code.NEVER_LOOKED: frozenset(("applications", "posting")),
    Code.POST_INCOMPLETE: frozenset(("missing", "posting")),
    Code.PAY_UNCLEAR: frozenset(("pay_min", "pay_max", "unsaid", "posting")) | _BAND,
    Code.PAY_LOW: frozenset(("midpoint", "posting")) | _BAND,
    Code.STALE: frozenset(("days", "past_deadline_days", "posting")),
    Code.LOW_VIEW: frozenset(("views", "p25", "posting")),
    Code.VIEW_NO_APPLY: frozenset(("views", "days", "posting")),
    Code.SCARCE: frozenset(("rate", "city", "category", "posting")),
    Code.RENEW_SOON: frozenset(("days", "expires_on")),
    Situation.PROMISE_LATE: frozenset(("promise", "made_on", "due_on")),
    Situation.PROMISE_OPEN: frozenset(("promise", "made_on", "due_on")),
    Situation.PROMISE_KEPT: frozenset(("promise", "made_on")),
    Situation.NOTHING_FOUND: frozenset[str](),
    Situation.NOTHING_POSTED: frozenset[str](),
    Situation.HIRING: frozenset[str](),
    Situation.WHO_DECIDES: frozenset[str](),
    Situation.RENEWAL: frozenset(("days", "expires_on")),
}
PLACES = {key: _COMMON | names for key, names in _NAMED.items()}
"""What a line about each may name in braces."""
GREETING_PLACES = _COMMON


@dataclass(frozen=True, slots=True)
class Words:
    """One line as it stands in the file: `zh` is said, `en` explains it to who reads English."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Sheet:
    ask: Sequence[Words] = ()
    offer: Sequence[Words] = ()


@dataclass(frozen=True, slots=True)
class ScriptBook:
    """Everything by tier; EVERY stands in where a tier has nothing of its own."""

    opening: Mapping[str, Sequence[Words]] = field(default_factory=dict)
    closing: Mapping[str, Sequence[Words]] = field(default_factory=dict)
    about: Mapping[Code | Situation, Mapping[str, Sheet]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """Something to talk about, with what is known of it in both languages; `posting`: its number, or empty."""

    key: Code | Situation
    zh: Mapping[str, str]
    en: Mapping[str, str]
    posting: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    zh: str
    en: str
    about: str = ""
    posting: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """One visit's words from the first to the last."""

    opening: Sequence[Line]
    ask: Sequence[Line]
    offer: Sequence[Line]
    closing: Sequence[Line]


def places_in(text: str) -> list[str]:
    """The names in braces."""
    return _PLACE.findall(text)


def talk_about(book: ScriptBook, tier: str, common: Topic, topics: Sequence[Topic]) -> Talk:
    """`topics` in the order in which they are talked about; `common` holds what every line may name."""
    told = list(_told(topics))
    sheets = [(one, _of_tier(book.about.get(one.key, {}), tier)) for one in told]
    ask = [line for one, sheet in sheets if sheet for line in _lines(sheet.ask, common, one)]
    offer = [line for one, sheet in sheets if sheet for line in _lines(sheet.offer, common, one)]
    return Talk(
        _lines(_of_tier(book.opening, tier) or (), common, common)[:1],
        _few(_different(ask)),
        _different(offer)[:_MOST_OFFERED],
        _lines(_of_tier(book.closing, tier) or (), common, common)[:1],
    )


def _told(topics: Sequence[Topic]) -> Iterator[Topic]:
    """What holds for the whole member is not said again of each posting; of many alike two are enough."""
    whole = {one.key for one in topics if not one.posting}
    seen: dict[Code | Situation, int] = {}
    for one in topics:
        if one.posting and one.key in whole:
            continue
        seen[one.key] = seen.get(one.key, 0) + 1
        if seen[one.key] <= _MOST_OF_ONE:
            yield one


def _of_tier(by_tier: Mapping[str, T], tier: str) -> T | None:
    return by_tier.get(tier) or by_tier.get(EVERY)


def _lines(words: Sequence[Words], common: Topic, topic: Topic) -> list[Line]:
    zh, en = {**common.zh, **topic.zh}, {**common.en, **topic.en}
    key = "" if topic is common else str(topic.key)
    return [
        Line(_filled(one.zh, zh), _filled(one.en, en), key, topic.posting)
        for one in words
        if all(zh.get(name) for name in places_in(one.zh)) and all(en.get(name) for name in places_in(one.en))
    ]


def _filled(text: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: values[found[1]], text)


def _few(lines: Sequence[Line]) -> list[Line]:
    found = [one for one in lines if one.about in _CODES]
    left_out = {one.zh for one in found[_MOST_ASKED:]}
    return [one for one in lines if one.zh not in left_out]


def _different(lines: Sequence[Line]) -> list[Line]:
    return list({one.zh: one for one in lines}.values())
