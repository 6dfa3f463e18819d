"""Another program that listens for webhooks: an HTTP server on a loopback port that answers as it is told to."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from aiohttp import web

Answer = Callable[[], web.Response]


@dataclass(slots=True)
class Heard:
    headers: dict[str, str]
    body: bytes
    path: str

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass(slots=True)
class Listener:
    """`answer` is asked for each call; `hears` is called before it is answered."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    answer: Answer = field(default=lambda: web.Response(status=204))
    hears: Callable[[], None] = field(default=lambda: None)
    delay: float = 0.0

    async def take(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(headers, await request.read(), request.path_qs))
        self.hears()
        await asyncio.sleep(self.delay)
        return self.answer()


@contextlib.asynccontextmanager
async def listening() -> AsyncIterator[Listener]:
    listener = Listener()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", listener.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    listener.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield listener
    finally:
        await runner.cleanup()
