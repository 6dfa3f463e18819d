"""The one place that opens an HTTP client: bounded in time and size, no redirects, and honest about what left us."""

import functools
import logging
from collections.abc import Mapping

import httpx

from bot.channels.aiohttp_transport import AiohttpTransport

_CONNECT = 5.0  # seconds at most to get a connection
_BODY = 1_000_000  # bytes of an answer; a provider's are a few kilobytes
_CONNECTIONS = 100
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "huifang"}
_url = functools.lru_cache(maxsize=64)(httpx.URL)  # taken apart character by character, and a token is 136 of them

# httpx logs every URL at INFO, and providers want phone numbers and tokens in the query.
logging.getLogger("httpx").addFilter(lambda record: record.levelno >= logging.WARNING)


class HttpClient:
    """httpx's requests, answers and errors over our own transport; close it. Must be used in one event loop.

    Not httpx's client: its cookies, redirects, authentication and merging of URLs, none of them wanted here, cost more
    than all the rest of a call (300 of 500 µs).
    """

    def __init__(self, base_url: str, timeout: float) -> None:
        self._base = httpx.URL(base_url)
        self._limits = {"timeout": {"connect": min(timeout, _CONNECT), "read": timeout}}
        self._transport = AiohttpTransport(connections=_CONNECTIONS, largest=_BODY)

    @property
    def host(self) -> str:
        """With the port where it is not the scheme's own: the Host header of every request."""
        return self._base.netloc.decode()

    async def post(
        self, target: str, *, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """`target`: path and query, encoded. The answer is read whole.

        All that goes wrong is an httpx.RequestError: `left_us` tells what it means.
        """
        return await self._ask("POST", target, content, headers)

    async def get(self, target: str) -> httpx.Response:
        """As `post`, without a body."""
        return await self._ask("GET", target, b"", None)

    async def _ask(self, method: str, target: str, content: bytes, headers: Mapping[str, str] | None) -> httpx.Response:
        url = _url(f"{self._base.scheme}://{self.host}{target}")
        request = httpx.Request(
            method, url, content=content, headers={**_HEADERS, **(headers or {})}, extensions=self._limits
        )
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        await self._transport.aclose()


def open_client(base_url: str, *, timeout: float) -> HttpClient:
    """A client for one provider, whose URL has no path.

    `timeout`: seconds from the moment a request leaves to the end of its answer; at most 5 of them more to connect.
    Redirects come back as answers, cookies and proxy variables are ignored. An answer over 1 MB is httpx.ReadError.
    """
    return HttpClient(base_url, timeout)


def left_us(problem: httpx.RequestError) -> bool:
    """False where no byte of the request was on the wire; True where the server may have acted on it."""
    return not isinstance(problem, _NEVER_LEFT)
