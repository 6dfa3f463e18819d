"""One IMAP connection before any mail is looked at: who is there, the login, the folders."""

import base64
import binascii
import fnmatch
import hmac
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from bot.sandbox.imap.box import Folder, Mailbox
from bot.sandbox.imap.fetching import SEEN
from bot.sandbox.imap.opened import FLAGS, Opened
from bot.sandbox.imap.words import No, Word, Wrong, atoms, quoted

EXTENSIONS = ("UIDPLUS", "MOVE", "UNSELECT", "ID")
UNSAFE = "Unsafe Login. Please contact kefu@188.com for help"  # NetEase's, to who has not said who he is
_KEYWORD = re.compile(r"[A-Za-z0-9$_-]+")


class Stand(IntEnum):
    """How far the client has come."""

    OUTSIDE = 0
    INSIDE = 1
    SELECTED = 2


@dataclass(frozen=True, slots=True)
class Account:
    """`extensions` of EXTENSIONS; with `wants_id` no folder is opened for who has not sent ID, as NetEase has it."""

    username: str
    password: str = field(repr=False)
    extensions: Collection[str] = EXTENSIONS
    wants_id: bool = False

    def is_right(self, username: str, password: str) -> bool:
        offered, own = f"{username}\0{password}", f"{self.username}\0{self.password}"
        return hmac.compare_digest(offered.encode("utf-8", "surrogateescape"), own.encode())


class Session:
    """Each command is a method: it adds lines without a tag and returns the words behind the tag, "" for the usual
    ones. `ended` after LOGOUT and too many wrong passwords."""

    def __init__(self, mailbox: Mailbox, account: Account) -> None:
        self.ended = False
        self.stand = Stand.OUTSIDE
        self._mailbox, self._account = mailbox, account
        self._opened = Opened(Folder(0), read_only=True)  # nothing yet
        self._wrong_logins = 0
        self._introduced = False
        self._lines: list[bytes] = []

    @property
    def capabilities(self) -> str:
        offered = [name for name in EXTENSIONS if name in self._account.extensions]
        return " ".join(["IMAP4rev1", *offered, "AUTH=PLAIN", "SASL-IR"])

    def log_in(self, username: str, password: str) -> str:
        if not self._account.is_right(username, password):
            self._wrong_logins += 1
            self.ended = self._wrong_logins >= 3
            raise No("[AUTHENTICATIONFAILED] wrong name or password")
        self.stand = Stand.INSIDE
        return f"OK [CAPABILITY {self.capabilities}] logged in"

    def offers(self, upper: str) -> bool:
        return upper not in EXTENSIONS or upper in self._account.extensions

    # ---- at any time

    def capability(self, words: Sequence[Word], _by_uid: bool) -> str:
        atoms(words, 0)
        self._tell([f"CAPABILITY {self.capabilities}"])
        return ""

    def noop(self, words: Sequence[Word], _by_uid: bool) -> str:
        atoms(words, 0)
        return ""

    def logout(self, words: Sequence[Word], _by_uid: bool) -> str:
        atoms(words, 0)
        self._leave()
        self.ended = True
        self._tell(["BYE until next time"])
        return ""

    def introduce(self, words: Sequence[Word], _by_uid: bool) -> str:
        if len(words) != 1 or not (isinstance(words[0], list) or words[0].upper() == "NIL"):
            raise Wrong("ID takes a list of pairs or NIL")
        self._introduced = isinstance(words[0], list) and bool(words[0])
        self._tell(['ID ("name" "sandbox")'])
        return ""

    # ---- before the login

    def login(self, words: Sequence[Word], _by_uid: bool) -> str:
        return self.log_in(*atoms(words, 2))

    def authenticate(self, words: Sequence[Word], _by_uid: bool) -> str:
        mechanism, response = atoms(words, 2)
        if mechanism.upper() != "PLAIN":
            raise No("only PLAIN here")
        try:
            _, username, password = base64.b64decode(response, validate=True).decode().split("\0")
        except (binascii.Error, ValueError) as error:
            raise Wrong("not PLAIN's words") from error
        return self.log_in(username, password)

    # ---- folders

    def select(self, words: Sequence[Word], _by_uid: bool) -> str:
        return self._open(atoms(words, 1)[0], read_only=False)

    def examine(self, words: Sequence[Word], _by_uid: bool) -> str:
        return self._open(atoms(words, 1)[0], read_only=True)

    def create(self, words: Sequence[Word], _by_uid: bool) -> str:
        if not self._mailbox.create(atoms(words, 1)[0]):
            raise No("[ALREADYEXISTS] there is one of this name")
        return ""

    def delete(self, words: Sequence[Word], _by_uid: bool) -> str:
        if not self._mailbox.drop(atoms(words, 1)[0]):
            raise No("[NONEXISTENT] no such folder, or the inbox")
        return ""

    def list_folders(self, words: Sequence[Word], _by_uid: bool) -> str:
        reference, pattern = atoms(words, 2)
        if not pattern:
            self._tell(['LIST (\\Noselect) "/" ""'])
        for name in self._mailbox.folders:
            if pattern and fnmatch.fnmatchcase(name, _glob(reference + pattern)):
                self._tell([f'LIST () "/" {quoted(name)}'])
        return ""

    def status(self, words: Sequence[Word], _by_uid: bool) -> str:
        if len(words) != 2 or not isinstance(words[0], str) or not isinstance(words[1], list):
            raise Wrong("STATUS takes a folder and a list")
        folder = self._named(words[0])
        unseen = sum(SEEN not in mail.flags for mail in folder.mails.values())
        told = {"MESSAGES": len(folder.mails), "RECENT": len(folder.recent), "UIDNEXT": folder.next_uid,
                "UIDVALIDITY": folder.validity, "UNSEEN": unseen}  # fmt: skip
        wanted = [str(item).upper() for item in words[1]]
        if not wanted or not set(wanted) <= set(told):
            raise Wrong("no such item")
        items = " ".join(f"{item} {told[item]}" for item in wanted)
        self._tell([f"STATUS {quoted(words[0])} ({items})"])
        return ""

    def append(self, words: Sequence[Word], _by_uid: bool) -> str:
        """The moment that may be given is read over: a mail arrives now."""
        name, mail = words[0] if words else "", words[-1] if len(words) > 1 else []
        if not isinstance(name, str) or not isinstance(mail, str) or len(words) > 4:
            raise Wrong("APPEND takes a folder, perhaps flags and a moment, and a mail")
        folder = self._mailbox.find(name)
        if folder is None:
            raise No("[TRYCREATE] no such folder")
        flags = read_flags(next((word for word in words[1:-1] if isinstance(word, list)), []))
        uid = self._mailbox.append(folder, mail.encode("utf-8", "surrogateescape"), flags)
        if "UIDPLUS" not in self._account.extensions:
            return ""
        return f"OK [APPENDUID {folder.validity} {uid}] appended"

    # ---- inside

    def _open(self, name: str, *, read_only: bool) -> str:
        if self._account.wants_id and not self._introduced:
            raise No(UNSAFE)
        self._leave()
        self._opened = Opened(self._named(name), read_only=read_only)
        self.stand = Stand.SELECTED
        self._tell(self._opened.greeting())
        return "OK [READ-ONLY] opened" if read_only else "OK [READ-WRITE] opened"

    def _tell(self, lines: Iterable[str]) -> None:
        self._lines += [f"* {line}".encode() for line in lines]

    def _named(self, name: str) -> Folder:
        folder = self._mailbox.find(name)
        if folder is None:
            raise No("[NONEXISTENT] no such folder")
        return folder

    def _leave(self) -> None:
        if self.stand is Stand.SELECTED:
            self.stand = Stand.INSIDE


def read_flags(words: Sequence[Word]) -> set[str]:
    by_name = {flag.upper(): flag for flag in FLAGS}
    found = set()
    for word in words:
        if not isinstance(word, str) or not (word.upper() in by_name or _KEYWORD.fullmatch(word)):
            raise Wrong("no such flag")
        found.add(by_name.get(word.upper(), word))
    return found


def _glob(pattern: str) -> str:
    """`*` and `%` alike: there are no folders inside folders here."""
    return "".join("*" if sign in "*%" else f"[{sign}]" if sign in "?[" else sign for sign in pattern)
