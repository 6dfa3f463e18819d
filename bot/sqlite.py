"""Tortoise's SQLite client, made fit to share a file between processes and tasks.

Its own transactions begin deferred, so two processes that read and then write fail with "database is locked" at
once, and a task cancelled while a transaction begins leaves the lock taken for ever. And it writes a time in the zone
it was given in, as text, so that comparing two of different zones compares their hours. And it counts what
triggers change.
"""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tortoise.backends.base.client import TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
    translate_exceptions,
)
from tortoise.connection import get_connections
from tortoise.exceptions import TransactionManagementError


class _OwnChanges(SqliteClient):
    """A statement changed the rows it names, not those its triggers changed besides."""

    @translate_exceptions
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[dict[str, Any]]]:
        async with self.acquire_connection() as connection:
            self.log.debug("%s: %s", query, values)
            cursor = await connection.execute(query.replace("\x00", "'||CHAR(0)||'"), values)
            rows = list(await cursor.fetchall())
            changed: int = cursor.rowcount
            await cursor.close()
        return (max(changed, 0) or len(rows)), rows


class _ImmediateTransaction(SqliteTransactionWrapper, _OwnChanges):
    async def begin(self) -> None:
        try:
            await self._connection.commit()
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as exc:
            raise TransactionManagementError(exc) from exc


class _ImmediateContext(SqliteTransactionContext):
    __slots__ = ()

    async def __aenter__(self) -> TransactionalDBClient:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            # cancelled while BEGIN was running in its thread: it may have begun all the same
            try:
                if self.connection._connection:
                    await self.connection._connection.rollback()
            finally:
                self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        return self.connection  # type: ignore[no-any-return]


class ImmediateSqliteClient(_OwnChanges):
    def _in_transaction(self) -> TransactionContext:
        return _ImmediateContext(_ImmediateTransaction(self), self._lock)

    @translate_exceptions
    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        async with self.acquire_connection() as connection:
            try:
                await connection.execute("BEGIN IMMEDIATE")
                await connection.executemany(query, values)
            except BaseException:
                await connection.rollback()
                raise
            await connection.commit()


def _utc_text(moment: datetime) -> str:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).isoformat(" ")


sqlite3.register_adapter(datetime, _utc_text)  # in place of Tortoise's, which was registered when it was imported

client_class = ImmediateSqliteClient
