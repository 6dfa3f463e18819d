"""Tortoise's PostgreSQL client without the question asyncpg puts to the server each time a connection is given back.

It asks for locks to be dropped and settings to be reset, in two statements for each of ours. Nothing here outlives its
transaction: locks are the transaction's (`pg_advisory_xact_lock`), settings are set for it alone (`set_config`).
Tortoise chooses how to write a schema by the word asyncpg in this module's name.
"""

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    def get_reset_query(self) -> str:
        return ""


class PlainPostgresClient(AsyncpgDBClient):
    connection_class = _Connection


client_class = PlainPostgresClient
