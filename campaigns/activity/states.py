"""What a member's history comes to: never in, active, cooling, dormant, or dormant with a plan that runs."""

from dataclasses import dataclass
from enum import StrEnum


class ActivityState(StrEnum):
    NEVER_IN = "never_in"
    ACTIVE = "active"
    COOLING = "cooling"
    DORMANT = "dormant"
    PAYING_DORMANT = "paying_dormant"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Chances from 0 to 1; days. The two lists of days are for members of whom only the last login is known."""

    active: float = 0.5
    cooling: float = 0.2
    never_in_days: float = 14
    active_days: float = 30
    cooling_days: float = 90


@dataclass(frozen=True, slots=True)
class Verdict:
    """`p_active` is None where only the last login is known; `silent_days` since that login, or since the start."""

    state: ActivityState
    p_active: float | None
    silent_days: float


def by_score(
    p_active: float, visits: int, age_days: float, silent_days: float, *, paying: bool, cuts: Thresholds
) -> Verdict:
    """The state of a member whose logins are known. Who never came back is never called active after the first days."""
    if not visits and age_days >= cuts.never_in_days:
        return Verdict(ActivityState.NEVER_IN, p_active, silent_days)
    return Verdict(_band(p_active, cuts.active, cuts.cooling, paying), p_active, silent_days)


def by_recency(silent_days: float | None, *, paying: bool, cuts: Thresholds) -> Verdict:
    """The state where only the last login is known; None: there was none."""
    if silent_days is None:
        return Verdict(ActivityState.NEVER_IN, None, 0.0)
    # Negative: the shorter the silence, the better.
    return Verdict(_band(-silent_days, -cuts.active_days, -cuts.cooling_days, paying), None, silent_days)


def _band(value: float, active: float, cooling: float, paying: bool) -> ActivityState:
    if value >= active:
        return ActivityState.ACTIVE
    if value >= cooling:
        return ActivityState.COOLING
    return ActivityState.PAYING_DORMANT if paying else ActivityState.DORMANT
