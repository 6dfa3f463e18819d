"""Where a figure is taken: a database of its own on a real disk, settings that reach nobody but the sink."""

import asyncio
import contextlib
import os
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from bot.settings import Settings, load_settings
from tests import servers
from tests.benchmarks.mailing import write_templates
from tests.benchmarks.readings import file_system, parent_of

_IN_MEMORY = ("tmpfs", "ramfs")
_FORGET = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()"
_ASKED = ("server_version", "fsync", "full_page_writes", "synchronous_commit", "shared_buffers", "max_wal_size")


@dataclass(frozen=True, slots=True)
class Ground:
    """An empty database and the folder beside it. `postgres`: the server's pid, 0 with SQLite or on another machine."""

    folder: Path
    given: dict[str, Any]
    postgres: int
    about: str
    templates: Path = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "templates", self.folder / "templates")

    def settings(self, **more: Any) -> Settings:
        return load_settings(env_file=None, **self.environment(**more))

    def environment(self, **more: Any) -> dict[str, Any]:
        """The settings by name, for a process of its own."""
        return {**self.given, **more}

    def rest(self) -> None:
        """What loading wrote is put away, so that the run does not pay for it."""
        if self.is_postgres:
            asyncio.run(_execute(self.given["database_url"], "CHECKPOINT"))
        self.forget()

    def forget(self) -> None:
        """With PROFILE: what statements took so far counts no more."""
        if self._is_profiled:
            asyncio.run(_execute(self.given["database_url"], _FORGET))

    def statements(self) -> list[str]:
        """With PROFILE: what the server spent its time on since the rest, a line for each statement."""
        return asyncio.run(_slowest(self.given["database_url"])) if self._is_profiled else []

    @property
    def is_postgres(self) -> bool:
        return str(self.given["database_url"]).startswith("postgres://")

    @property
    def _is_profiled(self) -> bool:
        return self.is_postgres and bool(os.environ.get("PROFILE"))


@contextlib.contextmanager
def postgres_ground() -> Iterator[Ground]:
    """On a server that writes as one in production does: fsync and full_page_writes on."""
    options = {"shared_preload_libraries": "pg_stat_statements"} if os.environ.get("PROFILE") else {}
    with _folder() as folder, servers.postgres(durable=True, folder=disk(), options=options) as server:
        name = f"bench_{uuid.uuid4().hex[:12]}"
        asyncio.run(_execute(server, f'CREATE DATABASE "{name}"'))
        url = f"{server.rpartition('/')[0]}/{name}"
        asked = asyncio.run(_show(url))
        try:
            yield _ground(folder, url, asked.pop("pid"), _said(asked))
        finally:
            asyncio.run(_execute(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


@contextlib.contextmanager
def sqlite_ground() -> Iterator[Ground]:
    """The newcomer's: one file, nothing configured."""
    with _folder() as folder:
        yield _ground(folder, f"sqlite://{folder / 'huifang.sqlite3'}", 0, f"SQLite in WAL on {file_system(folder)}")


def disk() -> Path:
    """A folder that is on a disk: BENCH_DIR, else /var/tmp, which survives a restart."""
    path = Path(os.environ.get("BENCH_DIR") or "/var/tmp")
    if file_system(path) in _IN_MEMORY:
        raise servers.MissingServer(f"{path} is memory, not a disk: name a folder on one with BENCH_DIR=")
    return path


def _ground(folder: Path, url: str, pid: int, about: str) -> Ground:
    write_templates(folder / "templates")
    given = {
        "huifang_var": folder / "var",
        "huifang_templates": folder / "templates",
        "huifang_secret": "a secret of the benchmarks",
        "database_url": url,
        "public_url": "https://huifang.example.com",
        "mail_sender_address": "hr@mail.huifang.example.com",
        "mail_reply_domain": "mail.huifang.example.com",
        "smtp_starttls": False,
    }
    return Ground(folder, given, pid, about)


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="huifang-bench-", dir=disk()) as folder:
        yield Path(folder)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _show(url: str) -> dict[str, Any]:
    connection = await asyncpg.connect(url)
    try:
        asked = {name: await connection.fetchval(f"SHOW {name}") for name in _ASKED}
        return {**asked, "pid": _server_pid(await connection.fetchval("SELECT pg_backend_pid()"))}
    finally:
        await connection.close()


async def _slowest(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            """
            SELECT calls, total_exec_time AS ms, rows, wal_bytes, wal_fpi, query FROM pg_stat_statements
            ORDER BY total_exec_time DESC LIMIT 15
            """
        )
    finally:
        await connection.close()
    return [
        f"{row['ms']:9.1f} ms {row['calls']:6} calls {row['rows']:8} rows "
        f"{float(row['wal_bytes']) / 1e6:8.1f} MB logged {row['wal_fpi']:5} pages  "
        f"{' '.join(row['query'].split())[:140]}"
        for row in rows
    ]


def _server_pid(backend: int) -> int:
    """The parent of the process that serves us; 0 where that is not on this machine."""
    with contextlib.suppress(OSError):
        if Path(f"/proc/{backend}/comm").read_text().startswith("postgres"):
            return parent_of(backend)
    return 0


def _said(asked: dict[str, Any]) -> str:
    version, *rest = asked.items()
    return f"PostgreSQL {version[1]}, {', '.join(f'{name} {value}' for name, value in rest)}, on {file_system(disk())}"
