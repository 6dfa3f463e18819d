"""Each reaction through the sender: what becomes of the message, its address, its campaign and its channel."""

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot import sender
from bot.channels.base import InboundAnswer, InboundRequest
from bot.clock import ProductClock
from bot.runtime import Runtime, open_runtime
from bot.sender.rests import rest_for
from bot.settings import Settings
from campaigns import outbox
from campaigns.errors import WebhookRejected
from campaigns.models import Campaign, Message, Suppression, Touch
from campaigns.outbox import Batch
from campaigns.terms import ChannelName, InboundEvent, Outbound, Reaction, SendResult
from tests.cast import NOW, TEMPLATES, crowd, run_tiny

R = Reaction


@dataclass
class Scripted:
    """A provider that says to everything what it is told to, and knows nothing of what it was sent."""

    says: Reaction | None = None
    after: timedelta | None = None
    knows: SendResult | None = None
    name: ChannelName = ChannelName.SMS
    sent: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def out_ids(self, batch: Sequence[Outbound]) -> list[str]:
        return [one.key for one in batch]

    async def send(self, batch: Sequence[Outbound]) -> list[SendResult]:
        self.sent += [one.key for one in batch]
        return [SendResult(one.id, self.says, code="C", detail="d", retry_after=self.after) for one in batch]

    async def look_up(self, outbound: Outbound) -> SendResult | None:
        self.asked.append(outbound.key)
        return self.knows

    def verify(self, request: InboundRequest) -> None:
        raise WebhookRejected("none")

    def parse(self, request: InboundRequest) -> list[InboundEvent]:
        return []

    def answer(self, request: InboundRequest) -> InboundAnswer:
        return InboundAnswer(b"")

    async def close(self) -> None:
        pass


@dataclass
class Works:
    runtime: Runtime
    provider: Scripted
    batch: Batch

    async def work(self, later: timedelta = timedelta()) -> None:
        self.runtime.clock.set(self.runtime.clock() + later)
        await sender.drain(self.runtime, self.batch, seconds=60, stopping=asyncio.Event())

    async def said(self, reaction: Reaction | None, after: timedelta | None = None) -> None:
        self.provider.says, self.provider.after = reaction, after
        await self.work()

    async def ends(self) -> set[tuple[str, str]]:
        return {(one.state, one.reason) for one in await Message.all()}


@pytest.fixture
async def works(database: Settings, tmp_path: Path) -> AsyncIterator[Works]:
    """Three members, each to be told by SMS."""
    async with _works(database, tmp_path, ChannelName.SMS) as made:
        yield made


@contextlib.asynccontextmanager
async def _works(database: Settings, folder: Path, channel: ChannelName) -> AsyncIterator[Works]:
    for name in ("policy.toml", "site.toml", "calendar.toml"):
        shutil.copy(TEMPLATES / name, folder)
    clock = ProductClock()
    clock.set(NOW)
    await crowd(3, unread=4)
    occurrence_id = await run_tiny(folder, channels=[str(channel)])
    async with open_runtime(database.model_copy(update={"huifang_templates": folder}), clock=clock) as runtime:
        provider = Scripted(name=channel)
        runtime.channels = {channel: provider}
        yield Works(runtime, provider, Batch(occurrence_id, channel))


async def test_a_destination_for_which_an_hour_was_not_enough_is_left_alone_for_a_day(database: Settings) -> None:
    async def slow(at: datetime, address: str = "hr@qq.example") -> timedelta:
        return await rest_for(ChannelName.EMAIL, address, hour, at)

    hour, day, minute = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
    assert await slow(NOW) == hour
    assert await slow(NOW + minute) == hour  # the same ban, over another connection
    assert await slow(NOW + minute, "hr@other.example") == hour
    assert await slow(NOW + hour + minute) == day
    assert await slow(NOW + day + 2 * hour) == day
    assert await slow(NOW + 3 * day) == hour  # a good day in between
    assert await rest_for(ChannelName.SMS, "15400001001", hour, NOW) == hour
    assert await rest_for(ChannelName.EMAIL, "hr@qq.example", minute, NOW) == minute


async def test_mail_that_is_told_to_slow_down_for_an_hour_and_again_after_it_rests_for_a_day(
    database: Settings, tmp_path: Path
) -> None:
    async with _works(database, tmp_path, ChannelName.EMAIL) as works:
        await works.said(R.SLOW, timedelta(hours=1))
        assert works.provider.sent
        await works.work(timedelta(hours=1, minutes=1))
        for hours, closed in ((23, True), (25, False)):
            later = works.runtime.clock() + timedelta(hours=hours)
            assert (ChannelName.EMAIL in await outbox.closed_channels(later)) is closed


@pytest.mark.parametrize(
    ("reaction", "end"),
    [
        (None, ("sent", "")),
        (R.OK_DUP, ("sent", "")),
        (R.DROP, ("failed", "provider_refused")),
        (R.SUPPRESS, ("failed", "provider_refused")),
        (R.CONSENT_USED, ("suppressed", "no_window")),
        (R.UNKNOWN, ("unknown", "")),
        (R.RETRY, ("queued", "retry")),
        (R.REFRESH, ("queued", "retry")),
        (R.DEFER_RECIPIENT, ("queued", "retry")),
        (R.SLOW, ("queued", "channel_closed")),
        (R.NEXT_DAY, ("queued", "channel_closed")),
        (R.PAUSE_CHANNEL, ("queued", "channel_closed")),
        (R.PAUSE_TEMPLATE, ("queued", "channel_closed")),
    ],
)
async def test_every_reaction_gives_a_message_one_end_or_one_way_back(
    works: Works, reaction: Reaction | None, end: tuple[str, str]
) -> None:
    await works.said(reaction)
    assert await works.ends() == {end}
    closes = {R.SLOW, R.NEXT_DAY, R.PAUSE_CHANNEL}
    assert (ChannelName.SMS in await outbox.closed_channels(NOW)) is (reaction in closes)
    assert ((await Campaign.get()).state == "paused") is (reaction is R.PAUSE_TEMPLATE)
    assert await Suppression.all().count() == (3 if reaction is R.SUPPRESS else 0)
    assert await Touch.all().count() == (3 if reaction in (None, R.OK_DUP, R.UNKNOWN) else 0)


def test_no_reaction_is_left_out_of_the_table_above() -> None:
    marks = test_every_reaction_gives_a_message_one_end_or_one_way_back.pytestmark
    assert {row[0] for row in marks[0].args[1]} == {None, *Reaction}


async def test_slow_lets_the_channel_rest_for_all_and_charges_nobody(works: Works) -> None:
    await works.said(R.SLOW, timedelta(minutes=7))
    works.provider.says = None
    sent = len(works.provider.sent)
    await works.work(timedelta(minutes=6))
    assert len(works.provider.sent) == sent
    await works.work(timedelta(minutes=2))
    assert await works.ends() == {("sent", "")}
    assert {one.attempts for one in await Message.all()} == {1}


async def test_the_days_quota_waits_for_midnight_in_shanghai(works: Works) -> None:
    await works.said(R.NEXT_DAY)
    midnight = NOW.replace(hour=0, minute=0) + timedelta(days=1)
    assert ChannelName.SMS in await outbox.closed_channels(midnight - timedelta(seconds=1))
    assert ChannelName.SMS not in await outbox.closed_channels(midnight)


async def test_a_stopped_channel_waits_for_a_person_however_long(works: Works) -> None:
    await works.said(R.PAUSE_CHANNEL)
    works.provider.says, sent = None, len(works.provider.sent)
    await works.work(timedelta(hours=1))
    assert len(works.provider.sent) == sent
    await outbox.open_channel(ChannelName.SMS)
    await works.work()
    assert await works.ends() == {("sent", "")}


async def test_words_that_cannot_be_used_stop_the_campaign_with_the_providers_word_for_staff(works: Works) -> None:
    await works.said(R.PAUSE_TEMPLATE)
    assert "C" in (await Campaign.get()).note
    sent = len(works.provider.sent)
    works.provider.says = None
    await works.work(timedelta(hours=1))
    assert len(works.provider.sent) == sent


async def test_one_recipient_waits_as_long_as_said_and_is_not_charged(works: Works) -> None:
    await works.said(R.DEFER_RECIPIENT, timedelta(hours=2))
    works.provider.says, sent = None, len(works.provider.sent)
    await works.work(timedelta(hours=1))
    assert len(works.provider.sent) == sent
    await works.work(timedelta(hours=1, minutes=1))
    assert {one.attempts for one in await Message.all()} == {1}


async def test_a_passing_fault_is_tried_three_times_and_no_more(works: Works) -> None:
    works.provider.says = R.RETRY
    for _ in range(6):
        await works.work(timedelta(hours=1))
    assert len(works.provider.sent) == 9
    assert await works.ends() == {("failed", "provider_refused")}


@pytest.mark.parametrize(
    ("knows", "end"),
    [
        (None, ("unknown", "")),
        (SendResult(0, R.UNKNOWN), ("unknown", "")),
        (SendResult(0, provider_id="p"), ("sent", "")),
        (SendResult(0, R.DROP, code="MK:0010"), ("failed", "provider_refused")),
    ],
)
async def test_what_is_unknown_is_asked_for_and_never_sent_again(
    works: Works, knows: SendResult | None, end: tuple[str, str]
) -> None:
    await works.said(R.UNKNOWN)
    works.provider.knows, sent = knows, sorted(works.provider.sent)
    await sender.reconcile(works.runtime)
    await works.work(timedelta(hours=1))
    assert sorted(works.provider.asked) == sent == sorted(works.provider.sent)
    assert await works.ends() == {end}
