"""Several processes under one: started together, replaced when one dies, stopped together.

Python works with one core a process. What workers share is the ledger, where a claim is one sender's alone, and the
pace.
"""

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_STOP_SECONDS = 30.0  # longer than a worker takes for what it has on the wire


async def keep_working(count: int, arguments: Sequence[str], stop: asyncio.Event) -> None:
    """`count` processes of `huifang ARGUMENTS`, with this process's environment, until `stop` is set."""
    await asyncio.gather(*(_keep_one(number, arguments, stop) for number in range(1, count + 1)))


async def end_with(parent: int, stop: asyncio.Event) -> None:
    """Set `stop` once that process, if one is given, is no longer ours: a killed one cannot tell its workers."""
    while parent and os.getppid() == parent:
        await asyncio.sleep(_LOOK_SECONDS)
    if parent:
        log.error("process %d is gone: this worker ends, too", parent)
        stop.set()


async def _keep_one(number: int, arguments: Sequence[str], stop: asyncio.Event) -> None:
    stopped = asyncio.create_task(stop.wait())
    try:
        while not stop.is_set():
            process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", *arguments)
            ended = asyncio.create_task(process.wait())
            await asyncio.wait([ended, stopped], return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await _end(process)
                return
            log.error("worker %d ended with code %s; another takes its place", number, process.returncode)
            await asyncio.wait([stopped], timeout=_AGAIN_SECONDS)
    finally:
        stopped.cancel()


async def _end(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
