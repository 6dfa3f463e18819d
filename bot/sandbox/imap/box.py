"""The mailbox behind the IMAP stand-in: folders of mails whose UIDs are never given twice."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

INBOX = "INBOX"
LINE_END = re.compile(rb"\r?\n")


@dataclass(slots=True)
class Stored:
    """`raw` ends its lines with CRLF."""

    uid: int
    raw: bytes
    arrived: datetime
    flags: set[str] = field(default_factory=set)


class Folder:
    """`recent`: mails that no connection has been told of yet."""

    def __init__(self, validity: int) -> None:
        self.validity, self.next_uid = validity, 1
        self.mails: dict[int, Stored] = {}  # by UID, ascending
        self.recent: set[int] = set()

    def add(self, raw: bytes, arrived: datetime, flags: Iterable[str] = ()) -> int:
        """Returns the UID."""
        uid = self.next_uid
        self.next_uid += 1
        self.mails[uid] = Stored(uid, LINE_END.sub(b"\r\n", raw), arrived, set(flags))
        self.recent.add(uid)
        return uid

    def remove(self, uids: Collection[int]) -> None:
        for uid in uids:
            self.mails.pop(uid, None)
            self.recent.discard(uid)


class Mailbox:
    """Takes whatever is addressed to its domain, as a catch-all does. INBOX is always there, in any case of letters."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._validity = int(now().timestamp())
        self.folders: dict[str, Folder] = {}
        self.create(INBOX)

    def deliver(self, sender: str, to: str, mail: bytes) -> int:
        """One mail from the envelope's `sender`, "" for a bounce's, as a provider stores it. Returns its UID."""
        envelope = f"Return-Path: <{sender}>\r\nDelivered-To: {to}\r\n".encode()
        return self.folders[INBOX].add(envelope + mail, self._now())

    def append(self, folder: Folder, mail: bytes, flags: Iterable[str]) -> int:
        """A mail that a client puts there itself, as it stands. Returns its UID."""
        return folder.add(mail, self._now(), flags)

    def find(self, name: str) -> Folder | None:
        return self.folders.get(_same(name))

    def create(self, name: str) -> bool:
        """False where it is there already."""
        if self.find(name):
            return False
        # A folder of a name that was there before must not look like that one.
        self.folders[_same(name)] = Folder(self._validity + len(self.folders))
        self._validity += 1
        return True

    def drop(self, name: str) -> bool:
        if _same(name) == INBOX:
            return False
        return self.folders.pop(_same(name), None) is not None


def _same(name: str) -> str:
    return INBOX if name.upper() == INBOX else name
