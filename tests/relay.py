"""A mail server for tests of what speaks to it: strict about the order of commands, and it breaks where it is told."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from bot.channels.envelopes import Envelope
from bot.channels.smtp import SmtpPool, SmtpServer

# What a plan may answer instead of words. RESET and DROP after the final dot: the message is kept, and nobody told.
DROP, RESET, HALF_CLOSE, SILENCE, LATE = "DROP", "RESET", "HALF_CLOSE", "SILENCE", "LATE"
LATE_SECONDS = 0.05
PLAIN = ("SIZE 1000000", "8BITMIME")
GROUPED = (*PLAIN, "PIPELINING")
Plan = Callable[[str, "Session"], str | None]


@dataclass
class Session:
    number: int
    beside: int  # sessions that stood when it came
    greeted: bool = False
    sender: str | None = None
    recipient: str | None = None
    taken: int = 0
    unanswered: int = 0  # bodies that were kept and never answered
    wire: list[str] = field(default_factory=list)


@dataclass
class Taken:
    sender: str
    recipient: str
    content: bytes
    session: int


class Relay:
    """`plan(step, session)` may answer in its place; steps are CONNECT, the verbs and DOT. `taken` is written first."""

    def __init__(self, plan: Plan, extensions: tuple[str, ...]) -> None:
        self.plan, self.extensions = plan, extensions
        self.late_seconds = LATE_SECONDS
        self.asks_for_all = False  # 354 without a recipient, as RFC 2920 has it
        self.standing = 0
        self.sessions: list[Session] = []
        self.taken: list[Taken] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.over = asyncio.Event()
        self.answering = asyncio.Event()  # a whole message lies here, not answered yet

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(len(self.sessions) + 1, self.standing)
        self.standing += 1
        self.sessions.append(session)
        self.writers.append(writer)
        try:
            await self._say(writer, session, self._chosen("CONNECT", session, "220 relay.example ESMTP"))
            while line := await reader.readline():
                await self._command(line, session, reader, writer)
        except (ConnectionError, EOFError, ValueError):  # ValueError: a line cut off by the end
            pass
        finally:
            self.standing -= 1
            writer.close()

    async def _command(
        self, line: bytes, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if not line.endswith(b"\r\n"):
            raise EOFError
        command = line[:-2].decode("ascii")
        session.wire.append(command)
        if "PIPELINING" not in self.extensions:
            assert not reader._buffer, "a command before the last one was answered"
        verb = command.partition(" ")[0].upper()
        usual = self._answer(verb, command, session)
        answer = usual if usual.startswith("503") else self._chosen(verb, session, usual)
        if answer != usual and answer[0] in "45":
            self._undo(verb, session)
        await self._say(writer, session, answer)
        if answer.startswith("354"):
            await self._message(session, reader, writer)
        if verb == "QUIT":
            raise EOFError

    async def _message(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        content = b"\r\n"
        while not content.endswith(b"\r\n.\r\n"):
            content += await reader.readuntil(b".\r\n")
        content = re.sub(rb"(?m)^\.", b"", content[2:-3])
        usual = "250 2.0.0 Ok: queued as Q1" if session.recipient else "554 5.5.1 no valid recipients"
        answer = self._chosen("DOT", session, usual) if session.recipient else usual
        if session.recipient and answer[0] not in "45":
            self.taken.append(Taken(session.sender or "", session.recipient, content, session.number))
            session.taken += 1
            session.unanswered += answer[0] != "2" and answer != LATE
        session.sender = session.recipient = None
        self.answering.set()
        await self._say(writer, session, answer)

    def _answer(self, verb: str, line: str, session: Session) -> str:
        if verb == "EHLO":
            session.greeted = bool(re.fullmatch(r"EHLO [a-z0-9.-]+", line))
            return "250-relay.example\r\n" + "".join(f"250-{e}\r\n" for e in self.extensions) + "250 HELP"
        if verb == "MAIL" and session.greeted and session.sender is None:
            found = re.match(r"MAIL FROM:<([^<>\s]+)>", line)
            session.sender = found[1] if found else None
            return "250 ok" if found else "501 5.5.4 syntax"
        if verb == "RCPT" and session.sender is not None and session.recipient is None:
            found = re.match(r"RCPT TO:<([^<>\s]+)>", line)
            session.recipient = found[1] if found else None
            return "250 ok" if found else "501 5.5.4 syntax"
        if verb == "DATA" and (session.recipient or self.asks_for_all):
            return "354 go on"
        if verb == "RSET":
            session.sender = session.recipient = None
            return "250 ok"
        return "221 bye" if verb == "QUIT" else "503 5.5.1 out of order"

    def _undo(self, verb: str, session: Session) -> None:
        if verb in ("MAIL", "RCPT"):
            session.recipient = None
            session.sender = None if verb == "MAIL" else session.sender

    def _chosen(self, step: str, session: Session, usual: str) -> str:
        return self.plan(step, session) or usual

    async def _say(self, writer: asyncio.StreamWriter, session: Session, answer: str) -> None:
        if answer == DROP:
            raise ConnectionError
        if answer == RESET:
            writer.transport.abort()
            raise ConnectionError
        if answer == HALF_CLOSE:
            writer.write_eof()
            await self.over.wait()
            raise ConnectionError
        if answer == LATE:
            await asyncio.sleep(self.late_seconds)
            answer = "250 late"
        if answer == SILENCE:
            await self.over.wait()
            raise ConnectionError
        writer.write(answer.encode() + b"\r\n")
        await writer.drain()
        if answer.startswith("421"):
            raise ConnectionError


async def until(holds: Callable[[], object]) -> None:
    """Wait for what another task is to do; ten seconds at most."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


def as_usual(step: str, session: Session) -> str | None:
    return None


def fail_at(step: str, answer: str, recipient: str = "to1@x.example") -> Plan:
    """That answer wherever that step is about that recipient."""

    def plan(now: str, session: Session) -> str | None:
        return answer if now == step and session.recipient == recipient else None

    return plan


@asynccontextmanager
async def relay_and_pool(
    plan: Plan = as_usual,
    width: int = 1,
    extensions: tuple[str, ...] = PLAIN,
    tls: ssl.SSLContext | None = None,
    **changes,
) -> AsyncIterator[tuple[Relay, SmtpPool]]:
    relay = Relay(plan, extensions)
    port = changes.pop("port", 0)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", port, ssl=tls, limit=1 << 24)
    port = server.sockets[0].getsockname()[1]
    target = replace(SmtpServer("127.0.0.1", port, "mail.talent.example", starttls=False, timeout=5.0), **changes)
    pool = SmtpPool(target, width)
    try:
        yield relay, pool
    finally:
        await pool.close()
        server.close()
        relay.over.set()
        for writer in relay.writers:
            writer.close()
        await asyncio.sleep(0.01)


def envelope(number: int = 1, content: bytes = b"Subject: x\r\n\r\nhello\r\n") -> Envelope:
    return Envelope(f"k-{number}", f"bounce+k-{number}@r.example", f"to{number}@x.example", content)


def batch(size: int) -> list[Envelope]:
    return [envelope(number) for number in range(1, size + 1)]
