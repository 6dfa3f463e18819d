"""Campaigns on every channel, stand-ins whose faults can be ordered, and the worker as a process."""

import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ProductClock
from bot.runtime import read_rulebook, set_clock
from bot.sandbox.run import Sandbox
from bot.sandbox.stage import Ledger
from bot.settings import Settings
from bot.snapshot import tables
from campaigns import definitions, marks, statements
from campaigns.models import Contact, Message
from campaigns.planner import start_campaign
from campaigns.terms import ChannelName
from tests.cast import NOW, approve_tiny, crowd
from tests.faults.left_open import FAILED, left_open
from tests.fleet import HOLDOUT_SECRET, sandbox_of, until

LEASE_SECONDS = 2
_PATIENT_SECONDS = 30
_TRIES = 5  # of a service mail that nobody knows of
LONG = (pytest.mark.long, pytest.mark.timeout(1200))


@dataclass(slots=True)
class Stage:
    """An open database, the stand-ins in this process, and the settings the product's processes get."""

    settings: Settings
    sandbox: Sandbox
    clock: ProductClock
    folder: Path

    @property
    def patient(self) -> Settings:
        """For whoever is not to die: with so short a lease a living sender looks dead on a busy machine."""
        return self.settings.model_copy(update={"lease_seconds": _PATIENT_SECONDS})

    @property
    def patient_environment(self) -> dict[str, object]:
        return {**self.environment, "lease_seconds": _PATIENT_SECONDS}

    @property
    def environment(self) -> dict[str, object]:
        kept = ("huifang_var", "huifang_secret", "database_url", "redis_url", "sandbox_url", "lease_seconds")
        return {name: value for name in kept if (value := getattr(self.settings, name))}

    def slow_down(self, *, sms: float, mail: float) -> None:
        """From now on every message takes so many seconds, WeChat's as an SMS: the wire can be watched."""
        self.sandbox.sms.faults.shares(delay=1.0)
        self.sandbox.sms.delay_seconds = sms
        self.sandbox.relay.faults.shares(delay=1.0)
        self.sandbox.relay.delay_seconds = mail
        self.sandbox.wechat.faults.shares(delay=1.0)
        self.sandbox.wechat.delay_seconds = sms

    def arrived(self, *channels: ChannelName) -> Counter[str]:
        """Address → how often a provider accepted a message to it. Each member of a crowd has its own."""
        return Counter(row.to for channel in channels for row in self.sandbox.stage.ledger.rows(channel))

    def accepted(self) -> int:
        """How many messages the stand-ins have taken over."""
        return len(self.sandbox.stage.ledger)

    async def goes_on(self, seconds: float = 60) -> float:
        """Wait for the next message to be accepted. Returns after how many seconds it was."""
        before, since = self.accepted(), time.monotonic()
        await self.has_accepted(before + 1, seconds)
        return time.monotonic() - since

    async def has_accepted(self, number: int, seconds: float = 60) -> None:
        """Wait until they have taken over so many."""

        async def accepted() -> bool:
            return self.accepted() >= number

        await until(accepted, f"{number} messages are accepted", seconds)


@contextlib.asynccontextmanager
async def stage_on(database: Settings, redis_url: str, folder: Path, test: pytest.Item) -> AsyncIterator[Stage]:
    """`test` is the one that plays on it: if it fails, what it left open is printed."""
    clock = ProductClock()
    async with sandbox_of(database, clock) as sandbox:
        sandbox.stage.listeners.clear()
        settings = database.model_copy(
            update={"sandbox_url": sandbox.url, "redis_url": redis_url, "lease_seconds": LEASE_SECONDS}
        )
        await _begin(settings)
        stage = Stage(settings, sandbox, clock, folder)
        yield stage
        if test.stash.get(FAILED, False):
            print(await left_open(folder, stage.accepted()))


async def start_anew(stage: Stage) -> None:
    """An empty ledger and empty books, as at the beginning."""
    await lose_everything()
    stage.sandbox.stage.ledger = Ledger()
    await _begin(stage.settings)


async def lose_everything() -> None:
    for table in reversed(tables()):
        await statements.run(f"DELETE FROM {table.name}")
    await statements.run("DELETE FROM tallies")  # a backup leaves them out; triggers count them again


async def _begin(settings: Settings) -> None:
    await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
    clock = ProductClock()
    clock.set(NOW)
    await set_clock(clock, settings)


async def start_mix(stage: Stage, size: int) -> set[int]:
    """Start a campaign of every kind for about so many: SMS, WeChat, service mail and marketing mail.

    Returns the ids of the messages that are to be sent.
    """
    sms, wechat, mail, marketing = (size * share // 20 for share in (8, 2, 5, 5))
    members = await crowd(sms + wechat + mail, unread=4)
    await Contact.filter(member_id__in=members[: sms + wechat]).update(email=None)
    followers = [f"o{member_id:027}" for member_id in members[sms : sms + wechat]]
    stage.sandbox.wechat.ensure_followers(followers)
    for member_id, openid in zip(members[sms:], followers, strict=False):
        await Contact.filter(member_id=member_id).update(openid=openid)
    await crowd(marketing, first=1001 + len(members))
    await start_tiny(stage, **{"class": "marketing", "channels": ["email"], "segment": "unread_resumes < 3"})
    return await run_nudge(stage)


async def start_tiny(stage: Stage, **definition: Any) -> None:
    """Start a campaign of a few lines."""
    await approve_tiny(stage.folder / "templates", **definition)
    await start_campaign("tiny", NOW, await read_rulebook(stage.settings))


async def start_nudge(stage: Stage, *, sms: int, mail: int) -> set[int]:
    """Start unread_resumes for so many members by each. Returns the ids of the messages that are to be sent."""
    members = await crowd(sms + mail, unread=4)
    await Contact.filter(member_id__in=members[:sms]).update(email=None)
    return await run_nudge(stage)


async def run_nudge(stage: Stage) -> set[int]:
    """Start unread_resumes for the members there are. Returns the ids of the messages that are to be sent."""
    folder = await definitions.load_campaign(stage.settings.huifang_templates, "unread_resumes")
    await definitions.approve(folder, by="tests", now=NOW)
    await start_campaign("unread_resumes", NOW, await read_rulebook(stage.settings))
    return set(await Message.filter(state="queued").values_list("id", flat=True))


async def is_over() -> bool:
    """Every message has its fate."""
    return not await ids_in("queued", "sending")


async def all_settled(stage: Stage, seconds: float = 120) -> None:
    """Every message has its fate: what may be sent again was, and who can be asked about the uncertain was asked.

    Who was asked in vain, because a lease ran out on a busy machine while the call was still on its way, is not asked
    again for ten minutes; these are not waited for.
    """

    async def still_open() -> dict[int, tuple[str, str, str, int]]:
        received = stage.arrived(ChannelName.SMS)
        # by one query: between two of them a message may go from the one state to the other
        rows = await Message.all().values_list("id", "state", "channel", "message_class", "attempts", "address")
        return {row[0]: row[1:5] for row in rows if _is_open(*row[1:], received=received)}

    async def settled() -> bool:
        left, now = await still_open(), datetime.now(UTC)
        asked = [id for id, (state, channel, *_) in left.items() if (state, channel) == ("unknown", "sms")]
        for (
            one
        ) in asked:  # one by one: of many at once, held in another order than a worker's, both could wait for ever
            await Message.filter(id=one, ask_at__gt=now + timedelta(minutes=1)).update(ask_at=now)
        return not left

    try:
        await until(settled, "every message has its fate", seconds)
    except AssertionError as late:
        late.add_note(f"open, by state, channel, class and attempts: {Counter((await still_open()).values())}")
        raise


def _is_open(state: str, channel: str, kind: str, attempts: int, address: str, *, received: Counter[str]) -> bool:
    if state != "unknown":
        return state in ("queued", "sending")
    if channel == "email":
        return kind == "service" and attempts < _TRIES
    return channel == "sms" and address in received


async def ids_in(*states: str, **which: object) -> set[int]:
    return set(await Message.filter(state__in=states, **which).values_list("id", flat=True))


async def addresses(messages: set[int]) -> set[str]:
    return set(await Message.filter(id__in=messages).values_list("address", flat=True))
