"""A folder as one connection has it open: by which numbers it knows the mails, and what it has been told."""

from bot.sandbox.imap.box import Folder, Stored
from bot.sandbox.imap.fetching import SEEN
from bot.sandbox.imap.words import No, Wrong, chosen, read_set

FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", SEEN, "\\Draft")


class Opened:
    def __init__(self, folder: Folder, *, read_only: bool) -> None:
        self.folder, self.read_only = folder, read_only
        self.uids = list(folder.mails)  # the first has the number 1
        self.recent = set(folder.recent)
        if not read_only:
            folder.recent.clear()

    def greeting(self) -> list[str]:
        """What SELECT tells."""
        unseen = [number for number, mail in self.mails() if SEEN not in mail.flags]
        return [
            f"FLAGS ({' '.join(FLAGS)})",
            f"{len(self.uids)} EXISTS",
            f"{len(self.recent)} RECENT",
            *[f"OK [UNSEEN {number}] the first unseen" for number in unseen[:1]],
            f"OK [PERMANENTFLAGS ({'' if self.read_only else ' '.join([*FLAGS, chr(92) + '*'])})] kept",
            f"OK [UIDNEXT {self.folder.next_uid}] next",
            f"OK [UIDVALIDITY {self.folder.validity}] valid",
        ]

    def news(self, *, removals: bool) -> list[str]:
        """What was done to the folder since, here or by others, and what has arrived."""
        told = self._removed() if removals else []
        new = [uid for uid in self.folder.mails if uid > (self.uids[-1] if self.uids else 0)]
        if not new:
            return told
        self.recent |= self.folder.recent.intersection(new)
        if not self.read_only:
            self.folder.recent.difference_update(new)
        self.uids += new
        return [*told, f"{len(self.uids)} EXISTS", f"{len(self.recent.intersection(self.uids))} RECENT"]

    def mails(self) -> list[tuple[int, Stored]]:
        """Those that are still there, each with its number."""
        there = self.folder.mails
        return [(number, there[uid]) for number, uid in enumerate(self.uids, 1) if uid in there]

    def of_set(self, text: str, *, by_uid: bool) -> list[tuple[int, Stored]]:
        pairs = read_set(text)
        if by_uid:
            uids = set(chosen(pairs, self.uids))
            return [(number, mail) for number, mail in self.mails() if mail.uid in uids]
        if any((bound or 1) > len(self.uids) for pair in pairs for bound in pair):
            raise Wrong("no mail of this number")
        numbers = set(chosen(pairs, range(1, len(self.uids) + 1)))
        return [(number, mail) for number, mail in self.mails() if number in numbers]

    def deleted(self) -> set[int]:
        """The UIDs of what is marked so."""
        return {mail.uid for _, mail in self.mails() if "\\Deleted" in mail.flags}

    def flags(self, mail: Stored) -> list[str]:
        return sorted(mail.flags) + ["\\Recent"] * (mail.uid in self.recent)

    def check_writable(self) -> None:
        if self.read_only:
            raise No("[READ-ONLY] the folder was only examined")

    def _removed(self) -> list[str]:
        told = []
        for number, uid in reversed(list(enumerate(self.uids, 1))):
            if uid not in self.folder.mails:
                told.append(f"{number} EXPUNGE")
                del self.uids[number - 1]
        return told
