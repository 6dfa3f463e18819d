"""The restore drill: a backup while a campaign runs, the database lost, the backup restored, a person's word."""

import asyncio
import json
import subprocess
from datetime import timedelta
from typing import Any

import pytest

from bot.backup import save
from campaigns import restored
from campaigns.models import Message
from campaigns.restored import Uncertain
from campaigns.terms import ChannelName
from tests.cast import NOW
from tests.faults.books import balanced
from tests.faults.scene import Stage, ids_in, lose_everything, start_nudge
from tests.faults.table import Rows
from tests.fleet import run, started, until

_LOOKS = 3.0  # seconds in which a worker looks into the ledger at least twice
_ENDS = 3.0  # seconds without news after which the stand-ins are at rest


@pytest.mark.both_in_full
async def test_nothing_that_was_sent_is_sent_again_beyond_the_window_after_the_backup(
    stage_on_both: Stage, rows: Rows
) -> None:
    stage = stage_on_both
    planned = await start_nudge(stage, sms=160, mail=120)
    later = NOW + timedelta(days=2)
    await Message.filter(id__in=sorted(planned)[::7]).update(not_before=later, due_at=later)
    stage.slow_down(sms=2.0, mail=0.5)
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await until(lambda: _has_accepted(stage, 60), "some of it is sent")
        saved = await save(stage.settings, stage.folder / "b.zip", replace=False, with_secret=True, progress=_silent)
        sent_by_then = len(stage.sandbox.stage.ledger)
        await until(lambda: _has_accepted(stage, sent_by_then + 40), "more is sent after it")
        worker.kill()
    sent_before_the_loss = await _book_at_rest(stage)
    await lose_everything()

    found = await _call(stage, "restore", "b.zip")

    assert found["rows"] == saved.rows
    assert found["held"]
    assert found["cannot_know"] > 0
    assert found["would_send"] > 0
    stage.slow_down(sms=0.01, mail=0.01)
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await worker.line()
        await asyncio.sleep(_LOOKS)
        assert _book(stage) == sent_before_the_loss  # it waits
        released = await restored.release(Uncertain.MAIL, now=NOW + timedelta(minutes=5))
        again = await ids_in("queued", uncertain=True)
        await Message.filter(state="queued", not_before=later).update(not_before=NOW, due_at=NOW)
        await until(_is_over, "every message has its fate", seconds=60)
        assert await worker.terminate() == 0

    assert (released.again, released.unknown) == (found["mail_again"], found["cannot_know"] - found["mail_again"])
    messages = {one.id: one for one in await Message.filter(id__in=planned)}
    books = await balanced(stage, planned)
    assert books.repeated <= again
    # a provider that is asked may say that a number cannot be reached
    assert {one.state for one in messages.values()} <= {"sent", "delivered", "failed", "unknown"}
    assert not await ids_in("failed", channel="email")
    kind = "PostgreSQL" if stage.settings.database_url else "SQLite"
    done = f"backup in mid-campaign, database lost, restored, {kind}"
    rows.add("F19", done, books, result="held until a person's word")


async def test_a_planned_move_loses_and_repeats_nothing(stage: Stage) -> None:
    """Stopped before the backup: the person who knows that says so, and all goes on."""
    planned = await start_nudge(stage, sms=20, mail=20)
    await _call(stage, "backup", "b.zip")
    await lose_everything()
    found = await _call(stage, "restore", "b.zip")
    assert (found["cannot_know"], found["would_send"]) == (len(planned), 0)
    await _call(stage, "release", "--uncertain", "all")
    with started("worker", settings=stage.environment, folder=stage.folder) as worker:
        await until(_is_over, "every message has its fate", seconds=60)
        assert await worker.terminate() == 0
    assert await ids_in("sent", "delivered", uncertain=False) == planned
    assert set(_book(stage).values()) == {1}


# ---- parts --------------------------------------------------------------------------------------------------------


async def _call(stage: Stage, *words: str) -> Any:
    """A command of the product in a process of its own; its one JSON document."""
    done = await _run(stage, *words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def _run(stage: Stage, *words: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(run, *words, settings=stage.environment, folder=stage.folder)


def _book(stage: Stage) -> dict[str, int]:
    """Address → how often the providers accepted a message to it."""
    return stage.arrived(ChannelName.SMS, ChannelName.EMAIL)


async def _book_at_rest(stage: Stage) -> dict[str, int]:
    """Once the stand-ins have finished what a dead worker had asked for."""
    before = None
    while (book := _book(stage)) != before:
        before = book
        await asyncio.sleep(_ENDS)
    return book


async def _has_accepted(stage: Stage, number: int) -> bool:
    return len(stage.sandbox.stage.ledger) >= number


async def _is_over() -> bool:
    return not await ids_in("queued", "claimed", "sending")


def _silent(what: str, done: int, total: int) -> None:
    pass
