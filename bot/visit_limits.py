"""What the settings and the tiers' service say about visits, as the calendar's rules take it."""

from bot.settings import Settings
from campaigns.policy import PolicySettings
from campaigns.visit_facts import Usual
from campaigns.visiting import VisitRules, days_between

_TO_RENEWAL = 10  # days before the rest that are the best for a visit before a renewal


def usual_visits(settings: Settings, policy: PolicySettings) -> Usual:
    rules = VisitRules(
        per_month=settings.visit_per_month,
        urgent_per_month=max(settings.visit_urgent_per_month, settings.visit_per_month),
        rest=settings.visit_rest_days,
        renewal_from=settings.visit_rest_days + _TO_RENEWAL,
        care_gap=settings.visit_care_gap,
        every=days_between(policy.service),
    )
    return Usual(settings.visit_a_day, settings.visit_ahead_days, settings.visit_missed_days, rules)
