"""What the model knows of members: how often they came back, when last, and how long they have been here."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from campaigns.errors import InputError

Floats = NDArray[np.float64]

LARGEST = 1e9
"""Beyond it logarithms of Gamma functions lose the digits that tell two fits apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """One entry for each member, all three (n,).

    `frequency`: return visits, whole numbers from 0. `recency`: from the start to the last of them, 0 where there is
    none. `age`: from the start until now.
    """

    frequency: Floats
    recency: Floats
    age: Floats

    def __len__(self) -> int:
        return len(self.frequency)

    def distinct(self) -> tuple["Histories", NDArray[np.int64]]:
        """Equal rows merged, exactly as they are, and how many there are of each."""
        order = np.lexsort((self.age, self.recency, self.frequency))
        rows = np.column_stack((self.frequency, self.recency, self.age))[order]
        first = np.ones(len(rows), dtype=np.bool_)
        first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
        starts = np.flatnonzero(first)
        kept = rows[starts]
        return Histories(kept[:, 0], kept[:, 1], kept[:, 2]), np.diff(np.append(starts, len(rows)))

    def in_units_of(self, unit: float) -> "Histories":
        return Histories(self.frequency, self.recency / unit, self.age / unit)


def histories(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Histories:
    """Checked histories. Raises InputError naming the first row (from 1) that is none."""
    made = Histories(*(np.atleast_1d(np.asarray(one, dtype=np.float64)) for one in (frequency, recency, age)))
    if not made.frequency.shape == made.recency.shape == made.age.shape == (len(made),):
        raise InputError("frequency, recency and age must be three lists of one length")
    wrong = np.flatnonzero(~_possible(made))
    if wrong.size:
        row = int(wrong[0])
        raise InputError(f"row {row + 1}: {fault_of(made.frequency[row], made.recency[row], made.age[row])}")
    return made


def _possible(some: Histories) -> NDArray[np.bool_]:
    x, tx, age = some.frequency, some.recency, some.age
    with np.errstate(invalid="ignore"):
        whole = (x >= 0) & (x <= LARGEST) & (x == np.floor(x))
        possible: NDArray[np.bool_] = whole & (tx >= 0) & (tx <= age) & (age <= LARGEST) & ((x > 0) | (tx == 0))
    return possible


def fault_of(frequency: float, recency: float, age: float) -> str:
    """What is wrong with one history, in words with the remedy; empty where nothing is."""
    figures = {"frequency": frequency, "recency": recency, "age": age}
    for name, value in figures.items():
        if not np.isfinite(value):
            return f"{name} 不是一个数 (not a finite number)；请填数字"
        if value < 0:
            return f"{name} 是负数 {value:g} (negative)；次数和时间都从 0 起"
        if value > LARGEST:
            return f"{name} {value:g} 太大 (over {LARGEST:g})；请换大一点的时间单位，例如天或周"
    if frequency != np.floor(frequency):
        return f"frequency {frequency:g} 不是整数 (not a whole number)；它是回访的次数，不含注册当天"
    if recency > age:
        return f"recency {recency:g} 大于 age {age:g} (greater than age)；最后一次不可能在今天之后，请检查两列是否填反"
    if recency > 0 and not frequency:
        return f"frequency 是 0，recency 却是 {recency:g} (no return visit, yet a last one)；没有回访时 recency 填 0"
    return ""
