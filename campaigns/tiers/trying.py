"""What would change if: all members placed by other rules, on the parts of their last scores, and who would move."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from campaigns.terms import Tier
from campaigns.tier_rules import TIERS, TierRules
from campaigns.tiers.cuts import by_rank, cut_scores, place, total
from campaigns.tiers.signals import Floats, Places

_SHOWN = 3


class Standing(NamedTuple):
    """All members as the last night left them. `fixed`: placed by a person, and not to be moved."""

    ids: Places
    values: Floats
    tiers: Places
    fresh: NDArray[np.bool_]
    fixed: NDArray[np.bool_]


class Move(NamedTuple):
    """One member who would move. `gains`: by how many points each part changes; None = not known."""

    member_id: int
    was: Tier
    tier: Tier
    before: float
    after: float
    gains: tuple[float | None, ...]


class Tried(NamedTuple):
    """`matrix` from row to column, in the order of TIERS. `waiting` would stand elsewhere by their rank, and are kept
    by the margins. `lines`: the cuts in points, by the old and by the new rules."""

    matrix: list[list[int]]
    moves: list[Move]
    waiting: int
    fixed: int
    lines: tuple[list[float], list[float]]

    @property
    def moving(self) -> int:
        return sum(count for row, line in enumerate(self.matrix) for column, count in enumerate(line) if row != column)


def try_rules(standing: Standing, old: TierRules, new: TierRules, shown: NDArray[np.bool_] | None = None) -> Tried:
    """`shown`: whose names may be told; of each move those whose scores change most are."""
    before, after = total(standing.values, old), total(standing.values, new)
    previous = np.where(standing.fixed, -1, standing.tiers)
    placed = place(standing.ids, after, previous, standing.fresh, new)
    tiers = np.where(standing.fixed, standing.tiers, placed)
    matrix = np.zeros((len(TIERS), len(TIERS)), dtype=np.int64)
    np.add.at(matrix, (standing.tiers, tiers), 1)
    free = ~standing.fixed
    return Tried(
        matrix.tolist(),
        _moves(standing, tiers, before, after, old, new, shown),
        int(np.sum(free & (by_rank(standing.ids, after, new) != tiers))),
        int(np.sum(standing.fixed)),
        (_lines(before, old), _lines(after, new)),
    )


def _moves(
    standing: Standing,
    tiers: Places,
    before: Floats,
    after: Floats,
    old: TierRules,
    new: TierRules,
    shown: NDArray[np.bool_] | None,
) -> list[Move]:
    found: list[Move] = []
    told = np.ones(len(tiers), dtype=np.bool_) if shown is None else shown
    for was in range(len(TIERS)):
        for tier in range(len(TIERS)):
            who = np.flatnonzero((standing.tiers == was) & (tiers == tier) & told) if was != tier else ()
            most = sorted(who, key=lambda one: (-abs(after[one] - before[one]), standing.ids[one]))[:_SHOWN]
            found += [_move(standing, int(one), (was, tier), (before, after), (old, new)) for one in most]
    return found


def _move(
    standing: Standing,
    one: int,
    places: tuple[int, int],
    scores: tuple[Floats, Floats],
    rules: tuple[TierRules, TierRules],
) -> Move:
    parts = standing.values[one]
    gains = [after - before for before, after in zip(*(_points(parts, each) for each in rules), strict=True)]
    return Move(
        int(standing.ids[one]),
        TIERS[places[0]],
        TIERS[places[1]],
        float(scores[0][one]),
        float(scores[1][one]),
        tuple(None if np.isnan(gain) else float(gain) for gain in gains),
    )


def _points(parts: Floats, rules: TierRules) -> Sequence[float]:
    """As they make up the score: the weights of what is known are raised to 100."""
    known = sum(weight for part, weight in zip(parts, rules.weights, strict=True) if not np.isnan(part))
    found: list[float] = (100 / max(known, 1) * parts * rules.weights).tolist()
    return found


def _lines(scores: Floats, rules: TierRules) -> list[float]:
    found: list[float] = np.nan_to_num(cut_scores(scores, rules), posinf=100).tolist() if len(scores) else []
    return found
