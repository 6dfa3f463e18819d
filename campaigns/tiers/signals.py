"""What a tier is worked out from, and what comes of it."""

from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campaigns.terms import Tier
from campaigns.tier_rules import TierRules

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
"""A tier each, by its place among TIERS; -1 = none."""


# Named tuples: there are as many of these as members, and they are made in a quarter of a dataclass's time.
class TierSignals(NamedTuple):
    """What the tier is worked out from. `open_heads` people wanted now; `viewed_share` 0 to 1 of the
    applications; None or an empty word = the export does not say.

    `paid` yuan in twelve months, `login_days` of the last 90, `answered` 0 to 1 of what we wrote.
    """

    member_id: int
    plan: str
    plan_expires_on: date | None
    login_count: int
    last_login_at: datetime | None
    registered_at: datetime
    open_heads: int
    postings_90d: int
    size: str
    nature: str
    viewed_share: float | None
    median_view_hours: float | None
    previous: Tier | None = None
    previous_since: datetime | None = None
    paid: float | None = None
    p_active: float | None = None
    login_days: int | None = None
    answered: float | None = None


class TierScore(NamedTuple):
    """`values` of each part from 0 to 1 (None = not known), `points` the same out of the weights, `score` 0 to 100
    on the parts that are known."""

    member_id: int
    score: float
    points: tuple[float | None, ...]
    values: tuple[float | None, ...]
    signals: TierSignals
    at: datetime
    rules: TierRules
