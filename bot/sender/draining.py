"""A batch from the ledger to the wire: claim, recheck, fill, mark, send, settle.

Several lanes work on one claim. Each lane has one small group on the wire at a time and settles it with the same
commit that marks its next one, so a kill leaves `lanes × group` messages uncertain and no more. While a claim is
being sent the next one is taken.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tortoise.transactions import in_transaction

from bot.channels.base import Channel
from bot.runtime import Runtime
from bot.sender.filling import Ready, fill
from bot.sender.settling import Back, act_on_reactions, not_now, remember, settle_results, turned_away
from campaigns import outbox, planner
from campaigns.errors import ChannelUnavailable, OutreachError
from campaigns.outbox import Batch, Claim, Claimed, Exchanged, Settlement
from campaigns.planner import Checked, Run
from campaigns.replies import apply_waiting
from campaigns.terms import Allow, ChannelName, DeliveryState

log = logging.getLogger(__name__)

_CLAIM = 600
_FRESH_SECONDS = 1.0  # facts older than this are read again before their message is marked


@dataclass(frozen=True, slots=True)
class _Wire:
    """How much of a channel is on the wire at once: so many lanes, each with a group of so many."""

    group: int
    lanes: int


_WIRES = {
    ChannelName.EMAIL: _Wire(group=30, lanes=3),
    ChannelName.SMS: _Wire(group=50, lanes=1),
    ChannelName.WECHAT: _Wire(group=20, lanes=2),
}


async def drain(runtime: Runtime, batch: Batch, *, seconds: float, stopping: asyncio.Event) -> int:
    """Send what is due of a batch, for about that long or until `stopping`. Returns how many were accepted."""
    channel = runtime.channels.get(batch.channel)
    if channel is None or not await outbox.is_open(batch, runtime.clock()):
        return 0
    run = planner.stored_run(await outbox.read_occurrence(batch.occurrence_id))
    ends = time.monotonic() + seconds
    accepted = 0
    async with contextlib.aclosing(_claims(runtime, batch, ends, stopping)) as claims:
        async for claim in claims:
            work = _Drain(runtime, channel, batch, run, claim, stopping)
            accepted += await work.run_lanes()
            if work.closed:
                break
    return accepted


async def _claims(runtime: Runtime, batch: Batch, ends: float, stopping: asyncio.Event) -> AsyncGenerator[Claim, None]:
    """Claims one after the other, the next taken while one is being worked on. Each is given back at its end."""
    upcoming = asyncio.create_task(_claim(runtime, batch))
    try:
        while (claim := await upcoming) is not None:
            more = not stopping.is_set() and time.monotonic() < ends and len(claim.messages) == _CLAIM
            upcoming = asyncio.create_task(_claim(runtime, batch) if more else _nothing())
            async with _held(runtime, claim):
                yield claim
            if stopping.is_set() or time.monotonic() >= ends:
                break
    finally:
        if unused := await upcoming:
            await outbox.release(unused)


async def _claim(runtime: Runtime, batch: Batch) -> Claim | None:
    return await outbox.claim(batch, now=runtime.clock(), limit=_CLAIM, lease=runtime.settings.lease)


async def _nothing() -> None:
    return None


@contextlib.asynccontextmanager
async def _held(runtime: Runtime, claim: Claim) -> AsyncIterator[None]:
    """Renew the lease while the wire takes its time: a slow provider must not look like a dead sender."""
    renewing = asyncio.create_task(_renew(claim, runtime.settings.lease), name="lease")
    try:
        yield
    finally:
        renewing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewing
        await outbox.release(claim)


async def _renew(claim: Claim, lease: timedelta) -> None:
    while True:
        await asyncio.sleep(lease.total_seconds() / 3)
        try:
            await outbox.renew(claim, lease=lease)
        except Exception as exc:  # the lease runs on, and what was sent in it must still be settled
            log.error("a lease could not be renewed: %s", type(exc).__name__)


@dataclass
class _Drain:
    """One claim on its way through the lanes of a channel."""

    runtime: Runtime
    channel: Channel
    batch: Batch
    run: Run
    claim: Claim
    stopping: asyncio.Event
    accepted: int = 0
    closed: bool = False  # paused, cancelled or its channel shut: no more groups
    _left: deque[Claimed] = field(init=False)
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _checked: deque[Checked] = field(default_factory=deque)
    _checked_at: float = 0.0

    def __post_init__(self) -> None:
        self._left = deque(self.claim.messages)
        self._wire = _WIRES[self.batch.channel]

    async def run_lanes(self) -> int:
        """Returns how many were accepted. Raises what ended a lane, after the others came to their end."""
        ended = await asyncio.gather(*(self._lane() for _ in range(self._wire.lanes)), return_exceptions=True)
        for problem in ended:
            if isinstance(problem, BaseException):
                raise problem
        return self.accepted

    async def _lane(self) -> None:
        back = Back()
        while group := await self._next_group():
            departing = await self._turn(back, group)
            back = await self._send(departing) if departing else Back()
        if back.rows:
            await self._turn(back, [])

    # ---- which messages come next --------------------------------------------------------------------------------

    async def _next_group(self) -> list[Ready]:
        """The next messages with their words; empty when nothing is left or nothing more may go."""
        while not (self.closed or self.stopping.is_set()):
            checked = await self._take()
            if not checked:
                break
            if group := await self._fill(checked):
                return group
        return []

    async def _take(self) -> list[Checked]:
        """Up to a group of messages that were rechecked a moment ago."""
        async with self._checking:
            if time.monotonic() - self._checked_at > _FRESH_SECONDS:
                self._left.extendleft(one.claimed for one in reversed(self._checked))
                self._checked.clear()
            if not self._checked and self._left:
                await self._recheck()
            return [self._checked.popleft() for _ in range(min(self._wire.group, len(self._checked)))]

    async def _recheck(self) -> None:
        block = [self._left.popleft() for _ in range(min(self._wire.group * 4, len(self._left)))]
        self._checked_at = time.monotonic()
        self._checked.extend(await planner.recheck(self.run, block, self.runtime.clock(), self.runtime.rulebook))

    async def _fill(self, checked: Sequence[Checked]) -> list[Ready]:
        group: list[Ready] = []
        aside: list[Settlement] = []
        for one in checked:
            if not isinstance(one.verdict, Allow):
                aside.append(not_now(one))
                continue
            try:
                group.append(fill(self.runtime, self.run.content, one))
            except OutreachError as exc:
                log.error("message %d cannot be written: %s", one.claimed.id, exc)
                aside.append(Settlement(one.claimed.id, DeliveryState.FAILED, reason="words"))
        if aside:
            await outbox.set_aside(aside)
        return group

    # ---- the ledger and the wire -----------------------------------------------------------------------------------

    async def _turn(self, back: Back, group: Sequence[Ready]) -> list[Ready]:
        """Settle one group and mark the next. Returns those of the next that may go on the wire."""
        if back.told:
            async with in_transaction():
                exchanged = await self._exchange(back, group)
                await remember(back, exchanged.settled)
            await act_on_reactions(back)
        else:
            exchanged = await self._exchange(back, group)
        if exchanged.receipts_wait:
            await apply_waiting(set(exchanged.settled))
        if group and not exchanged.marked:
            self.closed = self.closed or not await outbox.is_open(self.batch, self.runtime.clock())
        return [ready for ready in group if ready.claimed.id in exchanged.marked]

    async def _exchange(self, back: Back, group: Sequence[Ready]) -> Exchanged:
        return await outbox.exchange(
            self.claim,
            back.rows,
            [ready.sending for ready in group],
            now=self.runtime.clock(),
            lease=self.runtime.settings.lease,
        )

    async def _send(self, departing: Sequence[Ready]) -> Back:
        """No transaction is open here: a kill now leaves these messages uncertain."""
        try:
            results = await self.channel.send([ready.outbound for ready in departing])
        except ChannelUnavailable as exc:
            self.closed = True
            return await turned_away(departing, exc, self.runtime.clock())
        self.accepted += sum(result.accepted for result in results)
        return await settle_results(self.runtime, departing, results, self.runtime.clock())
