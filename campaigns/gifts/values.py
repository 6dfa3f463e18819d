"""What the rules of gifts are asked and what they answer. Money is in whole yuan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from campaigns.terms import Tier

LEVELS: Mapping[Tier, int] = {Tier.TOP: 300, Tier.GOOD: 150, Tier.STANDARD: 50, Tier.LOW: 0}
PLANNED, HANDED, REFUSED, DROPPED = "planned", "handed", "refused", "dropped"
"""States of a line."""
STAND = frozenset({PLANNED, HANDED})
"""Lines that are money of the plan."""
DRAFT, APPROVED, CLOSED = "draft", "approved", "closed"
"""States of a plan."""


class Manner(StrEnum):
    """How a member is greeted: somebody goes there, somebody calls, or a message of the greeting campaign."""

    VISIT = "visit"
    CALL = "call"
    MESSAGE = "message"


class Why(StrEnum):
    """What spoke for a gift."""

    TASTE = "taste"  # it is of a kind they like
    NEW = "new"  # they never had it
    AGAIN = "again"  # they had it, longer ago than the rule asks
    HOUSE = "house"  # the house gift of a first visit


class Obstacle(StrEnum):
    """The rule that a better gift, or any, lost to."""

    LEVEL = "level"  # their tier is given nothing
    BUDGET = "budget"
    STOCK = "stock"
    HISTORY = "history"  # they had each gift within the time
    TASTE = "taste"  # what is left is of kinds they do not take
    HIGHER = "higher"  # somebody in a higher tier gets no more
    MANNER = "manner"  # they are greeted by a message, and get nothing but it


@dataclass(frozen=True, slots=True)
class Gift:
    """`stock`: pieces there are to give. `tastes`: its kinds, as tea or stationery. `house`: for first visits."""

    id: int
    name: str
    value: int
    stock: int
    tastes: frozenset[str] = frozenset()
    house: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """`had`: gift id → the day they had it last. `rank`: within a tier the higher is served first."""

    member_id: int
    tier: Tier
    rank: float = 0
    visited: bool = True  # somebody of ours has been there
    likes: frozenset[str] = frozenset()
    dislikes: frozenset[str] = frozenset()
    manner: Manner = Manner.VISIT
    had: Mapping[int, date] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GiftRules:
    """`levels`: the most a member of a tier is given, in yuan, beside the house gift of a first visit."""

    budget: int
    day: date  # of the festival
    levels: Mapping[Tier, int] = field(default_factory=lambda: dict(LEVELS))
    months_between: int = 24  # before the same gift may be given to the same member again


@dataclass(frozen=True, slots=True)
class Line:
    """What one member gets: none, one, or the house gift beside one; why, and what a better one lost to.

    `held_by`: the member of a higher tier who gets no more, where it lost to that.
    """

    member_id: int
    tier: Tier
    gifts: tuple[Gift, ...] = ()
    why: tuple[Why, ...] = ()
    obstacle: Obstacle | None = None
    held_by: int | None = None

    @property
    def value(self) -> int:
        return sum(gift.value for gift in self.gifts)


@dataclass(frozen=True, slots=True)
class Allotted:
    """Lines by tier, then by rank, in the order served."""

    lines: tuple[Line, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Kept:
    """What a member has of this plan already, from before it was reckoned anew."""

    member_id: int
    tier: Tier
    value: int
