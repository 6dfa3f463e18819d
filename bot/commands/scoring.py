"""huifang score: how alive accounts are, from a file of histories or from our own logins."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.commands.printing import Shown, table
from bot.commands.score_file import read_histories
from campaigns.activity import SHIPPED, Fit, Parameters, Reason, expected_events, fit, p_active
from campaigns.errors import InputError

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


def picture(chances: NDArray[np.float64]) -> list[Shown]:
    """How many have which chance: a bar for each tenth."""
    counts = np.bincount(np.minimum((chances * _BARS).astype(int), _BARS - 1), minlength=_BARS)
    most = max(int(counts.max()), 1)
    lines = ["还活跃的概率 (p_active) 分布:"]
    for tenth, count in enumerate(counts.tolist()):
        bar = "█" * (-(-count * _BAR_WIDTH // most))
        lines.append(f"{tenth / _BARS:.1f}–{(tenth + 1) / _BARS:.1f} {bar} {count:,}")
    return lines
