"""Which tier a member is in and why: a score of 0 to 100 on what the export holds, cut by percentile.

Five parts, each from 0 to 1. A part the export does not hold is left out, the others are weighted up, and the reasons
say so.
"""

from campaigns.tiers.scoring import Assigned, assign_tiers, explain_tier, score_members
from campaigns.tiers.signals import TierScore, TierSignals
from campaigns.tiers.trying import Move, Standing, Tried, try_rules

__all__ = [
    "Assigned",
    "Move",
    "Standing",
    "TierScore",
    "TierSignals",
    "Tried",
    "assign_tiers",
    "explain_tier",
    "score_members",
    "try_rules",
]
