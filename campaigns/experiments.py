"""Who is held out for comparison, by a stable choice with a keyed hash; and what the comparison shows.

The same company gets the same answer on every day and machine, as long as the secret stays the same, and
nobody without the secret can work out who is held out.
"""

import hmac
import math
from dataclasses import dataclass

from campaigns.errors import InputError

_PARTS = 1000
_Z = 1.959964  # of 95 %


def is_held_out(secret: bytes, member_no: str, share: float) -> bool:
    """Whether this company is not written to on purpose. `share` from 0 to 1, in steps of a thousandth.

    It does not depend on the campaign: a company held out stays out of all of them, and one that is held out
    at a share of 5 % is held out at every larger share too.
    """
    if not 0 <= share <= 1:
        raise InputError(f"对照组比例要写 0 到 1 的数，写的是 {share} (a share from 0 to 1)")
    held_out = round(share * _PARTS)
    return held_out > 0 and _draw(secret, "hold-out", member_no) % _PARTS < held_out


def _draw(secret: bytes, *names: str) -> int:
    # The unit separator keeps ("a", "bc") and ("ab", "c") apart.
    return int.from_bytes(hmac.digest(secret, "\x1f".join(names).encode(), "sha256")[:8])


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and what it may be with 95 % confidence, all as shares (0.086 = 8.6 of a hundred)."""

    point: float
    low: float
    high: float


def wilson(hits: int, n: int) -> Interval:
    """The share of `hits` among `n` > 0 by Wilson's score interval, which holds for few and for none."""
    share, z2 = hits / n, _Z * _Z
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return Interval(share, max(0.0, middle - half), min(1.0, middle + half))


def lift(hits: int, n: int, held_hits: int, held: int) -> Interval | None:
    """How much larger the first share is than the held-out's, by Newcombe's hybrid score; None for an empty side.

    Newcombe 1998, Statistics in Medicine 17, method 10.
    """
    if not n or not held:
        return None
    ours, theirs = wilson(hits, n), wilson(held_hits, held)
    point = ours.point - theirs.point
    below = math.hypot(ours.point - ours.low, theirs.high - theirs.point)
    above = math.hypot(ours.high - ours.point, theirs.point - theirs.low)
    return Interval(point, max(-1.0, point - below), min(1.0, point + above))


def smallest_lift(n: int, held: int, share: float) -> float:
    """The lift that four rounds in five would show (alpha .05, power .8) where `share` come back by themselves."""
    usual = min(max(share, 0.01), 0.99)
    return 2.8 * math.sqrt(usual * (1 - usual) * (1 / n + 1 / held))
