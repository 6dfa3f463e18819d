"""The IMAP stand-in's door: connections, lines and literals, the login's continuation, and faults on demand."""

import asyncio
import contextlib
import re
from collections.abc import Collection

from bot.sandbox.imap.box import Mailbox
from bot.sandbox.imap.commands import Commands
from bot.sandbox.imap.session import EXTENSIONS, Account
from bot.sandbox.imap.words import LITERAL, No, Word, Wrong, read_words
from bot.sandbox.stage import Stage

# `unavailable`, `bye`, `reset_before` and `web_page` are before the effect, the rest after it.
FAULTS = ("delay", "unavailable", "bye", "web_page", "reset_before", "reset_after", "truncate", "slow_body", "twice")
LONGEST_LINE, LARGEST_LITERAL = 65_536, 10_000_000
WEB_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\r\n"
_COMMAND = re.compile(r"([^\s(){}%*\"\\\]+]+) ([A-Za-z]+)(?: (.+))?", re.DOTALL)


class ImapServer:
    """One account over a plain connection, as a mailbox at a provider behind its TLS. Port 0 is any free port.

    `mailbox.deliver` puts a mail into its inbox; who has the inbox open is told at the end of the next command.
    """

    def __init__(
        self,
        stage: Stage,
        *,
        username: str,
        password: str,
        extensions: Collection[str] = EXTENSIONS,
        wants_id: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.mailbox = Mailbox(stage.now)
        self.faults = stage.fault_plan("imap", FAULTS)
        self.delay_seconds = 1.0  # real time, of "delay" and "slow_body"
        self.host, self.port = host, port
        self._account = Account(username, password, extensions, wants_id)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Returns the port. Raises OSError where it is taken."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port, limit=LONGEST_LINE)
        self.port = self._server.sockets[0].getsockname()[1]
        return self.port

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.wait_closed()

    def entrance(self) -> dict[str, object]:
        """Where it is and what it accepts."""
        account = self._account
        return {"host": self.host, "port": self.port, "username": account.username, "password": account.password}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Cancelled is how `stop` ends us: asyncio's streams would log it as an error.
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await _Link(self, Commands(self.mailbox, self._account), reader, writer).talk()
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class _Gone(Exception):
    """The client hung up, or was hung up on."""


class _Link:
    """One client's connection."""

    def __init__(
        self, server: ImapServer, commands: Commands, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._server, self._commands, self._reader, self._writer = server, commands, reader, writer

    async def talk(self) -> None:
        await self._write(f"* OK [CAPABILITY {self._commands.capabilities}] ready\r\n".encode())
        with contextlib.suppress(_Gone):
            while not self._commands.ended:
                await self._answer(*await self._read_command())
        await self._close()

    async def _answer(self, text: str, literals: list[bytes]) -> None:
        match = _COMMAND.fullmatch(text)
        if match is None:
            await self._write(b"* BAD a tag and a command are wanted\r\n")
            return
        tag, name, rest = match[1], match[2], match[3] or ""
        try:
            if name.upper() == "AUTHENTICATE" and " " not in rest:
                rest = f"{rest} {await self._ask()}"
            await self._act(tag, name, read_words(rest, literals) if rest else [])
        except (No, Wrong) as refusal:
            verdict = "NO" if isinstance(refusal, No) else "BAD"
            await self._write(f"{tag} {verdict} {refusal}\r\n".encode())

    async def _act(self, tag: str, name: str, words: list[Word]) -> None:
        fault = "" if name.upper() == "LOGOUT" else self._server.faults.draw()
        await self._meet_before(fault)
        lines, said = self._commands.act(name, words)
        whole = b"".join(line + b"\r\n" for line in [*lines, f"{tag} {said}".encode()])
        await self._meet_after(fault, whole)

    async def _meet_before(self, fault: str) -> None:
        match fault:
            case "delay":
                await asyncio.sleep(self._server.delay_seconds)
            case "unavailable":
                raise No("[UNAVAILABLE] system busy, try again later")
            case "bye":
                await self._write(b"* BYE server shutting down\r\n")
                raise _Gone
            case "web_page":
                await self._write(WEB_PAGE)
                raise _Gone
            case "reset_before":
                self._writer.transport.abort()
                raise _Gone

    async def _meet_after(self, fault: str, whole: bytes) -> None:
        match fault:
            case "reset_after":
                self._writer.transport.abort()
                raise _Gone
            case "truncate":
                await self._write(whole[: len(whole) // 2])
                raise _Gone
            case "slow_body":
                await self._write(whole[: len(whole) // 2])
                await asyncio.sleep(self._server.delay_seconds)
                await self._write(whole[len(whole) // 2 :])
            case "twice":
                await self._write(whole * 2)
            case _:
                await self._write(whole)

    async def _read_command(self) -> tuple[str, list[bytes]]:
        """One command's text, and the literals that stand in it."""
        text, literals = "", list[bytes]()
        while True:
            line = await self._read_line()
            text += line.decode("utf-8", "surrogateescape")
            match = LITERAL.search(line)
            if match is None:
                return text, literals
            if match[2] or int(match[1]) > LARGEST_LITERAL:
                # Without LITERAL+ the client must wait; what it sends instead cannot be told from commands.
                await self._write(b"* BYE this literal is not taken\r\n")
                raise _Gone
            await self._write(b"+ go on\r\n")
            literals.append(await self._reader.readexactly(int(match[1])))

    async def _read_line(self) -> bytes:
        try:
            line = await self._reader.readuntil(b"\r\n")
        except asyncio.LimitOverrunError as error:
            await self._write(b"* BYE a line is too long\r\n")
            raise _Gone from error
        return line[:-2]

    async def _ask(self) -> str:
        await self._write(b"+ \r\n")
        return (await self._read_line()).decode("ascii", "replace")

    async def _write(self, octets: bytes) -> None:
        self._writer.write(octets)
        await self._writer.drain()

    async def _close(self) -> None:
        """What was written still arrives."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()
