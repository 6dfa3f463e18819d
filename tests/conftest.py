"""Fixtures every folder of tests shares: fresh databases of both kinds, a real Redis, settings that reach nobody."""

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from bot.database import open_database
from bot.settings import Settings, load_settings
from tests import servers

SHARED = Path(__file__).resolve().parents[2] / "shared"
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


class _present:
    """A missing server fails under CI; on a person's laptop it is a loud line in the summary."""

    def __init__(self, what: str, server: object) -> None:
        self._what, self._server = what, server

    def __enter__(self) -> str:
        try:
            return self._server.__enter__()  # type: ignore[attr-defined,no-any-return]
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


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Settings]:
    """An empty, migrated database, once of each kind."""
    async for made in _database(request, settings, request.param):
        yield made


@pytest.fixture
async def sqlite_database(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Settings]:
    async for made in _database(request, settings, "sqlite"):
        yield made


async def _database(request: pytest.FixtureRequest, settings: Settings, kind: str) -> AsyncIterator[Settings]:
    if kind == "sqlite":
        async with open_database(settings):
            yield settings
        return
    server = request.getfixturevalue("postgres_server")
    name = f"test_{uuid.uuid4().hex[:12]}"
    await _administer(server, f'CREATE DATABASE "{name}"')
    url = f"{server.rpartition('/')[0]}/{name}"
    made = settings.model_copy(update={"database_url": url})
    try:
        async with open_database(made):
            yield made
    finally:
        await _administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


async def _administer(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
