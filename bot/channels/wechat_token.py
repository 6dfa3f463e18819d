"""One access token for all senders: kept, renewed before it ends, fetched by one at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeGuard

from campaigns.errors import ChannelUnavailable

# stable_token gives a new one only in the old one's last 5 minutes: asked earlier, it would repeat the old one.
_EARLY = timedelta(seconds=200)


@dataclass(frozen=True, slots=True)
class AccessToken:
    value: str = field(repr=False)
    expires_at: datetime


class TokenUnavailable(ChannelUnavailable):
    """No token could be had. `code` is WeChat's errcode, None where it gave none."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class TokenStore(Protocol):
    """Where the processes of one account keep their one token (as long as 512 characters)."""

    async def get(self) -> AccessToken | None: ...

    async def set(self, token: AccessToken) -> None: ...

    def lock(self) -> AbstractAsyncContextManager[object]:
        """Held while one of them fetches; must end by itself if its holder dies."""


class MemoryTokenStore:
    """A store for one process."""

    def __init__(self) -> None:
        self._token: AccessToken | None = None
        self._lock = asyncio.Lock()

    async def get(self) -> AccessToken | None:
        return self._token

    async def set(self, token: AccessToken) -> None:
        self._token = token

    def lock(self) -> AbstractAsyncContextManager[object]:
        return self._lock


class SharedToken:
    def __init__(
        self,
        fetch: Callable[[], Awaitable[AccessToken]],
        now: Callable[[], datetime],
        store: TokenStore,
        early: timedelta = _EARLY,
    ) -> None:
        """`fetch` asks the provider and raises TokenUnavailable; `early` before a token's end it asks again."""
        self._fetch, self._now, self._store, self._early = fetch, now, store, early
        self._latest: AccessToken | TokenUnavailable | None = None  # what came of the latest look

    async def current(self, stale: str = "") -> str:
        """A token good for minutes to come and other than `stale`, which the provider has just refused.

        It is `stale` all the same where the provider gives no other. Raises TokenUnavailable; those who waited while
        another asked share what came of it.
        """
        latest = self._latest
        if self._is_good(latest, stale):
            return latest.value
        async with self._store.lock():
            if self._latest is latest:
                self._latest = await self._renewed(stale)
            latest = self._latest
        if isinstance(latest, AccessToken):
            return latest.value
        assert latest is not None
        raise latest

    async def _renewed(self, stale: str) -> AccessToken | TokenUnavailable:
        kept = await self._store.get()
        if self._is_good(kept, stale):
            return kept
        try:
            token = await self._fetch()
        except TokenUnavailable as problem:
            return problem
        await self._store.set(token)
        return token

    def _is_good(self, token: AccessToken | TokenUnavailable | None, stale: str) -> TypeGuard[AccessToken]:
        return isinstance(token, AccessToken) and token.value != stale and token.expires_at - self._now() > self._early
