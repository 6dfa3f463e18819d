"""arq: jobs of a few lines that carry ids, and the look into the ledger that rings them.

Redis is only a doorbell. Every second one worker looks what the ledger says is due and enqueues a job for each batch;
a job that was lost is rung again by the next look.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import arq.worker
from arq import Worker, cron
from arq.connections import ArqRedis
from redis.exceptions import RedisError

from bot import sender
from bot.jobs import job_bytes, job_value
from bot.runtime import Runtime, follow_clock
from campaigns import outbox, planner
from campaigns.outbox import Batch
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

_EVERY_SECOND = set(range(60))
_RECOVER_AT = {0, 10, 20, 30, 40, 50}
_DRAIN_SECONDS = 30  # a batch that takes longer is rung again
_JOB_SECONDS = 120
_RING_SECONDS = 10
_RESTART_SECONDS = 1.0


async def look(ctx: dict[str, Any]) -> None:
    """Every second: what does the ledger say is due?"""
    runtime: Runtime = ctx["runtime"]
    await follow_clock(runtime.clock, runtime.settings)
    await look_once(runtime)


async def look_once(runtime: Runtime) -> None:
    """Plan what has fallen due, then ring a job for every batch that could be sent now."""
    if not runtime.planning.locked():  # the last look may be planning still
        async with runtime.planning:
            await planner.plan_due(runtime.clock(), runtime.rulebook)
    for batch in await outbox.due_batches(runtime.clock()):
        if batch.channel in runtime.channels:
            await ring(runtime.redis, batch)


async def drain(ctx: dict[str, Any], occurrence_id: int, channel: str) -> None:
    await sender.drain(ctx["runtime"], Batch(occurrence_id, ChannelName(channel)), seconds=_DRAIN_SECONDS)


async def recover(ctx: dict[str, Any]) -> None:
    await sender.recover(ctx["runtime"])
    await sender.reconcile(ctx["runtime"])


async def ring(redis: ArqRedis, batch: Batch) -> None:
    """One job for a batch and ten seconds.

    The id keeps the looks from piling up jobs; the time in it lets a new job pass a dead worker's, which arq gives
    up only after its time limit. Two jobs on one batch are harmless: the claim decides.
    """
    job_id = f"drain:{batch.occurrence_id}:{batch.channel}:{int(time.time()) // _RING_SECONDS}"
    await redis.enqueue_job("drain", batch.occurrence_id, batch.channel.value, _job_id=job_id)


def make_worker(runtime: Runtime, *, lookout: bool = True) -> Worker:
    """A worker on the runtime's doorbell. One with `lookout` also plans, rings and recovers."""
    crons = [
        cron(look, second=_EVERY_SECOND, run_at_startup=True, keep_result=0),
        cron(recover, second=_RECOVER_AT, keep_result=0),
    ]
    return Worker(
        functions=[drain],
        cron_jobs=crons if lookout else None,
        redis_pool=runtime.redis,
        ctx={"runtime": runtime},
        handle_signals=False,
        keep_result=0,
        max_tries=1,  # a failed batch is rung again by the next look, not by arq
        max_jobs=8,
        job_timeout=timedelta(seconds=_JOB_SECONDS),
        poll_delay=0.1,
        job_serializer=job_bytes,
        job_deserializer=job_value,
        health_check_interval=3600,
    )


async def run_worker(runtime: Runtime) -> None:
    """Work until cancelled. Redis gone for a while is waited for; any other end of the worker is raised."""
    while True:
        worker = make_worker(runtime)
        try:
            await worker.async_run()
        except (RedisError, OSError) as exc:
            log.error("the doorbell is gone (%s); the ledger is kept, trying again", exc)
            await asyncio.sleep(_RESTART_SECONDS)
        finally:
            await _stop(worker)


@contextlib.asynccontextmanager
async def working(runtime: Runtime) -> AsyncIterator[asyncio.Task[None]]:
    """A worker beside the web in one process. Awaiting the task raises what ended it."""
    task = asyncio.create_task(run_worker(runtime), name="worker")
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _stop(worker: Worker) -> None:
    for task in list(worker.tasks.values()):
        task.cancel()
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)


async def _no_info(redis: Any, log_func: Any) -> None:
    """arq asks the server for INFO at start, which the in-process doorbell does not know."""


arq.worker.log_redis_info = _no_info  # type: ignore[attr-defined]
