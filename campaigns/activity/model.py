"""MBG/NBD: members come back at a rate of their own until, after any visit, the first one too, they leave for good.

Rates are Gamma(r, alpha) over members, the chance to leave after a visit is Beta(a, b). Sources and derivations stand
in docs/science.md. What keeps the digits: logarithms throughout, and for the expectation Euler's transformation
of 2F1, after which its first two parameters do not grow with the number of visits.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.special import betaln, expit, gammaln, hyp2f1

from campaigns.activity.histories import Floats, Histories

_NEAR_ONE = 1e-5  # within it E is taken from the line between both ends: 1e-10 off, where 0/0 would be 1e-1 off
_SLACK = 1e-9
_STEPS = np.linspace(-8.5, 8.5, 513)
_FURTHEST = 690.0  # e to it is a number still


@dataclass(frozen=True, slots=True)
class Parameters:
    """All positive. `alpha` is a time: in days it is seven times what it is in weeks."""

    r: float
    alpha: float
    a: float
    b: float

    def in_units_of(self, unit: float) -> "Parameters":
        return Parameters(self.r, self.alpha / unit, self.a, self.b)


def log_likelihood(known: Parameters, some: Histories) -> Floats:
    """(n,): the logarithm of each history's likelihood."""
    r, alpha, a, b = known.r, known.alpha, known.a, known.b
    x = some.frequency
    counted = gammaln(r + x) - gammaln(r) + betaln(a, b + x + 1) - betaln(a, b)
    here = -(r + x) * np.log1p(some.age / alpha)
    left = np.log(a) - np.log(b + x) - (r + x) * np.log1p(some.recency / alpha)
    return cast(Floats, counted - x * np.log(alpha) + np.logaddexp(here, left))


def p_active(known: Parameters, some: Histories) -> Floats:
    """(n,): the chance that a member has not left for good. Below 1 for who never came back: b/(a+b) at most."""
    x = some.frequency
    silence = np.log1p((some.age - some.recency) / (known.alpha + some.recency))
    return cast(Floats, expit(np.log(known.b + x) - np.log(known.a) - (known.r + x) * silence))


def expected_events(known: Parameters, some: Histories, ahead: float) -> Floats:
    """(n,): how many visits to expect in the next `ahead` when nobody nudges."""
    return p_active(known, some) * _expected_of_active(known, some, ahead)


def _expected_of_active(known: Parameters, some: Histories, ahead: float) -> Floats:
    if abs(known.a - 1) >= _NEAR_ONE:
        return _away_from_one(known, some, ahead)
    low, high = (
        _away_from_one(Parameters(known.r, known.alpha, a, known.b), some, ahead)
        for a in (1 - _NEAR_ONE, 1 + _NEAR_ONE)
    )
    return low + (high - low) * (known.a - 1 + _NEAR_ONE) / (2 * _NEAR_ONE)


def _away_from_one(known: Parameters, some: Histories, ahead: float) -> Floats:
    """The mean of (1 - e^(-rate p t)) / p over what is known of rate and p; by quadrature where 2F1 fails."""
    r, alpha, a, b = known.r, known.alpha, known.a, known.b
    x, total = some.frequency, a + b + some.frequency
    share = ahead / (alpha + some.age + ahead)
    with np.errstate(all="ignore"):
        staying = np.exp((a - 1) * np.log1p(-share)) * hyp2f1(a + b - r, a - 1, total, share)
        found = total / (a - 1) * (1 - staying)
    most = ahead * (r + x) / (alpha + some.age)  # who never left would come that often
    doubtful = ~((found >= 0) & (found <= most * (1 + _SLACK)))
    if doubtful.any():
        found[doubtful] = _by_quadrature(known, x[doubtful], some.age[doubtful], ahead)
    return cast(Floats, found)


def _by_quadrature(known: Parameters, x: Floats, age: Floats, ahead: float) -> Floats:
    """The same mean, summed over the logit of p in steps that grow with the distance from the middle."""
    a, b = known.a, known.b + x + 1
    middle, width = np.log(a / b), np.sqrt(1 / a + 1 / b)
    total = np.zeros(len(x))
    for step, reach in zip(np.sinh(_STEPS), np.cosh(_STEPS), strict=True):
        logit = np.clip(middle + width * step, -_FURTHEST, _FURTHEST)
        ln_p, ln_rest = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
        p = np.exp(ln_p)
        events = -np.expm1(-(known.r + x) * np.log1p(p * ahead / (known.alpha + age))) / p
        total += np.exp(a * ln_p + b * ln_rest - betaln(a, b)) * events * width * reach
    return cast(Floats, total * (_STEPS[1] - _STEPS[0]))
