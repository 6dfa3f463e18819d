"""An ASGI app on a port of this machine, inside this process and its event loop."""

import asyncio
import errno
import socket
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from campaigns.errors import ConfigError

_TRIED_PORTS = 50


@dataclass(slots=True)
class Served:
    host: str
    port: int
    _server: uvicorn.Server
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def stop(self) -> None:
        self._server.should_exit = True
        await self.task


async def serve(app: ASGIApp, listener: socket.socket) -> Served:
    """Serve on a listening socket until stopped."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", server_header=False, proxy_headers=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve([listener]), name="web")
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    host, port = listener.getsockname()[:2]
    return Served(host, port, server, task)


def listen(host: str, port: int, setting: str = "WEB_HOST", port_setting: str = "WEB_PORT") -> socket.socket:
    """A socket on this port, or on the next one that is free. Ours from here on: nobody can take it in between.

    Raises ConfigError naming `setting` where the host is none of this machine's, `port_setting` where no port is free.
    """
    for candidate in range(port, min(port + _TRIED_PORTS, 65536)) if port else (0,):
        # by its protocol's name: only then does asyncio switch Nagle off, and an answer does not wait 40 ms
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError as exc:
            listener.close()
            if exc.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise ConfigError(f"{setting}: 不能在 {host} 上监听 (cannot listen there: {exc.strerror})") from None
            continue
        return listener
    raise ConfigError(f"{port_setting}: {host} 上从 {port} 起没有空的端口，换一个 (no free port; name another)")
