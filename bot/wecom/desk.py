"""Customer service's messages come into the ledger page by page; a place is kept only after what stands before it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

from bot.channels.wecom_api import WecomApi
from bot.channels.wecom_desk import Page, Welcome, fetch_page, send_welcome
from bot.database import is_away
from bot.inbox import Inbox
from bot.wecom.reach import heed, wecom_of
from campaigns.errors import DefinitionError
from campaigns.members import wecom
from campaigns.members.wecom import Desk
from campaigns.replies.events import Taken
from campaigns.staff_file import load_staff

log = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0  # a welcome must go out within 20
_PAGES = 50  # in one go; a longer backlog goes on at the next look
_TRIES = 3  # of a page that cannot be taken in, or that brings nothing and leads nowhere
_LONGEST = timedelta(minutes=10)


class Desks:
    """Fetches for one process. Two processes never fetch from one desk at once."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox, self._runtime = inbox, inbox.runtime
        self._api = wecom_of(inbox.runtime)
        self._resting: dict[str, tuple[int, datetime]] = {}  # desk → failures in a row, when to try again

    async def look(self) -> int:
        """Fetch wherever there is something. Returns how many messages and events were taken in."""
        if self._api is None:
            return 0
        taken = 0
        for name in await wecom.waiting_desks(self._now()):
            if name in self._resting and self._now() < self._resting[name][1]:
                continue
            desk = await wecom.take_desk(name, self._now())
            if desk is not None:
                taken += await self._fetch(self._api, desk)
        return taken

    def _now(self) -> datetime:
        return self._runtime.clock()

    async def _fetch(self, api: WecomApi, desk: Desk) -> int:
        began, cursor, taken, read_at = self._now(), desk.cursor, 0, None
        failures, standing = desk.failures, 0
        try:
            for _ in range(_PAGES):
                page = await fetch_page(api, desk.desk, cursor, desk.token)
                if page.problem is not None:
                    await heed(page.problem)
                    raise _NotFetched(f"{page.problem.code} {page.problem.detail}")
                failures += 1
                await self._take(api, page, failures)
                standing = standing + 1 if page.cursor == cursor else 0  # a page may be empty, and more to come
                taken, cursor, failures = taken + len(page.events), page.cursor, 0
                await wecom.keep_cursor(desk.desk, cursor)
                if not page.has_more:
                    read_at = began
                    break
                if standing == _TRIES:
                    raise _NotFetched("more is to come, and its place does not move")
            self._resting.pop(desk.desk, None)
        except Exception as exc:
            self._rest(desk.desk, exc)
        finally:
            await wecom.leave_desk(desk, read_at=read_at, failures=failures)
        return taken

    async def _take(self, api: WecomApi, page: Page, tries: int) -> None:
        """One that cannot be taken in holds up its page, but not for ever: the third time the rest goes on."""
        try:
            taken = await self._inbox.take(page.events)
        except Exception as exc:
            if is_away(exc) or tries < _TRIES:
                raise
            log.error("a message of customer service cannot be taken in (%s): left out", type(exc).__name__)
            return
        await self._welcome(api, page, taken)

    async def _welcome(self, api: WecomApi, page: Page, taken: Sequence[Taken]) -> None:
        outcomes = {event.event_id: one.outcome for event, one in zip(page.events, taken, strict=True)}
        new = [one for one in page.welcomes if outcomes.get(one.event_id) != "repeat" and self._now() < one.until]
        text = self._welcoming() if new else ""
        for one in new if text else ():
            await self._say(api, one, text)

    def _welcoming(self) -> str:
        try:
            return load_staff(self._runtime.settings.huifang_templates / "staff.toml").welcome
        except DefinitionError as exc:
            log.error("nobody is welcomed: %s", exc)
            return ""

    async def _say(self, api: WecomApi, welcome: Welcome, text: str) -> None:
        """Once, whatever comes of it: whether its code was used up, nobody can ask."""
        result = await send_welcome(api, welcome, text)
        if not result.accepted:
            log.warning("a welcome was not said: %s %s", result.code, result.detail)

    def _rest(self, desk: str, problem: Exception) -> None:
        times = self._resting.get(desk, (0, self._now()))[0] + 1
        self._resting[desk] = times, self._now() + min(timedelta(seconds=2) * 2**times, _LONGEST)
        said = str(problem) if isinstance(problem, _NotFetched) else type(problem).__name__
        log.warning("customer service messages wait: %s", said)


class _NotFetched(Exception):
    """WeCom gave no page."""


@contextlib.asynccontextmanager
async def reading_desks(inbox: Inbox) -> AsyncIterator[None]:
    """Beside the doors, where the summons come in."""
    keeping = asyncio.create_task(_keep(Desks(inbox)), name="desks") if wecom_of(inbox.runtime) else None
    try:
        yield
    finally:
        if keeping:
            keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeping


async def _keep(desks: Desks) -> None:
    while True:
        await asyncio.sleep(_EVERY_SECONDS)
        try:
            await desks.look()
        except Exception as exc:  # the database may be away for a while
            log.warning("customer service cannot be looked at: %s", type(exc).__name__)
