"""A stand-in's face on a loopback port: answers in a gateway's formats, and connections that break on demand."""

import asyncio
import json
import socket
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from xml.sax.saxutils import escape

import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

LAST_ANSWERS_SECONDS = 2  # for those under way when it is stopped
_TRANSPORT = "sandbox.transport"


@dataclass(frozen=True, slots=True)
class Received:
    """One HTTP request as it came in: `query` still encoded, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


async def receive(request: Request) -> Received:
    return Received(
        request.method,
        request.scope["path"],
        request.scope["query_string"].decode("latin-1"),
        dict(request.headers),
        await request.body(),
    )


class Pace:
    """At most `qps` calls in any second of `seconds`; None: as many as they like."""

    def __init__(self, qps: int | None, seconds: Callable[[], float]) -> None:
        self._qps, self._seconds = qps, seconds
        self._recent = deque[float]()

    def allows(self) -> bool:
        """Whether one more may come now; counted if so."""
        if self._qps is None:
            return True
        now = self._seconds()
        while self._recent and now - self._recent[0] >= 1:
            self._recent.popleft()
        if len(self._recent) >= self._qps:
            return False
        self._recent.append(now)
        return True


class Listener:
    """Serves one app inside this event loop: no threads, no signal handlers, gone at once when stopped."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self.host, self.port = host, port
        self._config = uvicorn.Config(
            app, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
        )
        self._state = ServerState()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Returns the port; 0 was any free one. Raises OSError where it is taken."""
        listener = _listen(self.host, self.port)
        self._server = await asyncio.get_running_loop().create_server(self._link, sock=listener)
        self.port = int(listener.getsockname()[1])
        return self.port

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for link in list(self._state.connections):
            link.shutdown()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=LAST_ANSWERS_SECONDS)
        for link in list(self._state.connections):
            link.transport.abort()
        await server.wait_closed()

    def _link(self) -> "_Link":
        return _Link(self._config, self._state, {})


class Cut(Response):
    """Half of this answer, or nothing of it, and the connection is gone."""

    def __init__(self, whole: Response | None = None) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["extensions"][_TRANSPORT]
        if self._whole is None:
            transport.abort()
        else:
            half = bytes(self._whole.body)[: len(self._whole.body) // 2]
            start = {"status": self._whole.status_code, "headers": self._whole.raw_headers}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": half, "more_body": True})
            transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


class Slow(Response):
    """This answer with a pause of `seconds` (real time) in the middle of its body."""

    def __init__(self, whole: Response, seconds: float) -> None:
        super().__init__()
        self._whole, self._seconds = whole, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self._whole.body)
        middle = len(body) // 2
        start = {"status": self._whole.status_code, "headers": self._whole.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": body[:middle], "more_body": True})
        await asyncio.sleep(self._seconds)
        await send({"type": "http.response.body", "body": body[middle:]})


class Twice(Response):
    """This answer, and once more on the same connection, to a request that nobody made."""

    def __init__(self, whole: Response) -> None:
        super().__init__()
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        transport: asyncio.Transport = scope["extensions"][_TRANSPORT]
        await self._whole(scope, receive, send)
        status = HTTPStatus(self._whole.status_code)
        lines = [f"HTTP/1.1 {status.value} {status.phrase}".encode()]
        lines += [name + b": " + value for name, value in self._whole.raw_headers]
        if not transport.is_closing():
            transport.write(b"\r\n".join([*lines, b"", bytes(self._whole.body)]))


def answered(whole: Response, fault: str, seconds: float) -> Response:
    """The answer after the effect, as it comes through under this fault; whole where the fault is none of ours."""
    match fault:
        case "reset_after":
            return Cut()
        case "truncate":
            return Cut(whole)
        case "slow_body":
            return Slow(whole, seconds)
        case "twice":
            return Twice(whole)
        case _:
            return whole


def as_json(body: Mapping[str, Any]) -> Response:
    """Without a charset: official clients compare the type as it stands."""
    return Response(json.dumps(body, ensure_ascii=False), media_type="application/json")


def formatted(body: Mapping[str, Any], root: str, status: int, *, xml: bool) -> Response:
    """`root` is the name of the outermost XML element."""
    if xml:
        text = f'<?xml version="1.0" encoding="UTF-8"?>{_element(root, body)}'
        return Response(text, status, media_type="text/xml;charset=utf-8")
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json;charset=utf-8")


def bad_gateway() -> Response:
    """What stands before the real service when that is down: no JSON at all."""
    words = "502 Bad Gateway"
    return HTMLResponse(f"<html><head><title>{words}</title></head><body><h1>{words}</h1></body></html>", 502)


class _Link(H11Protocol):
    """One client's connection, which the app can get hold of to break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.access_log = False  # the query holds phone numbers
        app = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[_TRANSPORT] = transport
            await app(scope, receive, send)

        self.app = with_transport


def _listen(host: str, port: int) -> socket.socket:
    # The protocol by its name: asyncio switches Nagle's delay (40 ms an answer) off for such sockets only.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        inside = "".join(_element(child, found) for child, found in value.items())
        return f"<{name}>{inside}</{name}>"
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    return f"<{name}>{escape(str(value))}</{name}>"
