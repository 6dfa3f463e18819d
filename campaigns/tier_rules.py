"""What a tier is worked out by, and what each tier is owed: the numbers of templates/policy.toml.

Apart from the arithmetic, whose library a process that only sends need not load.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from campaigns.terms import Tier


class TierPart(StrEnum):
    """What a score is made of, in the order in which it is told."""

    PAYMENTS = "payments"
    ACTIVITY = "activity"
    HIRING = "hiring"
    STANDING = "standing"  # size and nature
    RESPONSE = "response"


PARTS = tuple(TierPart)
TIERS = tuple(Tier)  # the best first


@dataclass(frozen=True, slots=True)
class TierRules:
    """`weights` are the full points of each part and make 100 together.

    `shares`: 高端 is the best 5 % of all, 优质 the next up to 20 %, 一般 the next up to 70 %, 低端 the rest. A known
    tier changes only when the score is `margin_points` beyond the cut and the member has been in it `margin_days`.
    `paid_full`: yuan in twelve months that count in full.
    """

    weights: tuple[int, ...] = (30, 25, 20, 15, 10)
    shares: tuple[int, ...] = (5, 20, 70)
    margin_points: int = 5
    margin_days: int = 30
    paid_full: int = 10_000

    @property
    def margin_time(self) -> timedelta:
        return timedelta(days=self.margin_days)


class Caller(StrEnum):
    """Who calls a member of a tier."""

    OWNER = "owner"  # one person, always the same
    TEAM = "team"  # whoever of the department has time
    NOBODY = "nobody"  # written to in bulk alone


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """Who calls, and at the latest how many days after the last call; 0 = at no fixed interval."""

    caller: Caller
    every_days: int


def usual_service() -> Mapping[Tier, ServiceLevel]:
    """高端 one person's own, 优质 several times a month, 一般 the standard, 低端 bulk only."""
    return {
        Tier.TOP: ServiceLevel(Caller.OWNER, 14),
        Tier.GOOD: ServiceLevel(Caller.OWNER, 10),
        Tier.STANDARD: ServiceLevel(Caller.TEAM, 90),
        Tier.LOW: ServiceLevel(Caller.NOBODY, 0),
    }
