"""What WeChat's errcodes mean, by table, and what several in a row mean beyond each."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.channels.meaning import Meaning
from campaigns.terms import Reaction, SendResult

_CODES: Mapping[Reaction, Sequence[int]] = {
    Reaction.RETRY: [-1, 45066],
    Reaction.REFRESH: [40001, 40014, 42001, 42007],
    Reaction.SLOW: [45011],
    Reaction.DEFER_RECIPIENT: [40241, 43108, 43117],
    Reaction.NEXT_DAY: [45009, 45028],  # the second: no mass send is left, of a day or of a month
    Reaction.PAUSE_TEMPLATE: [
        *(40036, 40037, 40200, 41030, 45026, 45027, 48008),  # the template or the kind of message
        *(43102, 43104, 43106, 43107, 43116),  # banned, or of another account
        *(45168, 87014),  # the words
    ],
    Reaction.PAUSE_CHANNEL: [
        *(40002, 40013, 40125, 40164, 41001, 41002, 41003, 41004, 45035, 61004),  # credentials, our IP
        *(48001, 48004, 50001, 50002),  # the account's rights
        48003,  # the agreement on mass sends was not accepted
        *(43002, 45067),  # a mistake of ours, the same for every message
    ],
    Reaction.SUPPRESS: [40003, 40132, 43004, 43019, 46004, 48002],
    Reaction.CONSENT_USED: [43101, 45015, 45047],
    Reaction.DROP: [
        *(40007, 40008, 40035, 47001, 47003),
        *(44001, 44002, 44003, 44004, 45001, 45002, 45003, 45004, 45005, 45007, 45008, 70000),
    ],
    Reaction.OK_DUP: [45065],
}
_AFTER = {
    40241: timedelta(minutes=1),  # the same words within 60 s
    43117: timedelta(hours=1),
    45011: timedelta(minutes=1),
    45066: timedelta(minutes=1),
}
_REACTIONS = {code: reaction for reaction, codes in _CODES.items() for code in codes}

TOKEN_CODES = frozenset(_CODES[Reaction.REFRESH])
DUPLICATE = 40241
_STRANGER = "40003"  # not an openid of this account
_ARGUMENTS = frozenset({"40007", "40008", "40035", "47001", "47003"})
_STRANGERS_BORNE, _ARGUMENTS_BORNE, _UNLISTED_BORNE = 5, 2, 20
_UNLISTED_WITHIN = timedelta(minutes=5)


def read_errcode(code: int) -> Meaning | None:
    """What a refusal of a message means; None for a code that the table does not know."""
    reaction = _REACTIONS.get(code)
    return Meaning(reaction, _AFTER.get(code)) if reaction else None


def read_token_errcode(code: int) -> Meaning:
    """What a refusal of an access token means: nearly always that the settings are wrong."""
    if code in (-1, 45009, 45011):
        return Meaning(_REACTIONS[code], _AFTER.get(code))
    return Meaning(Reaction.PAUSE_CHANNEL)


def errcode_of(fields: Mapping[str, object]) -> int | None:
    """The errcode as an integer, a missing one being 0; None where it is no integer."""
    value = fields.get("errcode", 0)
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class Runs:
    """Refusals that mean more together: remembered over batches, judged in the batches' order."""

    def __init__(self) -> None:
        self._strangers = 0
        self._arguments: dict[str, int] = {}
        self._unlisted: deque[datetime] = deque()

    def judge(self, kinds: Sequence[str], results: Sequence[SendResult], now: datetime) -> list[SendResult]:
        """The results, graver where a run makes them so. `kinds`: each message's template."""
        judged = [self._judge_one(kind, result, now) for kind, result in zip(kinds, results, strict=True)]
        return self._judge_strangers(judged)

    def _judge_one(self, kind: str, result: SendResult, now: datetime) -> SendResult:
        if result.accepted:
            self._arguments.pop(kind, None)
            return result
        if result.code in _ARGUMENTS:
            self._arguments[kind] = self._arguments.get(kind, 0) + 1
            return _graver(result, Reaction.PAUSE_TEMPLATE, self._arguments[kind] > _ARGUMENTS_BORNE)
        if _is_errcode(result.code) and read_errcode(int(result.code)) is None:
            return _graver(result, Reaction.PAUSE_CHANNEL, self._count_unlisted(now) > _UNLISTED_BORNE)
        return result

    def _count_unlisted(self, now: datetime) -> int:
        self._unlisted.append(now)
        while now - self._unlisted[0] > _UNLISTED_WITHIN:
            self._unlisted.popleft()
        return len(self._unlisted)

    def _judge_strangers(self, results: Sequence[SendResult]) -> list[SendResult]:
        """Only strangers in a row: the appid is another account's, and no address of the run is to blame."""
        judged, run = list(results), list[int]()
        for place, result in enumerate(results):
            if result.code == _STRANGER:
                self._strangers += 1
                run.append(place)
            elif _is_errcode(result.code):
                self._strangers = 0
                run.clear()
            if self._strangers > _STRANGERS_BORNE:
                for one in run:
                    judged[one] = _graver(results[one], Reaction.PAUSE_CHANNEL, True)
        return judged


def _graver(result: SendResult, reaction: Reaction, too_many: bool) -> SendResult:
    return replace(result, reaction=reaction) if too_many else result


def _is_errcode(code: str) -> bool:
    return code.removeprefix("-").isdecimal()
