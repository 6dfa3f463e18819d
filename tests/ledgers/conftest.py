"""Databases that nothing has been done to yet, for migrations, and empty ones beside the one that is open."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bot.settings import Settings
from tests.conftest import administer, copy_file

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


@pytest.fixture(params=["sqlite", "postgres"])
async def other(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> AsyncIterator[Settings]:
    """A migrated database without a row beside the one `database` opened, of each kind."""
    new = settings.model_copy(update={"huifang_var": tmp_path / "other"})
    if request.param == "sqlite":
        copy_file(request.getfixturevalue("migrated_file"), new)
        yield new
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"test_{uuid.uuid4().hex[:12]}"
    await administer(server, f'CREATE DATABASE "{name}"')
    yield new.model_copy(update={"database_url": f"{server.rpartition('/')[0]}/{name}"})
    await administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def elsewhere(migrated_file: Path, tmp_path: Path, settings: Settings) -> Settings:
    """An empty SQLite database, for what does not depend on the kind."""
    new = settings.model_copy(update={"huifang_var": tmp_path / "elsewhere"})
    copy_file(migrated_file, new)
    return new
