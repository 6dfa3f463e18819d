"""The HTTP client over real sockets: what went wrong, and whether the request had left us."""

import asyncio
import gc
import gzip
import logging
import random
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvloop

from bot.channels.aiohttp_transport import AiohttpTransport
from bot.channels.http import left_us, open_client

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
MOBILE = "15483503031"


@asynccontextmanager
async def serving(behave: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that reads one request after the other and does what it is told with each."""
    writers = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                await behave(reader, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield f"http{'s' if tls else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.sleep(0)


def saying(answer: bytes) -> Behaviour:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return say


def ok(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A sign of life every 50 ms, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def stall_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await asyncio.sleep(5)


async def reset_in_the_body(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.transport.abort()


async def ask(url: str, timeout: float = 2.0) -> httpx.Response:
    client = open_client(url, timeout=timeout)
    try:
        return await client.post("/send")
    finally:
        await client.aclose()


async def problem_of(behave: Behaviour, timeout: float = 2.0) -> httpx.RequestError:
    async with serving(behave) as url:
        with pytest.raises(httpx.RequestError) as caught:
            await ask(url, timeout)
    return caught.value


def a_closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def test_an_answer_comes_back_whole():
    async with serving(saying(ok('{"话":1}'.encode()))) as url:
        response = await ask(url)
    assert (response.status_code, response.json()) == (200, {"话": 1})


async def test_an_answer_is_asked_for_unpacked_and_the_host_carries_its_port():
    heads = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        writer.write(ok(b"{}"))
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = open_client(f"http://127.0.0.1:{port}", timeout=2)
    await client.post("/send?b=%2A&a=1")
    await client.aclose()
    server.close()
    assert heads[0].startswith("post /send?b=%2a&a=1 http/1.1")
    assert "\r\naccept-encoding: identity\r\n" in heads[0]
    assert f"\r\nhost: {client.host}\r\n" in heads[0]
    assert client.host == f"127.0.0.1:{port}"


async def test_a_connection_is_kept():
    ports = set()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername"))
        writer.write(ok(b"{}"))

    async with serving(note) as url:
        client = open_client(url, timeout=2)
        for _ in range(5):
            await client.post("/")
        await client.aclose()
    assert len(ports) == 1


async def test_a_second_answer_that_nobody_asked_for_is_not_taken_for_the_next_one_s():
    asked = 0

    async def say_twice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(ok(b"right"))
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(ok(b"stale"))

    async with serving(say_twice) as url:
        client = open_client(url, timeout=2)
        for _ in range(3):
            assert (await client.post("/")).content == b"right"
            await asyncio.sleep(0.1)
        await client.aclose()
    assert asked == 3


async def test_connections_that_are_all_spoilt_are_no_reason_to_go_on_opening_more():
    writers = []

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(b"220 not asked yet\r\n")

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    with pytest.raises(httpx.RequestError):
        await ask(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    for writer in writers:
        writer.close()
    await asyncio.sleep(0)
    assert len(writers) < 20


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_nothing_is_asked_a_second_time_not_even_what_might_be(method: str):
    asked = 0

    async def count_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.transport.abort()

    async with serving(count_and_reset) as url:
        transport = AiohttpTransport(connections=1, largest=1000)
        with pytest.raises(httpx.ReadError):
            await transport.handle_async_request(httpx.Request(method, url))
        await transport.aclose()
    assert asked == 1


async def test_a_wait_for_a_free_connection_ends_and_never_left_us():
    async with serving(say_nothing) as url:
        limits = {"connect": 0.1, "read": 1.0}
        transport = AiohttpTransport(connections=1, largest=1000)
        first, second = (httpx.Request("POST", url, extensions={"timeout": limits}) for _ in range(2))
        waiting = asyncio.create_task(transport.handle_async_request(first))
        await asyncio.sleep(0.05)
        with pytest.raises(httpx.PoolTimeout) as caught:
            await transport.handle_async_request(second)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await transport.aclose()
    assert not left_us(caught.value)


async def test_a_slow_answer_has_its_own_time_whatever_the_connection_took():
    async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.4)
        writer.write(ok(b"late"))

    async with serving(slowly) as url:
        transport = AiohttpTransport(connections=1, largest=1000)
        request = httpx.Request("POST", url, extensions={"timeout": {"connect": 0.2, "read": 2.0}})
        assert (await transport.handle_async_request(request)).content == b"late"
        await transport.aclose()


async def test_a_connection_is_not_kept_after_an_answer_that_was_not_read_to_its_end():
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(ok(b"x" * 1_500_000))

    async with serving(flood) as url:
        client = open_client(url, timeout=2)
        for _ in range(2):
            with pytest.raises(httpx.ReadError, match="over"):
                await client.post("/")
        await client.aclose()


async def test_a_client_closed_in_mid_request_ends_it_and_leaves_nothing_open():
    async with serving(say_nothing) as url:
        client = open_client(url, timeout=2)
        asking = asyncio.create_task(client.post("/"))
        await asyncio.sleep(0.05)
        await client.aclose()
        with pytest.raises(httpx.RequestError) as caught:
            await asking
    assert left_us(caught.value)
    gc.collect()


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_over_tls_a_connection_is_kept_and_closed_and_a_stranger_is_not_spoken_to(certificate, loop: Callable[[], Any]):
    ours, theirs = ssl.create_default_context(cafile=certificate[0]), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(*certificate)
    ports = set()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername"))
        writer.write(ok(b"{}"))

    async def ask_often() -> None:
        async with serving(note, tls=theirs) as url:
            transport = AiohttpTransport(connections=2, largest=1000, tls=ours)
            for _ in range(3):
                assert (await transport.handle_async_request(httpx.Request("POST", url))).status_code == 200
            await transport.aclose()
            with pytest.raises(httpx.ConnectError) as caught:
                await ask(url)
            assert not left_us(caught.value)

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(ask_often())
    gc.collect()
    assert len(ports) == 1


async def test_an_unused_client_closes_without_a_word():
    await open_client("https://sms.example", timeout=1).aclose()
    gc.collect()


async def test_an_odd_address_to_be_redirected_to_is_an_answer_too():
    moved = b"HTTP/1.1 302 Found\r\nLocation: http:169.254.169.254\r\nContent-Length: 0\r\n\r\n"
    async with serving(saying(moved)) as url:
        assert (await ask(url)).status_code == 302


ANSWERS = [
    ok(b'{"a":1}'),
    ok(b"{}", b"Set-Cookie: a=b; expires=never"),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 302 Found\r\nLocation: http://a.example/?x=1\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 OK\r\n\r\n{}",
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nabc",
    b"HTTP/1.1 304 N\r\nContent-Length: 5\r\n\r\nabcde",
    b"HTTP/1.1 200 OK\r\n" + b"A: x\r\n" * 2000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000 + b"\r\n\r\n",
]


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_whatever_comes_back_is_an_answer_or_a_request_error_of_a_request_that_left(loop: Callable[[], Any]):
    dice, problems = random.Random(7), list[httpx.RequestError]()

    async def ask_often() -> None:
        async def say_garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(damaged(dice.choice(ANSWERS), dice))
            await writer.drain()
            writer.close()

        async with serving(say_garbage) as url:
            client = open_client(url, timeout=2)
            for _ in range(300):
                try:
                    await client.post("/")
                except httpx.RequestError as problem:
                    problems.append(problem)
            await client.aclose()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(ask_often())
    gc.collect()
    assert problems
    assert all(left_us(problem) for problem in problems)


def damaged(answer: bytes, dice: random.Random) -> bytes:
    pieces = bytearray(answer)
    for _ in range(dice.randint(0, 4)):
        at = dice.randrange(min(len(pieces), 200))
        match dice.randrange(3):
            case 0:
                pieces[at] = dice.randrange(256)
            case 1:
                del pieces[at : at + dice.randint(1, 5)]
            case _:
                pieces[at:at] = dice.randbytes(dice.randint(1, 4))
    return bytes(pieces)


async def test_a_refused_connection_never_left_us():
    with pytest.raises(httpx.ConnectError) as caught:
        await ask(f"http://127.0.0.1:{a_closed_port()}")
    assert not left_us(caught.value)


async def test_an_unknown_host_never_left_us():
    with pytest.raises(httpx.ConnectError) as caught:
        await ask("http://no-such-host.invalid")
    assert not left_us(caught.value)


async def test_a_connection_that_is_never_taken_up_never_left_us():
    with socket.socket() as deaf:  # its queue is full, so the next one's first packet is not answered
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        await asyncio.sleep(0.05)
        with pytest.raises(httpx.ConnectTimeout) as caught:
            await ask(f"http://127.0.0.1:{deaf.getsockname()[1]}", timeout=0.3)
        for one in waiting:
            one.close()
    assert not left_us(caught.value)


async def test_a_failed_tls_handshake_never_left_us():
    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"220 this is something else\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(no_tls, "127.0.0.1", 0)
    with pytest.raises(httpx.ConnectError) as caught:
        await ask(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    server.close()
    assert not left_us(caught.value)


@pytest.mark.parametrize("behave", [reset, hang_up, reset_in_the_body], ids=lambda one: one.__name__)
async def test_a_connection_lost_after_the_request_had_left_us(behave: Behaviour):
    problem = await problem_of(behave)
    assert isinstance(problem, httpx.ReadError)
    assert left_us(problem)


@pytest.mark.parametrize("behave", [say_nothing, stall_in_the_body], ids=lambda one: one.__name__)
async def test_a_silent_server_had_our_request(behave: Behaviour):
    problem = await problem_of(behave, timeout=0.2)
    assert isinstance(problem, httpx.ReadTimeout)
    assert left_us(problem)


async def test_an_answer_that_drips_for_ever_is_cut_off():
    problem = await problem_of(drip, timeout=0.3)
    assert isinstance(problem, httpx.ReadTimeout)
    assert left_us(problem)


async def test_an_answer_that_is_no_http_had_our_request():
    problem = await problem_of(saying(b"SSH-2.0-something\r\n\r\n"))
    assert left_us(problem)


async def test_a_truncated_answer_had_our_request():
    async def truncate(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    problem = await problem_of(truncate)
    assert isinstance(problem, httpx.ReadError)
    assert left_us(problem)


async def test_a_huge_answer_is_not_read_to_its_end():
    sent = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            writer.write(b"x" * 100_000)
            await writer.drain()
            sent += 100_000

    problem = await problem_of(flood)
    assert isinstance(problem, httpx.ReadError)
    assert left_us(problem)
    assert sent < 50_000_000


async def test_an_answer_just_under_the_cap_is_read():
    async with serving(saying(ok(b"x" * 1_000_000))) as url:
        assert len((await ask(url)).content) == 1_000_000


async def test_a_packed_answer_is_refused_unopened():
    packed = gzip.compress(b"0" * 50_000_000)
    problem = await problem_of(saying(ok(packed, b"Content-Encoding: gzip")))
    assert isinstance(problem, httpx.RemoteProtocolError)


async def test_a_redirect_is_an_answer_and_is_not_followed():
    asked = 0

    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")

    async with serving(redirect) as url:
        assert (await ask(url)).status_code == 302
    assert asked == 1


async def test_a_cookie_is_not_sent_back():
    seen = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            seen.append((await reader.readuntil(b"\r\n\r\n")).lower())
            writer.write(ok(b"{}", b"Set-Cookie: track=1; Path=/"))
        writer.close()

    server = await asyncio.start_server(connected, "localhost", 0, family=socket.AF_INET)
    client = open_client(f"http://localhost:{server.sockets[0].getsockname()[1]}", timeout=2)
    for _ in range(2):
        await client.post("/")
    await client.aclose()
    server.close()
    assert len(seen) == 2
    assert not any(b"cookie" in head for head in seen)


async def test_a_proxy_in_the_environment_is_not_asked(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{a_closed_port()}")
    async with serving(saying(ok(b"{}"))) as url:
        assert (await ask(url)).status_code == 200


async def test_no_log_at_any_level_shows_what_stands_in_a_url(caplog):
    for name in ("", "httpx", "httpcore", "aiohttp", "aiohttp.client"):
        caplog.set_level(logging.DEBUG, logger=name)
    async with serving(saying(ok(b"{}"))) as url:
        client = open_client(url, timeout=2)
        await client.post(f"/?PhoneNumbers={MOBILE}")
        await client.aclose()
    assert MOBILE not in caplog.text
