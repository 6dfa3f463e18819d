"""Tortoise's PostgreSQL client without the question asyncpg puts to the server each time a connection is given back,
and without statements made into machine code: a page's take less than the making, up to half a second each time.

It asks for locks to be dropped and settings to be reset, in two statements for each of ours. Nothing here outlives its
transaction: locks are the transaction's (`pg_advisory_xact_lock`), settings are set for it alone (`set_config`).
Tortoise chooses how to write a schema by the word asyncpg in this module's name.
"""

from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    def get_reset_query(self) -> str:
        return ""


class PlainPostgresClient(AsyncpgDBClient):
    connection_class = _Connection

    async def create_pool(self, **kwargs: Any) -> asyncpg.Pool:
        return await super().create_pool(init=_prepare, **kwargs)


async def _prepare(connection: asyncpg.Connection) -> None:
    """Of each new connection; as a statement, for a pooler in between refuses what it does not know at the start."""
    await connection.execute("SET jit = off")


client_class = PlainPostgresClient
