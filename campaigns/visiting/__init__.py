"""The visit calendar: who visits whom on which day, by rules that hold together, and what could not be kept."""

from campaigns.visiting.planning import plan_visits
from campaigns.visiting.values import (
    Care,
    Conflict,
    Kind,
    Plan,
    Planned,
    Rule,
    VisitedMember,
    Visitor,
    VisitRules,
)

__all__ = [
    "Care",
    "Conflict",
    "Kind",
    "Plan",
    "Planned",
    "Rule",
    "VisitRules",
    "VisitedMember",
    "Visitor",
    "plan_visits",
]
