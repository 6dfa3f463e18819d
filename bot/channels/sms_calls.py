"""What the SMS clouds have in common: which messages share a call and its name, and what bad values in a row mean."""

import secrets
from collections.abc import Collection, Hashable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from campaigns.terms import Outbound, Reaction, SendResult

_BATCH = "b-"  # no message's own key begins like this
_VALUES_REFUSED = 3  # in a row: then it is the template's fault


class Addressed(Protocol):
    """A message that can go out. `kind` is what all messages of one call must have in common."""

    @property
    def outbound(self) -> Outbound: ...

    @property
    def number(self) -> str: ...

    @property
    def kind(self) -> Hashable: ...


Ready = TypeVar("Ready", bound=Addressed)


def name_calls(messages: Sequence[Addressed], most: int) -> list[str]:
    """The name each message should go out under: one for all that can share a call of `most`, else its own key.

    A number comes once in a call, for a receipt or record names no more than this and the number. The name of a batch
    is not made twice: it is the key of the first message and chance.
    """
    calls: dict[Hashable, list[dict[str, int]]] = {}  # kind -> calls, each number -> place in `messages`
    for place, message in enumerate(messages):
        alike = calls.setdefault(message.kind, [{}])
        if len(alike[-1]) == most:
            alike.append({})
        alike[-1].setdefault(message.number, place)
    names = [message.outbound.key for message in messages]
    for call in (call for alike in calls.values() for call in alike if len(call) > 1):
        places = list(call.values())
        name = f"{_BATCH}{names[places[0]]}-{secrets.token_hex(4)}"
        for place in places:
            names[place] = name
    return names


def is_batch(name: str) -> bool:
    return name.startswith(_BATCH)


def by_name(messages: Sequence[Ready]) -> list[tuple[str, list[Ready]]]:
    """Messages that were given the same name go in one call."""
    calls: dict[tuple[str, Hashable], list[Ready]] = {}
    for message in messages:
        calls.setdefault((message.outbound.key, message.kind), []).append(message)
    return [(name, alike) for (name, _), alike in calls.items()]


class ValueWatch:
    """Refused values are one message's fault, or the template's where several in a row are refused."""

    def __init__(self, codes: Collection[str]) -> None:
        self._codes = codes
        self._refused: dict[str, int] = {}  # template -> refusals in a row

    def judge(self, template: str, verdict: SendResult) -> SendResult:
        if verdict.accepted:
            self._refused.pop(template, None)
        if verdict.code not in self._codes:
            return verdict
        self._refused[template] = self._refused.get(template, 0) + 1
        if self._refused[template] < _VALUES_REFUSED:
            return verdict
        return replace(verdict, reaction=Reaction.PAUSE_TEMPLATE)
