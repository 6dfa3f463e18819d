"""What WeCom's errcodes and its customer service's fail types mean, by table (channels.md B5, B6)."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from bot.channels.meaning import Meaning
from campaigns.terms import Reaction

_CODES: Mapping[Reaction, Sequence[int]] = {
    Reaction.RETRY: [-1, 6000],
    Reaction.REFRESH: [40014, 42001, 42009],
    Reaction.SLOW: [45009, 45033],
    Reaction.PAUSE_CHANNEL: [
        *(40001, 40013, 40056, 40091, 41001, 41004, 60020),  # credentials, our IP
        *(48002, 60011, 301002),  # the application's rights
    ],
    Reaction.SUPPRESS: [40003, 40031, 40032, 60111, 81013, 84061],
    Reaction.CONSENT_USED: [95013, 95018],
    Reaction.DROP: [40058, 41048, 44004, 47001, 95000, 95001, 95007, 95017],
}
_AFTER = {
    45009: timedelta(minutes=1),
    45033: timedelta(minutes=1),
    84061: timedelta(seconds=30),
}
_REACTIONS = {code: reaction for reaction, codes in _CODES.items() for code in codes}

TOKEN_CODES = frozenset(_CODES[Reaction.REFRESH])
NO_CUSTOMER = 84061  # also for a moment after they added us: asked once more, then believed
DESK_TOKEN = 95007  # of a fetch: once more without the summons' token

# Why an answer was not delivered after all. 1, 2, 8, 11: the account, the application, the company or its staff.
_FAIL_TYPES: Mapping[int, Reaction] = {
    0: Reaction.DROP,
    1: Reaction.PAUSE_CHANNEL,
    2: Reaction.PAUSE_CHANNEL,
    4: Reaction.CONSENT_USED,
    5: Reaction.CONSENT_USED,
    6: Reaction.CONSENT_USED,
    8: Reaction.PAUSE_CHANNEL,
    10: Reaction.SUPPRESS,
    11: Reaction.PAUSE_CHANNEL,
    12: Reaction.DROP,
    13: Reaction.DROP,
}


def read_errcode(code: int) -> Meaning | None:
    """What a refusal means; None for a code that the table does not know."""
    reaction = _REACTIONS.get(code)
    return Meaning(reaction, _AFTER.get(code)) if reaction else None


def read_token_errcode(code: int) -> Meaning:
    """What a refusal of an access token means: nearly always that the settings are wrong.

    Asked again and again with a wrong secret, WeCom bars the caller for about an hour.
    """
    if code in (-1, 6000, 45009, 45033):
        return Meaning(_REACTIONS[code], _AFTER.get(code))
    return Meaning(Reaction.PAUSE_CHANNEL)


def read_fail_type(code: int) -> Reaction:
    return _FAIL_TYPES.get(code, Reaction.DROP)
