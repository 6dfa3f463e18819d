"""arq: jobs of a few lines that carry ids, and the look into the ledger that rings them.

Redis is only a doorbell. Every second one worker looks what the ledger says is due and enqueues a job for each batch;
a job that was lost is rung again by the next look.
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import secrets
import sys
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import arq.worker
from arq import Worker, cron
from redis.exceptions import RedisError

from bot import sender
from bot.jobs import job_bytes, job_value
from bot.outgoing.delivering import deliver_due
from bot.process import bulk_work
from bot.runtime import Runtime, follow_clock, follow_rules
from bot.sender.following import follow_up
from bot.settings import Settings
from bot.wecom.mass import run_tasks
from bot.wecom.notices import tell_owners
from bot.wecom.stops import tell_stops
from campaigns import marks, outbox, planner, webhooks
from campaigns.members.activity_runs import last_run_at
from campaigns.members.tier_runs import last_tiering_at
from campaigns.members.tiering import assign_all_tiers
from campaigns.outbox import Batch
from campaigns.terms import SHANGHAI, ChannelName
from campaigns.visit_planning import planned_at

log = logging.getLogger(__name__)

_EVERY_SECOND = set(range(60))
_RECOVER_AT = {0, 10, 20, 30, 40, 50}
_TELL_AT = set(range(3, 60, 5))
_CONFIRMED_AT = {7, 37}
_DELIVER_AT = set(range(0, 60, 2))
_BRING_UP_AT = {19, 49}
_SCORE_HOUR = 3
_SCORE_AT = {9, 39}  # looked at twice an hour, so that a night's run that failed is made up for
_SCORE_SECONDS = 1200
_VISITS_HOUR = 4  # after the scores
_VISITS_AT = {14, 44}
_DRAIN_SECONDS = 30  # a batch that takes longer is rung again
_JOB_SECONDS = 120
_RING_SECONDS = 10
_RESTART_SECONDS = 1.0
_BOOT = secrets.token_hex(4)
_CLOCK_WAS_SET = timedelta(minutes=1)
_STOP_SECONDS = 20  # for what is on the wire to come to its end


async def look(ctx: dict[str, Any]) -> None:
    """Every second: what does the ledger say is due?

    Ringing comes first: planning takes minutes for a large audience, and fails for a campaign that is wrong.
    """
    runtime: Runtime = ctx["runtime"]
    await follow_clock(runtime.clock, runtime.settings)
    await follow_rules(runtime)
    await ring_due(runtime)
    if not runtime.planning.locked():  # the last look may be planning still
        await plan(runtime)


async def plan(runtime: Runtime) -> None:
    """Plan what has fallen due by now, after whoever is planning what was due before."""
    if runtime.planning_held or await marks.is_held():
        return
    async with runtime.planning:
        await planner.plan_due(runtime.clock(), runtime.rulebook)


async def ring_due(runtime: Runtime) -> None:
    """Ring a job for every batch that could be sent now."""
    if await marks.is_held():
        return
    for batch in await outbox.due_batches(runtime.clock()):
        if batch.channel in runtime.channels:
            await ring(runtime, batch)


async def drain(ctx: dict[str, Any], occurrence_id: int, channel: str) -> None:
    if await marks.is_held():  # rung before the restore
        return
    batch = Batch(occurrence_id, ChannelName(channel))
    await sender.drain(ctx["runtime"], batch, seconds=_DRAIN_SECONDS, stopping=ctx["stopping"])


async def recover(ctx: dict[str, Any]) -> None:
    """What dead senders left, each time; then the questions to providers, unless the last ones are still open."""
    await marks.sign_of_life(datetime.now(UTC))
    if await marks.is_held():  # a lease that ended says nothing about what was sent since the backup
        return
    await sender.recover(ctx["runtime"])
    asking: asyncio.Lock = ctx["asking"]
    if not asking.locked():
        async with asking:
            await sender.reconcile(ctx["runtime"])


async def tell_staff(ctx: dict[str, Any]) -> None:
    """Who has a task learns it in WeCom, and who answers for the sending what stopped by itself."""
    await _once(ctx["telling"], _tell_everybody, ctx["runtime"])


async def _tell_everybody(runtime: Runtime) -> None:
    await tell_owners(runtime)
    await tell_stops(runtime)


async def deliver(ctx: dict[str, Any]) -> None:
    """Other programs are told what happened."""
    await _once(ctx["delivering"], deliver_due, ctx["runtime"])


async def bring_up(ctx: dict[str, Any]) -> None:
    """What became of messages sent by hand; tiers of members that programs changed; old deliveries are forgotten."""
    await _once(ctx["bringing_up"], _bring_up, ctx["runtime"])


async def _bring_up(runtime: Runtime) -> None:
    await follow_up(runtime)
    await webhooks.forget_old(datetime.now(UTC))
    if await marks.read_mark(marks.TIERS_DUE):
        await marks.delete_mark(marks.TIERS_DUE)
        with bulk_work():
            await assign_all_tiers(runtime.clock(), runtime.rulebook.policy.tiers)


async def confirmed(ctx: dict[str, Any]) -> None:
    """What staff are asked to confirm is made in WeCom, and what became of it looked up."""
    await _once(ctx["confirming"], run_tasks, ctx["runtime"])


async def score(ctx: dict[str, Any]) -> None:
    """Once a night, as soon as it is three in Shanghai: how alive each member's account is, then in which tier."""
    await _once(ctx["scoring"], _score_and_tier, ctx["runtime"])


async def _score_and_tier(runtime: Runtime) -> None:
    await score_if_due(runtime)
    await tier_if_due(runtime)


async def score_if_due(runtime: Runtime) -> bool:
    """Score members unless done since three; in a process of its own, for what it loads has no use in sending."""
    return await _tonight(runtime, _SCORE_HOUR, await last_run_at(), "score", "--json", "--as-of")


async def tier_if_due(runtime: Runtime) -> bool:
    """Place members in their tiers unless done since three."""
    return await _tonight(runtime, _SCORE_HOUR, await last_tiering_at(), "tiers", "--json", "--as-of")


async def plan_visits(ctx: dict[str, Any]) -> None:
    """Once a night, as soon as it is four in Shanghai: who is visited when, and the tasks of the day."""
    await _once(ctx["visiting"], plan_visits_if_due, ctx["runtime"])


async def plan_visits_if_due(runtime: Runtime) -> bool:
    """Plan unless done since four; in a process of its own, for a large network takes seconds of one processor."""
    return await _tonight(runtime, _VISITS_HOUR, await planned_at(), "visits", "plan", "--json", "--as-of")


async def _tonight(runtime: Runtime, hour: int, last: datetime | None, *words: str) -> bool:
    """Run a command of ours beside this process unless done since that hour; the moment follows its last word."""
    now = runtime.clock()
    if last and _last_night(now, hour) <= last <= now:
        return False
    given = {**os.environ, **_told(runtime.settings)}
    command = (sys.executable, "-m", "bot", *words, now.isoformat())
    process = await asyncio.create_subprocess_exec(*command, env=given, stdout=DEVNULL, stderr=DEVNULL)
    try:
        ended = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if ended:
        log.error("the night's huifang %s failed (exit %s): run by hand it says why", words[0], ended)
    return not ended


def _last_night(now: datetime, hour: int) -> datetime:
    local = now.astimezone(SHANGHAI)
    due = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    return due if due <= local else due - timedelta(days=1)


def _told(settings: Settings) -> dict[str, str]:
    """What a process of its own must know to work on this database, as variables."""
    names = [name for name in Settings.model_fields if name.startswith(("activity_", "stage_", "visit_"))]
    told = {name: str(getattr(settings, name)) for name in ("huifang_var", "huifang_templates", "log_level", *names)}
    return {name.upper(): value for name, value in {**told, "database_url": settings.database}.items()}


async def _once(busy: asyncio.Lock, work: Callable[[Runtime], Awaitable[object]], runtime: Runtime) -> None:
    """Unless the last one is at it still, or this is a restored copy that waits for a person's word."""
    if not busy.locked() and not await marks.is_held():
        async with busy:
            await work(runtime)


async def ring(runtime: Runtime, batch: Batch) -> None:
    """One job for a batch and ten seconds.

    The id keeps the looks from piling up jobs; the time and the mark of this process in it let a new job pass a dead
    worker's, which arq gives up only after its time limit. Two jobs on one batch are harmless: the claim decides.
    """
    queue = _queue(runtime)
    moment = f"{_BOOT}:{int(time.time()) // _RING_SECONDS}"
    job_id = f"{queue}:drain:{batch.occurrence_id}:{batch.channel}:{moment}"
    await runtime.redis.enqueue_job(
        "drain", batch.occurrence_id, batch.channel.value, _job_id=job_id, _queue_name=queue
    )


class _Lookout(Worker):
    """arq's worker, whose crons keep their beat when somebody sets the machine's clock.

    arq goes by the next moment it noted: an hour back, and it does nothing for an hour; an hour on, and it makes up
    for every second of it.
    """

    async def run_cron(self, n: datetime, delay: float, num_windows: int = 2) -> None:
        for job in self.cron_jobs:
            if job.next_run and abs(job.next_run - n) > _CLOCK_WAS_SET:
                job.next_run = n
        await super().run_cron(n, delay, num_windows)


def make_worker(runtime: Runtime, *, lookout: bool = True) -> Worker:
    """A worker on the runtime's doorbell. One with `lookout` also plans, rings and recovers."""
    queue = _queue(runtime)
    crons = [
        cron(look, name=f"{queue}:look", second=_EVERY_SECOND, run_at_startup=True, keep_result=0),
        cron(tell_staff, name=f"{queue}:tell", second=_TELL_AT, keep_result=0),
        cron(confirmed, name=f"{queue}:confirmed", second=_CONFIRMED_AT, keep_result=0),
        cron(deliver, name=f"{queue}:deliver", second=_DELIVER_AT, keep_result=0),
        cron(bring_up, name=f"{queue}:bring_up", minute=_BRING_UP_AT, second=43, keep_result=0),
        cron(score, name=f"{queue}:score", minute=_SCORE_AT, second=31, timeout=_SCORE_SECONDS, keep_result=0),
        cron(plan_visits, name=f"{queue}:visits", minute=_VISITS_AT, second=41, timeout=_SCORE_SECONDS, keep_result=0),
        cron(recover, name=f"{queue}:recover", second=_RECOVER_AT, run_at_startup=True, keep_result=0),
    ]
    return _Lookout(
        functions=[drain],
        cron_jobs=crons if lookout else None,
        queue_name=queue,
        redis_pool=runtime.redis,
        ctx={
            "runtime": runtime,
            "stopping": asyncio.Event(),
            "asking": asyncio.Lock(),
            "telling": asyncio.Lock(),
            "confirming": asyncio.Lock(),
            "scoring": asyncio.Lock(),
            "delivering": asyncio.Lock(),
            "bringing_up": asyncio.Lock(),
            "visiting": asyncio.Lock(),
        },
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
            # What a killed worker left would stand at the head of the queue till its time is over.
            await runtime.redis.delete(_queue(runtime))
            await worker.async_run()
        except (RedisError, OSError) as exc:
            log.error("the doorbell is gone (%s); the ledger is kept, trying again", exc)
        finally:
            await _stop(worker)
        await asyncio.sleep(_RESTART_SECONDS)


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
    """Let what is on the wire come to its end: of a message cut off nobody would know whether it was sent."""
    worker.ctx["stopping"].set()
    tasks = list(worker.tasks.values())
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_STOP_SECONDS)
        for task in late:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _queue(runtime: Runtime) -> str:
    """Each database has a queue of its own: copies that share a Redis would answer each other's bell."""
    return f"huifang:{hashlib.sha256(runtime.settings.database.encode()).hexdigest()[:12]}"


async def _no_info(redis: Any, log_func: Any) -> None:
    """arq asks the server for INFO at start, which the in-process doorbell does not know."""


arq.worker.log_redis_info = _no_info  # type: ignore[attr-defined]
