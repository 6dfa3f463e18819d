"""Why a member's postings bring them nothing, and what to say about it: eleven rules, each with its figures."""

from campaigns.diagnosis.market import Group, Market, Peer, Quartiles, quartiles
from campaigns.diagnosis.member import diagnose
from campaigns.diagnosis.values import (
    Code,
    Diagnosis,
    Figure,
    Finding,
    MemberSigns,
    PostingSigns,
    Script,
)
from campaigns.diagnosis_rules import Part, Thresholds

__all__ = [
    "Code",
    "Diagnosis",
    "Figure",
    "Finding",
    "Group",
    "Market",
    "MemberSigns",
    "Part",
    "Peer",
    "PostingSigns",
    "Quartiles",
    "Script",
    "Thresholds",
    "diagnose",
    "quartiles",
]
