"""The whole house on loopback, and the machine's Chromium before it. What a page complains of fails its test.

Everything of one worker runs in one event loop: the browser is started once.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from bot.commands.serving import House
from bot.settings import Settings
from tests.browser.house import lived_in, open_house
from tests.browser.surfing import FLAGS, Surfer
from tests.conftest import copy_file

expect.set_options(timeout=30_000)  # pages ask for what is new every five seconds, and the machine has other work


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium(chromium_binary: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium_binary, args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def home(migrated_file: Path, settings: Settings) -> AsyncIterator[House]:
    """Nobody is there yet; customers do nothing of their own accord."""
    copy_file(migrated_file, settings)
    async with open_house(settings) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def furnished(home: House) -> House:
    """Members, campaigns that were sent, answers, tasks: something on every page."""
    await lived_in(home)
    return home


@pytest_asyncio.fixture(loop_scope="session")
async def surfer(chromium: Browser, home: House) -> AsyncIterator[Surfer]:
    async with contextlib.AsyncExitStack() as stack:
        surfer = Surfer(chromium, home.web.url, stack)
        yield surfer
        assert surfer.faults == []
