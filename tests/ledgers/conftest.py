"""Databases such that nothing has been done to yet, for the tests of the migrations themselves."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from bot.settings import Settings
from tests.conftest import administer

NewDatabase = Callable[[], Awaitable[Settings]]


@pytest.fixture(params=["sqlite", "postgres"])
async def new_database(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[NewDatabase]:
    """Makes an empty database at each call, without any table; once of each kind."""
    if request.param == "sqlite":

        async def make_file() -> Settings:
            path = settings.var / f"{uuid.uuid4().hex[:12]}.sqlite3"
            return settings.model_copy(update={"database_url": f"sqlite://{path}"})

        yield make_file
        return
    server: str = request.getfixturevalue("postgres_server")
    names: list[str] = []

    async def make_on_server() -> Settings:
        names.append(f"test_{uuid.uuid4().hex[:12]}")
        await administer(server, f'CREATE DATABASE "{names[-1]}"')
        return settings.model_copy(update={"database_url": f"{server.rpartition('/')[0]}/{names[-1]}"})

    try:
        yield make_on_server
    finally:
        for name in names:
            await administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')
