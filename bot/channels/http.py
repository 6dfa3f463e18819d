"""The one place that opens an HTTP client: bounded in time and size, no redirects, and honest about what left us."""

import logging
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from bot.channels.aiohttp_transport import AiohttpTransport

_CONNECT = 5.0  # seconds at most to get a connection
_BODY = 1_000_000  # bytes of an answer; a provider's are a few kilobytes
_CONNECTIONS = 100
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

# httpx logs every URL at INFO, and providers want phone numbers and tokens in the query.
logging.getLogger("httpx").addFilter(lambda record: record.levelno >= logging.WARNING)


def open_client(base_url: str, *, timeout: float) -> httpx.AsyncClient:
    """A client for one provider; close it. Must be used in one event loop.

    `timeout`: seconds from the moment a request leaves to the end of its answer, at most 5 of which more to connect.
    Redirects come back as answers, cookies and proxy variables are ignored. An answer over 1 MB is httpx.ReadError.
    All that goes wrong is an httpx.RequestError: `left_us` tells what it means.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT)),
        transport=AiohttpTransport(connections=_CONNECTIONS, largest=_BODY),
        headers={"accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        trust_env=False,
    )


def left_us(problem: httpx.RequestError) -> bool:
    """False where no byte of the request was on the wire; True where the server may have acted on it."""
    return not isinstance(problem, _NEVER_LEFT)
