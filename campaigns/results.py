"""What came of a contact that a person made: the values every door fills in, and nothing of how they are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from campaigns.terms import SHANGHAI

_MORNING = time(9, 30)


class Medium(StrEnum):
    """The channels of touch that are used by hand."""

    PHONE = "phone"
    VISIT = "visit"
    QQ = "qq"
    POST = "post"
    GIFT = "gift"
    EVENT = "event"


class Result(StrEnum):
    TALKED = "talked"
    LATER = "later"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    REFUSED = "refused"
    SENT = "sent"
    RECEIVED = "received"
    RETURNED = "returned"
    CAME = "came"
    ABSENT = "absent"


_OF_CALLS = (Result.TALKED, Result.LATER, Result.NO_ANSWER, Result.WRONG_NUMBER, Result.REFUSED)
_OF_PARCELS = (Result.SENT, Result.RECEIVED, Result.RETURNED, Result.REFUSED)
RESULTS_OF: Mapping[Medium, Sequence[Result]] = {
    Medium.PHONE: _OF_CALLS,
    Medium.VISIT: _OF_CALLS,
    Medium.QQ: (Result.TALKED, Result.NO_ANSWER, Result.REFUSED),
    Medium.POST: _OF_PARCELS,
    Medium.GIFT: _OF_PARCELS,
    Medium.EVENT: (Result.CAME, Result.ABSENT, Result.REFUSED),
}
"""What can come of a contact by each medium."""
SPOKEN = frozenset({Result.TALKED, Result.REFUSED})
"""Somebody was talked to: by phone or at their place these alone are visits."""
TAKEN = frozenset({Result.SENT, Result.RECEIVED})
"""What was sent is theirs, or on its way to them."""
WEIGHING = SPOKEN | TAKEN | {Result.CAME}
"""It reached them: these weigh on a company as a message does."""
OPEN_STILL = frozenset({Result.LATER, Result.NO_ANSWER})
"""After these the task stays open."""


class Used(StrEnum):
    YES = "yes"
    PARTLY = "partly"
    NO = "no"


class Effect(StrEnum):
    GOOD = "good"
    FAIR = "fair"
    NONE = "none"


class Mood(StrEnum):
    GLAD = "glad"
    CALM = "calm"
    ANNOYED = "annoyed"


class Settled(StrEnum):
    """What became of the promise or the problem that a contact was about; `still`: it is to be done yet."""

    KEPT = "kept"
    BROKEN = "broken"
    SOLVED = "solved"
    STILL = "still"


class Fault(StrEnum):
    """Whose fault a problem is."""

    SITE = "site"
    MEMBER = "member"
    MARKET = "market"


@dataclass(frozen=True, slots=True)
class NewProblem:
    category: str
    cause: str = ""
    fault: Fault = Fault.MARKET


@dataclass(frozen=True, slots=True)
class NewPromise:
    what: str
    due_on: date


@dataclass(frozen=True, slots=True)
class NewPlan:
    """The company means to take on so many for a role; `month` is its first day."""

    role: str
    heads: int
    month: date


@dataclass(frozen=True, slots=True)
class VisitResult:
    """`text` is what our person wrote, `said` the customer's own words. `next_on`: the next contact."""

    result: Result
    medium: Medium = Medium.PHONE
    contact_id: int | None = None
    text: str = ""
    said: str = ""
    used: Used | None = None
    effect: Effect | None = None
    mood: Mood | None = None
    problems: Sequence[NewProblem] = ()
    promise: NewPromise | None = None
    plans: Sequence[NewPlan] = ()
    next_step: str = ""
    next_on: date | None = None
    settled: Settled | None = None


def morning_of(day: date, now: datetime) -> datetime:
    """Half past nine of that day in Shanghai; in an hour where that is over."""
    return max(datetime.combine(day, _MORNING, SHANGHAI), now + timedelta(hours=1))
