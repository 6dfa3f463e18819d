"""The values of matching: a seeker, a live posting, what speaks for the two, and how much each of it weighs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

Figure = int | str


class GroundKind(StrEnum):
    TITLE = "title"  # the very same words
    OCCUPATION = "occupation"  # other words for the same occupation
    CITY = "city"
    ANYWHERE = "anywhere"  # one of the two names no place
    PAY = "pay"
    PAY_NEAR = "pay_near"  # wants a little more than is offered
    PAY_UNKNOWN = "pay_unknown"
    YEARS = "years"
    YEARS_UNKNOWN = "years_unknown"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Weights:
    """What each ground is worth, of a hundred in all, and where a pair is none."""

    title: int = 50
    occupation: int = 42
    city: int = 20
    anywhere: int = 10
    pay: int = 15
    pay_near: int = 8
    pay_unknown: int = 7
    years: int = 5
    years_unknown: int = 3
    fresh: int = 10  # registered this very moment; none of it after `fresh_within`
    at_least: int = 60
    pay_near_up_to: float = 1.15  # times the most that is offered; beyond it the two do not meet
    fresh_within: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class SeekerFacts:
    id: int
    no: str
    name: str
    wanted_job: str
    wanted_city: str
    pay: int | None
    years: int | None
    registered_at: datetime | None
    video_url: str = ""


@dataclass(frozen=True, slots=True)
class LivePosting:
    """`city` is the member's where the posting names none; `experience` as the site writes it: 1-3年, 不限."""

    id: int
    no: str
    title: str
    category: str
    city: str
    pay_min: int | None
    pay_max: int | None
    heads: int | None = None
    experience: str = ""
    member_id: int = 0


@dataclass(frozen=True, slots=True)
class Ground:
    """One thing that speaks for a pair: its points and the figures it rests on."""

    kind: GroundKind
    points: int
    figures: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Pair:
    """A seeker and a posting that fit, the best of the member's for this one."""

    seeker: SeekerFacts
    posting: LivePosting
    grounds: Sequence[Ground]

    @property
    def points(self) -> int:
        return sum(ground.points for ground in self.grounds)
