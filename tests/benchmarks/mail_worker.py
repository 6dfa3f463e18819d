"""A worker process of the mail figures: `sender.drain` on the product's runtime, with the product's event loop.

It sends the mails of the first occurrence, says it is ready, waits for a line, sends those of the second, and prints
what that took. The environment is its settings, as always.
"""

import asyncio
import json
import sys
import time

from bot import sender
from bot.database import open_database
from bot.process import settle_down
from bot.runtime import open_runtime
from bot.settings import load_settings
from campaigns.outbox import Batch
from campaigns.terms import ChannelName
from tests.benchmarks.bench import run
from tests.benchmarks.readings import own_cpu, peak_mb, profiled

_SECONDS = 7200.0


async def work(warm_up: Batch, mailing: Batch) -> None:
    settings = load_settings(env_file=None)
    async with open_database(settings), open_runtime(settings) as runtime:
        await sender.drain(runtime, warm_up, seconds=_SECONDS, stopping=asyncio.Event())
        settle_down()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        before, began = own_cpu(), time.monotonic()
        with profiled():
            accepted = await sender.drain(runtime, mailing, seconds=_SECONDS, stopping=asyncio.Event())
        took = {"began": began, "ended": time.monotonic(), "cpu": own_cpu() - before, "rss_mb": peak_mb()}
        print(json.dumps({**took, "accepted": accepted}), flush=True)


if __name__ == "__main__":
    run(work(*(Batch(int(number), ChannelName.EMAIL) for number in sys.argv[1:3])))
