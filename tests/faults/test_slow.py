"""A provider that is slow is not a sender that is dead."""

import asyncio

from bot import sender
from bot.runtime import open_runtime
from campaigns.models import Message, Occurrence
from campaigns.outbox import Batch
from campaigns.terms import ChannelName
from tests.faults.scene import LEASE_SECONDS, Stage, start_nudge


async def test_a_lease_is_renewed_while_the_provider_takes_its_time(stage: Stage) -> None:
    stage.slow_down(sms=LEASE_SECONDS * 1.6, mail=0)
    planned = await start_nudge(stage, sms=5, mail=0)
    batch = Batch((await Occurrence.get()).id, ChannelName.SMS)
    async with open_runtime(stage.settings) as runtime:
        sending = asyncio.create_task(sender.drain(runtime, batch, seconds=30, stopping=asyncio.Event()))
        while not sending.done():
            await sender.recover(runtime)  # as another worker does it
            await asyncio.sleep(0.2)
        assert await sending == len(planned)
    assert await Message.filter(state="sent", uncertain=False).count() == len(planned)
    assert set(stage.arrived(ChannelName.SMS).values()) == {1}
