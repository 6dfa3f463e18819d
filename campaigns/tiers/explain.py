"""Why a member is in its tier, with figures: what carried it up or held it down, and what is missing."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import compress
from typing import Literal

from campaigns.terms import Tier
from campaigns.tiers.measures import plan_months
from campaigns.tiers.signals import TierScore, TierSignals

Language = Literal["zh", "en"]

_UPPER = (Tier.TOP, Tier.GOOD)
_REASONS = 3
_NAMES = {
    "zh": ("付费", "活跃", "招聘", "规模性质", "响应"),
    "en": ("payments", "activity", "hiring", "size and nature", "response"),
}


def reasons(score: TierScore, tier: Tier, language: Language = "zh") -> tuple[str, ...]:
    weights = score.rules.weights
    told = [_reason(score, part, language) for part in _telling_parts(score.points, weights, tier)[:_REASONS]]
    if None in score.points:
        unknown = [points is None and weight > 0 for points, weight in zip(score.points, weights, strict=True)]
        told += [_missing(tuple(unknown), language)] if any(unknown) else []
    return tuple(told)


def _telling_parts(points: Sequence[float | None], weights: Sequence[int], tier: Tier) -> list[int]:
    """Known parts that count, the most telling first: by points won in the upper two tiers, lost in the lower."""
    counted = [(part, won, weights[part]) for part, won in enumerate(points) if won is not None and weights[part]]
    telling = [(-won if tier in _UPPER else won - weight, part) for part, won, weight in counted]
    telling.sort()
    return [part for _, part in telling]


def _reason(score: TierScore, part: int, language: Language) -> str:
    text = _FIGURES[language][part](score.signals, score.at)
    name, points, weight = _NAMES[language][part], score.points[part], score.rules.weights[part]
    return f"{text}（{name}{points:.1f}/{weight}）" if language == "zh" else f"{text} ({name} {points:.1f}/{weight})"


@lru_cache
def _missing(unknown: tuple[bool, ...], language: Language) -> str:
    names = tuple(compress(_NAMES[language], unknown))
    if language == "zh":
        return f"缺少{'、'.join(names)}数据，按其余各项折算"
    return f"no data on {', '.join(names)}: the other parts count for more"


def _payments_zh(s: TierSignals, now: datetime) -> str:
    if s.paid is not None:
        return f"近12个月付费{s.paid:.0f}元"
    if not plan_months(s.plan):
        return f"{s.plan}会员，没有付费"
    if s.plan_expires_on is None:
        return f"{s.plan}会员，到期日未知"
    return f"{s.plan}会员，{s.plan_expires_on}到期"


def _payments_en(s: TierSignals, now: datetime) -> str:
    if s.paid is not None:
        return f"{s.paid:.0f} yuan paid in 12 months"
    if not plan_months(s.plan):
        return f"plan {s.plan}, nothing paid"
    return f"plan {s.plan}, expires {s.plan_expires_on or 'on an unknown day'}"


def _activity_zh(s: TierSignals, now: datetime) -> str:
    if s.p_active is not None and s.login_days is not None:
        return f"近90天有{s.login_days}天登录，还活跃的可能{s.p_active:.0%}"
    if s.last_login_at is None:
        return "注册后从未登录"
    return f"最近登录在{(now - s.last_login_at).days}天前，共登录{s.login_count}次"


def _activity_en(s: TierSignals, now: datetime) -> str:
    if s.p_active is not None and s.login_days is not None:
        return f"logged in on {s.login_days} of 90 days, alive with a chance of {s.p_active:.0%}"
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
    read = "" if s.viewed_share is None else f"看过{s.viewed_share:.0%}的简历"
    hours = "" if s.median_view_hours is None else f"一般{s.median_view_hours:.0f}小时内查看"
    answered = "" if s.answered is None else f"回了{s.answered:.0%}的消息"
    return "，".join(filter(None, (read, hours, answered)))


def _response_en(s: TierSignals, now: datetime) -> str:
    read = "" if s.viewed_share is None else f"{s.viewed_share:.0%} of the résumés read"
    hours = "" if s.median_view_hours is None else f"mostly within {s.median_view_hours:.0f} hours"
    answered = "" if s.answered is None else f"{s.answered:.0%} of our messages answered"
    return ", ".join(filter(None, (read, hours, answered)))


_FIGURES: dict[Language, tuple[Callable[[TierSignals, datetime], str], ...]] = {
    "zh": (_payments_zh, _activity_zh, _hiring_zh, _standing_zh, _response_zh),
    "en": (_payments_en, _activity_en, _hiring_en, _standing_en, _response_en),
}
