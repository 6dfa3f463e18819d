"""SMTP transactions on a connection that stands: grouped where the server allows it, one command at a time elsewhere.

Grouped (RFC 2920), the end of one message and the MAIL, RCPT and DATA of the next travel in one write: one round trip
a message instead of four. One body at most is unanswered at any time, so a connection that dies leaves one message
uncertain and no more.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from bot.channels.envelopes import Accepted, Envelope, Letter, Lost, Phase, Refused
from bot.channels.replies import NotSmtp, ReplyReader, reply_text


@dataclass(frozen=True, slots=True)
class Offer:
    """What EHLO offered of that which we use."""

    pipelining: bool
    size: bool
    dsn: bool


class _Step(Enum):
    """What a reply is awaited for."""

    RSET = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    DOT = auto()
    LONE_DOT = auto()  # of a message without recipient that the server asked for all the same


_RSET, _MAIL, _RCPT, _DATA, _DOT, _LONE_DOT = _Step  # looked up in their class they cost 0.2 µs each time
_PHASES = {
    _RSET: Phase.MAIL,
    _MAIL: Phase.MAIL,
    _RCPT: Phase.RCPT,
    _DATA: Phase.DATA,
    _DOT: Phase.FINAL_DOT,
}
_ENVELOPE = (_MAIL, _RCPT, _DATA)
# A relay that scans content answers the final dot late, and giving up there leaves an unknown outcome. RFC 5321 asks
# for ten minutes; at 30 s a command two are what a worker can spare.
_FINAL_DOT_PATIENCE = 4
_QUIT_SECONDS = 2.0
_DOT_LINE = re.compile(rb"\n\.")  # three times as quick as `in`


class Conversation(asyncio.Protocol):
    """Takes over the transport of a session that is open, secured and logged in, and works through queues of letters.

    Every letter it takes from a queue gets one outcome or goes back to the queue's front. `parting` says of the words
    of a refusal whether the server wants no more over this connection.
    """

    def __init__(
        self, transport: asyncio.Transport, offer: Offer, timeout: float, parting: Callable[[str], object]
    ) -> None:
        """`timeout` in seconds, for each reply."""
        self.taken = 0  # letters begun here
        self.served = 0  # those after which the session was as good as before
        self.leaving = False
        self.ended = False
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[None] = self._loop.create_future()  # the transport is closed
        self._transport = transport
        self._offer = offer
        self._timeout = timeout
        self._parting = parting
        self._reader = ReplyReader()
        self._queue: deque[Letter] = deque()
        self._left = 0
        self._over: asyncio.Future[None] | None = None
        self._unsaid: deque[tuple[_Step, bytes]] = deque()
        self._awaited: deque[_Step] = deque()
        self._mailed: Letter | None = None  # its final dot is out, the answer is not in
        self._opened: Letter | None = None  # its MAIL is out, its body is not
        self._riding = False  # the opened one went out behind the final dot of another
        self._addressed = False  # its RCPT was taken
        self._reset = False  # a broken transaction stands: RSET leads the next group
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self, queue: deque[Letter], most: int) -> "asyncio.Future[None]":
        """Begin on the first of `queue`. The future is set when it is empty, `most` were taken, or the session is over.

        Whoever cancels it must call `end`.
        """
        self._queue, self._left = queue, most
        self._over = self._loop.create_future()
        if self.ended:
            self._pause()
        else:
            self._go_on()
            self._allow_time()
            self._watch()
        return self._over

    def quit(self) -> None:
        """Say goodbye. Any answer, or two seconds without one, end the session."""
        if self._awaited or self.ended:
            return self.end()
        self._transport.write(b"QUIT\r\n")
        self._timer = self._loop.call_later(_QUIT_SECONDS, self.end)
        return None

    def end(self, *, silent: bool = False) -> None:
        """Cut the connection. What may have been handed over is lost, what had not begun goes back."""
        if self.ended:
            return
        self.ended = True
        self._transport.abort()  # not close(), which would still deliver what has just been given up
        mailed, opened = self._mailed, self._opened
        self._mailed = self._opened = None
        if opened is not None:
            self._lose(opened, silent)
        if mailed is not None:
            mailed.settle(Lost(Phase.FINAL_DOT, silent))
        self._pause()

    # ---- called by the event loop

    def data_received(self, data: bytes) -> None:
        told = False
        try:
            for code, lines in self._reader.read(data):
                self._hear(code, lines)
                if self.ended:
                    return
                told = True
        except NotSmtp:
            self.end()
        if told:
            self._allow_time()

    def connection_lost(self, exc: Exception | None) -> None:
        self.end()
        if not self.gone.done():
            self.gone.set_result(None)

    # ---- what we say

    def _go_on(self) -> None:
        """Everything said is answered: say what comes next."""
        self._riding = False
        if commands := self._commands():
            self._transport.write(commands)
        else:
            self._pause()

    def _commands(self) -> bytes:
        """What may be said at once, all of a group or one command; empty where no letter is left."""
        if not self._unsaid:
            self._open()
        said = b""
        while self._unsaid:
            step, command = self._unsaid.popleft()
            self._awaited.append(step)
            said += command
            if not self._offer.pipelining:
                break
        return said

    def _open(self) -> None:
        """Take the next letter and lay out its commands."""
        letter = self._next()
        if letter is None:
            return
        self._opened, self._addressed = letter, False
        if self._reset:
            self._unsaid.append((_RSET, b"RSET\r\n"))
        self._reset = False
        self._unsaid.extend(zip(_ENVELOPE, _envelope_commands(letter.envelope, self._offer), strict=True))

    def _next(self) -> Letter | None:
        while self._queue and self._left:
            letter = self._queue.popleft()
            if letter.wanted:
                self._left -= 1
                self.taken += 1
                return letter
        return None

    def _send_body(self, letter: Letter) -> None:
        """The message to its final dot, and behind it the next one's envelope. From here on it may be theirs."""
        if not letter.wanted:
            return self.end()
        self._mailed, self._opened = letter, None
        self._awaited.append(_DOT)
        self._riding = self._offer.pipelining
        behind = self._commands() if self._riding else b""
        self._transport.write(b"".join((*_dot_stuffed(letter.envelope.content), behind)))
        return None

    def _send_nothing(self) -> None:
        """RFC 2920 3.1: the server wants a message whose recipient it has refused, and gets a dot.

        Where it has refused the sender only, that might be delivered.
        """
        if self._addressed:
            return self.end()
        self._awaited.append(_LONE_DOT)
        self._transport.write(b".\r\n")
        return None

    # ---- what we hear

    def _hear(self, code: int, lines: list[bytes]) -> None:
        if not self._awaited:
            return self.end()  # 421 to a kept connection, an answer to QUIT, or nonsense
        step = self._awaited[0]
        agreed = code == 354 if step is _DATA else code < 300
        if not agreed and code < 400:
            return self.end()
        self._awaited.popleft()
        if agreed:
            self._agreed(step, lines)
        else:
            self._refused(step, code, reply_text(lines))
        if not self._awaited and not self.ended:
            self._go_on()
        return None

    def _agreed(self, step: _Step, lines: list[bytes]) -> None:
        if step is _RCPT:
            self._addressed = True
        elif step is _DATA and self._opened is not None:
            self._send_body(self._opened)
        elif step is _DATA:
            self._send_nothing()
        elif step is _DOT and self._mailed is not None:
            letter, self._mailed = self._mailed, None
            self.served += 1
            letter.settle(Accepted(reply_text(lines)))

    def _refused(self, step: _Step, code: int, words: str) -> None:
        if step is _RSET:
            return self.end()
        letter = self._released(step)
        closing = code == 421
        if letter is not None and not (closing and step is _MAIL and self._gives_back(letter)):
            letter.settle(Refused(_PHASES[step], code, words))
        self._reset = self._reset or step in _ENVELOPE
        self._unsaid.clear()
        if self._parting(words):
            self.leaving, self._left = True, 0
        elif letter is not None and not closing:
            self.served += 1
        if closing or (self.leaving and self._opened is not None):
            self.end()
        return None

    def _released(self, step: _Step) -> Letter | None:
        """The letter a refusal is about; None where an earlier one was its verdict already."""
        if step is _DOT:
            letter, self._mailed = self._mailed, None
        else:
            letter, self._opened = self._opened, None
        return letter

    # ---- losses

    def _lose(self, letter: Letter, silent: bool) -> None:
        awaited = self._awaited[0] if self._awaited else _DOT
        phase = Phase.MAIL if awaited is _DOT else _PHASES[awaited]  # behind a dot it had not begun
        if phase is Phase.MAIL and self._gives_back(letter):
            return
        letter.settle(Lost(phase, silent))

    def _gives_back(self, letter: Letter) -> bool:
        """A transaction that was over before it began is repeated unseen, once.

        Behind another's final dot it was not the letter's turn yet, and that does not count.
        """
        if not self._riding:
            if letter.returned:
                return False
            letter.returned = True
        self._queue.appendleft(letter)
        return True

    def _pause(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._over is not None and not self._over.done():
            self._over.set_result(None)

    def _allow_time(self) -> None:
        """A reply came whole, or something was said to a server that owed none; a trickle of bytes earns no time."""
        if self._awaited:
            patience = _FINAL_DOT_PATIENCE if self._awaited[0] is _DOT else 1
            self._deadline = self._loop.time() + self._timeout * patience

    def _watch(self) -> None:
        """One timer for the whole of a stretch of work; one for each command would cost as much as the command."""
        now = self._loop.time()
        if self._awaited and now >= self._deadline:
            self.end(silent=True)
        elif self._awaited:
            self._timer = self._loop.call_at(min(self._deadline, now + self._timeout), self._watch)


def _envelope_commands(envelope: Envelope, offer: Offer) -> tuple[bytes, bytes, bytes]:
    """MAIL, RCPT and DATA, with only what this server's EHLO offered."""
    mail, rcpt = f"MAIL FROM:<{envelope.sender}>", f"RCPT TO:<{envelope.recipient}>"
    if offer.size:
        mail += f" SIZE={len(envelope.content)}"
    if offer.dsn:
        mail += f" RET=HDRS ENVID={_xtext(envelope.key)}"
        rcpt += f" NOTIFY=FAILURE ORCPT=rfc822;{_xtext(envelope.recipient)}"
    return mail.encode() + b"\r\n", rcpt.encode() + b"\r\n", b"DATA\r\n"


def _dot_stuffed(content: bytes) -> tuple[bytes, bytes]:
    """The message and its final dot; the message itself, not a copy, where no line begins with a dot."""
    if _DOT_LINE.search(content, 0, content.rfind(b".") + 1):  # base64 has none, and it is most of a mail
        content = content.replace(b"\r\n.", b"\r\n..")
    if content.startswith(b"."):
        content = b"." + content
    return content, b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"


def _xtext(value: str) -> str:
    """RFC 3461 section 4: + and = as +XX. Blanks and other characters no envelope has."""
    return value.replace("+", "+2B").replace("=", "+3D")
