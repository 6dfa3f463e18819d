"""A stand-in's face on a loopback port: answers in a gateway's formats, and connections that break on demand."""

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

import uvicorn
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

LAST_ANSWERS_SECONDS = 2  # for those under way when it is stopped
_TRANSPORT = "sandbox.transport"


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
