"""Scores and tiers of all members at once, from their signals."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from campaigns.terms import Tier
from campaigns.tier_rules import TIERS, TierRules
from campaigns.tiers.cuts import place, total
from campaigns.tiers.explain import Language, reasons
from campaigns.tiers.measures import measure
from campaigns.tiers.signals import Floats, TierScore, TierSignals

_USUAL = TierRules()


class Assigned(NamedTuple):
    """A member's tier and the score it came from."""

    member_id: int
    tier: Tier
    score: float
    detail: TierScore

    @property
    def reasons(self) -> tuple[str, ...]:
        """In Chinese. Worked out when asked for: the words would cost more than all the rest."""
        return reasons(self.detail, self.tier)


def assign_tiers(signals: Sequence[TierSignals], now: datetime, rules: TierRules = _USUAL) -> list[Assigned]:
    """Tiers of all members, in their order: the cuts are percentiles, so give all of them at once.

    Equal scores at a cut are told apart by member_id. A previous tier is kept within the margins.
    """
    if not signals:
        return []
    values = measure(signals, rules, now)
    scores = total(values, rules)
    ids = np.array([s.member_id for s in signals])
    previous = np.array([-1 if s.previous is None else TIERS.index(s.previous) for s in signals])
    fresh = np.array([_is_fresh(s, rules, now) for s in signals])
    tiers = place(ids, scores, previous, fresh, rules).tolist()
    details = _scores(signals, values, scores, rules, now)
    return [
        Assigned(detail.member_id, TIERS[tier], detail.score, detail)
        for detail, tier in zip(details, tiers, strict=True)
    ]


def score_members(signals: Sequence[TierSignals], now: datetime, rules: TierRules = _USUAL) -> list[TierScore]:
    """The scores alone, in the order given."""
    if not signals:
        return []
    values = measure(signals, rules, now)
    return _scores(signals, values, total(values, rules), rules, now)


def explain_tier(assigned: Assigned, language: Language = "zh") -> str:
    """The tier, the score and its reasons in one line."""
    told = reasons(assigned.detail, assigned.tier, language)
    if language == "zh":
        return f"{assigned.tier}（{assigned.score:.1f}分）：{'；'.join(told)}"
    return f"{assigned.tier.name.lower()} ({assigned.score:.1f} points): {'; '.join(told)}"


def _is_fresh(signals: TierSignals, rules: TierRules, now: datetime) -> bool:
    return signals.previous_since is not None and now - signals.previous_since < rules.margin_time


def _scores(
    signals: Sequence[TierSignals], values: Floats, scores: Floats, rules: TierRules, now: datetime
) -> list[TierScore]:
    unknown = np.isnan(values)
    known, points = values.astype(object), (values * rules.weights).astype(object)
    known[unknown] = points[unknown] = None
    return [
        TierScore(one.member_id, score, tuple(won), tuple(row), one, now, rules)
        for one, won, row, score in zip(signals, points.tolist(), known.tolist(), scores.tolist(), strict=True)
    ]
