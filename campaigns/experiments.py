"""Who is held out for comparison, and who reads which variant: stable choices by a keyed hash.

The same company gets the same answer on every day and machine, as long as the secret stays the same, and
nobody without the secret can work out who is held out.
"""

import hmac
from collections.abc import Sequence

from campaigns.errors import InputError

_PARTS = 1000


def is_held_out(secret: bytes, member_no: str, share: float) -> bool:
    """Whether this company is not written to on purpose. `share` from 0 to 1, in steps of a thousandth.

    It does not depend on the campaign: a company held out stays out of all of them, and one that is held out
    at a share of 5 % is held out at every larger share too.
    """
    if not 0 <= share <= 1:
        raise InputError(f"hold-out share: expected a number from 0 to 1, found {share}")
    return _draw(secret, "hold-out", member_no) % _PARTS < round(share * _PARTS)


def choose_variant(secret: bytes, member_no: str, campaign_key: str, variants: Sequence[str]) -> str:
    """One of `variants`, evenly spread, independent of their order and of the hold-out.

    The variant with the highest hash wins, so adding one moves only the companies it takes over.
    """
    if not variants:
        raise InputError(f"campaign {campaign_key}: no variant to choose from")
    if len(variants) == 1:
        return variants[0]
    return max(variants, key=lambda variant: (_draw(secret, "variant", campaign_key, variant, member_no), variant))


def _draw(secret: bytes, *names: str) -> int:
    # The unit separator keeps ("a", "bc") and ("ab", "c") apart.
    return int.from_bytes(hmac.digest(secret, "\x1f".join(names).encode(), "sha256")[:8])
