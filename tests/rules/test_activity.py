"""The MBG/NBD against published values, against the model played out, and its fit against every neighbour."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import betaln

from campaigns.activity import (
    SHIPPED,
    ActivityState,
    Histories,
    Parameters,
    Thresholds,
    by_recency,
    by_score,
    expected_events,
    fit,
    histories,
    log_likelihood,
    p_active,
)
from campaigns.activity import model as written
from campaigns.activity.fit import Reason, _loss
from campaigns.errors import InputError

_TABLE = histories([0, 2, 7], [0, 30.43, 29.43], [38.86] * 3)
_SHAPES = st.floats(-4, 4).map(lambda power: float(np.exp(power)))
_PARAMETERS = st.builds(Parameters, _SHAPES, _SHAPES, _SHAPES, _SHAPES)


@st.composite
def _history(draw: st.DrawFn) -> Histories:
    visits, age = draw(st.integers(0, 300)), draw(st.floats(0.01, 3000))
    return histories(visits, age * draw(st.floats(0, 1)) if visits else 0, age)


def _played(known: Parameters, ages: np.ndarray, seed: int) -> Histories:
    """Members who do what the model says, until `ages`."""
    visits, last, _ = _lives(known, ages, np.random.default_rng(seed))
    return histories(visits, last, ages)


def _lives(known: Parameters, ages: np.ndarray, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    rate = random.gamma(known.r, 1 / known.alpha, len(ages))
    leaving = random.beta(known.a, known.b, len(ages))
    visits, last, now = np.zeros((3, len(ages)))
    here = random.random(len(ages)) > leaving
    still = here.copy()
    while still.any():
        who = np.flatnonzero(still)
        now[who] += random.exponential(1 / np.maximum(rate[who], 1e-300))
        came = now[who] <= ages[who]
        still[who[~came]] = False
        who = who[came]
        visits[who] += 1
        last[who] = now[who]
        here[who] = still[who] = random.random(len(who)) > leaving[who]
    return visits, last, here


def test_the_published_values_come_out() -> None:
    assert p_active(SHIPPED, _TABLE) == pytest.approx([0.389716, 0.706126, 0.622639], abs=5e-7)
    assert expected_events(SHIPPED, _TABLE, 39) == pytest.approx([0.153954, 1.262671, 3.166805], abs=5e-7)


def test_of_members_played_out_as_many_are_still_there_and_come_again_as_the_model_says() -> None:
    known, n = Parameters(0.8, 5.0, 0.7, 1.8), 400_000
    visits, _, here = _lives(known, np.full(n, 20.0), np.random.default_rng(5))
    later, *_ = _lives(known, np.full(n, 32.0), np.random.default_rng(5 + 1))
    some = _played(known, np.full(n, 20.0), 5)
    chance = p_active(known, some)
    for group in (visits == 0, visits == 2, visits >= 4):
        assert chance[group].mean() == pytest.approx(here[group].mean(), abs=0.01)
    assert expected_events(known, some, 12).mean() == pytest.approx(later.mean() - visits.mean(), abs=0.03)


@given(_PARAMETERS, _history(), st.floats(0.01, 3000))
@settings(max_examples=150, deadline=None)
def test_the_expectation_is_the_mean_over_what_is_known_of_the_member(
    known: Parameters, one: Histories, ahead: float
) -> None:
    """1 - e^(-rate p t) over p, first over the rate by hand, then over the chance to leave by quadrature."""
    a, b, s = known.a, known.b + one.frequency[0] + 1, known.r + one.frequency[0]
    q = ahead / (known.alpha + one.age[0])

    def weighed(y: float) -> float:
        ln_p, ln_rest = -np.logaddexp(0, -y), -np.logaddexp(0, y)
        p = np.exp(ln_p)
        return float(np.exp(a * ln_p + b * ln_rest - betaln(a, b)) * -np.expm1(-s * np.log1p(p * q)) / p)

    middle, width = np.log(a / b), np.sqrt(1 / a + 1 / b)
    ends = np.clip(middle + width * np.sinh(np.linspace(-8, 8, 40)), -600, 600)
    mean = sum(quad(weighed, low, high, epsabs=1e-14, epsrel=1e-9, full_output=1)[0] for low, high in pairwise(ends))
    expected = float(expected_events(known, one, ahead)[0])
    assert expected == pytest.approx(float(p_active(known, one)[0]) * mean, rel=1e-5, abs=1e-12)


def test_where_the_closed_form_fails_the_quadrature_agrees_with_it() -> None:
    closed = expected_events(SHIPPED, _TABLE, 39) / p_active(SHIPPED, _TABLE)
    assert written._by_quadrature(SHIPPED, _TABLE.frequency, _TABLE.age, 39) == pytest.approx(closed, rel=1e-9)


@given(st.floats(-3e-5, 3e-5))
def test_the_expectation_has_no_step_at_a_of_one(off: float) -> None:
    beside = expected_events(replace(SHIPPED, a=1 + 1e-3), _TABLE, 39)
    assert expected_events(replace(SHIPPED, a=1 + off), _TABLE, 39) == pytest.approx(beside, rel=2e-3)
    near, far = (expected_events(replace(SHIPPED, a=a), _TABLE, 39) for a in (1.00000999, 1.00001001))
    assert near == pytest.approx(far, rel=1e-7)


@given(_PARAMETERS, _history())
def test_a_chance_is_a_chance_and_of_who_never_came_back_never_one(known: Parameters, one: Histories) -> None:
    chance = float(p_active(known, one)[0])
    assert 0 <= chance <= 1
    if not one.frequency[0]:
        assert chance <= known.b / (known.a + known.b) * (1 + 1e-12) < 1


@given(_PARAMETERS, _history(), st.floats(0.01, 3000))
def test_nobody_is_expected_more_often_than_who_never_leaves(known: Parameters, one: Histories, ahead: float) -> None:
    most = ahead * (known.r + one.frequency[0]) / (known.alpha + one.age[0])
    assert 0 <= expected_events(known, one, ahead)[0] <= most * (1 + 1e-6)


@pytest.mark.parametrize(
    "known", [Parameters(0.8, 9, 0.6, 2.5), Parameters(2.5, 12, 1.4, 4), Parameters(0.4, 3, 1.0, 1.0)]
)
def test_known_parameters_are_found_again(known: Parameters) -> None:
    found = fit(_played(known, np.random.default_rng(1).uniform(20, 120, 40_000), 2)).parameters
    assert (found.r, found.alpha, found.a, found.b) == pytest.approx((known.r, known.alpha, known.a, known.b), rel=0.15)


@given(st.integers(0, 1000), st.lists(st.floats(-0.3, 0.3), min_size=4, max_size=4))
@settings(max_examples=40, deadline=None)
def test_no_neighbour_of_a_fit_is_likelier(seed: int, step: list[float]) -> None:
    some = _played(SHIPPED, np.random.default_rng(seed).uniform(5, 80, 1500), seed)
    best = fit(some)
    at = best.parameters
    for scale in (1.0, 1e-2, 1e-4):
        r, alpha, a, b = np.exp(scale * np.array(step)) * (at.r, at.alpha, at.a, at.b)
        assert log_likelihood(Parameters(r, alpha, a, b), some).sum() <= best.log_likelihood + 1e-6


@given(st.floats(1e-6, 1e6))
@settings(max_examples=15, deadline=None)
def test_another_unit_of_time_is_the_same_fit_with_another_alpha(unit: float) -> None:
    """The likelihood of moments shrinks by the unit once for every visit."""
    some = _played(SHIPPED, np.random.default_rng(3).uniform(5, 80, 2000), 3)
    here, there = fit(some), fit(some.in_units_of(unit) if unit > 1e-4 else some.in_units_of(1e-4))
    unit = max(unit, 1e-4)
    assert there.parameters.alpha * unit == pytest.approx(here.parameters.alpha, rel=1e-3)
    assert there.parameters.b == pytest.approx(here.parameters.b, rel=1e-3)
    assert there.log_likelihood == pytest.approx(here.log_likelihood + np.log(unit) * some.frequency.sum(), abs=1e-4)


def test_equal_rows_are_merged_exactly_and_none_else() -> None:
    some = histories([1, 1, 1, 0], [2.0, 2.0, 2.0 + 1e-12, 0], [9, 9, 9, 9])
    merged, counts = some.distinct()
    assert sorted(counts.tolist()) == [1, 1, 2]
    assert len(merged) == 3


def test_a_fit_of_rows_many_times_over_is_that_of_each_once() -> None:
    some = _played(SHIPPED, np.full(800, 40.0), 4)
    twice = histories(*(np.tile(one, 2) for one in (some.frequency, some.recency, some.age)))
    once, double = fit(some), fit(twice)
    assert double.distinct == once.distinct
    assert double.log_likelihood == pytest.approx(2 * once.log_likelihood, rel=1e-9)


@given(_PARAMETERS)
@settings(max_examples=40)
def test_what_the_fit_minimises_is_the_likelihood_and_its_slope_is_its_own(known: Parameters) -> None:
    some = _played(SHIPPED, np.random.default_rng(6).uniform(5, 80, 300), 6)
    loss = _loss(some, np.ones(300, dtype=np.int64))
    point = np.log([known.r, known.alpha, known.a, known.b])
    value, slope = loss(point)
    assert value == pytest.approx(-log_likelihood(known, some).mean(), rel=1e-9)
    for axis in range(4):
        step = 1e-5 * np.eye(4)[axis]
        by_steps = (loss(point + step)[0] - loss(point - step)[0]) / 2e-5
        assert slope[axis] == pytest.approx(by_steps, rel=1e-4, abs=1e-6)


def test_too_few_who_came_back_keep_the_shipped_parameters() -> None:
    found = fit(histories([0] * 5000 + [1] * 199, [0] * 5000 + [3] * 199, [30] * 5199))
    assert found.parameters == SHIPPED
    assert found.reason is Reason.FEW
    assert found.returning == 199
    assert found.log_likelihood < 0


@pytest.mark.parametrize(
    ("frequency", "recency", "age"),
    [
        ([0] * 1000, [0] * 1000, [30] * 1000),
        ([3] * 1000, [12.5] * 1000, [30] * 1000),
        ([1], [2], [3]),
        ([0], [0], [0]),
        ([1] * 300, [0] * 300, [0] * 300),
        ([1e9] * 300, [1e9] * 300, [1e9] * 300),
        ([0, 1] * 300, [0, 1e-9] * 300, [1e9, 1e9] * 300),
        ([5] * 300, [30] * 300, [30] * 300),
    ],
)
def test_data_that_tell_nothing_end_with_finite_figures(
    frequency: list[float], recency: list[float], age: list[float]
) -> None:
    some = histories(frequency, recency, age)
    found = fit(some, at_least=1)
    known = found.parameters
    figures = [known.r, known.alpha, known.a, known.b]
    assert np.isfinite(figures).all()
    assert min(figures) > 0
    assert np.isfinite([found.log_likelihood, *p_active(known, some), *expected_events(known, some, 39)]).all()
    assert found.reason in (Reason.EDGE, Reason.FEW)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((1, 5, 4), "greater than age"),
        ((0, 1, 4), "no return visit"),
        ((-1, 0, 4), "negative"),
        ((1.5, 1, 4), "whole number"),
        ((1, float("nan"), 4), "recency 不是一个数"),
        ((1, 1, float("inf")), "age 不是一个数"),
        ((1, 1, 1e10), "太大"),
    ],
)
def test_an_impossible_history_is_refused_by_its_row(row: tuple[float, float, float], words: str) -> None:
    with pytest.raises(InputError, match=f"^row 2: .*{words}"):
        histories(*([good, bad] for good, bad in zip((1, 2, 3), row, strict=True)))


@pytest.mark.parametrize(
    ("chance", "paying", "state"),
    [
        (0.5, False, ActivityState.ACTIVE),
        (0.4999, False, ActivityState.COOLING),
        (0.2, True, ActivityState.COOLING),
        (0.1999, False, ActivityState.DORMANT),
        (0.1999, True, ActivityState.PAYING_DORMANT),
    ],
)
def test_a_chance_becomes_a_state(chance: float, paying: bool, state: ActivityState) -> None:
    assert by_score(chance, 3, 200, 60, paying=paying, cuts=Thresholds()).state is state


def test_who_never_came_back_is_never_in_from_the_fourteenth_day() -> None:
    assert by_score(0.6, 0, 13.9, 13.9, paying=True, cuts=Thresholds()).state is ActivityState.ACTIVE
    assert by_score(0.6, 0, 14, 14, paying=True, cuts=Thresholds()).state is ActivityState.NEVER_IN


@pytest.mark.parametrize(
    ("silent", "state"),
    [
        (None, ActivityState.NEVER_IN),
        (30.0, ActivityState.ACTIVE),
        (30.1, ActivityState.COOLING),
        (90.0, ActivityState.COOLING),
        (90.1, ActivityState.PAYING_DORMANT),
    ],
)
def test_with_the_last_login_alone_the_days_since_decide(silent: float | None, state: ActivityState) -> None:
    verdict = by_recency(silent, paying=True, cuts=Thresholds())
    assert (verdict.state, verdict.p_active) == (state, None)
