"""How alive a member's account is: the MBG/NBD model of return visits, its fit, and states in plain words.

Pure and synchronous. Times are in one unit of the caller's choice; parameters and horizon count in the same unit.
"""

from campaigns.activity.fit import LEAST_RETURNING, SHIPPED, Fit, Reason, fit
from campaigns.activity.histories import Histories, fault_of, histories
from campaigns.activity.model import Parameters, expected_events, log_likelihood, p_active
from campaigns.activity.states import ActivityState, Thresholds, Verdict, by_recency, by_score

__all__ = [
    "LEAST_RETURNING",
    "SHIPPED",
    "ActivityState",
    "Fit",
    "Histories",
    "Parameters",
    "Reason",
    "Thresholds",
    "Verdict",
    "by_recency",
    "by_score",
    "expected_events",
    "fault_of",
    "fit",
    "histories",
    "log_likelihood",
    "p_active",
]
