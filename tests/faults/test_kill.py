"""The worker killed in mid-campaign, and stopped in mid-campaign."""

import asyncio
import random
import signal
import time
from dataclasses import dataclass

import pytest

from campaigns.models import Message
from campaigns.terms import ChannelName
from tests.faults.books import balanced
from tests.faults.scene import (
    LEASE_SECONDS,
    LONG,
    Stage,
    addresses,
    all_settled,
    ids_in,
    start_anew,
    start_mix,
)
from tests.faults.table import Rows
from tests.fleet import started, until

_IN_FLIGHT = 50 + 2 * 60 + 40  # of SMS, of both campaigns' mail, of WeChat
_GROUP = 50
_STOPS_SECONDS = 30  # for what is on the wire; whoever deploys waits no longer
_ON_THE_WIRE = 0.3  # seconds a message takes


@dataclass(frozen=True, slots=True)
class Form:
    size: int
    times: int
    timed: bool = False


@pytest.mark.parametrize("form", [Form(400, 3), pytest.param(Form(2000, 20, True), marks=LONG)], ids=["short", "long"])
async def test_a_worker_killed_in_mid_campaign_loses_nothing_and_marks_what_nobody_knows(
    stage_on_both: Stage, form: Form, rows: Rows
) -> None:
    stage = stage_on_both
    undisturbed = await _seconds_undisturbed(stage, form.size) if form.timed else 0.0
    planned = await start_mix(stage, form.size)
    stage.slow_down(sms=_ON_THE_WIRE, mail=_ON_THE_WIRE)
    caught: set[int] = set()
    began = time.monotonic()
    for _ in range(form.times):
        caught |= await _kill_on_the_wire(stage)

    last_kill = time.monotonic()
    if not form.timed:
        stage.slow_down(sms=0.01, mail=0.01)
    with started("worker", settings=stage.patient_environment, folder=stage.folder) as worker:
        went_on = await stage.goes_on()
        await all_settled(stage)
        ended = time.monotonic()
        assert await worker.terminate() == 0

    # the server may have been about to commit the mark of one more group, of which we could not see yet
    books = await balanced(stage, planned, at_most=len(caught) + form.times * _GROUP)
    assert caught <= books.uncertain
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    done = f"worker killed {form.times} times in one campaign, {kind}"
    if form.timed:
        allowed = 2 * undisturbed + form.times * LEASE_SECONDS
        assert ended - last_kill <= allowed
        took = f"over {ended - last_kill:.0f} s after the last kill, {ended - began:.0f} s in all"
        held = f"held; {took} ({undisturbed:.0f} s without kills)"
        rows.add("F1", done, books, went_on=went_on, result=held)


@pytest.mark.parametrize("form", [Form(150, 1), pytest.param(Form(2000, 10), marks=LONG)], ids=["short", "long"])
async def test_a_worker_told_to_stop_leaves_nothing_uncertain(stage: Stage, form: Form, rows: Rows) -> None:
    planned = await start_mix(stage, form.size)
    stage.slow_down(sms=0.2, mail=0.05)
    for _ in range(form.times):
        with started("worker", settings=stage.patient_environment, folder=stage.folder) as worker:
            await until(lambda: ids_in("sending"), "something is on the wire")
            worker.process.send_signal(signal.SIGTERM)
            assert await asyncio.to_thread(worker.process.wait, _STOPS_SECONDS) == 0
            assert "Traceback" not in worker.errors()
        assert await ids_in("sending") == set()
    sent = await ids_in("sent")
    assert sent
    assert await ids_in("queued") == planned - sent
    assert await addresses(sent) == set(stage.arrived(*ChannelName))
    assert await Message.filter(uncertain=True).count() == 0
    books = await balanced(stage, sent, at_most=0)
    rows.add("F8", f"worker told to stop (SIGTERM) {form.times} times", books)


async def _seconds_undisturbed(stage: Stage, size: int) -> float:
    """The same campaign with nobody killed, on this machine and at this hour."""
    planned = await start_mix(stage, size)
    stage.slow_down(sms=_ON_THE_WIRE, mail=_ON_THE_WIRE)
    began = time.monotonic()
    with started("worker", settings=stage.patient_environment, folder=stage.folder) as worker:
        await all_settled(stage)
        took = time.monotonic() - began
        assert await worker.terminate() == 0
    await balanced(stage, planned, at_most=0)
    await start_anew(stage)
    return took


async def _kill_on_the_wire(stage: Stage) -> set[int]:
    """kill -9 at some moment after the worker's first message was accepted. Returns what was `sending`."""
    before = await ids_in("sending")  # of the one killed before, whose lease may run still
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await stage.goes_on()
        await asyncio.sleep(random.random() * 0.3)
        worker.kill()
    caught = await ids_in("sending") - before
    assert len(caught) <= _IN_FLIGHT
    return caught
