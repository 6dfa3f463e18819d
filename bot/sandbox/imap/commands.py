"""The commands of one IMAP connection on a mailbox: each is answered at once, by lines without and one with its tag."""

import base64
import binascii
import fnmatch
import hmac
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from bot.sandbox.imap.box import Folder, Mailbox
from bot.sandbox.imap.fetching import SEEN, fetched, marks_as_seen, read_items
from bot.sandbox.imap.opened import FLAGS, Opened
from bot.sandbox.imap.searching import Candidate, search
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


class Commands:
    """`act` answers one command. `ended` after LOGOUT and too many wrong passwords."""

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

    def act(self, name: str, words: Sequence[Word]) -> tuple[list[bytes], str]:
        """The untagged lines, and the words behind the tag. Raises Wrong and No; what came before them stands."""
        self._lines = []
        upper = name.upper()
        by_uid = upper == "UID"
        if by_uid:
            upper, words = _of_uid(words)
        known = _COMMANDS.get(upper)
        if known is None or not self._offers(upper):
            raise Wrong("no such command here")
        if self.stand not in known.stands:
            raise Wrong(f"{upper} not now: {self.stand.name.lower()}")
        said = known.act(self, words, by_uid)
        if self.stand is Stand.SELECTED:
            # Numbers must stay as they are while they may be used: RFC 3501 section 7.4.1.
            self._tell(self._opened.news(removals=by_uid or upper not in ("FETCH", "STORE", "SEARCH")))
        return self._lines, said or f"OK {upper} completed"

    def log_in(self, username: str, password: str) -> str:
        if not self._account.is_right(username, password):
            self._wrong_logins += 1
            self.ended = self._wrong_logins >= 3
            raise No("[AUTHENTICATIONFAILED] wrong name or password")
        self.stand = Stand.INSIDE
        return f"OK [CAPABILITY {self.capabilities}] logged in"

    def _offers(self, upper: str) -> bool:
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

    # ---- the folder that is open

    def close(self, words: Sequence[Word], _by_uid: bool) -> str:
        atoms(words, 0)
        if not self._opened.read_only:
            self._opened.folder.remove(self._opened.deleted())
        self._leave()
        return ""

    def unselect(self, words: Sequence[Word], _by_uid: bool) -> str:
        atoms(words, 0)
        self._leave()
        return ""

    def expunge(self, words: Sequence[Word], by_uid: bool) -> str:
        if by_uid and "UIDPLUS" not in self._account.extensions:
            raise Wrong("no such command here")
        self._opened.check_writable()
        deleted = self._opened.deleted()
        if by_uid:
            deleted &= {mail.uid for _, mail in self._opened.of_set(atoms(words, 1)[0], by_uid=True)}
        else:
            atoms(words, 0)
        self._opened.folder.remove(deleted)
        return ""

    def find(self, words: Sequence[Word], by_uid: bool) -> str:
        recent = self._opened.recent
        candidates = [Candidate(number, mail, mail.uid in recent) for number, mail in self._opened.mails()]
        numbers = [str(one.mail.uid if by_uid else one.number) for one in search(words, candidates)]
        self._tell([" ".join(["SEARCH", *numbers])])
        return ""

    def fetch(self, words: Sequence[Word], by_uid: bool) -> str:
        if len(words) != 2 or not isinstance(words[0], str):
            raise Wrong("FETCH takes a set and what is wanted")
        items = read_items(words[1])
        items = ["UID", *items] if by_uid and "UID" not in items else items
        for number, mail in self._opened.of_set(words[0], by_uid=by_uid):
            told = items
            if marks_as_seen(items) and not self._opened.read_only and SEEN not in mail.flags:
                mail.flags.add(SEEN)
                told = [*items, "FLAGS"] if "FLAGS" not in items else items
            self._lines.append(fetched(number, mail, told, self._opened.flags(mail)))
        return ""

    def store(self, words: Sequence[Word], by_uid: bool) -> str:
        if len(words) < 3 or not isinstance(words[0], str) or not isinstance(words[1], str):
            raise Wrong("STORE takes a set, what to do, and flags")
        how, _, silent = words[1].upper().partition(".")
        if how.lstrip("+-") != "FLAGS" or silent not in ("", "SILENT"):
            raise Wrong("FLAGS, +FLAGS or -FLAGS")
        flags = _read_flags(words[2] if isinstance(words[2], list) and len(words) == 3 else words[2:])
        self._opened.check_writable()
        for number, mail in self._opened.of_set(words[0], by_uid=by_uid):
            mail.flags = {"+": mail.flags | flags, "-": mail.flags - flags}.get(how[0], flags)
            if not silent:
                items = ["UID", "FLAGS"] if by_uid else ["FLAGS"]
                self._lines.append(fetched(number, mail, items, self._opened.flags(mail)))
        return ""

    def copy(self, words: Sequence[Word], by_uid: bool) -> str:
        return self._copy(words, by_uid)[1]

    def move(self, words: Sequence[Word], by_uid: bool) -> str:
        self._opened.check_writable()
        uids, said = self._copy(words, by_uid)
        if said:
            self._tell([f"{said.removesuffix(' done')} moved"])
        self._opened.folder.remove(uids)
        return ""

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

    def _copy(self, words: Sequence[Word], by_uid: bool) -> tuple[list[int], str]:
        """The UIDs that were copied, and the words behind the tag."""
        text, name = atoms(words, 2)
        folder = self._mailbox.find(name)
        if folder is None:
            raise No("[TRYCREATE] no such folder")
        mails = [mail for _, mail in self._opened.of_set(text, by_uid=by_uid)]
        copies = [folder.add(mail.raw, mail.arrived, mail.flags) for mail in mails]
        uids = [mail.uid for mail in mails]
        if not uids or "UIDPLUS" not in self._account.extensions:
            return uids, ""
        return uids, f"OK [COPYUID {folder.validity} {_set(uids)} {_set(copies)}] done"


Act = Callable[[Commands, Sequence[Word], bool], str]


@dataclass(frozen=True, slots=True)
class _Command:
    act: Act
    stands: Collection[Stand]


_ANY, _INSIDE = tuple(Stand), (Stand.INSIDE, Stand.SELECTED)
_COMMANDS = {
    "CAPABILITY": _Command(Commands.capability, _ANY),
    "NOOP": _Command(Commands.noop, _ANY),
    "LOGOUT": _Command(Commands.logout, _ANY),
    "ID": _Command(Commands.introduce, _ANY),
    "LOGIN": _Command(Commands.login, (Stand.OUTSIDE,)),
    "AUTHENTICATE": _Command(Commands.authenticate, (Stand.OUTSIDE,)),
    "SELECT": _Command(Commands.select, _INSIDE),
    "EXAMINE": _Command(Commands.examine, _INSIDE),
    "CREATE": _Command(Commands.create, _INSIDE),
    "DELETE": _Command(Commands.delete, _INSIDE),
    "LIST": _Command(Commands.list_folders, _INSIDE),
    "STATUS": _Command(Commands.status, _INSIDE),
    "CHECK": _Command(Commands.noop, (Stand.SELECTED,)),
    "CLOSE": _Command(Commands.close, (Stand.SELECTED,)),
    "UNSELECT": _Command(Commands.unselect, (Stand.SELECTED,)),
    "EXPUNGE": _Command(Commands.expunge, (Stand.SELECTED,)),
    "SEARCH": _Command(Commands.find, (Stand.SELECTED,)),
    "FETCH": _Command(Commands.fetch, (Stand.SELECTED,)),
    "STORE": _Command(Commands.store, (Stand.SELECTED,)),
    "COPY": _Command(Commands.copy, (Stand.SELECTED,)),
    "MOVE": _Command(Commands.move, (Stand.SELECTED,)),
}
_BY_UID = ("SEARCH", "FETCH", "STORE", "COPY", "MOVE", "EXPUNGE")


def _of_uid(words: Sequence[Word]) -> tuple[str, Sequence[Word]]:
    name = words[0].upper() if words and isinstance(words[0], str) else ""
    if name not in _BY_UID:
        raise Wrong("UID goes before a command on mails")
    return name, words[1:]


def _read_flags(words: Sequence[Word]) -> set[str]:
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


def _set(uids: Iterable[int]) -> str:
    return ",".join(map(str, uids))
