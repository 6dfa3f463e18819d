"""What is handed to SMTP, and what became of it."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class Phase(StrEnum):
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"  # asked to send the message, not sent yet
    FINAL_DOT = "final dot"  # the whole message has left us


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for one recipient. `content` has CRLF line ends. Raises ValueError for what would break a command."""

    key: str
    sender: str
    recipient: str
    content: bytes

    def __post_init__(self) -> None:
        if not _WORDS.fullmatch(f"{self.key} {self.sender} {self.recipient}"):
            raise ValueError("an envelope's key and addresses must be printable ASCII without blanks and <>")


@dataclass(frozen=True, slots=True)
class Accepted:
    reply: str


@dataclass(frozen=True, slots=True)
class Refused:
    phase: Phase
    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection died, fell silent or spoke nonsense; after the final dot the message may be theirs."""

    phase: Phase
    silent: bool = field(default=False, compare=False)  # it stood, and said nothing for as long as we wait


@dataclass(frozen=True, slots=True)
class NotTried:
    """Never on the wire: the server had stopped to serve us before its turn came."""


Outcome = Accepted | Refused | Lost | NotTried
_NOT_TRIED = NotTried()
_WORDS = re.compile(r"[!-;=?-~]+ [!-;=?-~]+ [!-;=?-~]+")


class Bundle:
    """Envelopes handed in together. `done` is set when the last outcome is known; cancelled, nobody wants the rest."""

    def __init__(self, envelopes: Sequence[Envelope]) -> None:
        self.letters = [Letter(envelope, self) for envelope in envelopes]
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = len(self.letters)

    def count_down(self) -> None:
        self._open -= 1
        if not self._open and not self.done.done():
            self.done.set_result(None)

    def give_up(self, failure: Exception | None) -> None:
        """No outcome will follow. The failure is the answer where there has been none at all."""
        if self.done.done():
            return
        if failure is not None and self._open == len(self.letters):
            self.done.set_exception(failure)
        else:
            self.done.set_result(None)


@dataclass(slots=True, eq=False)
class Letter:
    """An envelope in a queue, and what became of it."""

    envelope: Envelope
    bundle: Bundle
    outcome: Outcome = _NOT_TRIED
    returned: bool = False  # it has been in a transaction that was over before it began

    @property
    def wanted(self) -> bool:
        return not self.bundle.done.done()

    def settle(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.bundle.count_down()
