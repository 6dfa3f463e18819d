"""Mail that waits in a mailbox at a provider: read over IMAP and handed to the callback the mail door uses.

A mail is marked only after the callback has stored it, and the place reached is kept in the database after that. Killed
anywhere between, the same mail is read once more, which is harmless: the inbox knows what it has.
"""

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.channels.imap_box import AWAY, BoxAddress, BoxRefuses, ImapBox
from bot.web.mail_door import SIZE_LIMIT, TakeMail

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 300.0
_TRIES = 3
_log = logging.getLogger(__name__)

ReadMark = Callable[[str], Awaitable[str | None]]
WriteMark = Callable[[str, str], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Habits:
    """`done`: the folder for what was read; empty: it stays, seen. `aside`: that for what could not be stored."""

    done: str = ""
    aside: str = "huifang-aside"
    every_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """How far a folder was read. UIDs mean something within one UIDVALIDITY only."""

    validity: int
    uid: int
    aside: int  # mails set aside so far


class ImapDoor:
    """`take(raw, None, [])` gets every new mail; `is_away(error)` says that a failure is nothing of the mail's."""

    def __init__(
        self,
        address: BoxAddress,
        take: TakeMail,
        *,
        read_mark: ReadMark,
        write_mark: WriteMark,
        is_away: Callable[[BaseException], bool],
        habits: Habits | None = None,
    ) -> None:
        self._address = address
        self._take = take
        self._read_mark = read_mark
        self._write_mark = write_mark
        self._is_away = is_away
        self._habits = habits or Habits()
        where = f"{address.username}@{address.host}:{address.port}/{address.folder}"
        self._key = f"imap:{hashlib.sha256(where.encode()).hexdigest()[:24]}"
        self._tries: dict[int, int] = {}
        self._box: ImapBox | None = None

    async def run(self) -> None:
        """Until cancelled. What goes wrong is logged and tried again, later and later up to five minutes."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._connect()
                while True:
                    await self.read_new()
                    pause = _FIRST_PAUSE
                    await asyncio.sleep(self._habits.every_seconds)
                    await asyncio.to_thread(self._open_box().nudge)
            except BoxRefuses as exc:
                _log.error("IMAP 邮箱拒绝了，请看 IMAP_ 各项设置 (the mailbox refuses: %s)", exc)
                pause = max(pause, _LONGEST_PAUSE / 5)
            except Exception as exc:
                _log.warning("IMAP: %s, next try in %.0f s", type(exc).__name__, pause)
            finally:
                self._leave()
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def read_once(self) -> int:
        """What is new now; returns how many mails were stored."""
        await self._connect()
        try:
            return await self.read_new()
        finally:
            self._leave()

    async def read_new(self) -> int:
        """Every mail behind the place reached, in its order; in a folder never read, those nobody has seen."""
        box = self._open_box()
        place = await self._place(box.validity)
        criterion = f"UID {place.uid + 1}:*" if place.uid else "UNSEEN"
        stored = 0
        for uid in await asyncio.to_thread(box.uids, criterion):
            if uid <= place.uid:  # `n:*` names the last mail, whatever its number
                continue
            is_stored = await self._read(box, uid)
            place = Place(place.validity, uid, place.aside + (not is_stored))
            await self._write_mark(self._key, f"{place.validity}:{place.uid}:{place.aside}")
            stored += is_stored
        return stored

    async def _read(self, box: ImapBox, uid: int) -> bool:
        """False where the mail was set aside. Raises where it is to be tried again."""
        if await asyncio.to_thread(box.size, uid) > SIZE_LIMIT:
            return await self._set_aside(box, uid, "too large")
        try:
            raw = await asyncio.to_thread(box.fetch, uid)
            if raw is None:  # somebody deleted it
                return True
            await self._take(raw, None, [])
        except Exception as exc:
            if isinstance(exc, AWAY) or self._is_away(exc):
                raise
            self._tries[uid] = self._tries.get(uid, 0) + 1
            if self._tries[uid] < _TRIES:
                raise
            return await self._set_aside(box, uid, type(exc).__name__)
        if self._habits.done:
            await asyncio.to_thread(box.move, uid, self._habits.done)
        else:
            await asyncio.to_thread(box.see, uid)
        return True

    async def _set_aside(self, box: ImapBox, uid: int, reason: str) -> bool:
        await asyncio.to_thread(box.move, uid, self._habits.aside)
        self._tries.pop(uid, None)
        _log.error("IMAP: 一封邮件读不了，放到了 %s (a mail was set aside: %s)", self._habits.aside, reason)
        return False

    async def _place(self, validity: int) -> Place:
        found = (await self._read_mark(self._key) or "").split(":")
        if len(found) != 3 or not all(part.isdigit() for part in found):
            return Place(validity, 0, 0)
        kept = Place(*map(int, found))
        return kept if kept.validity == validity else Place(validity, 0, kept.aside)

    async def _connect(self) -> None:
        self._box = await asyncio.to_thread(ImapBox, self._address)

    def _open_box(self) -> ImapBox:
        if self._box is None:
            raise ConnectionError
        return self._box

    def _leave(self) -> None:
        if self._box is not None:
            with contextlib.suppress(*AWAY):
                self._box.close()
            self._box = None
