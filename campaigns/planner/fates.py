"""What becomes of each member of an audience: facts, chunk by chunk, and what policy says of them."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from campaigns import outbox
from campaigns.calendar import Festival
from campaigns.experiments import is_held_out
from campaigns.folders import Definition
from campaigns.members.facts import facts_for
from campaigns.members.find import select_audience
from campaigns.planner.before_renewal import no_visit_for
from campaigns.planner.runs import Rulebook, Run
from campaigns.policy import Ruling
from campaigns.schedule import OnStart, parse_schedule
from campaigns.segments import matches, parse_segment
from campaigns.terms import Allow, ChannelName, Defer, DeliveryState, Facts, Reason, Suppress, Verdict

REST = timedelta(hours=1)  # a channel that is closed for less is waited for
_EVER = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK = 2000  # members whose facts are read and whose rows are written at once


_NOTHING_PLANNED: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True)
class OpenVisit:
    """Not a message: a task for a person."""


Fate = Verdict | OpenVisit


async def select_members(
    run: Run, now: datetime, own: Mapping[int, int] = _NOTHING_PLANNED, owners: Collection[str] | None = None
) -> tuple[list[int], int]:
    """(members that a run is decided for, how many of the segment it leaves out for it wrote to them).

    With `owners` among these people's members alone.
    """
    ids = await select_audience(parse_segment(run.definition.segment), now, owners)
    if run.campaign_id is None:
        return ids, 0
    recent = await written_to(run.campaign_id, run.definition, now)
    left = [member_id for member_id in ids if member_id not in recent or member_id in own]
    return left, len(ids) - len(left)


async def decided_fates(
    run: Run, ids: Sequence[int], now: datetime, book: Rulebook, own: Mapping[int, int] = _NOTHING_PLANNED
) -> AsyncGenerator[tuple[list[Facts], list[Fate]], None]:
    """The members by chunks. `own` is what this run has planned before, member → message: it is no rival of itself."""
    ruling = await ruling_of(run, now, book)
    history = run.history(book.policy)
    async with contextlib.aclosing(_known(ids, now, own, history)) as chunks:
        async for known in chunks:
            facts = [one for one in known.values() if _concerns(run.festival, one)]
            kept = await no_visit_for(run, facts, now, book)
            yield facts, [_fate(run, one, now, ruling, book, kept) for one in facts]


async def written_to(campaign_id: int, definition: Definition, now: datetime) -> Collection[int]:
    """Members whom this campaign leaves out, for it wrote to them, or will: within `again_after`, or on its start.

    What is sent on its start is one occasion, whenever and with whatever words it is started again.
    """
    schedule = parse_schedule(definition.schedule)
    if schedule.again_after:
        return await outbox.recently_planned(campaign_id, now - schedule.again_after)
    return await outbox.recently_planned(campaign_id, _EVER) if isinstance(schedule, OnStart) else ()


async def ruling_of(run: Run, now: datetime, book: Rulebook) -> Ruling:
    """The rules of a run that is planned now. A channel that only rests for a moment is not closed to it."""
    at = max(now, run.at)
    return Ruling(run.rules, book.policy, book.calendar, at, await outbox.shut_channels(at + REST))


async def _known(
    ids: Sequence[int], now: datetime, own: Mapping[int, int], history: timedelta | None
) -> AsyncGenerator[Mapping[int, Facts], None]:
    """Facts chunk by chunk. The next is read while this one is being decided and written."""

    def read(start: int) -> "asyncio.Task[dict[int, Facts]]":
        chunk = ids[start : start + _CHUNK]
        ours = [own[member_id] for member_id in chunk if member_id in own]
        return asyncio.create_task(facts_for(chunk, now, leaving_out=ours, history=history))

    reading = read(0)
    try:
        for start in range(_CHUNK, len(ids) + _CHUNK, _CHUNK):
            known, reading = await reading, read(start)
            yield known
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


def _fate(run: Run, facts: Facts, now: datetime, ruling: Ruling, book: Rulebook, kept: Mapping[int, Reason]) -> Fate:
    if run.definition.action == "visit":
        reason = Reason.REFUSED if facts.refused else kept.get(facts.member_id)
        return Suppress(reason) if reason else OpenVisit()
    held_out = is_held_out(book.holdout_secret, facts.member_no, run.definition.hold_out)
    verdict = ruling.decide(facts, held_out=held_out)
    if isinstance(verdict, Allow | Defer) and run.goal is not None and matches(run.goal, facts, now):
        return Suppress(Reason.GOAL_MET)  # after the hold-out: a side of the comparison must not lose its best alone
    if isinstance(verdict, Allow) and ruling.now > now:
        return Defer(verdict.contact_id, verdict.channel, verdict.address, ruling.now, Reason.SCHEDULED)
    return verdict


def _concerns(festival: Festival | None, facts: Facts) -> bool:
    return festival is None or not festival.trades or facts.trade in festival.trades


def fate_name(fate: Fate) -> str:
    match fate:
        case Allow():
            return outbox.fate_of(DeliveryState.QUEUED, "")
        case Defer():
            return outbox.fate_of(DeliveryState.QUEUED, fate.reason)
        case Suppress():
            return outbox.fate_of(DeliveryState.SUPPRESSED, fate.reason)
        case OpenVisit():
            return outbox.fate_of(DeliveryState.HANDED_OVER, "")


def obstacle_words(obstacles: Sequence[tuple[ChannelName, Reason]]) -> str | None:
    """As the ledger keeps them: `sms:no_consent wechat:no_window`."""
    return " ".join(f"{channel}:{reason}" for channel, reason in obstacles) or None
