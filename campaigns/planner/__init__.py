"""From trigger to outbox: occurrence × audience × policy × content; its preview; the recheck before the wire."""

from campaigns.planner.fates import obstacle_words
from campaigns.planner.planning import next_slot, plan_due, plan_occurrence, skip_slots, start_campaign
from campaigns.planner.previewing import CAN, Preview, preview
from campaigns.planner.reaching import Reachable, reach_of
from campaigns.planner.rechecking import Checked, choose_again, recheck
from campaigns.planner.runs import Rulebook, Run, first_due, stored_run

__all__ = [
    "CAN",
    "Checked",
    "Preview",
    "Reachable",
    "Rulebook",
    "Run",
    "choose_again",
    "first_due",
    "next_slot",
    "obstacle_words",
    "plan_due",
    "plan_occurrence",
    "preview",
    "reach_of",
    "recheck",
    "skip_slots",
    "start_campaign",
    "stored_run",
]
