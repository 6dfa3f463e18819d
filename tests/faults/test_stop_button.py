"""Pausing or cancelling stops the wire at once: what is on it comes to its end, and nothing follows."""

import asyncio
from datetime import timedelta

import pytest

from bot.runtime import open_runtime
from bot.worker import working
from campaigns import definitions, outbox
from campaigns.models import Message
from tests.cast import NOW
from tests.faults.books import balanced
from tests.faults.scene import Stage, all_settled, ids_in, start_nudge
from tests.faults.table import Rows
from tests.fleet import until

_STOPS = timedelta(seconds=2)
_LOOKS = 2.5  # seconds in which a worker looks into the ledger at least twice


@pytest.mark.parametrize("word", ["pause", "cancel"])
async def test_the_wire_is_still_soon_after_a_campaign_is_stopped(stage_on_both: Stage, word: str, rows: Rows) -> None:
    stage = stage_on_both
    planned = await start_nudge(stage, sms=250, mail=150)
    stage.slow_down(sms=0.3, mail=0.05)
    async with open_runtime(stage.patient) as runtime, working(runtime):
        await stage.has_accepted(60)
        if word == "pause":
            await definitions.pause("unread_resumes", note="停一停")
        else:
            await outbox.cancel_queued(await definitions.cancel("unread_resumes"))
        said = stage.clock()
        await until(_wire_is_still, "what was on the wire is settled")
        still = stage.accepted()
        await asyncio.sleep(_LOOKS)
        assert stage.accepted() == still
        last = max(row.at for row in stage.sandbox.stage.ledger)
        assert last < said + _STOPS
        left = planned - await ids_in("sent")
        assert left
        assert await ids_in("queued" if word == "pause" else "suppressed") >= left
        if word == "pause":
            stage.slow_down(sms=0.01, mail=0.01)
            await definitions.resume("unread_resumes", now=NOW)
            await all_settled(stage)
    books = await balanced(stage, planned, at_most=0)
    took = max(0.0, (last - said).total_seconds())
    done = f"campaign stopped by {word}, {'PostgreSQL' if stage.settings.database_url else 'SQLite'}"
    rows.add("stop", done, books, result=f"last message {took:.1f} s after the word")


async def _wire_is_still() -> bool:
    return not await Message.filter(state="sending").exists()
