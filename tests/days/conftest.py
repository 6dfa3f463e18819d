"""The whole house on loopback: web, worker, mail door and stand-ins, on a virtual clock, with quiet customers."""

import contextlib
from collections.abc import AsyncIterator

import pytest

from bot.clock import ProductClock
from bot.commands.serving import House, house
from bot.conductor import Conductor
from bot.settings import Settings
from campaigns import marks
from tests.cast import NOW
from tests.fleet import HOLDOUT_SECRET


@pytest.fixture
async def home(sqlite_database: Settings) -> AsyncIterator[House]:
    """Customers do nothing of their own accord: a test speaks for them."""
    async with _house(sqlite_database) as running:
        yield running


@pytest.fixture
async def home_on_both(database: Settings) -> AsyncIterator[House]:
    """The same, once on each kind of database."""
    async with _house(database) as running:
        yield running


@pytest.fixture
def conductor(home: House) -> Conductor:
    return Conductor(home.runtime, home.sandbox)


@contextlib.asynccontextmanager
async def _house(database: Settings) -> AsyncIterator[House]:
    await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
    clock = ProductClock()
    clock.set(NOW)
    settings = database.model_copy(update={"web_port": 0, "mail_door_port": 0})
    async with house(settings, clock) as running:
        assert running.sandbox is not None
        running.sandbox.stage.listeners.clear()
        yield running
