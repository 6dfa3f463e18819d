"""The worker alone. It loads neither the web nor what reads customers' words: a hundred megabytes it has no use for."""

import asyncio
import os
import sys

from bot.commands.fleet import end_with, keep_working
from bot.commands.staying import first_of, need_redis, print_found, say_held, stopping
from bot.database import open_database
from bot.process import settle_down
from bot.runtime import open_runtime
from bot.settings import Settings
from bot.worker import working

_NO_CHANNEL = (
    "没有一个渠道，到时间的消息都等着：填服务商的账号，或在 SANDBOX_URL 填 huifang sandbox 的地址"
    " (no channel is set up)"
)


async def run_worker_alone(settings: Settings, *, as_json: bool, parent: int = 0) -> None:
    """A worker; the web runs elsewhere. On a signal it lets what is on the wire come to its end, and so when `parent`,
    the process that keeps several, was killed.
    """
    need_redis(settings, "worker")
    async with open_database(settings), open_runtime(settings) as runtime:
        await say_held()
        settle_down()
        async with stopping() as stop, working(runtime) as worker:
            if not runtime.channels:
                print(f"huifang: {_NO_CHANNEL}", file=sys.stderr)
            print_found({"worker": "ready", "channels": ", ".join(sorted(runtime.channels))}, as_json)
            orphaned = asyncio.create_task(end_with(parent, stop))
            await first_of(stop, worker)
            orphaned.cancel()


async def run_workers(settings: Settings, count: int, *, as_json: bool) -> None:
    """Several of them under this process, which itself sends nothing."""
    need_redis(settings, "worker")
    async with open_database(settings):  # one brings the schema up to date before all of them look
        await say_held()
    async with stopping() as stop:
        print_found({"workers": count}, as_json)
        leash = ("worker", "--parent", str(os.getpid()))
        await keep_working(count, (*leash, "--json") if as_json else leash, stop)
