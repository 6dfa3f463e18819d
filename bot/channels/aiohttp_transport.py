"""aiohttp below httpx: whether a request had left us is known of every error, and every answer is bounded."""

import asyncio
import functools
import ssl
from dataclasses import dataclass
from types import SimpleNamespace

import aiohttp
import httpx
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.tracing import Trace
from yarl import URL

_IDLE = 5.0  # seconds a connection is kept unused: less than servers do, so that none closes while we write to it
_SPOILT = 10  # kept connections thrown away for one request


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One pool of kept connections. Must be used in one event loop; close it.

    httpx's time-outs mean: `connect` to get a connection, waiting for a free one included; `read` for the rest of the
    exchange, however lively it is. Before the first byte of a request is written only ConnectError, ConnectTimeout,
    PoolTimeout and UnsupportedProtocol are raised; afterwards only ReadError, ReadTimeout and RemoteProtocolError. An
    answer is read whole, to `largest` bytes; an encoded one is an error, for it was not asked for and may be a bomb.
    Redirects come back as answers, without their Location. Cookies, proxies and netrc are ignored, and nothing is
    asked a second time.
    """

    def __init__(self, *, connections: int, largest: int, tls: ssl.SSLContext | None = None) -> None:
        self._connections, self._largest, self._tls = connections, largest, tls
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        limits = request.extensions.get("timeout", {})
        try:
            async with asyncio.timeout(limits.get("connect")) as deadline:
                exchange = _Exchange(deadline, limits.get("read"))
                return await self._exchange(request, exchange)
        except TimeoutError:
            raise exchange.too_late() from None
        except (aiohttp.ClientError, HttpProcessingError, OSError) as problem:
            raise exchange.broken(problem) from None  # what aiohttp says may hold the URL, and with it a number

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _exchange(self, request: httpx.Request, exchange: "_Exchange") -> httpx.Response:
        self._session = self._session or self._open()
        async with self._session.request(
            request.method,
            URL(str(request.url), encoded=True),
            headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
            data=await request.aread() or None,
            allow_redirects=False,
            trace_request_ctx=exchange,
        ) as answer:
            body = await self._read(answer)
            # Told where to, httpx works out the next request though it will not make it, and fails at an odd address.
            headers = [(name, value) for name, value in answer.raw_headers if name.lower() != b"location"]
            return httpx.Response(answer.status, headers=headers, content=body, request=request)

    async def _read(self, answer: aiohttp.ClientResponse) -> bytes:
        if any(coding.strip().lower() != "identity" for coding in answer.headers.getall("Content-Encoding", ())):
            raise httpx.RemoteProtocolError("an encoded answer")
        body = bytearray()
        async for chunk in answer.content.iter_any():
            body += chunk
            if len(body) > self._largest:
                raise httpx.ReadError(f"an answer over {self._largest} bytes")
        return bytes(body)

    def _open(self) -> aiohttp.ClientSession:
        watch = aiohttp.TraceConfig()
        watch.on_connection_queued_start.append(_queued)
        watch.on_connection_queued_end.append(_not_queued)
        watch.on_request_headers_sent.append(_leaving)
        tls = self._tls or _certificates()
        return aiohttp.ClientSession(
            connector=_Connector(limit=self._connections, ssl=tls, keepalive_timeout=_IDLE),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(),  # none of its own: it would not say which phase they struck in
            auto_decompress=False,
            # For a POST without a body aiohttp would name a content type, which no signature covers.
            skip_auto_headers=["content-type"],
            trust_env=False,
            trace_configs=[watch],
        )


class _Connector(aiohttp.TCPConnector):
    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        """Not a kept connection on which more came after its answer: aiohttp would take that for the next one's."""
        for _ in range(_SPOILT):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is None or not connection.protocol.should_close:
                return connection
            connection.close()
        raise aiohttp.ClientConnectionError


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Read once: it takes 20 ms."""
    return httpx.create_ssl_context()


# ---- phases -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Exchange:
    """How far a request has come. `patience`: seconds for the answer once it has left."""

    deadline: asyncio.Timeout
    patience: float | None
    queued: bool = False
    left: bool = False

    def leave(self) -> None:
        if self.left:  # where the method is idempotent aiohttp would ask once more by itself
            raise aiohttp.ServerDisconnectedError
        self.left = True
        now = asyncio.get_running_loop().time()
        self.deadline.reschedule(None if self.patience is None else now + self.patience)

    def too_late(self) -> httpx.TimeoutException:
        if self.left:
            return httpx.ReadTimeout("the whole answer took too long")
        if self.queued:
            return httpx.PoolTimeout("no connection was free")
        return httpx.ConnectTimeout("no connection in time")

    def broken(self, problem: Exception) -> httpx.TransportError:
        name = type(problem).__name__
        if self.left:
            is_http = not isinstance(problem, aiohttp.ClientResponseError | HttpProcessingError)
            return httpx.ReadError(name) if is_http else httpx.RemoteProtocolError(name)
        if isinstance(problem, aiohttp.InvalidURL | aiohttp.NonHttpUrlClientError):
            return httpx.UnsupportedProtocol(name)
        return httpx.ConnectError(name)


async def _queued(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    context.trace_request_ctx.queued = True


async def _not_queued(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    context.trace_request_ctx.queued = False


async def _leaving(session: aiohttp.ClientSession, context: SimpleNamespace, params: object) -> None:
    """aiohttp says so just before it hands the first bytes to the socket."""
    context.trace_request_ctx.leave()
