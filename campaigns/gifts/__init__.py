"""Festival gifts: who gets which, so that it fits tier, history and taste and stays within the budget. Pure rules."""

from campaigns.gifts.allot import allot
from campaigns.gifts.values import Allotted, Candidate, Gift, GiftRules, Kept, Line, Manner, Obstacle, Why

__all__ = ["Allotted", "Candidate", "Gift", "GiftRules", "Kept", "Line", "Manner", "Obstacle", "Why", "allot"]
