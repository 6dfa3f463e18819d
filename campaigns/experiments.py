"""Who is held out for comparison: a stable choice by a keyed hash.

The same company gets the same answer on every day and machine, as long as the secret stays the same, and
nobody without the secret can work out who is held out.
"""

import hmac

from campaigns.errors import InputError

_PARTS = 1000


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
