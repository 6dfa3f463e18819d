"""The door for incoming mail: LMTP (or SMTP) on a local port, each mail handed to one callback.

250 means that the callback has returned: what a mail does is in force before its sender lets go of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

TakeMail = Callable[[bytes, str | None, Sequence[str]], Awaitable[None]]

SIZE_LIMIT = 10 * 1024 * 1024
_STOP_SECONDS = 10.0
# Long enough for a session to send the answer of a callback that has just ended.
_LAST_ANSWER_SECONDS = 0.02
_log = logging.getLogger(__name__)


class MailDoor:
    """`take(raw, envelope_from, envelope_to)` gets every mail; `envelope_from` is "" for the null sender.

    451 is answered where it raises, so that the other side keeps the mail and comes again.
    """

    def __init__(self, take: TakeMail, host: str = "127.0.0.1", port: int = 0) -> None:
        self._take = take
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._sessions: set[_Session] = set()
        self._taking: set[asyncio.Future[None]] = set()
        self._closing = False

    async def start(self) -> int:
        """Listen, and return the port. Raises OSError where it is taken."""
        # aiosmtpd writes addresses and whole commands into its log
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        self._closing = False
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Session(self, loop), self._host, self._port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Let no new mail in, let the callbacks that run end, and close the sessions."""
        if self._server is None:
            return
        self._closing = True
        self._server.close()
        if self._taking:
            await asyncio.wait(self._taking, timeout=_STOP_SECONDS)
            await asyncio.sleep(_LAST_ANSWER_SECONDS)
        if sessions := list(self._sessions):
            for session in sessions:
                session.hang_up()
            await asyncio.wait([session.gone for session in sessions])
        await self._server.wait_closed()
        self._server = None

    async def handle_DATA(self, server: "_Session", session: Session, envelope: Envelope) -> str:
        """aiosmtpd's hook: the whole mail has arrived."""
        answer = await self._taken(envelope)
        # LMTP wants one answer for each recipient (RFC 2033), SMTP one for all
        return "\r\n".join([answer] * (len(envelope.rcpt_tos) if server.speaks_lmtp else 1))

    async def handle_exception(self, error: Exception) -> str:
        """aiosmtpd's hook: its own answer would show the error's text."""
        _log.error("mail door: %s in a session", type(error).__name__)
        return "451 4.3.0 local error, try again later"

    async def _taken(self, envelope: Envelope) -> str:
        if self._closing:
            return "451 4.3.2 closing down, try again later"
        raw = envelope.original_content or b""
        sender = "" if envelope.mail_from == "<>" else envelope.mail_from
        work = asyncio.ensure_future(self._take(raw, sender, list(envelope.rcpt_tos)))
        self._taking.add(work)
        work.add_done_callback(self._ended)
        try:
            # a client that hangs up must not stop the callback inside its transaction
            await asyncio.shield(work)
        except Exception:  # the mail stays with its sender; `_ended` has logged the reason
            return "451 4.3.0 not taken, try again later"
        return "250 2.0.0 taken"

    def _ended(self, work: "asyncio.Future[None]") -> None:
        self._taking.discard(work)
        if not work.cancelled() and (error := work.exception()) is not None:
            _log.error("mail door: a mail was not taken (%s)", type(error).__name__)


class _Session(SMTP):
    """One connection. It answers LHLO as well as HELO and EHLO: whoever delivers chooses."""

    # Mailers that send a paragraph as one line exist, and a 500 would lose their mail.
    line_length_limit = 1024 * 1024

    def __init__(self, door: MailDoor, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            door,
            data_size_limit=SIZE_LIMIT,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="mail door",
            loop=loop,
        )
        self.speaks_lmtp = False
        self.gone: asyncio.Future[None] = loop.create_future()
        self._others = door._sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._others.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self._others.discard(self)
        self.gone.set_result(None)

    def hang_up(self) -> None:
        """At once: a peer that does not read would keep a polite close waiting."""
        if self.transport is not None:
            cast(asyncio.WriteTransport, self.transport).abort()  # uvloop's is none by its class

    @syntax("LHLO hostname")
    async def smtp_LHLO(self, hostname: str) -> None:
        await self.smtp_EHLO(hostname)
        self.speaks_lmtp = bool(hostname)
