"""WeChat's one access token, kept where every process of the account can read it: the doorbell's Redis."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import orjson
from arq.connections import ArqRedis

from bot.channels.wechat_token import AccessToken

_ASK_AGAIN_SECONDS = 0.05
_LOCK_SECONDS = 20  # longer than one fetch; ends by itself if its holder dies


class RedisTokenStore:
    """A `TokenStore`. A token that Redis lost is fetched again: stable_token gives the same one."""

    def __init__(self, redis: ArqRedis, appid: str) -> None:
        self._redis, self._key = redis, f"huifang:wechat-token:{appid}"

    async def get(self) -> AccessToken | None:
        stored = await self._redis.get(self._key)
        if stored is None:
            return None
        value = orjson.loads(stored)
        return AccessToken(value["token"], datetime.fromisoformat(value["expires_at"]))

    async def set(self, token: AccessToken) -> None:
        value = orjson.dumps({"token": token.value, "expires_at": token.expires_at.astimezone(UTC).isoformat()})
        await self._redis.set(self._key, value)

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Without a script, which the in-process doorbell cannot run.

        Letting go is therefore two steps; where two processes should meet between them, both fetch the same token.
        """
        name, mine = f"{self._key}:lock", secrets.token_bytes(8)
        while not await self._redis.set(name, mine, nx=True, ex=_LOCK_SECONDS):
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
        try:
            yield
        finally:
            if await self._redis.get(name) == mine:
                await self._redis.delete(name)
