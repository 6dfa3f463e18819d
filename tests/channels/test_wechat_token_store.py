"""WeChat's one token among several processes, over a real Redis: fetched once, renewed once."""

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from arq.connections import ArqRedis

from bot.channels.wechat import WechatChannel, WechatSettings
from bot.token_store import RedisTokenStore
from campaigns.terms import MessageClass, Outbound, Reaction, SendResult, WechatMode, WechatWords
from tests.scripted import Scripted, Seen, Told, answer, serving

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
WORDS = WechatWords(WechatMode.CUSTOM, "3 份简历未读")
_CHILD = """
import asyncio, sys
sys.path.insert(0, ".")
from tests.channels.test_wechat_token_store import send_at_once

print(asyncio.run(send_at_once(*sys.argv[1:4], int(sys.argv[4]))))
"""


class Tokens:
    """Gives tokens out in their order and refuses the first so many."""

    def __init__(self, refused: int = 0) -> None:
        self.issued = 0
        self._refused = refused
        self.sent: list[str] = []

    def tell(self, seen: Seen) -> Told:
        if seen.path.endswith("stable_token"):
            self.issued += 1
            return answer({"access_token": f"T{self.issued}", "expires_in": 7200})
        token = seen.form["access_token"]
        self.sent.append(token)
        if int(token.removeprefix("T")) <= self._refused:
            return answer({"errcode": 40001, "errmsg": "invalid credential rid: 1-2-3"})
        return answer({"errcode": 0, "errmsg": "ok"})


async def send_at_once(url: str, redis_url: str, appid: str, count: int) -> int:
    """What one process sends, all at the same moment. Returns how many were accepted."""
    redis = ArqRedis.from_url(redis_url)
    settings = WechatSettings(appid, "secret", "token", base_url=url, timeout=60)
    channel = WechatChannel(settings, lambda: NOW, RedisTokenStore(redis, appid))
    try:
        told = await asyncio.gather(*(channel.send([_message(number)]) for number in range(count)))
    finally:
        await channel.close()
        await redis.aclose()
    return sum(result.accepted for [result] in told)


def _message(number: int) -> Outbound:
    return Outbound(number, f"m{number}", "oABCDEFGHIJKLMNOPQRSTUVWXYZ1", MessageClass.SERVICE, WORDS)


@pytest.fixture
def appid() -> str:
    return f"wx{uuid.uuid4().hex[:16]}"


@pytest.fixture
async def stores(redis_server: str, appid: str) -> AsyncIterator[list[RedisTokenStore]]:
    """Three processes' ways to the same Redis."""
    clients = [ArqRedis.from_url(redis_server) for _ in range(3)]
    yield [RedisTokenStore(client, appid) for client in clients]
    for client in clients:
        await client.aclose()


async def test_fifty_sends_of_three_processes_with_a_cold_token_fetch_one(redis_server: str, appid: str) -> None:
    tokens = Tokens()
    async with serving(tokens.tell) as server:
        children = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", _CHILD, server.url, redis_server, appid, str(count),
                stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONWARNINGS": "ignore"},
            )
            for count in (17, 17, 16)
        ]  # fmt: skip
        said = await asyncio.gather(*(child.communicate() for child in children))
    assert [int(out) for out, _ in said] == [17, 17, 16]
    assert tokens.issued == 1
    assert set(tokens.sent) == {"T1"}
    assert len(tokens.sent) == 50


async def test_a_token_that_is_refused_is_renewed_once_for_all_processes(
    stores: list[RedisTokenStore], appid: str
) -> None:
    tokens = Tokens(refused=1)
    async with serving(tokens.tell) as server:
        told = await _send_by_all(server, stores, appid)
    assert all(result.accepted for result in told)
    assert tokens.issued == 2


async def test_a_token_that_is_always_refused_costs_each_process_one_repeat_and_stops_it(
    stores: list[RedisTokenStore], appid: str
) -> None:
    tokens = Tokens(refused=99)
    async with serving(tokens.tell) as server:
        told = await _send_by_all(server, stores, appid)
    assert {(result.reaction, result.code) for result in told} == {(Reaction.PAUSE_CHANNEL, "40001")}
    assert tokens.issued == len(set(tokens.sent)) <= 4
    assert len(tokens.sent) <= 3 * (20 + 1)


async def test_what_one_process_fetched_another_reads(stores: list[RedisTokenStore], appid: str) -> None:
    tokens = Tokens()
    async with serving(tokens.tell) as server:
        for store in stores:
            channel = _channel(server, store, appid)
            assert (await channel.send([_message(1)]))[0].accepted
            await channel.close()
    assert (tokens.issued, tokens.sent) == (1, ["T1"] * 3)
    kept = await stores[0].get()
    assert kept is not None
    assert kept.expires_at == NOW + timedelta(seconds=7200)


def _channel(server: Scripted, store: RedisTokenStore, appid: str) -> WechatChannel:
    return WechatChannel(WechatSettings(appid, "secret", "token", base_url=server.url, timeout=60), lambda: NOW, store)


async def _send_by_all(server: Scripted, stores: list[RedisTokenStore], appid: str) -> list[SendResult]:
    """A batch of twenty-five by each, at the same moment."""
    channels = [_channel(server, store, appid) for store in stores]
    batches = await asyncio.gather(*(one.send([_message(number) for number in range(25)]) for one in channels))
    for one in channels:
        await one.close()
    return [result for batch in batches for result in batch]
