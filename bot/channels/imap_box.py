"""A mailbox over IMAP (RFC 3501), as far as reading what comes back needs it. Every call waits: give it a thread.

The standard library's client: asyncio's own one is under the GPL. A PREAUTH greeting skips the login.
"""

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field

_TIMEOUT_SECONDS = 60.0
_NUMBER = re.compile(rb"\d+")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")


class BoxRefuses(Exception):
    """The server said no. The message is its own words, which hold no password."""


# what a connection that is gone, or a server that is down, looks like
AWAY = (imaplib.IMAP4.abort, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class BoxAddress:
    """Where the mailbox is. `tls` is a context to check the server's certificate with, None for a plain connection."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    tls: ssl.SSLContext | None = None
    patience: float = _TIMEOUT_SECONDS  # seconds, for each answer


class ImapBox:
    """One connection with its folder open. Raises BoxRefuses, or one of AWAY, from every call."""

    def __init__(self, address: BoxAddress) -> None:
        self._folder = address.folder
        try:
            self._imap = _connect(address)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error as exc:  # it asks for the capabilities at once
            raise BoxRefuses(_words(exc)) from None
        self.validity = 0
        try:
            if self._imap.state != "AUTH":
                self._do("LOGIN", *self._imap.login(address.username, address.password))
            self._introduce()
            self._do("SELECT", *self._imap.select(_quoted(address.folder)))
            self.validity = int(_number(self._imap.response("UIDVALIDITY")[1]))
        except imaplib.IMAP4.abort:
            self.close()
            raise
        except imaplib.IMAP4.error as exc:
            self.close()
            raise BoxRefuses(_words(exc)) from None
        except BaseException:
            self.close()
            raise

    def uids(self, criterion: str) -> list[int]:
        """Ascending."""
        found = self._do("SEARCH", *self._imap.uid("SEARCH", *criterion.split()))
        return sorted(int(number) for line in found if isinstance(line, bytes) for number in _NUMBER.findall(line))

    def size(self, uid: int) -> int:
        """Octets; 0 for a mail that is gone."""
        lines = self._do("FETCH", *self._imap.uid("FETCH", str(uid), "(RFC822.SIZE)"))
        found = _SIZE.search(b" ".join(line for line in lines if isinstance(line, bytes)))
        return int(found[1]) if found else 0

    def fetch(self, uid: int) -> bytes | None:
        """The whole mail, without marking it as read; None where it is gone."""
        lines = self._do("FETCH", *self._imap.uid("FETCH", str(uid), "(BODY.PEEK[])"))
        return next((bytes(line[1]) for line in lines if isinstance(line, tuple)), None)

    def see(self, uid: int) -> None:
        self._do("STORE", *self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Seen)"))

    def move(self, uid: int, folder: str) -> None:
        """To a folder, which is made where it is missing. Without MOVE (RFC 6851) the mail is copied, then deleted."""
        with contextlib.suppress(imaplib.IMAP4.error):
            self._imap.create(_quoted(folder))
        if "MOVE" in self._imap.capabilities:
            self._do("MOVE", *self._imap.uid("MOVE", str(uid), _quoted(folder)))
            return
        self._do("COPY", *self._imap.uid("COPY", str(uid), _quoted(folder)))
        self._do("STORE", *self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Seen \\Deleted)"))
        if "UIDPLUS" in self._imap.capabilities:  # without it others' deleted mail would be expunged too
            self._do("EXPUNGE", *self._imap.uid("EXPUNGE", str(uid)))

    def nudge(self) -> None:
        """So that the server tells of new mail, and does not end an idle connection."""
        self._do("NOOP", *self._imap.noop())

    def close(self) -> None:
        """At once and from any thread: who waits for the server gets an error."""
        with contextlib.suppress(OSError):
            self._imap.socket().shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            self._imap.shutdown()

    def _introduce(self) -> None:
        """NetEase lets nobody open a folder who has not said who he is (RFC 2971)."""
        _, capabilities = self._imap.capability()
        listed = b" ".join(line for line in capabilities if isinstance(line, bytes)).upper()
        self._imap.capabilities = tuple(listed.decode("ascii", "replace").split())
        if "ID" in self._imap.capabilities:
            with contextlib.suppress(imaplib.IMAP4.error):
                self._imap.xatom("ID", '("name" "huifang" "version" "1")')

    def _do(self, command: str, status: str, lines: Sequence[object]) -> Sequence[object]:
        if status != "OK":
            said = b" ".join(line for line in lines if isinstance(line, bytes)).decode("utf-8", "replace")
            raise BoxRefuses(f"{command}: {said[:200]}")
        return lines


def _connect(address: BoxAddress) -> imaplib.IMAP4:
    if address.tls is None:
        return imaplib.IMAP4(address.host, address.port, timeout=address.patience)
    return imaplib.IMAP4_SSL(address.host, address.port, ssl_context=address.tls, timeout=address.patience)


def _quoted(folder: str) -> str:
    return '"' + folder.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(lines: Sequence[object]) -> str:
    first = next((line for line in lines if isinstance(line, bytes)), b"")
    return first.decode("ascii", "replace") if first.isdigit() else "0"


def _words(exc: Exception) -> str:
    said = exc.args[0] if exc.args else ""
    return (said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))[:200]
