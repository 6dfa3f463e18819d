"""Fixtures every folder of tests shares: fresh databases of both kinds, a real Redis, settings that reach nobody."""

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bot.database import open_database
from bot.settings import Settings, load_settings
from tests import fleet, servers

SHARED = Path(__file__).resolve().parents[2] / "shared"
EMPTY_EVERY_TABLE = """
DO $$ BEGIN
  EXECUTE (SELECT 'TRUNCATE ' || string_agg(quote_ident(tablename), ', ') || ' RESTART IDENTITY' FROM pg_tables
           WHERE schemaname = 'public' AND tablename NOT LIKE 'tortoise%');
END $$
"""
_missing: dict[str, str] = {}


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("shared") and not SHARED.is_dir():
        pytest.skip("the design documents' data (../shared) is not here")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, how in _missing.items():
        terminalreporter.write_line(f"NOT TESTED on {what}: {how}", red=True, bold=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with _present("PostgreSQL", servers.postgres()) as url:
        yield url


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    with _present("Redis", servers.redis()) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[servers.MariaDb]:
    with _present("MariaDB", servers.mariadb()) as server:
        yield server


@pytest.fixture(scope="session")
def chromium_binary() -> Iterator[str]:
    with _present("Chromium", servers.chromium()) as path:
        yield path


class _present:
    """A missing server fails under CI; on a person's laptop it is a loud line in the summary."""

    def __init__(self, what: str, server: object) -> None:
        self._what, self._server = what, server

    def __enter__(self) -> Any:
        try:
            return self._server.__enter__()  # type: ignore[attr-defined]
        except servers.MissingServer as exc:
            _missing[self._what] = str(exc)
            if os.environ.get("CI") == "true":
                pytest.fail(str(exc))
            pytest.skip(str(exc))

    def __exit__(self, *problem: object) -> None:
        self._server.__exit__(*problem)  # type: ignore[attr-defined]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """No `.env`, no credentials, a folder of its own."""
    return load_settings(env_file=None, huifang_var=tmp_path / "var", huifang_secret="a secret of the tests")


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite database with every table and no row: a copy costs nothing, a migration half a second."""
    settings = load_settings(env_file=None, huifang_var=tmp_path_factory.mktemp("migrated"))
    _migrate(settings)
    return Path(settings.database.removeprefix("sqlite://"))


@pytest.fixture(scope="session")
def migrated_url(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Such a database on the PostgreSQL server; whoever used it leaves it without a row."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = f"{postgres_server.rpartition('/')[0]}/{name}"
    settings = load_settings(env_file=None, huifang_var=tmp_path_factory.mktemp("migrated"))
    _run(administer(postgres_server, f'CREATE DATABASE "{name}"'))
    _migrate(settings.model_copy(update={"database_url": url}))
    yield url
    _run(administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Settings]:
    """An empty, migrated database, once of each kind."""
    if request.param == "sqlite":
        copy_file(request.getfixturevalue("migrated_file"), settings)
        async with open_database(settings):
            yield settings
        return
    made = settings.model_copy(update={"database_url": request.getfixturevalue("migrated_url")})
    try:
        async with open_database(made):
            yield made
    finally:
        await administer(made.database, EMPTY_EVERY_TABLE)


@pytest.fixture
async def sqlite_database(migrated_file: Path, settings: Settings) -> AsyncIterator[Settings]:
    copy_file(migrated_file, settings)
    async with open_database(settings):
        yield settings


def copy_file(migrated: Path, settings: Settings) -> None:
    """Lay it where these settings look for their database."""
    settings.var.mkdir(parents=True, exist_ok=True)
    shutil.copy(migrated, settings.database.removeprefix("sqlite://"))


def _run(work: Coroutine[None, None, None]) -> None:
    """In a thread of its own: the test that asked first has a loop running here."""
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, work).result()


def _migrate(settings: Settings) -> None:
    """By the command, in a process of its own: the test that asked first may have a database open here."""
    given = {"huifang_var": settings.huifang_var, "database_url": settings.database_url}
    done = fleet.run("migrate", settings=given, folder=settings.var)
    assert done.returncode == 0, done.stderr


async def administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
