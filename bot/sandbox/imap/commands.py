"""The commands of one IMAP connection, by their names: those on the mails of a folder, and when each may be given."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from bot.sandbox.imap.fetching import SEEN, fetched, marks_as_seen, read_items
from bot.sandbox.imap.searching import Candidate, search
from bot.sandbox.imap.session import Session, Stand, read_flags
from bot.sandbox.imap.words import No, Word, Wrong, atoms


class Commands(Session):
    """`act` answers one command."""

    def act(self, name: str, words: Sequence[Word]) -> tuple[list[bytes], str]:
        """The untagged lines, and the words behind the tag. Raises Wrong and No; what came before them stands."""
        self._lines = []
        upper = name.upper()
        by_uid = upper == "UID"
        if by_uid:
            upper, words = _of_uid(words)
        known = _COMMANDS.get(upper)
        if known is None or not self.offers(upper):
            raise Wrong("no such command here")
        if self.stand not in known.stands:
            raise Wrong(f"{upper} not now: {self.stand.name.lower()}")
        said = known.act(self, words, by_uid)
        if self.stand is Stand.SELECTED:
            # Numbers must stay as they are while they may be used: RFC 3501 section 7.4.1.
            self._tell(self._opened.news(removals=by_uid or upper not in ("FETCH", "STORE", "SEARCH")))
        return self._lines, said or f"OK {upper} completed"

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
        flags = read_flags(words[2] if isinstance(words[2], list) and len(words) == 3 else words[2:])
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
    "APPEND": _Command(Commands.append, _INSIDE),
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


def _set(uids: Iterable[int]) -> str:
    return ",".join(map(str, uids))
