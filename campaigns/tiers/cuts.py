"""From parts to a score, and from scores to tiers: percentile cuts, and what keeps a member where it was."""

import numpy as np
from numpy.typing import NDArray

from campaigns.terms import Tier
from campaigns.tier_rules import TIERS, TierRules
from campaigns.tiers.signals import Floats, Places

_STANDARD = TIERS.index(Tier.STANDARD)


def total(values: Floats, rules: TierRules) -> Floats:
    """0 to 100; a part that is not known is left out, and the others count for more."""
    weights = np.where(np.isnan(values), 0.0, np.array(rules.weights, dtype=np.float64))
    known = weights.sum(axis=1)
    found: Floats = 100 * np.nansum(weights * np.nan_to_num(values), axis=1) / np.where(known > 0, known, 1)
    return np.round(found, 6)  # sums in another order must not tell equal members apart


def by_rank(ids: Places, scores: Floats, rules: TierRules) -> Places:
    """The tier of each by its rank alone. Equal scores at a cut are told apart by the id.

    Who has no point is in none of the tiers above 一般: a site that has told no more than names would else have its
    oldest dead accounts served one to one.
    """
    best_first = np.lexsort((ids, -scores))
    tiers = np.empty(len(scores), dtype=np.int64)
    tiers[best_first] = np.searchsorted(_cut_ranks(len(scores), rules), np.arange(len(scores)), side="right")
    return np.where(scores > 0, tiers, np.maximum(tiers, _STANDARD))


def place(ids: Places, scores: Floats, previous: Places, fresh: NDArray[np.bool_], rules: TierRules) -> Places:
    """The tier of each. `previous` is the one it was in, `fresh`: for less than the margin of time."""
    ranked = by_rank(ids, scores, rules)
    lines = cut_scores(scores, rules)
    # The tier the score has clearly earned, and the one it has clearly not fallen below.
    earned = _beyond(scores, lines + rules.margin_points)
    kept = _beyond(scores, lines - rules.margin_points)
    moved = np.where(fresh, previous, np.clip(previous, kept, earned))
    return np.where(previous < 0, ranked, moved)


def cut_scores(scores: Floats, rules: TierRules) -> Floats:
    """The score of the last in each tier but the lowest; infinite where a tier has nobody."""
    best_first = np.sort(scores)[::-1]
    return np.array([best_first[rank - 1] if rank else np.inf for rank in _cut_ranks(len(scores), rules)])


def _cut_ranks(count: int, rules: TierRules) -> Places:
    return np.array([round(share * count / 100) for share in rules.shares])


def _beyond(scores: Floats, lines: Floats) -> Places:
    below: Places = np.sum(scores[:, None] < lines[None, :], axis=1)
    return below
