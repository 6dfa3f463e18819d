"""An open database, the stand-ins beside it, and the table of what the fault tests saw."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database import open_database
from bot.settings import Settings
from tests.conftest import EMPTY_EVERY_TABLE, administer
from tests.faults.scene import Stage, stage_on
from tests.faults.table import Rows, write_table

_ROWS = pytest.StashKey[Rows]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_ROWS] = Rows()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """`make faults` asks for the table; a run in which something failed leaves the last one as it is."""
    if os.environ.get("FAULTS_TABLE") == "write" and exitstatus == 0 and len(session.config.stash[_ROWS]):
        write_table(session.config.stash[_ROWS])


@pytest.fixture
def rows(request: pytest.FixtureRequest) -> Rows:
    """Where a test writes what it saw, once it has held."""
    return request.config.stash[_ROWS]


@pytest.fixture
async def stage(sqlite_database: Settings, redis_server: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_on(sqlite_database, redis_server, tmp_path) as made:
        yield made


@pytest.fixture
async def stage_on_both(database: Settings, redis_server: str, tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage_on(database, redis_server, tmp_path) as made:
        yield made


@pytest.fixture
async def stage_on_postgres(
    migrated_url: str, settings: Settings, redis_server: str, tmp_path: Path
) -> AsyncIterator[Stage]:
    database = settings.model_copy(update={"database_url": migrated_url})
    try:
        async with open_database(database), stage_on(database, redis_server, tmp_path) as made:
            yield made
    finally:
        await administer(migrated_url, EMPTY_EVERY_TABLE)
