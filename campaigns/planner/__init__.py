"""From trigger to outbox: occurrence × audience × policy × content; its preview; the recheck before the wire."""

from campaigns.planner.by_hand import ANSWER_WITHIN, WayByHand, sample_of, ways_by_hand
from campaigns.planner.ending import CalledOff, call_off
from campaigns.planner.fates import obstacle_words, written_to
from campaigns.planner.planning import (
    begin_again,
    begin_campaign,
    next_slot,
    plan_due,
    plan_occurrence,
    skip_slots,
    start_campaign,
)
from campaigns.planner.previewing import CAN, Preview, preview
from campaigns.planner.reaching import Reachable, reach_of, reach_of_many
from campaigns.planner.rechecking import Checked, choose_again, recheck
from campaigns.planner.runs import Rulebook, Run, first_due, stored_run

__all__ = [
    "ANSWER_WITHIN",
    "CAN",
    "CalledOff",
    "Checked",
    "Preview",
    "Reachable",
    "Rulebook",
    "Run",
    "WayByHand",
    "begin_again",
    "begin_campaign",
    "call_off",
    "choose_again",
    "first_due",
    "next_slot",
    "obstacle_words",
    "plan_due",
    "plan_occurrence",
    "preview",
    "reach_of",
    "reach_of_many",
    "recheck",
    "sample_of",
    "skip_slots",
    "start_campaign",
    "stored_run",
    "ways_by_hand",
    "written_to",
]
