"""A process that calls a door: WeChat's pushes, signed and encrypted beforehand, over kept connections.

Its first line of input is the order (`Order` as JSON), the second lets it go; it prints `ready` between, and what it
found at the end. At a rate a call is due at its own moment, and its time counts from then: a door that is late is not
given a rest.
"""

import asyncio
import json
import random
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode

from bot.sandbox.wechat_push import Envelope
from tests.benchmarks.bench import run
from tests.benchmarks.readings import own_cpu

APPID, TOKEN, AES_KEY = "wx0123456789abcdef", "benchmark", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
TEXTS = ("好的，知道了", "在招电焊工两名", "密码忘了怎么办", "过几天再说", "你们的价格是多少", "谢谢")


@dataclass(frozen=True, slots=True)
class Order:
    """`count` pushes of one kind, the first about message or member `first`; `rate` a second, 0 for all it takes."""

    port: int
    path: str
    kind: str  # receipts or texts
    first: int
    count: int
    rate: int = 0
    connections: int = 32

    def as_line(self) -> str:
        return json.dumps(asdict(self))


def openid(n: int) -> str:
    """Of the n-th member's contact, as `crowds` makes them."""
    return f"oBenchmark{100_000_000 + n}"


def provider_id(n: int) -> str:
    return str(9_000_000_000 + n)


class _Caller(asyncio.Protocol):
    """One kept connection with one call on it."""

    def __init__(self, calls: "_Calls") -> None:
        self._calls, self._due, self._answer = calls, 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport

    def call(self, request: bytes, due: float) -> None:
        self._due, self._answer = due, b""
        self._transport.write(request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        if end and len(body) >= _length(head):
            self._calls.answered(self, self._due, ok=head.startswith(b"HTTP/1.1 200"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._calls.lost(self, exc)


class _Calls:
    """What waits for a connection, what is answered."""

    def __init__(self, requests: Sequence[bytes]) -> None:
        self._loop = asyncio.get_running_loop()
        self._requests = requests
        # the longest idle first: uvicorn closes a connection that was idle for five seconds
        self._idle: deque[_Caller] = deque()
        self._waiting: deque[tuple[bytes, float | None]] = deque()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self.times: list[float] = []
        self.failed = 0

    async def open(self, port: int, connections: int) -> None:
        for _ in range(connections):
            _, caller = await self._loop.create_connection(lambda: _Caller(self), "127.0.0.1", port)
            self._idle.append(caller)

    async def make(self, rate: int) -> float:
        """Returns the seconds from the first call to the last answer."""
        began = self._loop.time()
        if rate:
            await self._make_at(rate, began)
        else:
            for request in self._requests:
                self._offer(request, None)
        await self._done
        return self._loop.time() - began

    async def _make_at(self, rate: int, began: float) -> None:
        for place, request in enumerate(self._requests):
            due = began + place / rate
            if (wait := due - self._loop.time()) > 0:
                await asyncio.sleep(wait)
            self._offer(request, due)

    def _offer(self, request: bytes, due: float | None) -> None:
        self._waiting.append((request, due))
        while self._idle and self._waiting:
            self._give(self._idle.popleft())

    def _give(self, caller: _Caller) -> None:
        request, due = self._waiting.popleft()
        caller.call(request, self._loop.time() if due is None else due)

    def answered(self, caller: _Caller, due: float, *, ok: bool) -> None:
        self.times.append(self._loop.time() - due)
        self.failed += not ok
        if len(self.times) == len(self._requests) and not self._done.done():
            self._done.set_result(None)
        elif self._waiting:
            self._give(caller)
        else:
            self._idle.append(caller)

    def lost(self, caller: _Caller, exc: Exception | None) -> None:
        if caller in self._idle and len(self._idle) > 1:
            self._idle.remove(caller)
        elif not self._done.done():
            self._done.set_exception(exc or ConnectionError("the door closed a connection"))


async def work(order: Order) -> None:
    calls = _Calls(_requests(order))
    await calls.open(order.port, order.connections)
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    before = own_cpu()
    seconds = await calls.make(order.rate)
    times = sorted(calls.times)
    found = {
        "seconds": seconds,
        "failed": calls.failed,
        "p50_ms": _share(times, 0.5),
        "p99_ms": _share(times, 0.99),
        "worst_ms": times[-1] * 1000,
        "cpu": own_cpu() - before,
    }
    print(json.dumps(found), flush=True)


def _requests(order: Order) -> list[bytes]:
    envelope = Envelope(
        "secure",
        token=TOKEN,
        encoding_aes_key=AES_KEY,
        appid=APPID,
        original_id="gh_benchmark",
        dice=random.Random(order.first),
    )
    return [_request(order, envelope, n) for n in range(order.first, order.first + order.count)]


def _request(order: Order, envelope: Envelope, n: int) -> bytes:
    kind, fields = (
        ("event", {"Event": "TEMPLATESENDJOBFINISH", "MsgID": provider_id(n), "Status": "success"})
        if order.kind == "receipts"
        else ("text", {"Content": TEXTS[n % len(TEXTS)], "MsgId": str(8_000_000_000 + n)})
    )
    push = envelope.wrap(openid(n), kind, fields, datetime.now(UTC))
    head = (
        f"POST {order.path}?{urlencode(push.query)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml\r\n"
        f"Content-Length: {len(push.body)}\r\n\r\n"
    )
    return head.encode() + push.body


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")


def _share(times: Sequence[float], share: float) -> float:
    """In milliseconds: so large a share of the times is no longer."""
    return times[min(len(times) - 1, int(len(times) * share))] * 1000


if __name__ == "__main__":
    run(work(Order(**json.loads(sys.stdin.readline()))))
