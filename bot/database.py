"""Opening the database: its URL, its schema history, what SQLite needs to be shared."""

import asyncio
import contextlib
import fcntl
import pkgutil
import sqlite3
from collections.abc import AsyncIterator
from importlib import import_module
from pathlib import Path

import asyncpg
from tortoise import Tortoise
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.backends.base.executor import EXECUTOR_CACHE
from tortoise.connection import get_connection
from tortoise.exceptions import DBConnectionError, OperationalError, TransactionManagementError
from tortoise.migrations.api import migrate

from bot.settings import Settings
from campaigns.errors import ConfigError

MIGRATIONS = "campaigns.migrations"
_AWAY = (
    OSError,
    DBConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
)
_FILE_AWAY = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
}
_FILE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}
_APPLIED = "SELECT name FROM tortoise_migrations WHERE app = 'campaigns'"
_MIGRATION_LOCK = 7242_0001


@contextlib.asynccontextmanager
async def open_database(settings: Settings, *, up_to: str | None = None, as_it_is: bool = False) -> AsyncIterator[None]:
    """Open the database and bring its schema up to date, or to the migration `up_to`, or leave it `as_it_is`.

    Raises ConfigError where it cannot be reached.
    """
    try:
        if not as_it_is:
            await upgrade(settings, up_to=up_to)
        # it keeps insert statements by connection name, placeholders of the other dialect included
        EXECUTOR_CACHE.clear()
        await Tortoise.init(config=database_config(settings.database), _enable_global_fallback=True)
        await _ask_something()
    except (OSError, sqlite3.Error, DBConnectionError, asyncpg.PostgresError) as exc:
        if _is_full(exc):
            raise ConfigError(f"DATABASE_URL: 盘满了，腾出地方再来 (the disk is full: {exc})") from exc
        raise ConfigError(f"DATABASE_URL: 连不上数据库 (the database cannot be reached: {exc})") from exc
    try:
        yield
    finally:
        await Tortoise.close_connections()


async def _ask_something() -> None:
    try:
        await get_connection("default").execute_query("SELECT 1")
    except BaseException:
        await Tortoise.close_connections()
        raise


async def upgrade(settings: Settings, *, up_to: str | None = None) -> None:
    """Apply what the schema history has (up to one of its steps) and this database has not; one process at a time."""
    target = f"campaigns.{up_to}" if up_to else None
    async with _migration_lock(settings):
        try:
            await migrate(config=database_config(settings.database), target=target, direction="forward")
        except ValueError as exc:  # steps would have to be taken back
            if up_to is None:
                raise
            raise ConfigError(
                f"DATABASE_URL: 库比 {up_to} 新，换一个新库 (its schema is newer; name a new database)"
            ) from exc
        finally:
            await Tortoise.close_connections()  # else the thread of a SQLite file keeps the process from its end


def is_away(problem: BaseException) -> bool:
    """Whether the database is stopped, full or held by another: the same may work in a while."""
    if isinstance(problem, OperationalError | TransactionManagementError) and problem.args:
        problem = problem.args[0]  # what Tortoise wrapped
    if isinstance(problem, sqlite3.OperationalError):
        return problem.sqlite_errorcode & 0xFF in _FILE_AWAY
    return isinstance(problem, _AWAY)


def _is_full(problem: BaseException) -> bool:
    return isinstance(problem, sqlite3.OperationalError) and problem.sqlite_errorcode in _FILE_FULL


def is_missing(settings: Settings) -> bool:
    """Whether its SQLite file is still to be made. Raises ConfigError where it cannot be: we make no folder for it."""
    file = settings.database_file
    if file is None or file.exists():
        return False
    if not file.is_relative_to(settings.var):
        _need_folder(file.parent)
    return True


async def is_behind(settings: Settings) -> bool:
    """Whether the next command that opens it brings its schema up to date; nothing is changed by asking."""
    async with open_database(settings, as_it_is=True):
        try:
            return set(known_migrations()) > await _applied()
        except OperationalError:  # no history yet
            return True


async def _applied() -> set[str]:
    _, rows = await get_connection("default").execute_query(_APPLIED)
    return {row["name"] for row in rows}


def known_migrations() -> list[str]:
    """The steps of the schema history this program has, in their order."""
    return sorted(step.name for step in pkgutil.iter_modules(import_module(MIGRATIONS).__path__))


def database_config(url: str) -> dict[str, object]:
    """Tortoise's configuration for a URL."""
    app = {
        "models": ["campaigns.models"],
        "migrations": MIGRATIONS,
        "default_connection": "default",
    }
    return {
        "connections": {"default": _connection(url)},
        "apps": {"campaigns": app},
        "use_tz": True,
        "timezone": "UTC",
    }


@contextlib.asynccontextmanager
async def _migration_lock(settings: Settings) -> AsyncIterator[None]:
    """Two processes that start at once must not both migrate."""
    if settings.database.startswith("postgres://"):
        server = await asyncpg.connect(settings.database.partition("?")[0])
        try:
            await server.execute("SELECT pg_advisory_lock($1)", _MIGRATION_LOCK)
            yield
        finally:
            await server.close()
        return
    path = settings.database_file
    assert path is not None
    _make_folder(path.parent, settings)
    _try_file(path)
    with path.with_suffix(".migrating").open("w") as handle:
        await asyncio.to_thread(fcntl.flock, handle, fcntl.LOCK_EX)
        yield


def _make_folder(folder: Path, settings: Settings) -> None:
    """HUIFANG_VAR is ours to make; a folder that is missing anywhere else is a slip in DATABASE_URL."""
    if folder.is_relative_to(settings.var):
        folder.mkdir(parents=True, exist_ok=True)
    _need_folder(folder)


def _need_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError(f"DATABASE_URL: 没有 {folder} 这个文件夹，先建好它 (no such folder; make it first)")


def _try_file(path: Path) -> None:
    """Tortoise hangs on a file that cannot be opened: it tries again without giving back the lock it holds."""
    with contextlib.closing(sqlite3.connect(path, timeout=15)) as file:
        file.execute("PRAGMA schema_version")


def _connection(url: str) -> object:
    if not url.startswith("sqlite://"):
        return {**expand_db_url(url), "engine": "bot.asyncpg_client"}
    path = url.removeprefix("sqlite://")
    pragmas = {"journal_mode": "WAL", "busy_timeout": 15000, "synchronous": "NORMAL", "foreign_keys": "ON"}
    return {"engine": "bot.sqlite", "credentials": {"file_path": path, **pragmas}}
