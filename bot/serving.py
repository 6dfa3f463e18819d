"""An ASGI app on a port of this machine, inside this process and its event loop."""

import asyncio
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
    asked_port: int
    _server: uvicorn.Server
    task: asyncio.Task[None]

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def stop(self) -> None:
        self._server.should_exit = True
        await self.task


async def serve(app: ASGIApp, host: str, port: int) -> Served:
    """Serve until stopped. A taken port means the next free one: compare `port` with `asked_port` and say so."""
    listener = _listen(host, port)
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve([listener]), name=f"web on {host}")
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    return Served(host, int(listener.getsockname()[1]), port, server, task)


def free_port(host: str, port: int) -> int:
    """This port, or the next one that is free."""
    listener = _listen(host, port)
    found = int(listener.getsockname()[1])
    listener.close()
    return found


def _listen(host: str, port: int) -> socket.socket:
    for candidate in range(port, min(port + _TRIED_PORTS, 65536)) if port else (0,):
        # by its protocol's name: only then does asyncio switch Nagle off, and an answer does not wait 40 ms
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(128)
        except OSError:
            listener.close()
            continue
        return listener
    raise ConfigError(f"no free port from {port} on {host}; set WEB_PORT to another one")
