"""Everything that nobody at WeChat would send comes to our door: it is refused, counted and leaves nothing behind."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx
import pytest

from bot.runtime import Runtime, open_runtime
from bot.sandbox.wechat_attacks import ATTACKS, REPEATS, Attacker, Target
from bot.sandbox.wechat_bodies import to_xml
from bot.sandbox.wechat_push import Envelope
from bot.settings import Settings
from campaigns.models import Event
from tests.web_cast import browse

TOKEN, APPID, AES_KEY = "a token", "wx0123456789abcdef", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"


class House:
    def __init__(self, runtime: Runtime, provider: httpx.AsyncClient) -> None:
        self.provider, self.url = provider, f"/hooks/{runtime.hook_secret}/wechat/callback"
        dice = random.Random(7)
        envelope = Envelope("secure", token=TOKEN, encoding_aes_key=AES_KEY, appid=APPID, original_id="gh_1", dice=dice)
        fields = {"ToUserName": "gh_1", "FromUserName": "oABCDEFGHIJKLMNOPQRSTUVWXYZ1", "CreateTime": 1795395600}
        text = to_xml(fields | {"MsgType": "text", "Content": "退订", "MsgId": 23456789012345678})
        self.attacker = Attacker(envelope, dice, Target(APPID, AES_KEY, text))

    async def attempt(self, name: str) -> httpx.Response:
        push = (ATTACKS | REPEATS)[name](self.attacker, datetime.now(UTC))
        method = "GET" if name.startswith("verify") else "POST"
        return await self.provider.request(method, self.url, params=push.query, content=push.body)


@pytest.fixture
async def house(sqlite_database: Settings) -> AsyncIterator[House]:
    given = {
        "wechat_appid": APPID,
        "wechat_secret": "none",
        "wechat_token": TOKEN,
        "wechat_encoding_aes_key": AES_KEY,
        "wechat_base_url": "http://127.0.0.1:9",
    }
    async with open_runtime(sqlite_database.model_copy(update=given)) as runtime:
        async with browse(runtime, client="192.0.2.7") as provider:
            yield House(runtime, provider)


async def test_every_attack_is_refused_and_leaves_nothing(house: House) -> None:
    answers = {name: (await house.attempt(name)).status_code for name in ATTACKS}
    assert {name: status for name, status in answers.items() if not 400 <= status < 500} == {}
    assert await Event.all().count() == 0
    health = (await house.provider.get("/health")).json()
    assert sum(health["rejected"].values()) == len(ATTACKS)


async def test_what_is_real_is_taken_once_however_often_it_comes(house: House) -> None:
    for _ in range(3):
        answer = await house.attempt("again")
        assert (answer.status_code, answer.text) == (200, "success")
    assert set(await Event.all().values_list("repeats", flat=True)) == {2}
