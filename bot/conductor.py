"""The virtual clock's conductor: when nothing is left to do at this moment, on to the next one.

The next moment is the earliest of: a waiting message, a slot of a running campaign, something a sandbox customer or
provider will do. So every slot in between is lived through, and no cap or hour is loosened.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from bot.runtime import Runtime, follow_rules, set_clock
from bot.sandbox.run import Sandbox
from bot.wecom.mass import run_tasks
from bot.wecom.reach import open_wecom
from bot.worker import plan, ring_due
from campaigns import marks, mass, outbox, planner

_REST_SECONDS = 0.02
_POLL_SECONDS = 1.0

Moved = Callable[[datetime], None]


class Conductor:
    def __init__(self, runtime: Runtime, sandbox: Sandbox | None) -> None:
        self._runtime = runtime
        self._sandbox = sandbox

    async def follow(self) -> None:
        """For ever: while the clock is virtual, move it on to the messages of whatever was started since the last time.

        What the slots on the way planned is left to the clock's own pace, or the years would fly by.
        """
        lived_through = 0
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if not await self._may_jump() or await marks.is_held():
                continue
            if await self._next_message(after=lived_through):
                await self.until_done()
                lived_through = await outbox.last_occurrence()

    async def until_done(self, moved: Moved = lambda moment: None) -> None:
        """Until every message planned by now has its fate, and what customers are about to say is said.

        Slots on the way are lived through; what they plan may still be waiting at the end.
        """
        newest = await outbox.last_occurrence()
        await self.settle()
        while await self._next_message(up_to=newest) is not None or await self._next_task():
            if not await self._may_jump():
                await asyncio.sleep(_POLL_SECONDS)
            elif following := await self.next_moment():
                await self.jump(following)
                moved(following)
            await self.settle()
        if self._sandbox and self._runtime.clock.is_virtual and (last := self._sandbox.stage.timetable.last_at()):
            await self.live_until(last, moved)
            await self.settle()

    async def live_until(self, moment: datetime, moved: Moved = lambda moment: None) -> None:
        """Live through everything before `moment`, slots of campaigns included, and arrive there."""
        while True:
            await self.settle()
            following = await self.next_moment()
            if following is None or following >= moment:
                await self.jump(moment)
                moved(moment)
                return
            await self.jump(following)
            moved(following)

    async def settle(self) -> None:
        """Work at this moment until nothing is due, on the wire, or about to be said."""
        await follow_rules(self._runtime)
        await plan(self._runtime)
        while True:
            if self._sandbox:
                await self._sandbox.stage.timetable.run_due()
            if not await marks.is_held():
                await run_tasks(self._runtime)
            await ring_due(self._runtime)
            if await self._is_quiet():
                return
            await asyncio.sleep(_REST_SECONDS)

    async def next_moment(self) -> datetime | None:
        """The earliest thing to come. Slots do not count while planning is held."""
        now = self._runtime.clock()
        moments = [await self._next_message(), await self._next_task()]
        if self._sandbox:
            moments.append(self._sandbox.stage.timetable.next_at())
        if not self._runtime.planning_held:
            moments.append(await planner.next_slot(now, self._runtime.rulebook))
        coming = [moment for moment in moments if moment is not None]
        return max(min(coming), now) if coming else None

    async def jump(self, moment: datetime) -> None:
        """Set the clock for every process on this database. It never goes back."""
        if moment <= self._runtime.clock():
            return
        self._runtime.clock.set(moment)
        await set_clock(self._runtime.clock, self._runtime.settings)

    async def _may_jump(self) -> bool:
        return self._runtime.clock.is_virtual and await marks.read_mark(marks.AT_REAL_PACE) is None

    async def _next_message(self, *, after: int = 0, up_to: int | None = None) -> datetime | None:
        return await outbox.next_due(self._runtime.clock(), self._runtime.channels, after=after, up_to=up_to)

    async def _next_task(self) -> datetime | None:
        """When something is to be asked of staff, or looked up; None where there is no WeCom to ask."""
        if await open_wecom(self._runtime) is None:
            return None
        return await mass.next_look()

    async def _is_quiet(self) -> bool:
        now = self._runtime.clock()
        due = [batch for batch in await outbox.due_batches(now) if batch.channel in self._runtime.channels]
        if due or await outbox.on_the_wire() or await outbox.unplanned_occurrences():
            return False
        if self._sandbox is None:
            return True
        following = self._sandbox.stage.timetable.next_at()
        return following is None or following > now
