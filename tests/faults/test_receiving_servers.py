"""The servers behind the relay: one that turns new senders away for five minutes, one silent, one that says 421."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import pytest

from bot.channels.email import EmailChannel, EmailSettings
from bot.clock import ProductClock
from bot.pacing import Limit, PaceBook, ProviderLimits, open_pace
from bot.providers import SANDBOX_MAIL_DOMAIN
from bot.runtime import Runtime, open_runtime, set_clock
from bot.worker import working
from campaigns import outbox
from campaigns.models import Contact, Message, Occurrence
from campaigns.outbox import Batch
from campaigns.terms import ChannelName
from tests.cast import NOW, crowd
from tests.faults.books import Books, balanced
from tests.faults.scene import LONG, Stage, all_settled, ids_in, start_anew, start_nudge, start_tiny
from tests.faults.table import Rows
from tests.fleet import until

_LOOKS = 2.5  # seconds in which a worker looks into the ledger at least twice
_GREYLISTING = timedelta(minutes=5)
_SILENT, _BUSY = "silent.example", "busy.example"
_FULL = 1500
_HOUR = timedelta(hours=1)
_PATIENCE = 1.0  # seconds; the product has 30


@pytest.mark.parametrize("size", [40, pytest.param(225, marks=LONG)], ids=["short", "long"])
async def test_who_is_greylisted_for_five_minutes_is_delivered_at_the_second_try_and_once(
    stage_on_both: Stage, size: int, rows: Rows
) -> None:
    """The stand-in goes by the product's clock, or the five minutes would have to be waited for."""
    stage = stage_on_both
    stage.sandbox.relay.greylisting = _GREYLISTING
    await _set_clocks(stage, NOW)
    planned = await start_nudge(stage, sms=0, mail=size)
    async with open_runtime(stage.patient) as runtime, working(runtime):
        await until(lambda: _are_put_off(planned), "each has been turned away once", seconds=120)
        retries = await Message.filter(id__in=planned).values_list("not_before", flat=True)
        assert min(retries) >= NOW + _GREYLISTING
        assert len(set(retries)) > len(retries) // 2  # those of one group do not come back at one moment
        await _set_clocks(stage, min(retries) - timedelta(minutes=2))
        await asyncio.sleep(_LOOKS)
        assert stage.accepted() == 0
        assert await _are_put_off(planned)  # nobody knocks too soon
        await _set_clocks(stage, max(retries))
        await all_settled(stage)
    books = await balanced(stage, planned, at_most=0)
    assert await ids_in("sent", attempts=2) == planned
    assert set(stage.arrived(ChannelName.EMAIL).values()) == {1}
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    done = f"{len(planned)} mails greylisted for {_GREYLISTING.seconds} s of the product's clock, {kind}"
    rows.add("F11", done, books, result="all delivered once, at the second try")


@pytest.mark.parametrize("size", [200, pytest.param(_FULL, marks=LONG)], ids=["short", "long"])
async def test_while_one_destination_is_silent_the_others_keep_their_pace(stage: Stage, size: int, rows: Rows) -> None:
    """One mail in ten goes to a domain about which the relay says nothing more once it is named."""
    books, pace = await _beside_a_silent_one(stage, size)
    for _ in range(2):
        if size < _FULL or pace >= 0.9:
            break
        await start_anew(stage)  # other work on this machine may have slowed down one of the two
        books, pace = await _beside_a_silent_one(stage, size)
    if size == _FULL:
        assert pace >= 0.9
        done = f"destination of one mail in ten silent, with a patience of {_PATIENCE:.0f} s in place of 30 s"
        rows.add("F12", done, books, result=f"the others kept {min(pace, 1):.0%} of their pace")


@pytest.mark.parametrize("size", [100, pytest.param(1000, marks=LONG)], ids=["short", "long"])
async def test_a_destination_that_says_421_rests_alone(stage: Stage, size: int, rows: Rows) -> None:
    """One mail in ten goes to a domain that has a pace of its own, and is closed to us for five minutes."""
    stage.sandbox.relay.busy_about.add(_BUSY)
    async with open_runtime(stage.patient) as runtime:
        book = PaceBook({"email": ProviderLimits(destinations={_BUSY: Limit(rate=1000)})})
        runtime.pace = open_pace(book, runtime.redis, name=str(stage.folder))
        members = await crowd(size)
        await _move(members[::10], to=_BUSY)
        await start_tiny(stage, channels=["email"])
        planned = await ids_in("queued")
        closed = set(await Message.filter(address__endswith=_BUSY).values_list("id", flat=True))
        async with working(runtime):
            await until(lambda: _are_sent(planned - closed), "the others have their mail", seconds=120)
            assert await ids_in("queued", attempts=0) == closed  # nobody's try is used up
            assert await outbox.is_open(Batch((await Occurrence.get()).id, ChannelName.EMAIL), runtime.clock())
            stage.sandbox.relay.busy_about.clear()
            runtime.pace = open_pace(PaceBook(), None, name="")  # the five minutes are over
            await _set_clocks(stage, NOW + _HOUR)
            await until(lambda: _are_sent(planned), "all have their mail", seconds=120)
    books = await balanced(stage, planned, at_most=0)
    rows.add("F11", "destination of one mail in ten says 421", books, result="it rested alone; then all delivered once")


# ---- parts --------------------------------------------------------------------------------------------------------


async def _beside_a_silent_one(stage: Stage, size: int) -> tuple[Books, float]:
    """The same campaign without and with it. Returns the books, and which share of their pace the others kept."""
    undisturbed = await _seconds_for_the_others(stage, size)
    await start_anew(stage)
    stage.sandbox.relay.silent_about.add(_SILENT)
    async with _impatient(stage) as runtime:
        took = await _seconds_for_the_others(stage, size, runtime)
        silent = set(await Message.filter(address__endswith=_SILENT).values_list("id", flat=True))
        await until(lambda: _are_put_off(silent), "the silent one's mail waits", seconds=120)
        asked = await ids_in("queued", code="lost")
        assert asked
        assert asked < silent  # most of them were not even tried
        stage.sandbox.relay.silent_about.clear()
        for hours in (1, 2, 3):
            await _set_clocks(stage, NOW + hours * _HOUR)
            await until(lambda: _nothing_is_due(stage), "whoever is due was tried or put off", seconds=120)
    books = await balanced(stage, await ids_in("sent"), at_most=0)
    assert books.messages == size
    return books, undisturbed / took


async def _seconds_for_the_others(stage: Stage, size: int, runtime: Runtime | None = None) -> float:
    """A campaign by mail until everybody beyond the silent domain has it."""
    async with contextlib.AsyncExitStack() as ours:
        runtime = runtime or await ours.enter_async_context(_impatient(stage))
        members = await crowd(size)
        await _move(members[::10], to=_SILENT)
        stage.slow_down(sms=0, mail=0.2 if size == _FULL else 0.05)  # in full the wire is what takes the time
        await start_tiny(stage, channels=["email"])
        others = len(members) - len(members[::10])
        began = time.monotonic()

        async def they_have_it() -> bool:
            return sum(not row.to.endswith(_SILENT) for row in stage.sandbox.stage.ledger) >= others

        await until(they_have_it, "the others have their mail", seconds=300)
        return time.monotonic() - began


@contextlib.asynccontextmanager
async def _impatient(stage: Stage) -> AsyncIterator[Runtime]:
    """A worker that waits a second for a mail server's answer, so that a silence is short."""
    door = stage.sandbox.endpoints()["smtp"]
    hasty = EmailSettings(
        host=door["host"],
        port=door["submission_port"],
        username=door["username"],
        password=door["password"],
        starttls=False,
        sender_name="人才网",
        sender_address=f"hr@{SANDBOX_MAIL_DOMAIN}",
        reply_domain=SANDBOX_MAIL_DOMAIN,
        message_id_domain=SANDBOX_MAIL_DOMAIN,
        timeout=_PATIENCE,
    )
    async with open_runtime(stage.patient) as runtime:
        await runtime.channels[ChannelName.EMAIL].close()
        runtime.channels = {**runtime.channels, ChannelName.EMAIL: EmailChannel(hasty, runtime.clock)}
        async with working(runtime):
            yield runtime


async def _move(members: Sequence[int], *, to: str) -> None:
    """These have their mailboxes at this domain."""
    for member_id in members:
        await Contact.filter(member_id=member_id).update(email=f"m{member_id}@{to}")


async def _set_clocks(stage: Stage, moment: datetime) -> None:
    """The product's and the stand-ins'."""
    clock = ProductClock()
    clock.set(moment)
    await set_clock(clock, stage.settings)
    stage.clock.follow(clock.to_mark())


async def _are_sent(messages: set[int]) -> bool:
    return await ids_in("sent") >= messages


async def _are_put_off(messages: set[int]) -> bool:
    return await ids_in("queued", reason="retry") >= messages


async def _nothing_is_due(stage: Stage) -> bool:
    due = await Message.filter(state="queued", not_before__lte=stage.clock()).exists()
    return not due and not await ids_in("sending")
