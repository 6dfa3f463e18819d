"""The one place that opens an HTTP client: bounded in time and size, no redirects, and honest about what left us."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

_CONNECT = 5.0  # seconds at most to get a connection
_BODY = 1_000_000  # bytes of an answer; a provider's are a few kilobytes
_CONNECTIONS = 100
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
# By the true cause, first match counts: httpx-aiohttp 0.2 calls every lost connection a ConnectTimeout, a reset after
# the request included, and so a message that was taken would be sent twice.
_TRUE_KINDS: tuple[tuple[type[Exception], type[httpx.TransportError]], ...] = (
    (aiohttp.ClientConnectorError, httpx.ConnectError),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout),
    (aiohttp.InvalidURL, httpx.UnsupportedProtocol),
    (aiohttp.SocketTimeoutError, httpx.ReadTimeout),
    (aiohttp.ClientError, httpx.ReadError),
)

# httpx logs every URL at INFO, and providers want phone numbers and tokens in the query.
logging.getLogger("httpx").addFilter(lambda record: record.levelno >= logging.WARNING)


def open_client(base_url: str, *, timeout: float) -> httpx.AsyncClient:
    """A client for one provider; close it. Must be used in one event loop.

    `timeout`: seconds between two signs of life of the server; a whole exchange never takes more than that and the
    5 s to connect. Redirects come back as answers, cookies and proxy variables are ignored. An answer over 1 MB is
    httpx.ReadError. All that goes wrong is an httpx.RequestError: `left_us` tells what it means.
    """
    limits = httpx.Limits(max_connections=_CONNECTIONS)
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=httpx.Timeout(timeout, connect=min(timeout, _CONNECT), pool=min(timeout, _CONNECT)),
        transport=_Transport(limits=limits),
        headers={"accept-encoding": "identity"},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        follow_redirects=False,
        trust_env=False,
    )


def left_us(problem: httpx.RequestError) -> bool:
    """False where no byte of the request was on the wire; True where the server may have acted on it."""
    return not isinstance(problem, _NEVER_LEFT)


class _Transport(AiohttpTransport):
    """aiohttp below httpx, with a deadline, a cap and the true kind of every error."""

    def get_client(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=self.ssl_context, keepalive_timeout=5)
        # aiohttp would name a content type, which no signature covers, for a POST without a body.
        return aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), skip_auto_headers=["content-type"]
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        allowed = request.extensions["timeout"]
        # Connecting has its own, shorter limit: once this one strikes the request was on the wire.
        ends = asyncio.get_running_loop().time() + allowed["connect"] + allowed["read"]
        with _true_kinds():
            async with asyncio.timeout_at(ends):
                response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _Bounded(response.stream, ends)
        if response.headers.get("content-encoding", "identity") != "identity":  # not asked for: a bomb unpacks
            await response.aclose()
            raise httpx.RemoteProtocolError("an encoded answer")
        return response


class _Bounded(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, ends: float) -> None:
        self._stream, self._ends = stream, ends

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks, size = aiter(self._stream), 0
        while chunk := await self._next(chunks):
            size += len(chunk)
            if size > _BODY:
                raise httpx.ReadError("an answer over 1 MB")
            yield chunk

    async def _next(self, chunks: AsyncIterator[bytes]) -> bytes:
        with _true_kinds():
            async with asyncio.timeout_at(self._ends):
                return await anext(chunks, b"")

    async def aclose(self) -> None:
        await self._stream.aclose()


@contextmanager
def _true_kinds() -> Iterator[None]:
    try:
        yield
    except TimeoutError:
        raise httpx.ReadTimeout("the whole exchange took too long") from None
    except httpx.TransportError as problem:
        raise _true_kind(problem.__cause__)(str(problem)) from problem
    except aiohttp.ClientError as problem:  # what httpx-aiohttp does not translate: an answer that is no HTTP
        raise httpx.RemoteProtocolError(type(problem).__name__) from problem


def _true_kind(cause: BaseException | None) -> type[httpx.TransportError]:
    return next((kind for found, kind in _TRUE_KINDS if isinstance(cause, found)), httpx.ReadError)
