"""A server for one test that does with each request what it is told: it answers, or misbehaves in a given way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qsl


class Fault(StrEnum):
    RESET_EARLY = "reset before the request is read"
    RESET = "reset after the request"
    HANG_UP = "closed after the request"
    SILENT = "no answer"
    DRIP = "a byte now and then, for ever"
    FLOOD = "100 MB"
    CUT = "closed in the middle of the answer"


@dataclass(frozen=True, slots=True)
class Answer:
    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Told = Answer | Fault


def answer(fields: object, status: int = 200, **headers: str) -> Answer:
    return Answer(
        json.dumps(fields, ensure_ascii=False).encode(), status, {n.replace("_", "-"): v for n, v in headers.items()}
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came; `form`: the parameters of the URL and of a form in the body."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    form: Mapping[str, str]


class Scripted:
    """Told by `tell` what to do with each request; `url` is where."""

    def __init__(self, tell: Callable[[Seen], Told]) -> None:
        self.tell = tell
        self.url = ""
        self.seen: list[Seen] = []
        self.connections = 0
        self.flooded = 0  # bytes of a FLOOD that were taken
        self.early: Fault | None = None  # done with every connection before anything is read
        self.at_once = self.most_at_once = 0
        self.patience = 0.0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            if self.early:
                await self._misbehave(self.early, writer)
            while not writer.is_closing():
                seen = await _read(reader)
                self.seen.append(seen)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
                await asyncio.sleep(self.patience)
                self.at_once -= 1
                await self._do(self.tell(seen), writer)
        writer.close()

    async def _do(self, told: Told, writer: asyncio.StreamWriter) -> None:
        if isinstance(told, Fault):
            return await self._misbehave(told, writer)
        lines = [f"HTTP/1.1 {told.status} X", f"Content-Length: {len(told.body)}"]
        lines += [f"{name}: {value}" for name, value in told.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + told.body)
        return await writer.drain()

    async def _misbehave(self, fault: Fault, writer: asyncio.StreamWriter) -> None:
        match fault:
            case Fault.RESET | Fault.RESET_EARLY:
                writer.transport.abort()
            case Fault.HANG_UP:
                writer.close()
            case Fault.SILENT:
                await asyncio.sleep(30)
            case Fault.DRIP:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                for _ in range(1000):
                    writer.write(b" ")
                    await writer.drain()
                    await asyncio.sleep(0.03)
            case Fault.FLOOD:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
                for _ in range(1000):
                    writer.write(b" " * 100_000)
                    await writer.drain()
                    self.flooded += 100_000
            case Fault.CUT:
                writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"Code":"OK","errcode":0,"BizId":"B')
                await writer.drain()
                writer.close()


@asynccontextmanager
async def serving(tell: Callable[[Seen], Told], early: Fault | None = None) -> AsyncIterator[Scripted]:
    scripted = Scripted(tell)
    scripted.early = early
    tasks: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await scripted.connected(reader, writer)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    scripted.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield scripted
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().rstrip()
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = first.split(" ")[1].partition("?")
    in_body = body.decode() if headers.get("content-type", "").startswith("application/x-www-form") else ""
    pairs = parse_qsl(query, keep_blank_values=True) + parse_qsl(in_body, keep_blank_values=True)
    return Seen(path, headers, body, dict(pairs))
