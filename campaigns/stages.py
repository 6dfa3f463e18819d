"""How far a member has come with the site: from its registration to its renewal, by what the site tells."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Stage(StrEnum):
    """In the order in which they are come to; a member stands in the furthest."""

    REGISTERED = "registered"
    ACTIVATED = "activated"
    POSTING = "posting"
    RECEIVING = "receiving"
    READING = "reading"
    HIRING = "hiring"
    RENEWING = "renewing"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {stage: rank for rank, stage in enumerate(Stage)}
HIRED = frozenset({"录用", "已录用", "录取", "已录取", "入职", "已入职", "hired", "employed", "onboarded"})
"""What a site writes as the outcome of an application that ended in a job."""
RENEWAL_WITHIN = 60
"""Days before a plan runs out in which its renewal is the next thing to come."""


@dataclass(frozen=True, slots=True)
class StageSigns:
    """`read`: applications that were looked at. `tells_hires`: whether the site tells outcomes at all."""

    logins: int
    postings: int
    applications: int
    read: int
    hired: int
    plan_expires_on: date | None
    tells_hires: bool = True


def stage_of(signs: StageSigns, today: date, *, renewal_within: int = RENEWAL_WITHIN) -> Stage:
    """A plan that runs out counts for who had something of it: hired, or, where the site tells no hires, read."""
    had_something = signs.hired if signs.tells_hires else signs.read
    if had_something and _renews(signs.plan_expires_on, today, renewal_within):
        return Stage.RENEWING
    reached = (
        (Stage.HIRING, signs.hired),
        (Stage.READING, signs.read),
        (Stage.RECEIVING, signs.applications),
        (Stage.POSTING, signs.postings),
        (Stage.ACTIVATED, signs.logins),
    )
    return next((stage for stage, count in reached if count > 0), Stage.REGISTERED)


def _renews(expires_on: date | None, today: date, within: int) -> bool:
    return expires_on is not None and 0 <= (expires_on - today).days <= within
