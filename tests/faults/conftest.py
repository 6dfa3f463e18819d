"""An open database, the stand-ins beside it, and the table of what the fault tests saw."""

import os
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import pytest

from bot.database import open_database
from bot.settings import Settings
from tests.conftest import EMPTY_EVERY_TABLE, administer
from tests.faults.left_open import FAILED
from tests.faults.scene import Stage, stage_on
from tests.faults.table import Rows, write_table

_SAW = Rows()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        _SAW.failed(report.nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is marked `both_in_full` runs on SQLite in `make faults` only.

    arq leaves an enqueueing behind when it is cancelled, whose connection closes itself a moment later.
    """
    unclosed = pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <function (Redis|AbstractConnection|StreamWriter).__del__"
        ":pytest.PytestUnraisableExceptionWarning"
    )
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(unclosed)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))  # several waits follow each other, each with its own limit
            if item.get_closest_marker("both_in_full") and "sqlite" in item.name:
                item.add_marker(pytest.mark.long)


def pytest_sessionfinish() -> None:
    """`make faults` asks for the table."""
    if os.environ.get("FAULTS_TABLE") == "write" and len(_SAW):
        write_table(_SAW)


@pytest.fixture
def rows() -> Rows:
    """Where a test writes what it saw, once it has held."""
    return _SAW


@pytest.fixture
async def stage(
    sqlite_database: Settings, redis_server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    async with stage_on(sqlite_database, redis_server, tmp_path, request.node) as made:
        yield made


@pytest.fixture
async def stage_on_both(
    database: Settings, redis_server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    async with stage_on(database, redis_server, tmp_path, request.node) as made:
        yield made


@pytest.fixture
async def stage_on_postgres(
    migrated_url: str, settings: Settings, redis_server: str, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Stage]:
    database = settings.model_copy(update={"database_url": migrated_url})
    try:
        async with open_database(database), stage_on(database, redis_server, tmp_path, request.node) as made:
            yield made
    finally:
        await administer(migrated_url, EMPTY_EVERY_TABLE)
