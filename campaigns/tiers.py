"""Which tier a member is in and why: a score of 0 to 100 on what the export holds, cut by percentile.

Five parts, each scored from 0 to 1 on a fixed scale (a member's score does not move because others change). A
part the export does not hold is left out, the others are weighted up, and the reasons say so.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import compress
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from campaigns.terms import SHANGHAI, Tier

Language = Literal["zh", "en"]
Floats = NDArray[np.float64]

WEIGHTS = (30, 25, 20, 15, 10)
"""Full points of: payments, activity, hiring, size and nature, response."""

TOP_SHARES = (0.05, 0.20, 0.70)
"""高端 is the best 5 %, 优质 the next 15 %, 一般 the next 50 %, 低端 the rest."""

MARGIN_POINTS = 5.0
"""A known tier changes only when the score is this far beyond the cut..."""
MARGIN_TIME = timedelta(days=30)
"""...and the member has been in it this long."""

_TIERS = (Tier.TOP, Tier.GOOD, Tier.STANDARD, Tier.LOW)
_UPPER = (Tier.TOP, Tier.GOOD)
_NAMES = {
    "zh": ("付费", "活跃", "招聘", "规模性质", "响应"),
    "en": ("payments", "activity", "hiring", "size and nature", "response"),
}
_REASONS = 3

_HALF_LIFE_DAYS = 45.0  # of activity since the last login
_BUSY_LOGINS = 20.0  # logins in 30 days that count in full
_BUSY_HEADS, _BUSY_POSTINGS = 100.0, 20.0
_SLOW_HOURS = 168.0  # a résumé first read after a week counts as not read
_LARGE = 1000.0
_SMALLEST = re.compile("以下|少于|不足|不到|under|less|<", re.IGNORECASE)
_PLAN_MONTHS = (("半年", 6), ("年", 12), ("季", 3), ("月", 1), ("免费", 0), ("试用", 0))
_NATURE_VALUE = (
    ("国企", 1.0),
    ("国有", 1.0),
    ("上市", 1.0),
    ("事业", 0.9),
    ("外资", 0.9),
    ("合资", 0.8),
    ("民营", 0.6),
    ("私营", 0.6),
    ("个体", 0.2),
)


# Named tuples: there are as many of these as members, and they are made in a quarter of a dataclass's time.
class TierSignals(NamedTuple):
    """What the tier is worked out from. `open_heads` people wanted now; `viewed_share` 0 to 1 of the
    applications; None or an empty word = the export does not say."""

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


class TierScore(NamedTuple):
    """`points` of each part (out of WEIGHTS; None = not known), `score` 0 to 100 on the parts that are."""

    member_id: int
    score: float
    points: tuple[float | None, ...]
    signals: TierSignals
    at: datetime


class Assigned(NamedTuple):
    """A member's tier and the score it came from."""

    member_id: int
    tier: Tier
    score: float
    detail: TierScore

    @property
    def reasons(self) -> tuple[str, ...]:
        """In Chinese, with figures: the three parts that carried it up or held it down, and what is missing.

        Worked out when asked for: the words would cost more than all the rest.
        """
        return _reasons(self.detail, self.tier, "zh")


def assign_tiers(signals: Sequence[TierSignals], now: datetime) -> list[Assigned]:
    """Tiers of all members, in their order: the cuts are percentiles, so give all of them at once.

    Equal scores at a cut are told apart by member_id. A previous tier is kept within the margins.
    """
    if not signals:
        return []
    values = _values(signals, now)
    scores = _total(values)
    tiers = _with_hysteresis(_by_rank(signals, scores), signals, scores, now)
    details = _scores(signals, values, scores, now)
    return [
        Assigned(detail.member_id, _TIERS[tier], detail.score, detail)
        for detail, tier in zip(details, tiers.tolist(), strict=True)
    ]


def score_members(signals: Sequence[TierSignals], now: datetime) -> list[TierScore]:
    """The scores alone, in the order given."""
    if not signals:
        return []
    values = _values(signals, now)
    return _scores(signals, values, _total(values), now)


def explain_tier(assigned: Assigned, language: Language = "zh") -> str:
    """The tier, the score and its reasons in one line."""
    reasons = _reasons(assigned.detail, assigned.tier, language)
    if language == "zh":
        return f"{assigned.tier}（{assigned.score:.1f}分）：{'；'.join(reasons)}"
    return f"{assigned.tier.name.lower()} ({assigned.score:.1f} points): {'; '.join(reasons)}"


def _by_rank(signals: Sequence[TierSignals], scores: Floats) -> NDArray[np.int64]:
    ids = np.array([s.member_id for s in signals])
    best_first = np.lexsort((ids, -scores))
    tiers = np.empty(len(signals), dtype=np.int64)
    tiers[best_first] = np.searchsorted(_cut_ranks(len(signals)), np.arange(len(signals)), side="right")
    return tiers


def _cut_ranks(count: int) -> NDArray[np.int64]:
    return np.array([round(share * count) for share in TOP_SHARES])


def _with_hysteresis(
    ranked: NDArray[np.int64], signals: Sequence[TierSignals], scores: Floats, now: datetime
) -> NDArray[np.int64]:
    known = np.array([i for i, s in enumerate(signals) if s.previous is not None], dtype=np.int64)
    if not len(known):
        return ranked
    best_first = np.sort(scores)[::-1]
    cuts = np.array([best_first[rank - 1] if rank else np.inf for rank in _cut_ranks(len(scores))])
    previous = np.array([_TIERS.index(s.previous) for s in signals if s.previous is not None])
    # The tier the score has clearly earned, and the one it has clearly not fallen below.
    earned = _tier_by_cuts(scores[known], cuts + MARGIN_POINTS)
    kept = _tier_by_cuts(scores[known], cuts - MARGIN_POINTS)
    moved = np.clip(previous, kept, earned)
    fresh = np.array([_is_fresh(signals[i], now) for i in known.tolist()])
    tiers = ranked.copy()
    tiers[known] = np.where(fresh, previous, moved)
    return tiers


def _tier_by_cuts(scores: Floats, cuts: Floats) -> NDArray[np.int64]:
    below: NDArray[np.int64] = np.sum(scores[:, None] < cuts[None, :], axis=1)
    return below


def _is_fresh(signals: TierSignals, now: datetime) -> bool:
    return signals.previous_since is not None and now - signals.previous_since < MARGIN_TIME


def _total(values: Floats) -> Floats:
    weights = np.where(np.isnan(values), 0.0, np.array(WEIGHTS, dtype=np.float64))
    total: Floats = 100 * np.nansum(weights * np.nan_to_num(values), axis=1) / weights.sum(axis=1)
    return np.round(total, 6)  # sums in another order must not tell equal members apart


def _scores(signals: Sequence[TierSignals], values: Floats, scores: Floats, now: datetime) -> list[TierScore]:
    points = (values * WEIGHTS).astype(object)
    points[np.isnan(values)] = None
    return [
        TierScore(one.member_id, score, tuple(row), one, now)
        for one, row, score in zip(signals, points.tolist(), scores.tolist(), strict=True)
    ]


def _values(signals: Sequence[TierSignals], now: datetime) -> Floats:
    """One row a member, one column a part, each from 0 to 1; NaN = not known."""
    return np.column_stack(
        (
            _payments(signals, now),
            _activity(signals, now),
            _hiring(signals),
            _standing(signals),
            _response(signals),
        )
    )


def _payments(signals: Sequence[TierSignals], now: datetime) -> Floats:
    months = _floats([_plan_months(s.plan) for s in signals])
    today = now.astimezone(SHANGHAI).date().toordinal()
    lapsed = _floats([today - s.plan_expires_on.toordinal() if s.plan_expires_on else 0 for s in signals])
    # What was paid counts for a year after it has run out, less every day.
    paid = months * np.clip(1 - lapsed / 365, 0, 1)
    return _log_share(paid, 12)


def _activity(signals: Sequence[TierSignals], now: datetime) -> Floats:
    idle = _floats([_days(now - s.last_login_at) if s.last_login_at else np.inf for s in signals])
    age = _floats([_days(now - s.registered_at) for s in signals])
    per_month = _floats([s.login_count for s in signals]) * 30 / np.maximum(age, 30)
    recent: Floats = 0.5 ** (np.maximum(idle, 0) / _HALF_LIFE_DAYS)
    return recent * _log_share(per_month, _BUSY_LOGINS)


def _hiring(signals: Sequence[TierSignals]) -> Floats:
    heads = _log_share(_floats([s.open_heads for s in signals]), _BUSY_HEADS)
    postings = _log_share(_floats([s.postings_90d for s in signals]), _BUSY_POSTINGS)
    return (heads + postings) / 2


def _standing(signals: Sequence[TierSignals]) -> Floats:
    size = _log_share(_floats([_people(s.size) for s in signals]), _LARGE)
    nature = _floats([_nature(s.nature) for s in signals])
    return _mean_of_known(size, nature, 2 / 3)


def _response(signals: Sequence[TierSignals]) -> Floats:
    share = _floats([s.viewed_share for s in signals])
    hours = _floats([s.median_view_hours for s in signals])
    speed = 1 - _log_share(hours, _SLOW_HOURS)
    both = _mean_of_known(share, speed, 0.6)
    return np.where(np.isnan(share), np.nan, both)


def _mean_of_known(first: Floats, second: Floats, first_weight: float) -> Floats:
    both = first * first_weight + second * (1 - first_weight)
    return np.where(np.isnan(first), second, np.where(np.isnan(second), first, both))


def _log_share(amounts: Floats, full: float) -> Floats:
    share: Floats = np.clip(np.log1p(np.maximum(amounts, 0)) / np.log1p(full), 0, 1)
    return share


def _floats(amounts: Sequence[float | None]) -> Floats:
    return np.array(amounts, dtype=np.float64)  # None becomes NaN


def _days(span: timedelta) -> float:
    return span.total_seconds() / 86400


@lru_cache(maxsize=1024)
def _plan_months(plan: str) -> int | None:
    return next((months for word, months in _PLAN_MONTHS if word in plan), None)


@lru_cache(maxsize=1024)
def _people(size: str) -> int | None:
    found = re.search(r"\d+", size)
    if found is None:
        return None
    return 1 if _SMALLEST.search(size) else int(found[0])


@lru_cache(maxsize=1024)
def _nature(nature: str) -> float | None:
    return next((value for word, value in _NATURE_VALUE if word in nature), None)


def _reasons(score: TierScore, tier: Tier, language: Language) -> tuple[str, ...]:
    told = [_reason(score, part, language) for part in _telling_parts(score.points, tier)[:_REASONS]]
    if None in score.points:
        told.append(_missing(tuple([points is None for points in score.points]), language))
    return tuple(told)


def _telling_parts(points: Sequence[float | None], tier: Tier) -> list[int]:
    """Known parts, the most telling first: by points won in the upper two tiers, lost in the lower."""
    if tier in _UPPER:
        telling = [(-won, part) for part, won in enumerate(points) if won is not None]
    else:
        telling = [(won - WEIGHTS[part], part) for part, won in enumerate(points) if won is not None]
    telling.sort()
    return [part for _, part in telling]


def _reason(score: TierScore, part: int, language: Language) -> str:
    text = _FIGURES[language][part](score.signals, score.at)
    name, points, weight = _NAMES[language][part], score.points[part], WEIGHTS[part]
    return f"{text}（{name}{points:.1f}/{weight}）" if language == "zh" else f"{text} ({name} {points:.1f}/{weight})"


@lru_cache
def _missing(unknown: tuple[bool, ...], language: Language) -> str:
    names = tuple(compress(_NAMES[language], unknown))
    if language == "zh":
        return f"缺少{'、'.join(names)}数据，按其余各项折算"
    return f"no data on {', '.join(names)}: the other parts count for more"


def _payments_zh(s: TierSignals, now: datetime) -> str:
    if not _plan_months(s.plan):
        return f"{s.plan}会员，没有付费"
    if s.plan_expires_on is None:
        return f"{s.plan}会员，到期日未知"
    return f"{s.plan}会员，{s.plan_expires_on}到期"


def _payments_en(s: TierSignals, now: datetime) -> str:
    if not _plan_months(s.plan):
        return f"plan {s.plan}, nothing paid"
    return f"plan {s.plan}, expires {s.plan_expires_on or 'on an unknown day'}"


def _activity_zh(s: TierSignals, now: datetime) -> str:
    if s.last_login_at is None:
        return "注册后从未登录"
    return f"最近登录在{(now - s.last_login_at).days}天前，共登录{s.login_count}次"


def _activity_en(s: TierSignals, now: datetime) -> str:
    if s.last_login_at is None:
        return "never logged in"
    return f"last login {(now - s.last_login_at).days} days ago, {s.login_count} in all"


def _hiring_zh(s: TierSignals, now: datetime) -> str:
    return f"在招{s.open_heads}人，近90天发布{s.postings_90d}个职位"


def _hiring_en(s: TierSignals, now: datetime) -> str:
    return f"{s.open_heads} people wanted, {s.postings_90d} postings in 90 days"


def _standing_zh(s: TierSignals, now: datetime) -> str:
    return "，".join((s.size or "规模未知", s.nature or "性质未知"))


def _standing_en(s: TierSignals, now: datetime) -> str:
    return ", ".join((s.size or "size unknown", s.nature or "nature unknown"))


def _response_zh(s: TierSignals, now: datetime) -> str:
    hours = "" if s.median_view_hours is None else f"，一般{s.median_view_hours:.0f}小时内查看"
    return f"看过{s.viewed_share or 0:.0%}的简历{hours}"


def _response_en(s: TierSignals, now: datetime) -> str:
    hours = "" if s.median_view_hours is None else f", mostly within {s.median_view_hours:.0f} hours"
    return f"{s.viewed_share or 0:.0%} of the résumés read{hours}"


_FIGURES: dict[Language, tuple[Callable[[TierSignals, datetime], str], ...]] = {
    "zh": (_payments_zh, _activity_zh, _hiring_zh, _standing_zh, _response_zh),
    "en": (_payments_en, _activity_en, _hiring_en, _standing_en, _response_en),
}
