"""The visit calendar: who visits whom on which day, by rules that hold together, and what could not be kept."""

from campaigns.visiting.moving import FIRM, broken_by
from campaigns.visiting.planning import plan_visits
from campaigns.visiting.values import (
    Care,
    Conflict,
    Kept,
    Kind,
    Plan,
    Planned,
    Rule,
    VisitedMember,
    Visitor,
    VisitRules,
    days_between,
)

__all__ = [
    "FIRM",
    "Care",
    "Conflict",
    "Kept",
    "Kind",
    "Plan",
    "Planned",
    "Rule",
    "VisitRules",
    "VisitedMember",
    "Visitor",
    "broken_by",
    "days_between",
    "plan_visits",
]
