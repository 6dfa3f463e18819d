"""The providers' doors: what is answered, and when, while the database works, waits, refuses or is gone."""

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.transactions import in_transaction

from bot.database import is_away, open_database
from bot.inbox import Inbox
from bot.runtime import Runtime, open_runtime
from bot.sandbox.wechat_push import Envelope
from bot.settings import Settings
from bot.web.webhooks import read_query
from campaigns import statements
from campaigns.models import Event, Message
from campaigns.replies.events import Taken
from campaigns.terms import ChannelName, Receipt
from tests.web_cast import add_contact, add_member, add_message, approved, browse

TOKEN, APPID, AES_KEY = "a token", "wx0123456789abcdef", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
WECHAT = ChannelName.WECHAT


@dataclass(frozen=True, slots=True)
class House:
    runtime: Runtime
    provider: httpx.AsyncClient
    messages: list[int]

    @property
    def url(self) -> str:
        return f"/hooks/{self.runtime.hook_secret}/wechat/callback"

    async def push(self, number: int, token: str = TOKEN) -> httpx.Response:
        """WeChat's word that the message of this number was delivered."""
        envelope = Envelope(
            "secure", token=token, encoding_aes_key=AES_KEY, appid=APPID, original_id="gh_1", dice=random.Random(number)
        )
        fields: Mapping[str, object] = {"Event": "TEMPLATESENDJOBFINISH", "MsgID": f"77{number}", "Status": "success"}
        push = envelope.wrap(f"oFollower{number}", "event", fields, datetime.now(UTC))
        return await self.provider.post(self.url, params=push.query, content=push.body)

    async def states(self) -> list[str]:
        rows = await Message.filter(id__in=self.messages).order_by("id").values_list("state", flat=True)
        return [str(state) for state in rows]


@pytest.fixture
async def house(database: Settings) -> AsyncIterator[House]:
    """Three messages by WeChat that went out, and their provider at our door; once on each kind of database."""
    async with _house(database) as opened:
        yield opened


@contextlib.asynccontextmanager
async def _house(database: Settings) -> AsyncIterator[House]:
    settings = database.model_copy(
        update={
            "wechat_appid": APPID,
            "wechat_secret": "none",
            "wechat_token": TOKEN,
            "wechat_encoding_aes_key": AES_KEY,
            "wechat_base_url": "http://127.0.0.1:9",
        }
    )
    async with open_runtime(settings) as runtime, browse(runtime, client="192.0.2.7") as provider:
        campaign = await approved(runtime, "recruiting_tips")
        messages = []
        for number in range(3):
            member = await add_member(f"Q20000{number}")
            contact = await add_contact(member, openid=f"oFollower{number}")
            messages.append(await add_message(campaign, member, contact, channel=WECHAT))
            await Message.filter(id=messages[-1]).update(provider_id=f"77{number}")
        yield House(runtime, provider, messages)


# ---- taken --------------------------------------------------------------------------------------------------------


async def test_pushes_that_come_at_once_are_all_in_force_when_they_are_answered(house: House) -> None:
    answers = await asyncio.gather(*(house.push(number) for number in (0, 1, 2, 1)))
    assert [(answer.status_code, answer.text) for answer in answers] == [(200, "success")] * 4
    assert await house.states() == ["delivered"] * 3
    assert await Event.all().order_by("event_id").values_list("outcome", "repeats") == [
        ("applied", 0), ("applied", 1), ("applied", 0),
    ]  # fmt: skip


async def test_a_push_about_no_message_of_ours_is_kept_and_answered(house: House) -> None:
    assert (await house.push(9)).status_code == 200
    assert (await Event.get()).outcome == "unmatched"


async def test_a_forged_push_is_refused_and_leaves_nothing(house: House) -> None:
    assert (await house.push(0, token="another token")).status_code == 403
    assert await Event.all().count() == 0
    assert await house.states() == ["sent"] * 3


async def test_no_provider_has_its_answer_before_the_commit(house: House) -> None:
    """While somebody holds the message, and on a file the file, the provider waits."""
    may_push = asyncio.Event()

    async def push() -> httpx.Response:
        await may_push.wait()
        return await house.push(0)

    pushing = asyncio.create_task(push())  # outside the transaction
    async with in_transaction():
        await Message.filter(id=house.messages[0]).update(reason="held")
        may_push.set()
        done, _ = await asyncio.wait([pushing], timeout=0.3)
        assert not done
    assert (await pushing).status_code == 200
    assert (await house.states())[0] == "delivered"


# ---- not taken ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["code", "provider_id"])
async def test_one_receipt_that_cannot_be_stored_fails_alone(house: House, field: str) -> None:
    inbox = Inbox(house.runtime)
    told = [_receipt(number) for number in range(3)]
    told[1] = replace(told[1], **{field: "\ud800"})
    good, broken, other = await asyncio.gather(*(inbox.take([one]) for one in told), return_exceptions=True)
    assert good == other == [Taken("applied")]
    assert isinstance(broken, Exception)
    assert not is_away(broken)
    assert await house.states() == ["delivered", "sent", "delivered"]


async def test_what_stands_in_one_push_with_a_broken_receipt_is_taken_all_the_same(house: House) -> None:
    with pytest.raises(Exception, match="surrogate"):
        await Inbox(house.runtime).take([_receipt(0, code="\ud800"), _receipt(1), _receipt(2)])
    assert await house.states() == ["sent", "delivered", "delivered"]


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_a_database_that_is_gone_is_answered_503_until_it_is_back(database: Settings) -> None:
    async with _gate(database) as gate:
        gated = database.model_copy(update={"database_url": gate.url})
        async with open_database(gated), _house(gated) as house:
            await gate.close()
            answers = await asyncio.gather(*(house.push(number) for number in range(3)))
            assert [answer.status_code for answer in answers] == [503] * 3
            assert {answer.headers["retry-after"] for answer in answers} == {"10"}
            await gate.open()
            assert await Event.all().count() == 0
            assert await house.states() == ["sent"] * 3
            assert {(await house.push(number)).status_code for number in range(3)} == {200}
            assert await house.states() == ["delivered"] * 3


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_file_that_is_held_for_too_long_is_answered_503(house: House) -> None:
    await statements.run("PRAGMA busy_timeout = 20")
    path = house.runtime.settings.database.removeprefix("sqlite://")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = await house.push(0)
        other.execute("ROLLBACK")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert await Event.all().count() == 0
    assert (await house.push(0)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/hooks/{}/wechat", 404),
        ("POST", "/hooks/{}/wechat/callback/more", 404),
        ("POST", "/hooks/{}/pigeon/callback", 404),
        ("POST", "/hooks/{}", 404),
        ("POST", "/hooks/wrong/wechat/callback", 404),
        ("PUT", "/hooks/{}/wechat/callback", 405),
        ("GET", "/hooks/{}/site", 405),
        ("POST", "/hooks/{}/wechat/elsewhere", 403),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_what_is_no_door_is_not_opened(house: House, method: str, path: str, status: int) -> None:
    answer = await house.provider.request(method, path.format(house.runtime.hook_secret))
    assert answer.status_code == status


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_a_push_of_over_a_megabyte_is_not_read(house: House) -> None:
    assert (await house.provider.post(house.url, content=b"x" * 1_000_001)).status_code == 413


def _receipt(number: int, code: str = "") -> Receipt:
    at = datetime.now(UTC)
    return Receipt(f"r{number}", WECHAT, at, True, provider_id=f"77{number}", address=f"oFollower{number}", code=code)


class _Gate:
    """A way to the database that can be closed."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._port = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        user = self._parts.netloc.rpartition("@")[0]
        return self._parts._replace(netloc=f"{user}@127.0.0.1:{self._port}").geturl()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._let_through, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _let_through(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        self._open |= {writer, back}
        await asyncio.gather(_copy(reader, back), _copy(there, writer))
        self._open -= {writer, back}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@contextlib.asynccontextmanager
async def _gate(database: Settings) -> AsyncIterator[_Gate]:
    gate = _Gate(database.database)
    await gate.open()
    try:
        yield gate
    finally:
        await gate.close()


@given(st.text(alphabet="ab=&;%+2", max_size=12))
def test_a_query_reads_as_the_standard_library_reads_it(text: str) -> None:
    assert read_query(text) == dict(parse_qsl(text, keep_blank_values=True))
