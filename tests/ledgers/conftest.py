"""Databases of both kinds: such that nothing has been done to yet, and migrated ones without a row.

A migration takes half a second of computing; to copy a file or to empty tables takes next to nothing.
"""

import asyncio
import contextlib
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from bot.database import open_database
from bot.settings import Settings, load_settings

_EMPTY_EVERY_TABLE = """
DO $$ BEGIN
  EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY' FROM pg_tables
           WHERE schemaname = 'public' AND tablename NOT LIKE 'tortoise%');
END $$
"""
NewDatabase = Callable[[], Awaitable[Settings]]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with every table and no row."""
    settings = load_settings(env_file=None, huifang_var=tmp_path_factory.mktemp("migrated"))
    _run(_migrate(settings))
    return Path(settings.database.removeprefix("sqlite://"))


@pytest.fixture(scope="session")
def migrated_url(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Such a database on the PostgreSQL server."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    _run(_administer(postgres_server, f'CREATE DATABASE "{name}"'))
    settings = load_settings(env_file=None, huifang_var=tmp_path_factory.mktemp("migrated"))
    _run(_migrate(settings.model_copy(update={"database_url": _url(postgres_server, name)})))
    yield _url(postgres_server, name)
    _run(_administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Settings]:
    """An empty, migrated database, once of each kind."""
    if request.param == "sqlite":
        async with copy_of(request.getfixturevalue("migrated_file"), settings):
            yield settings
        return
    made = settings.model_copy(update={"database_url": request.getfixturevalue("migrated_url")})
    try:
        async with open_database(made):
            yield made
    finally:
        await _administer(made.database, _EMPTY_EVERY_TABLE)


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
        await _administer(server, f'CREATE DATABASE "{names[-1]}"')
        return settings.model_copy(update={"database_url": _url(server, names[-1])})

    try:
        yield make_on_server
    finally:
        for name in names:
            await _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@contextlib.asynccontextmanager
async def copy_of(migrated: Path, settings: Settings) -> AsyncIterator[None]:
    settings.var.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated, settings.database.removeprefix("sqlite://"))
    async with open_database(settings):
        yield


def _run(work: Coroutine[None, None, None]) -> None:
    """In a thread of its own: the test that asked first has a loop running here."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, work).result()


async def _migrate(settings: Settings) -> None:
    async with open_database(settings):
        pass


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _url(server: str, name: str) -> str:
    return f"{server.rpartition('/')[0]}/{name}"
