"""The five parts of a score, each from 0 to 1: one row a member, one column a part, NaN where nothing is known.

On fixed scales, but for the days of logins: these are compared with everybody's, as a percentile.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np

from campaigns.terms import SHANGHAI
from campaigns.tier_rules import TierRules
from campaigns.tiers.signals import Floats, TierSignals

_HALF_LIFE_DAYS = 45.0  # of activity since the last login
_BUSY_LOGINS = 20.0  # logins in 30 days that count in full
_BUSY_HEADS, _BUSY_POSTINGS = 100.0, 20.0
_SLOW_HOURS = 168.0  # a résumé first read after a week counts as not read
_LARGE = 1000.0
_SMALLEST = re.compile("以下|少于|不足|不到|under|less|<", re.IGNORECASE)
_FREE = re.compile("(?<!非)免费|试用")
_PLAN = re.compile(r"(\d+|[一二两三四五六七八九十])?\s*个?(年|季|月)")
_NO_PLAN = re.compile("青年|少年|新年|周年|多年")
_MONTHS = {"年": 12, "季": 3, "月": 1}
_SAID = {word: number for number, word in enumerate("一二三四五六七八九十", start=1)} | {"两": 2}
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


def measure(signals: Sequence[TierSignals], rules: TierRules, now: datetime) -> Floats:
    """The columns are those of PARTS. Give all members at once, for the percentile."""
    return np.column_stack(
        (
            _payments(signals, rules, now),
            _activity(signals, now),
            _hiring(signals),
            _standing(signals),
            _response(signals),
        )
    )


@lru_cache(maxsize=1024)
def plan_months(plan: str) -> int | None:
    """How long a plan of this name lasts; 0 is free, None a name that says nothing."""
    if _FREE.search(plan):
        return 0
    if "半年" in plan:
        return 6
    found = _PLAN.search(_NO_PLAN.sub("", plan))
    if found is None:
        return None
    number, unit = found.groups()
    return _MONTHS[unit] * (1 if number is None else _SAID.get(number) or int(number))


def _payments(signals: Sequence[TierSignals], rules: TierRules, now: datetime) -> Floats:
    """What was paid in twelve months; where the site does not tell, the plan stands for it."""
    paid = _floats([s.paid for s in signals])
    return np.where(np.isnan(paid), _by_plan(signals, now), _log_share(paid, rules.paid_full))


def _by_plan(signals: Sequence[TierSignals], now: datetime) -> Floats:
    months = _floats([plan_months(s.plan) for s in signals])
    today = now.astimezone(SHANGHAI).date().toordinal()
    lapsed = _floats([today - s.plan_expires_on.toordinal() if s.plan_expires_on else 0 for s in signals])
    # What was paid counts for a year after it has run out, less every day.
    return _log_share(months * np.clip(1 - lapsed / 365, 0, 1), 12)


def _activity(signals: Sequence[TierSignals], now: datetime) -> Floats:
    """The chance that the account is alive times the percentile of its login days; where these are not known, how
    long ago and how often it logged in."""
    chance, days = _floats([s.p_active for s in signals]), _floats([s.login_days for s in signals])
    return np.where(np.isnan(chance * days), _by_last_login(signals, now), chance * _percentile(days))


def _percentile(days: Floats) -> Floats:
    """The share of all that came on as many days or fewer; who did not come has none."""
    known = np.sort(days[~np.isnan(days)])
    if not len(known):
        return days
    found: Floats = np.searchsorted(known, days, side="right") / len(known)
    return np.where(np.isnan(days), np.nan, np.where(days > 0, found, 0.0))


def _by_last_login(signals: Sequence[TierSignals], now: datetime) -> Floats:
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
    """How many résumés it looks at and how soon; and how much of what we wrote it answered."""
    share = _floats([s.viewed_share for s in signals])
    speed = 1 - _log_share(_floats([s.median_view_hours for s in signals]), _SLOW_HOURS)
    reading = np.where(np.isnan(share), np.nan, _mean_of_known(share, speed, 0.6))
    return _mean_of_known(reading, np.clip(_floats([s.answered for s in signals]), 0, 1), 2 / 3)


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
def _people(size: str) -> int | None:
    found = re.search(r"(\d+)\s*(万)?", size.replace(",", "").replace("，", ""))
    if found is None:
        return None
    return 1 if _SMALLEST.search(size) else int(found[1]) * (10_000 if found[2] else 1)


@lru_cache(maxsize=1024)
def _nature(nature: str) -> float | None:
    return next((value for word, value in _NATURE_VALUE if word in nature), None)
