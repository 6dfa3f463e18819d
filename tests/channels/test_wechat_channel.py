"""The WeChat channel outwards, against a throw-away server: tokens, words, codes, and what was lost."""

import asyncio
import json
import logging
import re
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from bot.channels.base import Channel
from bot.channels.wechat import WechatChannel, WechatSettings
from bot.channels.wechat_codes import read_errcode, read_token_errcode
from bot.channels.wechat_token import AccessToken, MemoryTokenStore, SharedToken, TokenUnavailable
from campaigns.errors import ChannelUnavailable, ConfigError
from campaigns.terms import (
    Article,
    ChannelName,
    MessageClass,
    Outbound,
    Reaction,
    SendResult,
    SmsWords,
    TapMenu,
    WechatMode,
    WechatWords,
)

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
SECRET = "0123456789abcdef0123456789abcdef"
AT_ONCE = 20
RID = " rid: 6543abcd-12345678-9abcdef0"
CUSTOM = WechatWords(WechatMode.CUSTOM, "您好，大同机械：有 5 份简历未读 😀")
TEMPLATE = WechatWords(
    WechatMode.TEMPLATE,
    "5 份简历未读",
    url="https://site.example.com/in/1",
    template_id="TPL_1",
    data={"thing1": "车工", "number2": "5"},
)
SUBSCRIBE = replace(TEMPLATE, mode=WechatMode.SUBSCRIBE, template_id="SUB_1")
PATHS = {
    WechatMode.CUSTOM: "/cgi-bin/message/custom/send",
    WechatMode.TEMPLATE: "/cgi-bin/message/template/send",
    WechatMode.SUBSCRIBE: "/cgi-bin/message/subscribe/bizsend",
}

Answer = Mapping[str, object] | Response


class Server:
    """WeChat's host for one test: keeps what came, says what it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, bytes]] = []  # path, token, body
        self.token_calls: list[dict[str, object]] = []
        self.peers: set[tuple[str, int]] = set()
        self.at_once = self.most_at_once = 0
        self.issue: Callable[[], Answer] = lambda: {"access_token": f"T{len(self.token_calls)}", "expires_in": 7200}
        self.answer: Callable[[str, dict[str, object]], Answer] = lambda token, body: ok()
        self.patience = 0.0
        self.base_url = ""

    async def stable_token(self, request: Request) -> Response:
        await asyncio.sleep(0.01)
        self.token_calls.append(await request.json())
        return respond(self.issue())

    async def message(self, request: Request) -> Response:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        body, token = await request.body(), request.query_params.get("access_token", "")
        self.calls.append((request.url.path, token, body))
        self.peers.add(request.client)
        await asyncio.sleep(self.patience)
        self.at_once -= 1
        return respond(self.answer(token, json.loads(body)))

    @property
    def bodies(self) -> list[dict[str, object]]:
        return [json.loads(body) for _, _, body in self.calls]


def respond(answer: Answer) -> Response:
    return answer if isinstance(answer, Response) else JSONResponse(answer)


def ok(**more: object) -> Answer:
    return {"errcode": 0, "errmsg": "ok", **more}


def refused(code: int, why: str = "no") -> Answer:
    return {"errcode": code, "errmsg": why + RID}


def cut_off() -> Response:
    """The connection ends in the middle of the answer."""
    return StreamingResponse(iter([b'{"errcode":']), headers={"content-length": "100"})


def clock() -> datetime:
    return NOW


class Stage:
    """The ASGI application that plays whichever server a test has put on it."""

    def __init__(self) -> None:
        self.playing = Server()
        self.base_url = ""

    async def stable_token(self, request: Request) -> Response:
        return await self.playing.stable_token(request)

    async def message(self, request: Request) -> Response:
        return await self.playing.message(request)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One listening thread for all tests: uvicorn takes a fifth of a second to start and stop."""
    made = Stage()
    routes = [Route("/cgi-bin/stable_token", made.stable_token, methods=["POST"])]
    routes += [Route(path, made.message, methods=["POST"]) for path in PATHS.values()]
    config = uvicorn.Config(Starlette(routes=routes), port=0, lifespan="off", ws="none", log_config=None)
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run)
    thread.start()
    while not running.started:
        time.sleep(0.01)
    made.base_url = f"http://127.0.0.1:{running.servers[0].sockets[0].getsockname()[1]}"
    yield made
    running.should_exit = True
    thread.join()


@pytest.fixture
def server(stage: Stage) -> Server:
    stage.playing = Server()
    stage.playing.base_url = stage.base_url
    return stage.playing


@asynccontextmanager
async def opened(server: Server, **changes: object) -> AsyncIterator[WechatChannel]:
    given = {"base_url": server.base_url, "timeout": 2.0, **changes}
    channel = WechatChannel(WechatSettings("wx1234567890abcdef", SECRET, "testtoken", **given), clock)
    try:
        yield channel
    finally:
        await channel.close()


def message(number: int = 1, words: object = CUSTOM, **changes: object) -> Outbound:
    made = Outbound(number, f"m{number}-abcdefghijklmnop", OPENID, MessageClass.SERVICE, words)
    return replace(made, **changes)


async def send(server: Server, *batch: Outbound, **settings: object) -> list[SendResult]:
    async with opened(server, **settings) as channel:
        return await channel.send(batch)


async def send_one(server: Server, words: WechatWords = CUSTOM, **settings: object) -> SendResult:
    (result,) = await send(server, message(1, words), **settings)
    return result


# ---- what goes out ------------------------------------------------------------------------------------------------


async def test_a_custom_message_goes_out_as_text_in_real_chinese(server: Server):
    result = await send_one(server)
    path, token, body = server.calls[0]
    assert result.accepted
    assert (path, token) == (PATHS[WechatMode.CUSTOM], "T1")
    assert "大同机械".encode() in body
    assert "😀".encode() in body
    assert b"\\u" not in body
    assert server.bodies == [{"touser": OPENID, "msgtype": "text", "text": {"content": CUSTOM.text}}]


async def test_a_template_message_carries_our_key_and_brings_its_id(server: Server):
    server.answer = lambda token, body: ok(msgid=9007199254740993)
    result = await send_one(server, TEMPLATE)
    assert (result.accepted, result.provider_id) == (True, "9007199254740993")
    assert server.calls[0][0] == PATHS[WechatMode.TEMPLATE]
    assert server.bodies == [
        {
            "touser": OPENID,
            "template_id": "TPL_1",
            "url": "https://site.example.com/in/1",
            "client_msg_id": "m1-abcdefghijklmnop",
            "data": {"thing1": {"value": "车工"}, "number2": {"value": "5"}},
        }
    ]


async def test_a_custom_message_may_be_one_article(server: Server):
    article = Article("3份简历没看", "点开就看", "https://site.example.com/in/1", "https://site.example.com/p.png")
    assert (await send_one(server, replace(CUSTOM, card=article))).accepted
    assert server.bodies == [
        {
            "touser": OPENID,
            "msgtype": "news",
            "news": {
                "articles": [
                    {
                        "title": "3份简历没看",
                        "description": "点开就看",
                        "url": "https://site.example.com/in/1",
                        "picurl": "https://site.example.com/p.png",
                    }
                ]
            },
        }
    ]


async def test_a_custom_message_may_be_a_menu_whose_items_have_short_numbers(server: Server):
    menu = TapMenu("3份简历还没看，要我们帮忙吗？", ("已看", "稍后", "退订"), "点一下就行")
    assert (await send_one(server, replace(CUSTOM, card=menu))).accepted
    assert server.bodies == [
        {
            "touser": OPENID,
            "msgtype": "msgmenu",
            "msgmenu": {
                "head_content": "3份简历还没看，要我们帮忙吗？",
                "list": [
                    {"id": "1", "content": "已看"},
                    {"id": "2", "content": "稍后"},
                    {"id": "3", "content": "退订"},
                ],
                "tail_content": "点一下就行",
            },
        }
    ]


async def test_a_subscription_notice_names_its_page(server: Server):
    result = await send_one(server, SUBSCRIBE)
    assert result.accepted
    assert server.calls[0][0] == PATHS[WechatMode.SUBSCRIBE]
    assert server.bodies == [
        {
            "touser": OPENID,
            "template_id": "SUB_1",
            "page": "https://site.example.com/in/1",
            "data": {"thing1": {"value": "车工"}, "number2": {"value": "5"}},
        }
    ]


async def test_half_a_character_does_not_break_a_batch(server: Server):
    results = await send(server, message(1, replace(CUSTOM, text="名字\ud83d")), message(2))
    assert [result.accepted for result in results] == [True, True]
    assert server.bodies[0]["text"] == {"content": "名字?"}


async def test_results_come_in_the_batch_s_order_over_few_kept_connections(server: Server):
    server.patience = 0.05
    server.answer = lambda token, body: refused(45015) if body["touser"] == "odd" else ok()
    batch = [message(number, address="odd" if number % 2 else "even") for number in range(50)]
    results = await send(server, *batch)
    assert [result.id for result in results] == list(range(50))
    assert [result.accepted for result in results] == [number % 2 == 0 for number in range(50)]
    assert server.most_at_once == AT_ONCE
    assert len(server.peers) <= AT_ONCE


@pytest.mark.parametrize(
    ("outbound", "reaction"),
    [
        (message(words=replace(CUSTOM, text=" ")), Reaction.DROP),
        (message(words=replace(CUSTOM, text="字" * 683)), Reaction.DROP),
        (message(words=replace(TEMPLATE, template_id="")), Reaction.PAUSE_TEMPLATE),
        (message(words=replace(SUBSCRIBE, template_id="")), Reaction.PAUSE_TEMPLATE),
        (message(words=TEMPLATE, key="k" * 33), Reaction.DROP),
        (message(words=TEMPLATE, message_class=MessageClass.MARKETING), Reaction.PAUSE_TEMPLATE),
        (message(words=TEMPLATE, message_class=MessageClass.GREETING), Reaction.PAUSE_TEMPLATE),
        (message(words=SmsWords("SMS_1", "签名", {}, "x")), Reaction.DROP),
        (message(words=replace(CUSTOM, card=Article("题" * 65, url="https://site.example.com/"))), Reaction.DROP),
        (message(words=replace(CUSTOM, card=Article("没有去处"))), Reaction.DROP),
        (message(words=replace(CUSTOM, card=TapMenu("选一个", ("好",) * 11))), Reaction.DROP),
        (message(words=replace(CUSTOM, card=TapMenu("选一个", ()))), Reaction.DROP),
    ],
    ids=[
        *("empty", "too long", "no template", "no notice", "long key", "marketing", "greeting", "sms"),
        *("long title", "article without a page", "menu of eleven", "menu of none"),
    ],
)
async def test_what_wechat_would_refuse_or_punish_is_not_sent(server: Server, outbound: Outbound, reaction: Reaction):
    (result,) = await send(server, outbound)
    assert result.reaction is reaction
    assert not server.calls


async def test_a_text_of_just_2048_bytes_is_sent(server: Server):
    assert (await send_one(server, replace(CUSTOM, text="字" * 682 + "ab"))).accepted


# ---- tokens -------------------------------------------------------------------------------------------------------


async def test_fifty_sends_at_once_fetch_one_token(server: Server):
    async with opened(server) as channel:
        await asyncio.gather(*(channel.send([message(number)]) for number in range(50)))
    assert server.token_calls == [
        {
            "grant_type": "client_credential",
            "appid": "wx1234567890abcdef",
            "secret": SECRET,
            "force_refresh": False,
        }
    ]
    assert len(server.calls) == 50


async def test_a_token_for_ever_refused_is_two_calls_and_then_the_channel_stops(server: Server):
    server.answer = lambda token, body: refused(40001, "invalid credential, access_token is invalid")
    result = await send_one(server)
    assert (result.reaction, result.code) == (Reaction.PAUSE_CHANNEL, "40001")
    assert [token for _, token, _ in server.calls] == ["T1", "T2"]
    assert len(server.token_calls) == 2


@pytest.mark.parametrize("code", [40001, 40014, 42001, 42007])
async def test_a_refused_token_is_renewed_once_and_the_message_goes(server: Server, code: int):
    server.answer = lambda token, body: ok() if token == "T2" else refused(code)
    assert (await send_one(server)).accepted
    assert [token for _, token, _ in server.calls] == ["T1", "T2"]


async def test_fifty_messages_with_an_old_token_fetch_one_new(server: Server):
    server.answer = lambda token, body: ok() if token == "T2" else refused(42001)
    async with opened(server) as channel:
        results = await channel.send([message(number) for number in range(50)])
        again = await channel.send([message(99)])
    assert all(result.accepted for result in results + again)
    assert len(server.token_calls) == 2
    assert len([token for _, token, _ in server.calls if token == "T1"]) <= AT_ONCE


async def test_a_batch_whose_token_is_for_ever_refused_is_not_sent_to_its_end(server: Server):
    server.issue = lambda: {"access_token": "SAME", "expires_in": 7200}
    server.answer = lambda token, body: refused(40001)
    results = await send(server, *(message(number) for number in range(50)))
    assert {result.reaction for result in results} == {Reaction.PAUSE_CHANNEL}
    assert len(server.calls) <= AT_ONCE + 1
    assert len(server.token_calls) == 2


async def test_a_batch_whose_token_is_for_ever_refused_costs_one_new_token_and_one_repeat(server: Server):
    server.answer = lambda token, body: refused(42001)
    results = await send(server, *(message(number) for number in range(50)))
    assert {(result.reaction, result.code) for result in results} == {(Reaction.PAUSE_CHANNEL, "42001")}
    assert [token for _, token, _ in server.calls if token != "T1"] == ["T2"]
    assert len(server.token_calls) == 2


@pytest.mark.parametrize(
    "issued",
    [
        refused(40164, "invalid ip 10.0.0.1, not in whitelist"),
        refused(40125),
        refused(-1),
        {"expires_in": 7200},
        {"access_token": "T", "expires_in": "soon"},
        HTMLResponse("<html>502</html>", 502),
        HTMLResponse("<html>hello</html>"),
    ],
    ids=["ip", "secret", "busy", "no token", "no time", "502", "html"],
)
async def test_without_a_token_the_batch_does_not_start(server: Server, issued: Answer):
    server.issue = lambda: issued
    with pytest.raises(ChannelUnavailable) as caught:
        await send(server, message(1), message(2))
    assert not server.calls
    assert len(server.token_calls) == 1
    assert SECRET not in str(caught.value)


async def test_a_refused_ip_is_named_with_the_remedy(server: Server):
    server.issue = lambda: refused(40164, "invalid ip 10.0.0.1, not in whitelist")
    with pytest.raises(ChannelUnavailable, match=r"40164 invalid ip 10\.0\.0\.1.*IP whitelist"):
        await send_one(server)


@pytest.mark.parametrize(
    ("code", "reaction"),
    [
        (-1, Reaction.RETRY),
        (40001, Reaction.PAUSE_CHANNEL),
        (40013, Reaction.PAUSE_CHANNEL),
        (40125, Reaction.PAUSE_CHANNEL),
        (40164, Reaction.PAUSE_CHANNEL),
        (41002, Reaction.PAUSE_CHANNEL),
        (41004, Reaction.PAUSE_CHANNEL),
        (43002, Reaction.PAUSE_CHANNEL),
        (45009, Reaction.NEXT_DAY),
        (45011, Reaction.SLOW),
        (99999, Reaction.PAUSE_CHANNEL),
    ],
)
async def test_no_new_token_in_the_middle_of_a_batch_is_an_answer_for_the_message(
    server: Server, code: int, reaction: Reaction
):
    tokens = iter([{"access_token": "T1", "expires_in": 7200}])
    server.issue = lambda: next(tokens, refused(code))
    server.answer = lambda token, body: refused(42001)
    result = await send_one(server)
    assert (result.reaction, result.code) == (reaction, str(code))
    assert read_token_errcode(code).reaction is reaction


async def test_a_token_is_renewed_before_it_ends():
    at, issued = NOW, []

    async def fetch() -> AccessToken:
        issued.append(at)
        return AccessToken(f"T{len(issued)}", at + timedelta(seconds=7200))

    token = SharedToken(fetch, lambda: at, MemoryTokenStore())
    assert await token.current() == "T1"
    at = NOW + timedelta(seconds=6990)
    assert await token.current() == "T1"
    at = NOW + timedelta(seconds=7005)
    assert await token.current() == "T2"


async def test_two_processes_share_one_token_and_its_renewal():
    store, issued = MemoryTokenStore(), []

    async def fetch() -> AccessToken:
        await asyncio.sleep(0.01)
        issued.append(1)
        return AccessToken(f"T{len(issued)}", NOW + timedelta(hours=2))

    one, two = SharedToken(fetch, clock, store), SharedToken(fetch, clock, store)
    assert await asyncio.gather(one.current(), two.current()) == ["T1", "T1"]
    assert await one.current(stale="T1") == "T2"
    assert await two.current(stale="T1") == "T2"
    assert len(issued) == 2


async def test_those_who_waited_for_a_token_in_vain_do_not_ask_again_but_the_next_does():
    asked = 0

    async def fetch() -> AccessToken:
        nonlocal asked
        asked += 1
        await asyncio.sleep(0.01)
        if asked == 1:
            raise TokenUnavailable("no", 40125)
        return AccessToken("T", NOW + timedelta(hours=2))

    token = SharedToken(fetch, clock, MemoryTokenStore())
    outcomes = await asyncio.gather(*(token.current() for _ in range(20)), return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {TokenUnavailable}
    assert asked == 1
    assert await token.current() == "T"


# ---- codes --------------------------------------------------------------------------------------------------------

RETRY, REFRESH, SLOW, NEXT_DAY = Reaction.RETRY, Reaction.REFRESH, Reaction.SLOW, Reaction.NEXT_DAY
SUPPRESS, USED, DROP = Reaction.SUPPRESS, Reaction.CONSENT_USED, Reaction.DROP
TPL, STOP, LATER = Reaction.PAUSE_TEMPLATE, Reaction.PAUSE_CHANNEL, Reaction.DEFER_RECIPIENT
MINUTE = timedelta(minutes=1)

# One row a code, by hand from the provider's table.
EXPECTED = [
    (-1, RETRY, None),
    (40001, REFRESH, None),
    (40014, REFRESH, None),
    (42001, REFRESH, None),
    (42007, REFRESH, None),
    (40002, STOP, None),
    (40013, STOP, None),
    (40125, STOP, None),
    (40164, STOP, None),
    (41001, STOP, None),
    (41002, STOP, None),
    (41003, STOP, None),
    (41004, STOP, None),
    (45035, STOP, None),
    (61004, STOP, None),
    (40003, SUPPRESS, None),
    (40008, DROP, None),
    (40007, DROP, None),
    (40035, DROP, None),
    (47001, DROP, None),
    (47003, DROP, None),
    (40036, TPL, None),
    (40037, TPL, None),
    (40132, SUPPRESS, None),
    (46004, SUPPRESS, None),
    (40200, TPL, None),
    (40241, LATER, MINUTE),
    (41030, TPL, None),
    (43002, STOP, None),
    (43004, SUPPRESS, None),
    (43019, SUPPRESS, None),
    (43101, USED, None),
    (43102, TPL, None),
    (43104, TPL, None),
    (43107, TPL, None),
    (43108, LATER, None),
    (43106, TPL, None),
    (43116, TPL, None),
    (43117, LATER, timedelta(hours=1)),
    (44001, DROP, None),
    (44002, DROP, None),
    (44003, DROP, None),
    (44004, DROP, None),
    (45001, DROP, None),
    (45002, DROP, None),
    (45003, DROP, None),
    (45004, DROP, None),
    (45005, DROP, None),
    (45007, DROP, None),
    (45008, DROP, None),
    (45009, NEXT_DAY, None),
    (45011, SLOW, MINUTE),
    (45015, USED, None),
    (45026, TPL, None),
    (45027, TPL, None),
    (45028, NEXT_DAY, None),
    (45047, USED, None),
    (45065, Reaction.OK_DUP, None),
    (45066, RETRY, MINUTE),
    (45067, STOP, None),
    (45168, TPL, None),
    (48001, STOP, None),
    (48002, SUPPRESS, None),
    (48003, STOP, None),
    (48004, STOP, None),
    (48008, TPL, None),
    (50001, STOP, None),
    (50002, STOP, None),
    (70000, DROP, None),
    (87014, TPL, None),
]


@pytest.mark.parametrize(("code", "reaction", "after"), EXPECTED, ids=lambda value: str(value))
def test_each_code_has_its_reaction(code: int, reaction: Reaction, after: timedelta | None):
    meaning = read_errcode(code)
    assert meaning is not None
    assert (meaning.reaction, meaning.retry_after) == (reaction, after)


def test_a_code_of_no_table_has_no_meaning():
    assert read_errcode(12345) is None


async def test_every_code_reaches_the_result_as_its_reaction(server: Server):
    async with opened(server) as channel:
        for code, reaction, after in EXPECTED:
            server.answer = lambda token, body, code=code: refused(code)
            (result,) = await channel.send([message(code)])
            server.answer = lambda token, body: ok()
            await channel.send([message(0)])  # ends the run
            wanted = STOP if reaction is REFRESH else reaction
            assert (result.id, result.reaction, result.code) == (code, wanted, str(code))
            assert result.retry_after == after


async def test_an_unknown_code_drops_one_message_and_twenty_one_in_five_minutes_stop_the_channel(server: Server):
    server.answer = lambda token, body: refused(12345)
    at = NOW
    settings = WechatSettings("wx1", SECRET, "t", base_url=server.base_url)
    channel = WechatChannel(settings, lambda: at)
    reactions = []
    for number in range(20):
        reactions += [one.reaction for one in await channel.send([message(number)])]
    at = NOW + timedelta(minutes=6)
    for number in range(21):
        reactions += [one.reaction for one in await channel.send([message(number)])]
    await channel.close()
    assert reactions == [DROP] * 40 + [STOP]


async def test_six_strangers_in_a_row_stop_the_channel_and_none_of_a_batch_is_blamed(server: Server):
    server.answer = lambda token, body: refused(40003, "invalid openid")
    results = await send(server, *(message(number) for number in range(6)))
    assert {result.reaction for result in results} == {STOP}


async def test_five_strangers_are_five_closed_addresses(server: Server):
    server.answer = lambda token, body: refused(40003) if body["touser"] == "bad" else ok()
    strangers = [message(number, address="bad") for number in range(5)]
    results = await send(server, *strangers, message(5), *strangers)
    assert [result.reaction for result in results] == [SUPPRESS] * 5 + [None] + [SUPPRESS] * 5


async def test_strangers_are_counted_over_batches(server: Server):
    server.answer = lambda token, body: refused(40003)
    async with opened(server) as channel:
        reactions = [(await channel.send([message(number)]))[0].reaction for number in range(6)]
    assert reactions == [SUPPRESS] * 5 + [STOP]


async def test_three_bad_arguments_in_a_row_are_the_template_s(server: Server):
    server.answer = lambda token, body: (
        refused(47003, "argument invalid! data.thing1.value invalid") if body["template_id"] == "TPL_1" else ok()
    )
    other = replace(TEMPLATE, template_id="TPL_2")
    async with opened(server) as channel:
        results = [
            (await channel.send([message(1, words)]))[0] for words in (TEMPLATE, TEMPLATE, other, TEMPLATE, TEMPLATE)
        ]
    assert [result.reaction for result in results] == [DROP, DROP, None, TPL, TPL]
    assert "data.thing1.value" in results[0].detail


async def test_an_answer_about_the_channel_spares_the_rest_of_the_batch(server: Server):
    server.answer = lambda token, body: refused(45009, "reach max api daily quota limit")
    results = await send(server, *(message(number) for number in range(50)))
    assert {(result.reaction, result.code) for result in results} == {(NEXT_DAY, "45009")}
    assert [result.id for result in results] == list(range(50))
    assert len(server.calls) == AT_ONCE


async def test_a_repeat_that_is_called_a_duplicate_was_ours(server: Server):
    server.answer = lambda token, body: refused(40001) if token == "T1" else refused(40241)
    assert (await send_one(server)).reaction is Reaction.OK_DUP


async def test_a_known_client_message_id_brings_the_first_one_s_id(server: Server):
    server.answer = lambda token, body: {**refused(45065), "msg_id": 123456789}
    result = await send_one(server, TEMPLATE)
    assert (result.accepted, result.provider_id) == (True, "123456789")


async def test_a_missing_errcode_is_a_success_and_the_words_of_errmsg_count_for_nothing(server: Server):
    server.answer = lambda token, body: {"errmsg": "45015 system error" + RID}
    assert (await send_one(server)).accepted
    server.answer = lambda token, body: {"errcode": 45015, "errmsg": "ok"}
    assert (await send_one(server)).reaction is USED


async def test_an_errcode_as_text_is_read_and_one_that_is_no_number_is_unknown(server: Server):
    server.answer = lambda token, body: {"errcode": "45015", "errmsg": ""}
    assert (await send_one(server)).reaction is USED
    server.answer = lambda token, body: {"errcode": None}
    assert (await send_one(server)).reaction is Reaction.UNKNOWN


async def test_a_result_names_no_openid(server: Server):
    other = "oZYXWVUTSRQPONMLKJIHGFEDCBA2"
    server.answer = lambda token, body: refused(40003, f"invalid openid {OPENID} hint {other}")
    result = await send_one(server)
    assert OPENID not in result.detail
    assert other not in result.detail
    assert "invalid openid" in result.detail


# ---- what is lost -------------------------------------------------------------------------------------------------

LOSSES = {
    "502": lambda: HTMLResponse("<html>502 Bad Gateway</html>", 502),
    "500 with json": lambda: JSONResponse({"errcode": 0}, 500),
    "html": lambda: HTMLResponse("<html>welcome</html>"),
    "a list": lambda: Response(b"[1]"),
    "nothing": lambda: Response(b""),
    "redirect": lambda: Response(b"", 302, {"location": "/cgi-bin/stable_token"}),
    "cut off": cut_off,
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
@pytest.mark.parametrize("words", [CUSTOM, SUBSCRIBE], ids=["custom", "subscribe"])
async def test_without_a_readable_answer_the_outcome_is_unknown_and_nothing_is_sent_again(
    server: Server, loss: Callable[[], Response], words: WechatWords
):
    server.answer = lambda token, body: loss()
    result = await send_one(server, words)
    assert result.reaction is Reaction.UNKNOWN
    assert len(server.calls) == 1


async def test_a_silent_server_makes_the_outcome_unknown(server: Server):
    server.patience = 0.5
    result = await send_one(server, timeout=0.1)
    assert (result.reaction, result.detail) == (Reaction.UNKNOWN, "ReadTimeout")
    assert len(server.calls) == 1


async def test_a_lost_template_message_is_repeated_once_under_its_key(server: Server):
    answers = iter([HTMLResponse("<html>502</html>", 502), ok(msgid=77)])
    server.answer = lambda token, body: next(answers)
    result = await send_one(server, TEMPLATE)
    assert (result.accepted, result.provider_id) == (True, "77")
    assert [body["client_msg_id"] for body in server.bodies] == ["m1-abcdefghijklmnop"] * 2


@pytest.mark.parametrize("second", [refused(43004), refused(45011), HTMLResponse("", 502)], ids=["no", "slow", "502"])
async def test_only_a_yes_to_the_repeat_makes_a_lost_template_message_known(server: Server, second: Answer):
    answers = iter([HTMLResponse("", 502), second])
    server.answer = lambda token, body: next(answers)
    assert (await send_one(server, TEMPLATE)).reaction is Reaction.UNKNOWN
    assert len(server.calls) == 2


@pytest.mark.parametrize("code", [40241, 45065])
async def test_a_lost_template_message_that_wechat_has_is_sent(server: Server, code: int):
    answers = iter([HTMLResponse("", 502), refused(code)])
    server.answer = lambda token, body: next(answers)
    assert (await send_one(server, TEMPLATE)).reaction is Reaction.OK_DUP


async def test_after_five_lost_answers_the_rest_of_the_batch_stays_here(server: Server):
    server.answer = lambda token, body: HTMLResponse("", 502)
    results = await send(server, *(message(number) for number in range(50)))
    unknown = [result for result in results if result.reaction is Reaction.UNKNOWN]
    assert len(unknown) == len(server.calls) < AT_ONCE + 5
    assert {result.reaction for result in results} == {Reaction.UNKNOWN, SLOW}


async def test_a_server_that_cannot_be_reached_takes_nothing_of_the_batch(server: Server):
    with socket.create_server(("127.0.0.1", 0)) as closing:
        server.base_url = f"http://127.0.0.1:{closing.getsockname()[1]}"
    with pytest.raises(ChannelUnavailable):
        await send(server, message(1), message(2))


async def test_a_connection_that_is_refused_after_the_token_came_takes_nothing_of_the_batch(server: Server):
    with socket.create_server(("127.0.0.1", 0)) as closing:
        server.base_url = f"http://127.0.0.1:{closing.getsockname()[1]}"
    store = MemoryTokenStore()
    await store.set(AccessToken("T1", NOW + timedelta(hours=2)))
    channel = WechatChannel(WechatSettings("wx1", SECRET, "t", base_url=server.base_url), clock, store)
    with pytest.raises(ChannelUnavailable):
        await channel.send([message(number) for number in range(20)] + [message(99, replace(CUSTOM, text=""))])
    await channel.close()


# ---- the rest -----------------------------------------------------------------------------------------------------


async def test_it_is_a_channel_that_cannot_be_asked(server: Server):
    async with opened(server) as opened_channel:
        channel: Channel = opened_channel
        assert channel.name is ChannelName.WECHAT
        assert await channel.look_up(message()) is None
        assert await channel.send([]) == []
    assert not server.token_calls


async def test_no_log_shows_an_openid_a_text_a_token_or_the_secret(server: Server, caplog):
    for name in ("", "httpx", "httpcore", "aiohttp", "bot"):
        caplog.set_level(logging.DEBUG, logger=name)
    server.answer = lambda token, body: refused(12345, f"odd {OPENID}")
    await send_one(server)
    ours = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn"))
    assert "12345" in ours
    assert not re.search(rf"{OPENID}|大同机械|access_token|{SECRET}", ours)


def test_settings_show_no_secret():
    settings = WechatSettings("wx1", SECRET, "callback-token", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG")
    assert not re.search(f"{SECRET}|callback-token|abcdefghijkl", repr(settings))


@pytest.mark.parametrize(
    "changes",
    [
        {"base_url": "http://api.weixin.qq.com"},
        {"base_url": "https://api.weixin.qq.com/cgi-bin"},
        {"base_url": "api.weixin.qq.com"},
        {"appid": ""},
        {"secret": ""},
        {"token": ""},
        {"encoding_aes_key": "short"},
        {"encoding_aes_key": "=" * 43},
    ],
    ids=str,
)
async def test_settings_that_cannot_work_are_refused_by_name(changes: dict[str, str]):
    given = {"appid": "wx1", "secret": SECRET, "token": "t", **changes}
    with pytest.raises(ConfigError, match="WECHAT_"):
        WechatChannel(WechatSettings(**given), clock)
