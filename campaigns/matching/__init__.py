"""Which job seekers fit which postings, and which companies look for the same: pure, and every answer says why."""

from campaigns.matching.clusters import Cluster, Need, clusters_of
from campaigns.matching.occupations import occupations_of
from campaigns.matching.scoring import best_pairs, score
from campaigns.matching.values import Ground, GroundKind, LivePosting, Pair, SeekerFacts, Weights

__all__ = [
    "Cluster",
    "Ground",
    "GroundKind",
    "LivePosting",
    "Need",
    "Pair",
    "SeekerFacts",
    "Weights",
    "best_pairs",
    "clusters_of",
    "occupations_of",
    "score",
]
