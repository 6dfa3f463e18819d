"""The HTTP channels against a server that takes all at once, beside what aiohttp and httpx themselves can do.

`python -m tests.benchmarks.http_channels` prints the table alone.
"""

import asyncio
import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import httpx
from rich.console import Console
from rich.table import Table

from bot.channels.sms_aliyun import AliyunSettings, AliyunSmsChannel
from bot.channels.wechat import WechatChannel, WechatSettings
from campaigns.terms import MessageClass, Outbound, SendResult, SmsWords, WechatMode, WechatWords
from tests.benchmarks.bench import Bench, WrongResult, progress_on, run
from tests.benchmarks.figures import Figures
from tests.benchmarks.readings import own_cpu, profiled

_ROOT = Path(__file__).resolve().parents[2]
_CALLS = 20_000
_RECIPIENTS = 200_000
_ROUNDS = 3  # each measures everything, so that what else the machine does falls on all alike
_GROUP = 1_000  # handed to a channel at once: ten full batches, or fifty calls in a row on each connection
_AT_ONCE = 20
_BODY = b"{" + b" " * 498 + b"}"
_TOKEN = "t" * 136
_KEY = "m{}-abcdefghijklmnop"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one call or recipient; CPU is our side's alone."""

    per_s: float
    cpu_us: float

    @property
    def per_core_s(self) -> float:
        return 1e6 / self.cpu_us


def channels(bench: Bench) -> dict[str, Figures]:
    """WeChat calls, SMS in batches, and the limits they are to be seen beside."""
    found = measure(bench)
    wechat, sms, bare = (
        found["WeChat template call"],
        found["SMS recipient, 100 a call"],
        found["aiohttp alone, a call"],
    )
    return {
        "channels": {
            "wechat_per_core_s": round(wechat.per_core_s),
            "wechat_per_s": round(wechat.per_s),
            "wechat_cpu_us": round(wechat.cpu_us, 1),
            "wechat_to_aiohttp_alone": round(wechat.cpu_us / bare.cpu_us, 2),
            "sms_recipients_s": round(sms.per_s),
            "sms_cpu_us": round(sms.cpu_us, 1),
            "sms_alone_cpu_us": round(found["SMS recipient, alone"].cpu_us, 1),
        }
    }


def measure(bench: Bench) -> dict[str, Cost]:
    calls, recipients = bench.size(_CALLS), bench.size(_RECIPIENTS)
    parts: dict[str, tuple[Callable[[str, int], Coroutine[Any, Any, Cost]], int]] = {
        "aiohttp alone, a call": (_aiohttp_alone, calls),
        "httpx alone, a call": (_httpx_alone, min(calls, 2_000)),
        "WeChat template call": (_wechat, calls),
        "SMS recipient, alone": (_sms_alone, calls),
        "SMS recipient, 50 a call": (_sms_by_50, recipients),
        "SMS recipient, 100 a call": (_sms_by_100, recipients),
    }
    found: dict[str, list[Cost]] = {name: [] for name in parts}
    with _provider() as url:
        for number in range(_ROUNDS):
            bench.tick("HTTP channels", number, _ROUNDS)
            for name, (part, count) in parts.items():
                found[name].append(run(part(url, count // _ROUNDS)))
        bench.rest()
    return {name: _median(costs) for name, costs in found.items()}


def _median(costs: Sequence[Cost]) -> Cost:
    return Cost(statistics.median(one.per_s for one in costs), statistics.median(one.cpu_us for one in costs))


# ---- the channels -------------------------------------------------------------------------------------------------


async def _wechat(url: str, count: int) -> Cost:
    channel = WechatChannel(WechatSettings("wx1234567890abcdef", "s" * 32, "token", base_url=url), _now)
    words = WechatWords(
        WechatMode.TEMPLATE,
        "5 份简历未读",
        url="https://site.example.com/in/1",
        template_id="T" * 43,
        data={"thing1": "御东机械厂", "thing2": "车工", "number3": "5", "time4": "2026年11月23日"},
    )
    batch = [Outbound(n, _KEY.format(n), f"o{n:027}", MessageClass.SERVICE, words) for n in range(count)]
    try:
        return await _timed(channel.send, batch)
    finally:
        await channel.close()


async def _sms_alone(url: str, count: int) -> Cost:
    return await _sms(url, count, most=1)


async def _sms_by_50(url: str, count: int) -> Cost:
    return await _sms(url, count, most=50)


async def _sms_by_100(url: str, count: int) -> Cost:
    return await _sms(url, count, most=100)


async def _sms(url: str, count: int, most: int) -> Cost:
    """Naming the batches is part of it, for no batch goes without."""
    channel = AliyunSmsChannel(AliyunSettings("id", "secret", url), _now)

    async def send(batch: Sequence[Outbound]) -> list[SendResult]:
        if most == 1:
            return await channel.send(batch)
        groups = (batch[start : start + most] for start in range(0, len(batch), most))
        names = [name for group in groups for name in channel.out_ids(group)]
        return await channel.send([replace(one, key=name) for one, name in zip(batch, names, strict=True)])

    try:
        return await _timed(send, [_sms_message(number) for number in range(count)])
    finally:
        await channel.close()


def _sms_message(number: int) -> Outbound:
    params = {"name": "御东机械厂", "job": "车工", "count": str(number % 90 + 3)}
    words = SmsWords("SMS_153055065", "云溪人才网", params, "【云溪人才网】御东机械厂，您的职位车工有 5 份简历未读")
    address = f"154{number % 10**8:08}"
    return Outbound(number, _KEY.format(number), address, MessageClass.SERVICE, words)


async def _timed(send: Callable[[Sequence[Outbound]], Awaitable[list[SendResult]]], batch: Sequence[Outbound]) -> Cost:
    groups = [batch[start : start + _GROUP] for start in range(0, len(batch), _GROUP)]
    await send(groups[0])  # connections, token, caches
    began, before = time.perf_counter(), own_cpu()
    with profiled():
        for group in groups:
            results = await send(group)
            if not all(result.accepted for result in results):
                raise WrongResult(f"not accepted: {next(one for one in results if not one.accepted)}")
    return _cost(began, before, len(batch))


# ---- what they stand on -------------------------------------------------------------------------------------------


async def _aiohttp_alone(url: str, count: int) -> Cost:
    target = f"{url}/cgi-bin/message/template/send?access_token={_TOKEN}"
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_AT_ONCE)) as session:

        async def call() -> None:
            async with session.post(target, data=_BODY) as answer:
                await answer.read()

        return await _in_lanes(call, count)


async def _httpx_alone(url: str, count: int) -> Cost:
    target = f"{url}/cgi-bin/message/template/send?access_token={_TOKEN}"
    limits = httpx.Limits(max_connections=_AT_ONCE, max_keepalive_connections=_AT_ONCE)
    async with httpx.AsyncClient(trust_env=False, limits=limits) as client:

        async def call() -> None:
            await client.post(target, content=_BODY)

        return await _in_lanes(call, count)


async def _in_lanes(call: Callable[[], Awaitable[None]], count: int) -> Cost:
    async def lane() -> None:
        for _ in range(count // _AT_ONCE):
            await call()

    await call()
    began, before = time.perf_counter(), own_cpu()
    await asyncio.gather(*(lane() for _ in range(_AT_ONCE)))
    return _cost(began, before, count)


def _cost(began: float, before: float, count: int) -> Cost:
    return Cost(count / (time.perf_counter() - began), (own_cpu() - before) / count * 1e6)


@contextlib.contextmanager
def _provider() -> Iterator[str]:
    """Its URL."""
    command = [sys.executable, "-m", "tests.benchmarks.http_provider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


def _now() -> datetime:
    return datetime.now(UTC)


def main() -> None:
    aside = Console(stderr=True)
    with progress_on(aside) as progress:
        found = measure(Bench(aside, progress))
    least = found["aiohttp alone, a call"].cpu_us
    table = Table("what", "a second", "µs CPU", "a second and core", "× aiohttp alone")
    for name, cost in found.items():
        row = (cost.per_s, cost.cpu_us, cost.per_core_s, cost.cpu_us / least)
        table.add_row(name, *(f"{value:,.{2 if place == 3 else 0}f}" for place, value in enumerate(row)))
    Console().print(table)


if __name__ == "__main__":
    main()
