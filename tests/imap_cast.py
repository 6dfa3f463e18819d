"""Who stands in the tests of the IMAP stand-in: the server on a free port, and Python's own client."""

import imaplib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from bot.sandbox.imap.server import ImapServer
from bot.sandbox.stage import Stage

START = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
USER, PASSWORD = "bounce@huifang.example.com", 'made "up" \\ word'
PATIENCE = 60.0


def mail(number: int = 1, subject: str = "Re: 1", body: str = "好的") -> bytes:
    head = f"From: li@datong.example\r\nTo: reply+t{number}@huifang.example.com\r\nSubject: {subject}\r\n"
    return f"{head}Message-ID: <{number}@datong.example>\r\nMIME-Version: 1.0\r\n\r\n{body}\r\n".encode()


@asynccontextmanager
async def serving(stage: Stage, **changes: Any) -> AsyncIterator[ImapServer]:
    server = ImapServer(stage, username=USER, password=PASSWORD, **changes)
    await server.start()
    yield server
    await server.stop()


def client(server: ImapServer, *, inside: bool = True) -> imaplib.IMAP4:
    """Call it in a thread."""
    made = imaplib.IMAP4(server.host, server.port, timeout=PATIENCE)
    if inside:
        made.authenticate("PLAIN", lambda _challenge: f"\0{USER}\0{PASSWORD}".encode())
    return made


def with_client(server: ImapServer, act: Callable[[imaplib.IMAP4], Any]) -> Any:
    made = client(server)
    try:
        return act(made)
    finally:
        made.shutdown()
