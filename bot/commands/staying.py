"""What processes that stay have in common: what they need, what they say when they are up, and how they end."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

from bot.settings import Settings
from bot.wording import HELD
from campaigns import marks
from campaigns.errors import ConfigError, StateError


def need_redis(settings: Settings, what: str) -> None:
    if not settings.redis_url:
        raise ConfigError(
            f"REDIS_URL: 空着，单独的 huifang {what} 听不到门铃；用 huifang up，或者填上它 "
            "(empty: the doorbell lives inside one process; use `huifang up`, or set it)"
        )


async def say_held(until_done: bool = False) -> None:
    """A restored copy sends nothing: say so, or refuse where the end of sending would be waited for."""
    if not await marks.is_held():
        return
    if until_done:
        raise StateError(f"{HELD} (restored, paused)")
    print(f"{HELD} (restored, paused)", file=sys.stderr, flush=True)


def print_found(found: Mapping[str, Any], as_json: bool) -> None:
    lines = [json.dumps(found, ensure_ascii=False)] if as_json else [f"{name}: {what}" for name, what in found.items()]
    print("\n".join(lines), flush=True)


@contextlib.asynccontextmanager
async def stopping() -> AsyncIterator[asyncio.Event]:
    """Set by SIGINT and SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    try:
        yield stop
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


async def first_of(stop: asyncio.Event, *tasks: "asyncio.Task[None]") -> None:
    """Wait for the signal; a task that ends before it takes everything down, loudly."""
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done:
        if task is not waiting:
            task.result()
            raise ConfigError(f"{task.get_name()} 自己停了，看日志 (ended by itself; see the log)")
