"""The rules of a visit's brief: whom to speak to, what similar postings ask, what was promised, what to say."""

from campaigns.briefing.demands import Asked, Demand, Named, Share, Unknown, demand_of
from campaigns.briefing.latency import Latency, latency_of
from campaigns.briefing.people import Person, deciders, in_order, role_by_title, salutation
from campaigns.briefing.promises import Promise, Standing, standing_of
from campaigns.briefing.scripts import (
    EVERY,
    PLACES,
    Line,
    ScriptBook,
    Sheet,
    Situation,
    Talk,
    Topic,
    Words,
    places_in,
    talk_about,
)

__all__ = [
    "EVERY",
    "PLACES",
    "Asked",
    "Demand",
    "Latency",
    "Line",
    "Named",
    "Person",
    "Promise",
    "ScriptBook",
    "Share",
    "Sheet",
    "Situation",
    "Standing",
    "Talk",
    "Topic",
    "Unknown",
    "Words",
    "deciders",
    "demand_of",
    "in_order",
    "latency_of",
    "places_in",
    "role_by_title",
    "salutation",
    "standing_of",
    "talk_about",
]
