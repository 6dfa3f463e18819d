"""A runtime that reaches nobody, and a browser on this machine in front of its app."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.clock import ProductClock
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from tests.web_cast import NOW, as_staff


@pytest.fixture
async def runtime(sqlite_database: Settings) -> AsyncIterator[Runtime]:
    clock = ProductClock()
    clock.set(NOW)
    async with open_runtime(sqlite_database, clock=clock) as opened:
        yield opened


@pytest.fixture
async def browser(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    """An administrator's, who is logged in."""
    async with as_staff(runtime) as client:
        yield client
