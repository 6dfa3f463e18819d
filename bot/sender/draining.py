"""A batch from the ledger to the wire: claim, recheck, fill, mark, send, settle.

Several lanes work on one claim. Each lane has one small group on the wire at a time and settles it with the same
commit that marks its next one, so a kill leaves `lanes × group` messages uncertain and no more. While a claim is
being sent the next one is taken.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from tortoise.transactions import in_transaction

from bot.channels.base import Channel
from bot.channels.wechat_mass import MOST
from bot.database import is_away
from bot.pacing import Demand, Grant
from bot.providers import WECHAT_MASS, all_paced_as, paced_as
from bot.runtime import Runtime
from bot.sender.filling import Ready, fill, named
from bot.sender.handing import hand_over, waits_for_staff
from bot.sender.settling import (
    Back,
    act_on_reactions,
    not_now,
    remember,
    rest_closed,
    settle_results,
    turned_away,
)
from bot.sender.spending import Purse, use_of
from campaigns import conversations, outbox, planner, touches
from campaigns.errors import ChannelUnavailable, OutreachError
from campaigns.outbox import Batch, Claim, Claimed, Exchanged, Settlement
from campaigns.planner import Checked, Run
from campaigns.replies.receipts import apply_waiting
from campaigns.terms import Allow, ChannelName, DeliveryState, Reason, SmsWords, WechatMode

log = logging.getLogger(__name__)

_CLAIM = 600
_RECHECK = 300  # read at once: five questions to the database, whether for ten messages or for all of these
_PACED_SECONDS = 10.0  # no more is claimed than may go in that time
_AWAY_SECONDS = 0.5  # between two tries to write while the database is away
_FRESH_SECONDS = 1.0  # facts older than this are read again before their message is marked


@dataclass(frozen=True, slots=True)
class _Wire:
    """How much of a channel is on the wire at once: so many lanes, each with a group of so many.

    `one_by_one`: what a group's answer means is known before the next one is marked.
    """

    group: int
    lanes: int
    one_by_one: bool = False


_WIRES = {
    ChannelName.EMAIL: _Wire(group=30, lanes=2),
    ChannelName.SMS: _Wire(group=50, lanes=1),
    ChannelName.WECHAT: _Wire(group=20, lanes=2),
    ChannelName.WECOM: _Wire(group=20, lanes=1),
}
_MASS_WIRE = _Wire(group=MOST, lanes=1, one_by_one=True)  # a group is one call


async def drain(runtime: Runtime, batch: Batch, *, seconds: float, stopping: asyncio.Event) -> int:
    """Send what is due of a batch, for about that long or until `stopping`. Returns how many were accepted."""
    channel = runtime.channels.get(batch.channel)
    if channel is None or not await outbox.is_open(batch, runtime.clock()):
        return 0
    await rest_closed(runtime, channel)
    run = planner.stored_run(await outbox.read_occurrence(batch.occurrence_id))
    if is_mass(run, batch) and await _mass_is_closed(runtime):
        return 0
    ends = time.monotonic() + seconds
    accepted = 0
    async with contextlib.aclosing(_claims(runtime, batch, run, ends, stopping)) as claims:
        async for claim in claims:
            if waits_for_staff(batch.channel, run):
                accepted += await hand_over(runtime, run, claim)
                continue
            work = _Drain(runtime, channel, batch, run, claim, stopping, ends)
            accepted += await work.run_lanes()
            if work.closed:
                break
    return accepted


def is_mass(run: Run, batch: Batch) -> bool:
    """Whether these messages go out as mass sends."""
    return batch.channel is ChannelName.WECHAT and WechatMode.MASS in run.content.wechat_modes


async def _mass_is_closed(runtime: Runtime) -> bool:
    return WECHAT_MASS in await outbox.closed_channels(runtime.clock())


def _wire(run: Run, batch: Batch) -> _Wire:
    return _MASS_WIRE if is_mass(run, batch) else _WIRES[batch.channel]


async def _claims(
    runtime: Runtime, batch: Batch, run: Run, ends: float, stopping: asyncio.Event
) -> AsyncGenerator[Claim, None]:
    """Claims one after the other, the next taken while one is being worked on. Each is given back at its end."""
    upcoming = asyncio.create_task(_claim(runtime, batch, run))
    try:
        while (claim := await upcoming) is not None:
            more = not stopping.is_set() and time.monotonic() < ends
            upcoming = asyncio.create_task(_claim(runtime, batch, run) if more else _nothing())
            async with _held(runtime, claim):
                yield claim
            if stopping.is_set() or time.monotonic() >= ends:
                break
    finally:
        if unused := await upcoming:
            await outbox.release(unused)


async def _claim(runtime: Runtime, batch: Batch, run: Run) -> Claim | None:
    own = runtime.channels.get(batch.channel)
    providers = [WECHAT_MASS] if is_mass(run, batch) else all_paced_as(batch.channel, own)
    soon = sum(runtime.pace.most(one, "", _PACED_SECONDS) for one in providers)
    limit = math.ceil(min(max(_CLAIM, _wire(run, batch).group), soon))
    return await outbox.claim(batch, now=runtime.clock(), limit=limit, lease=runtime.settings.lease)


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


@dataclass(frozen=True, slots=True)
class _Granted:
    """A group that may go now, and by which grant: `places` are where its messages stood in what was asked for."""

    group: Sequence[Ready] = ()
    grant: Grant | None = None
    places: Sequence[int] = ()


_NOBODY = _Granted()


@dataclass
class _Drain:
    """One claim on its way through the lanes of a channel."""

    runtime: Runtime
    channel: Channel
    batch: Batch
    run: Run
    claim: Claim
    stopping: asyncio.Event
    ends: float
    accepted: int = 0
    closed: bool = False  # paused, cancelled or its channel shut: no more groups
    _left: deque[Claimed] = field(init=False)
    _checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _checked: deque[Checked] = field(default_factory=deque)
    _checked_at: float = 0.0
    _held: list[Ready] = field(default_factory=list)  # not granted yet: asked for again at once
    _purse: Purse = field(default_factory=Purse)

    def __post_init__(self) -> None:
        self._left = deque(self.claim.messages)
        self._wire = _wire(self.run, self.batch)

    async def run_lanes(self) -> int:
        """Returns how many were accepted. Raises what ended a lane, after the others came to their end."""
        ended = await asyncio.gather(*(self._lane() for _ in range(self._wire.lanes)), return_exceptions=True)
        for problem in ended:
            if isinstance(problem, BaseException):
                raise problem
        return self.accepted

    async def _lane(self) -> None:
        """What came back is settled whatever ends the lane."""
        back = Back()
        try:
            while granted := await self._next_group():
                came_back, back = back, Back()
                departing = await self._turn(came_back, granted)
                if departing.group:
                    back = await self._send(departing)
                if self._wire.one_by_one:
                    came_back, back = back, Back()
                    await self._turn(came_back, _NOBODY)
                    self.closed = self.closed or await _mass_is_closed(self.runtime)
        finally:
            if back.count:
                await self._turn(back, _NOBODY)

    # ---- which messages come next --------------------------------------------------------------------------------

    async def _next_group(self) -> _Granted | None:
        """The next messages with their words that may go now; None when nothing is left or nothing more may go."""
        while not self._over():
            group, self._held = self._held, []
            if not group:
                checked = await self._take()
                if not checked:
                    return None
                group = await self._fill(checked)
            if group and (granted := await self._grant(group)).group:
                return granted
        return None

    def _over(self) -> bool:
        return self.closed or self.stopping.is_set() or time.monotonic() >= self.ends

    async def _grant(self, group: Sequence[Ready]) -> _Granted:
        """Ask the pace, for what goes by the same provider as the first: the others are held.

        What is not worth waiting for goes back to the queue, the rest of the group is held.
        """
        provider = paced_as(self.channel, group[0].outbound)
        self._held += [one for one in group if paced_as(self.channel, one.outbound) != provider]
        group = [one for one in group if paced_as(self.channel, one.outbound) == provider]
        demand = Demand(provider, _sender(group[0]), [one.outbound.address for one in group])
        grant = await self.runtime.pace.grant(demand)
        if grant.later:
            now = self.runtime.clock()
            await outbox.set_aside(
                [
                    Settlement(
                        group[place].claimed.id,
                        DeliveryState.QUEUED,
                        reason=Reason.PACED,
                        not_before=now + timedelta(seconds=seconds),
                    )
                    for place, seconds in grant.later.items()
                ]
            )
        taken = {*grant.now, *grant.later}
        self._held += [one for place, one in enumerate(group) if place not in taken]
        if self._over():
            await self.runtime.pace.give_back(grant)
            return _NOBODY
        return _Granted(named(self.channel, [group[place] for place in grant.now]), grant, grant.now)

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
        block = [self._left.popleft() for _ in range(min(max(_RECHECK, self._wire.group), len(self._left)))]
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
            await self._lay_aside(aside)
        return group

    async def _lay_aside(self, aside: Sequence[Settlement]) -> None:
        async with in_transaction():
            await outbox.set_aside(aside)
            if self.run.definition.by_hand:
                await conversations.reopen_undelivered([one.id for one in aside])

    # ---- the ledger and the wire -----------------------------------------------------------------------------------

    async def _turn(self, back: Back, granted: _Granted) -> _Granted:
        """Settle one group and mark the next. Returns those of the next that may go on the wire."""
        exchanged = await self._write(back, granted.group)
        await self._purse.give_back([one.claimed.id for one in back.unused if one.claimed.id in exchanged.settled])
        await self._purse.give_back([one.claimed.id for one in granted.group if one.claimed.id not in exchanged.marked])
        if back.told:
            await act_on_reactions(self.runtime, back)
        if exchanged.receipts_wait:
            await apply_waiting(exchanged.settled)
        if granted.group and not exchanged.marked:
            self.closed = self.closed or not await outbox.is_open(self.batch, self.runtime.clock())
        return await self._keep(granted, exchanged.marked)

    async def _keep(self, granted: _Granted, marked: Collection[int]) -> _Granted:
        """What was not marked does not go, and gives its turn back."""
        if len(marked) == len(granted.group) or granted.grant is None:
            return granted
        gone = [place for place, one in zip(granted.places, granted.group, strict=True) if one.claimed.id not in marked]
        await self.runtime.pace.give_back(granted.grant, gone)
        pairs = [pair for pair in zip(granted.places, granted.group, strict=True) if pair[1].claimed.id in marked]
        return _Granted([one for _, one in pairs], granted.grant, [place for place, _ in pairs])

    async def _write(self, back: Back, group: Sequence[Ready]) -> Exchanged:
        """A database that is away for less than a lease costs nothing: what came back from the wire is still known.

        Who finds nothing left of a window is not marked, and is rechecked.
        """
        ends = time.monotonic() + self.runtime.settings.lease.total_seconds()
        while True:
            try:
                by_hand = self.run.definition.by_hand
                if not by_hand and not back.told and not any(use_of(one.outbound) for one in group):
                    return await self._exchange(back, group)
                async with in_transaction():
                    able = await self._purse.take(group, back, self.runtime.clock())
                    exchanged = await self._exchange(back, able)
                    if by_hand and exchanged.settled:
                        await touches.sign(exchanged.settled)
                        await conversations.reopen_undelivered(exchanged.settled)
                    await remember(back, exchanged.settled)
                return exchanged
            except Exception as exc:
                if not is_away(exc) or time.monotonic() > ends:
                    raise
                log.error("the database is away (%s); %d results wait for it", type(exc).__name__, back.count)
            await asyncio.sleep(_AWAY_SECONDS)

    async def _exchange(self, back: Back, group: Sequence[Ready]) -> Exchanged:
        return await outbox.exchange(
            self.claim,
            back.rows,
            [ready.sending for ready in group],
            accepted=back.accepted,
            now=self.runtime.clock(),
            lease=self.runtime.settings.lease,
        )

    async def _send(self, departing: _Granted) -> Back:
        """No transaction is open here: a kill now leaves these messages uncertain."""
        try:
            results = await self.channel.send([ready.outbound for ready in departing.group])
        except ChannelUnavailable as exc:
            self.closed = True
            if departing.grant:
                await self.runtime.pace.give_back(departing.grant, departing.places)
            return await turned_away(self.runtime, departing.group, exc, self.runtime.clock())
        self.accepted += sum(result.accepted for result in results)
        return await settle_results(self.runtime, departing.group, results, self.runtime.clock())


def _sender(ready: Ready) -> str:
    """Who a provider counts the message for, where it counts by sender."""
    words = ready.outbound.words
    return words.sign_name if isinstance(words, SmsWords) else ""
