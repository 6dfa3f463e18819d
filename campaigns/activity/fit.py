"""The parameters under which what members did is most likely, or the shipped ones where too few came back."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import digamma, expit

from campaigns.activity.histories import Floats, Histories
from campaigns.activity.model import Parameters, log_likelihood

LEAST_RETURNING = 200
"""Fewer members who ever came back do not tell four parameters."""

SHIPPED = Parameters(r=0.52483793, alpha=6.18299206, a=0.89135619, b=1.61399965)
"""Of a published sample of shoppers, in weeks: a start for a site that has no history of its own."""

_EDGE = 7.0
_BOX = [(-_EDGE, _EDGE)] * 4
_MEAN_AGE = 30.0  # what ages are scaled to, so that the box means the same in days and in weeks
_STARTS = ((0.5, 6.0, 0.9, 1.6), (1.0, 30.0, 0.3, 3.0), (3.0, 10.0, 3.0, 3.0))
_AT_EDGE = 1e-3


class Reason(StrEnum):
    """How the parameters came about."""

    FITTED = "fitted"
    EDGE = "edge"  # fitted, but the best lies at the edge of what is searched: the data do not tell all four
    FEW = "few"  # too few came back: the shipped ones


@dataclass(frozen=True, slots=True)
class Fit:
    """`log_likelihood` is the total over `members` under `parameters`, whichever they are."""

    parameters: Parameters
    log_likelihood: float
    reason: Reason
    members: int
    returning: int
    distinct: int


def fit(some: Histories, *, at_least: int = LEAST_RETURNING, shipped: Parameters = SHIPPED) -> Fit:
    """Fit to `some`, in their unit of time; `shipped` (in the same unit) where fewer than `at_least` came back."""
    merged, counts = some.distinct()
    returning = int(counts[merged.frequency > 0].sum())
    found, reason = shipped, Reason.FEW
    if returning >= max(at_least, 1):
        found, reason = _fitted(merged, counts)
    total = float(counts @ log_likelihood(found, merged))
    return Fit(found, total, reason, len(some), returning, len(merged))


def _fitted(merged: Histories, counts: NDArray[np.int64]) -> tuple[Parameters, Reason]:
    unit = _unit(merged, counts)
    loss = _loss(merged.in_units_of(unit), counts)
    tried = [minimize(loss, np.log(start), jac=True, method="L-BFGS-B", bounds=_BOX) for start in _STARTS]
    best = min(tried, key=lambda one: float(one.fun))
    polished = minimize(
        lambda point: loss(point)[0],
        best.x,
        method="Nelder-Mead",
        bounds=_BOX,
        options={"initial_simplex": _around(best.x), "xatol": 1e-7, "fatol": 1e-13, "maxiter": 400},
    )
    point = polished.x if polished.fun <= best.fun else best.x
    reason = Reason.EDGE if (np.abs(point) > _EDGE - _AT_EDGE).any() else Reason.FITTED
    r, alpha, a, b = map(float, np.exp(point))
    return Parameters(r, alpha * unit, a, b), reason


def _unit(merged: Histories, counts: NDArray[np.int64]) -> float:
    mean = float(counts @ merged.age) / float(counts.sum())
    return mean / _MEAN_AGE or 1.0


def _around(point: Floats) -> Floats:
    """A small simplex inside the box."""
    step = np.where(point > 0, -1e-3, 1e-3)
    return np.vstack((point, point + np.diag(step)))


def _loss(some: Histories, counts: NDArray[np.int64]) -> Callable[[Floats], tuple[float, Floats]]:
    """-LL per member and its gradient, by the logarithms of r, alpha, a, b.

    What depends on the number of visits alone is worked out once for each number: Gamma functions are the cost.
    """
    visits, of = np.unique(some.frequency, return_inverse=True)
    times = np.bincount(of, weights=counts)
    share = counts / counts.sum()
    still = Histories(visits, np.zeros_like(visits), np.zeros_like(visits))

    def loss(point: Floats) -> tuple[float, Floats]:
        r, alpha, a, b = np.exp(point)
        known = Parameters(r, alpha, a, b)
        at_start = log_likelihood(known, still)  # what is left of the likelihood where no time has passed...
        here = np.log1p(some.age / alpha) * (r + some.frequency)
        left = np.log1p(some.recency / alpha) * (r + some.frequency)
        odds = (np.log(a) - np.log(b + visits))[of] + here - left
        gone = expit(odds)
        since = np.logaddexp(0, odds) - here - np.log1p(a / (b + visits))[of]  # ...and what time makes of it
        value = -float(times @ at_start / times.sum() + share @ since)
        weight = share * gone
        gone_by = np.bincount(of, weights=weight) * times.sum()
        slope_r = times @ (digamma(r + visits) - digamma(r)) / times.sum() - (
            (share - weight) @ np.log1p(some.age / alpha) + weight @ np.log1p(some.recency / alpha)
        )
        slope_alpha = r / alpha - (
            (share - weight) @ ((r + some.frequency) / (alpha + some.age))
            + weight @ ((r + some.frequency) / (alpha + some.recency))
        )
        both = digamma(a + b) - digamma(a + b + visits + 1)
        slope_a = (times @ both + gone_by.sum() / a) / times.sum()
        slope_b = (times @ (both + digamma(b + visits + 1) - digamma(b)) - gone_by @ (1 / (b + visits))) / times.sum()
        return value, -np.array([slope_r, slope_alpha, slope_a, slope_b]) * np.exp(point)

    return loss
