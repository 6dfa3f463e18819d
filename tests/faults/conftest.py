"""A campaign half of SMS and half of mail, stand-ins whose faults can be ordered, and the worker as a process."""

import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.clock import ProductClock
from bot.runtime import read_rulebook, set_clock
from bot.sandbox.run import Sandbox
from bot.settings import Settings
from campaigns import definitions, marks
from campaigns.models import Contact, Message
from campaigns.planner import start_campaign
from campaigns.terms import ChannelName
from tests.cast import NOW, crowd
from tests.fleet import HOLDOUT_SECRET, sandbox_of

LEASE_SECONDS = 2


@dataclass(slots=True)
class Stage:
    """An open database, the stand-ins in this process, and the settings the product's processes get."""

    settings: Settings
    sandbox: Sandbox
    clock: ProductClock
    folder: Path

    @property
    def environment(self) -> dict[str, object]:
        kept = ("huifang_var", "huifang_secret", "database_url", "redis_url", "sandbox_url", "lease_seconds")
        return {name: value for name in kept if (value := getattr(self.settings, name))}

    def slow_down(self, *, sms: float, mail: float) -> None:
        """From now on every message takes so many seconds: what is on the wire can be seen there."""
        self.sandbox.sms.faults.shares(delay=1.0)
        self.sandbox.sms.delay_seconds = sms
        self.sandbox.relay.faults.shares(delay=1.0)
        self.sandbox.relay.delay_seconds = mail

    def arrived(self, *channels: ChannelName) -> Counter[str]:
        """Address → how often a provider accepted a message to it. Each member of a crowd has its own."""
        return Counter(row.to for channel in channels for row in self.sandbox.stage.ledger.rows(channel))


@contextlib.asynccontextmanager
async def stage_on(database: Settings, redis_url: str, folder: Path) -> AsyncIterator[Stage]:
    clock = ProductClock()
    async with sandbox_of(database, clock) as sandbox:
        sandbox.stage.listeners.clear()
        settings = database.model_copy(
            update={"sandbox_url": sandbox.url, "redis_url": redis_url, "lease_seconds": LEASE_SECONDS}
        )
        await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
        own = ProductClock()
        own.set(NOW)
        await set_clock(own, settings)
        yield Stage(settings, sandbox, clock, folder)


@pytest.fixture
async def stage(sqlite_database: Settings, redis_server: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_on(sqlite_database, redis_server, tmp_path) as made:
        yield made


@pytest.fixture
async def stage_on_both(database: Settings, redis_server: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_on(database, redis_server, tmp_path) as made:
        yield made


async def start_nudge(stage: Stage, *, sms: int, mail: int) -> set[int]:
    """Start unread_resumes for so many members by each. Returns the ids of the messages that are to be sent."""
    members = await crowd(sms + mail, unread=4)
    await Contact.filter(member_id__in=members[:sms]).update(email=None)
    return await run_nudge(stage)


async def run_nudge(stage: Stage) -> set[int]:
    """Start unread_resumes for the members there are. Returns the ids of the messages that are to be sent."""
    folder = definitions.load_campaign(stage.settings.huifang_templates, "unread_resumes")
    await definitions.approve(folder, by="tests", now=NOW)
    await start_campaign("unread_resumes", NOW, await read_rulebook(stage.settings))
    return set(await Message.filter(state="queued").values_list("id", flat=True))


async def ids_in(*states: str, **which: object) -> set[int]:
    return set(await Message.filter(state__in=states, **which).values_list("id", flat=True))


async def addresses(messages: set[int]) -> set[str]:
    return set(await Message.filter(id__in=messages).values_list("address", flat=True))
