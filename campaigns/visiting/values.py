"""The values of the visit calendar: members and colleagues as they are, the rules, the days, the conflicts."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from campaigns.terms import Tier
from campaigns.tier_rules import Caller, ServiceLevel, usual_service


class Rule(StrEnum):
    """What a visit must keep; of two that cannot both be kept, a conflict names the one that lost."""

    MONTH = "month"  # at most one visit a month, or as many as an urgent hirer may have
    RENEWAL = "renewal"  # a visit in the month that ends ten days before the renewal
    RENEWAL_REST = "renewal_rest"  # and none in those last ten days
    CARE_GAP = "care_gap"  # at most three days from visit to visit while in intensive care
    WORKDAYS = "workdays"  # only on days that are worked
    CAPACITY = "capacity"  # a colleague's visits a day
    ABSENCE = "absence"  # a colleague who is away visits nobody
    TODAY = "today"  # what is past cannot be planned
    OWNER = "owner"  # somebody is in charge of the member
    PIN = "pin"  # a day that a person chose
    SERVICE = "service"  # how often a tier is visited
    QUIET = "quiet"  # a company that asked for silence is not visited in it


class Kind(StrEnum):
    CARE = "care"
    RENEWAL = "renewal"
    REGULAR = "regular"


def days_between(service: Mapping[Tier, ServiceLevel]) -> Mapping[Tier, int | None]:
    """What the tiers are owed in regular visits: none where nobody calls by hand, or at no fixed interval."""
    return {
        tier: level.every_days if level.caller is not Caller.NOBODY and level.every_days else None
        for tier, level in service.items()
    }


def _every() -> Mapping[Tier, int | None]:
    return days_between(usual_service())


@dataclass(frozen=True, slots=True)
class VisitRules:
    """Days are calendar days but where they are said to be worked.

    `every`: how long after the last visit the next is due by the service level of the tier; the month goes before it.
    None = only before a renewal and in care.
    `head_start`: a regular visit of one tier goes before one of the next that has been due for less than so many days
    longer. So a higher tier goes first, and who waits long enough goes before anybody.
    `late`: a regular visit that finds no place for so many worked days is one that was lost.
    """

    month: int = 31  # days, so that no calendar month has more either
    per_month: int = 1
    urgent_per_month: int = 2
    rest: int = 10  # the last visit is at least so many days before the renewal
    renewal_from: int = 20  # best not earlier than so many days before it
    care_gap: int = 3
    head_start: int = 31
    late: int = 10
    every: Mapping[Tier, int | None] = field(default_factory=_every)


@dataclass(frozen=True, slots=True)
class Care:
    """Intensive care, opened by staff; both days belong to it."""

    start: date
    end: date


@dataclass(frozen=True, slots=True)
class Kept:
    """A visit of the last plan. It keeps its day unless a rule makes it move; `pinned`: a person chose the day."""

    on: date
    kind: Kind
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class VisitedMember:
    """`visited`: the days of past visits, in any order. `renews_on`: when the plan runs out, if it does.
    `quiet_until`: the last day of a silence the company asked for.
    """

    id: int
    tier: Tier
    owner: str
    renews_on: date | None = None
    visited: Sequence[date] = ()
    urgent: bool = False
    care: Sequence[Care] = ()
    kept: Sequence[Kept] = ()
    quiet_until: date | None = None


@dataclass(frozen=True, slots=True)
class Visitor:
    """A colleague: so many visits a day, none on the days away. `taken`: visits that are given away already, by day."""

    name: str
    capacity: int
    away: Collection[date] = frozenset()
    taken: Mapping[date, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Planned:
    """`due`: the day it should have been, which is later than `on` never for a regular visit."""

    member_id: int
    owner: str
    on: date
    kind: Kind
    due: date


@dataclass(frozen=True, slots=True)
class Conflict:
    """`lost` could not be kept because `won` was. `on`: by when it should have been, or the first day it was not.

    Figures by the rule that lost. RENEWAL: `worked_days` that were open to the visit, `capacity` on them, all of it
    `taken`. CARE_GAP: `gap` days in place of `allowed`. RENEWAL_REST: `visits` in it.
    SERVICE: `late` days, or no place in all the `days` to come.
    """

    member_id: int
    owner: str
    lost: Rule
    won: Rule
    on: date
    figures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """By day, then colleague, kind and member; conflicts by day and member."""

    visits: Sequence[Planned]
    conflicts: Sequence[Conflict]
