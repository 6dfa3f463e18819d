"""huifang score: how alive accounts are, from a file of histories or from our own logins."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.clock import ProductClock
from bot.commands.printing import Shown, bars, table
from bot.commands.score_file import read_histories
from bot.database import open_database
from bot.process import bulk_work
from bot.runtime import follow_clock
from bot.settings import Settings
from bot.wording import activity_words
from campaigns import statements
from campaigns.activity import (
    SHIPPED,
    ActivityState,
    Fit,
    Parameters,
    Reason,
    Thresholds,
    expected_events,
    fit,
    p_active,
)
from campaigns.errors import ConfigError, InputError
from campaigns.members.activity import NO_LOG, score_all_activity
from campaigns.members.staging import keep_stages
from campaigns.models import ActivityRun

MODEL = "MBG/NBD"
UNITS = {"day": 7.0, "week": 1.0, "month": 7 / 30.4375}  # of each in a week
_LISTED = 20
_BARS = 10
_BAR_WIDTH = 40


def score_file(path: Path, horizon: float, at_least: int, unit: str) -> dict[str, Any]:
    """Fit to the file and score each row. The unit matters only where the shipped parameters, in weeks, are kept."""
    if not 0 < horizon <= 1e9:
        raise InputError(f"--horizon {horizon:g}：要大于 0，不超过 1e9 (must be above 0, at most 1e9)")
    if unit not in UNITS:
        raise InputError(f"--unit {unit}：只能是 {' / '.join(UNITS)} (one of these)")
    scored = read_histories(path)
    found = fit(scored.known, at_least=at_least, shipped=SHIPPED.in_units_of(1 / UNITS[unit]))
    chances = p_active(found.parameters, scored.known)
    events = expected_events(found.parameters, scored.known, horizon)
    rows = zip(scored.ids, chances.tolist(), events.tolist(), strict=True)
    return {
        **described(found),
        "horizon": horizon,
        "note": note(found, at_least),
        "rows": [{"id": name, "p_active": chance, "expected": expected} for name, chance, expected in rows],
    }


async def score_members(settings: Settings, as_of: datetime | None, *, quiet: bool) -> dict[str, Any]:
    """Score every member on our own logins and keep the scores."""
    cuts = thresholds(settings)
    async with open_database(settings):
        now = as_of or await _product_time(settings)
        with bars(quiet) as progress, bulk_work():
            run = await score_all_activity(now, cuts, settings.activity_horizon_days, progress)
            await keep_stages(now, renewal_within=settings.stage_renewal_days)
        chances = await statements.fetch("SELECT p_active FROM members WHERE p_active IS NOT NULL")
    return {**_of_run(run), "histogram": _tenths(np.array([row[0] for row in chances]))}


def thresholds(settings: Settings) -> Thresholds:
    """Raises ConfigError where the second of two is on the wrong side of the first."""
    if settings.activity_cooling > settings.activity_active:
        raise ConfigError("ACTIVITY_COOLING: 不能大于 ACTIVITY_ACTIVE (must not be above ACTIVITY_ACTIVE)")
    if settings.activity_cooling_days < settings.activity_active_days:
        raise ConfigError("ACTIVITY_COOLING_DAYS: 不能小于 ACTIVITY_ACTIVE_DAYS (must not be below it)")
    return Thresholds(
        settings.activity_active,
        settings.activity_cooling,
        settings.activity_never_in_days,
        settings.activity_active_days,
        settings.activity_cooling_days,
    )


async def _product_time(settings: Settings) -> datetime:
    clock = ProductClock()
    await follow_clock(clock, settings)
    return clock()


def _of_run(run: ActivityRun) -> dict[str, Any]:
    parameters = {"r": run.r, "alpha": run.alpha_days, "a": run.a, "b": run.b}
    return {
        "model": MODEL,
        "at": run.at.isoformat(),
        "unit": "day",
        "parameters": None if run.reason == NO_LOG else parameters,
        "log_likelihood": run.log_likelihood,
        "fitted": run.reason not in (NO_LOG, Reason.FEW),
        "reason": run.reason,
        "horizon": run.horizon_days,
        "members": run.members,
        "returning": run.came_back,
        "by_last_login": run.by_last_login,
        "states": {state.value: run.states.get(state.value, 0) for state in ActivityState},
    }


def described(found: Fit) -> dict[str, Any]:
    return {
        "model": MODEL,
        "parameters": as_dict(found.parameters),
        "log_likelihood": found.log_likelihood,
        "fitted": found.reason is not Reason.FEW,
        "members": found.members,
        "returning": found.returning,
        "distinct": found.distinct,
    }


def as_dict(known: Parameters) -> dict[str, float]:
    return {"r": known.r, "alpha": known.alpha, "a": known.a, "b": known.b}


def note(found: Fit, at_least: int) -> str:
    match found.reason:
        case Reason.FITTED:
            return ""
        case Reason.EDGE:
            return (
                "这些数据定不下全部四个参数，取了搜索范围边上最好的一组 (the best fit lies at the edge of the search)"
            )
        case Reason.FEW:
            return (
                f"回来过的只有 {found.returning} 家，不到 {max(at_least, 1)} 家，没有拟合，用随附参数"
                f" (only {found.returning} ever came back: not fitted, the shipped parameters are used)"
            )


def file_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows: Sequence[Mapping[str, Any]] = found["rows"]
    figures = [[row["id"], f"{row['p_active']:.4f}", f"{row['expected']:.4f}"] for row in rows[:_LISTED]]
    expected = f"预计 {found['horizon']:g} 个单位内"
    return [
        *summary(found),
        table(("编号", "还活跃的概率", expected), figures),
        *(
            [f"… 还有 {len(rows) - _LISTED:,} 行，--json 给出全部 (more rows with --json)"]
            if len(rows) > _LISTED
            else []
        ),
        *picture(np.array([row["p_active"] for row in rows])),
    ]


def summary(found: Mapping[str, Any]) -> list[Shown]:
    known = "  ".join(f"{name} {value:.5f}" for name, value in found["parameters"].items())
    counts = f"{found['members']:,} 家，回来过 {found['returning']:,} 家，不同的 {found['distinct']:,} 种"
    shown = [f"{found['model']}  {known}", f"对数似然 (log-likelihood) {found['log_likelihood']:.2f}  {counts}"]
    return [*shown, *([found["note"]] if found["note"] else [])]


def member_lines(found: Mapping[str, Any]) -> list[Shown]:
    if found["parameters"]:
        known = "  ".join(f"{name} {value:.5f}" for name, value in found["parameters"].items())
        shown: list[Shown] = [f"{found['model']} (天)  {known}  对数似然 {found['log_likelihood']:.2f}"]
    else:
        shown = ["没有登录记录，只按最近登录分段 (no log of logins: by the last login alone)"]
    shown.append(
        f"用了 {found['members']:,} 家，回来过 {found['returning']:,} 家；"
        f"只知道最近登录的 {found['by_last_login']:,} 家"
    )
    if found["reason"] == Reason.FEW:
        shown.append("回来过的太少，没有拟合，用随附参数 (too few came back: the shipped parameters are used)")
    if found["reason"] == Reason.EDGE:
        shown.append("这些登录定不下全部参数 (the best fit lies at the edge of the search)")
    rows = [[activity_words(state), state, count] for state, count in found["states"].items()]
    return [*shown, table(("状态", "state", "家"), rows), *bars_of(found["histogram"])]


def picture(chances: NDArray[np.float64]) -> list[Shown]:
    """How many have which chance: a bar for each tenth."""
    return bars_of(_tenths(chances))


def _tenths(chances: NDArray[np.float64]) -> list[int]:
    tenths: list[int] = np.bincount(np.minimum((chances * _BARS).astype(int), _BARS - 1), minlength=_BARS).tolist()
    return tenths


def bars_of(counts: Sequence[int]) -> list[Shown]:
    most = max(*counts, 1)
    lines: list[Shown] = ["还活跃的概率 (p_active) 分布:"]
    for tenth, count in enumerate(counts):
        bar = "█" * (-(-count * _BAR_WIDTH // most))
        lines.append(f"{tenth / _BARS:.1f}–{(tenth + 1) / _BARS:.1f} {bar} {count:,}")
    return lines
