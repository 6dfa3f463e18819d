"""HTTP providers misbehaving in every known way: nothing counts as sent without a yes, and nothing is asked twice."""

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvloop

from bot.channels.sms_aliyun import AliyunSettings, AliyunSmsChannel
from bot.channels.wechat import WechatChannel, WechatSettings
from campaigns.errors import ChannelUnavailable
from campaigns.terms import MessageClass, Outbound, Reaction, SmsWords, WechatMode, WechatWords
from tests.scripted import Answer, Fault, Scripted, Seen, Told, answer, serving

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
SMS = SmsWords("SMS_1", "云溪人才网", {"n": "3"}, "【云溪人才网】3 份简历未读")
CUSTOM = WechatWords(WechatMode.CUSTOM, "3 份简历未读")
TEMPLATE = WechatWords(WechatMode.TEMPLATE, "3 份简历未读", template_id="TPL_1", data={"n": "3"})
TOKEN = answer({"access_token": "T", "expires_in": 7200})
PATIENCE = 0.4  # seconds a channel waits for an answer here


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Kind:
    """One channel as these tests see it: how it is opened, one of its messages, a yes and a no of its provider."""

    name: str
    open: Callable[[str, Clock], AliyunSmsChannel | WechatChannel]
    message: Callable[[int], Outbound]
    yes: Answer
    no: Answer

    def sends(self, server: Scripted) -> list[Seen]:
        return [seen for seen in server.seen if "stable_token" not in seen.path]


KINDS = [
    Kind(
        "sms",
        lambda url, clock: AliyunSmsChannel(AliyunSettings("id", "secret", url, PATIENCE), clock),
        lambda n: Outbound(n, f"m{n}", f"1548350{n:04}", MessageClass.SERVICE, SMS),
        answer({"Code": "OK", "Message": "OK", "BizId": "9^0"}),
        answer({"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发小时级流控Permits:5"}),
    ),
    Kind(
        "wechat",
        lambda url, clock: WechatChannel(WechatSettings("wx1", "s", "t", base_url=url, timeout=PATIENCE), clock),
        lambda n: Outbound(n, f"m{n}", "oABCDEFGHIJKLMNOPQRSTUVWXYZ1", MessageClass.SERVICE, CUSTOM),
        answer({"errcode": 0, "errmsg": "ok"}),
        answer({"errcode": 45047, "errmsg": "out of response count limit"}),
    ),
]
LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
UNCLEAR: dict[str, Told] = {
    "500": Answer(b"oops", 500),
    "502 html": Answer(b"<html>Bad Gateway</html>", 502),
    "503": Answer(b"", 503),
    "no answer": Fault.SILENT,
    "reset": Fault.RESET,
    "hang up": Fault.HANG_UP,
    "200 html": Answer(b"<html>welcome</html>"),
    "200 and a code that says nothing": answer({"Code": "", "errcode": None}),
    "truncated json": Answer(b'{"Code":"OK","errcode":0,"BizId":"9'),
    "cut off": Fault.CUT,
    "slow loris": Fault.DRIP,
    "100 MB": Fault.FLOOD,
    "redirect to the cloud's own address": Answer(b"", 302, {"Location": "http://169.254.169.254/latest/meta-data/"}),
    "redirect to nowhere": Answer(b"", 307, {"Location": "http:169.254.169.254"}),
    "packed": Answer(b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
}


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def on(loop: str, work: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=LOOPS[loop]) as runner:
        runner.run(work)
    gc.collect()  # what was left open warns now, and a warning is an error


def telling(told: Told) -> Callable[[Seen], Told]:
    return lambda seen: TOKEN if "stable_token" in seen.path else told


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("told", UNCLEAR.values(), ids=UNCLEAR)
def test_without_a_clear_answer_the_outcome_is_unknown_and_nothing_is_asked_again(kind: Kind, told: Told, loop: str):
    async def send() -> None:
        async with serving(telling(told)) as server:
            channel = kind.open(server.url, Clock())
            [result] = await channel.send([kind.message(1)])
            await channel.close()
            assert result.reaction is Reaction.UNKNOWN
            assert len(kind.sends(server)) == 1
            assert server.flooded < 20_000_000

    on(loop, send())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_reset_before_the_request_is_read_may_have_come_after_it_too(loop: str):
    async def send() -> None:
        async with serving(lambda seen: KINDS[0].yes, early=Fault.RESET_EARLY) as server:
            channel = KINDS[0].open(server.url, Clock())
            [result] = await channel.send([KINDS[0].message(1)])
            await channel.close()
            assert result.reaction is Reaction.UNKNOWN
            assert server.connections == 1

    on(loop, send())


@pytest.mark.parametrize("loop", LOOPS)
def test_a_redirect_to_our_own_machine_is_not_followed(kind: Kind, loop: str):
    async def send() -> None:
        async with serving(lambda seen: kind.yes) as inner:
            redirect = Answer(b"", 307, {"Location": f"{inner.url}/secrets"})
            async with serving(telling(redirect)) as server:
                channel = kind.open(server.url, Clock())
                [result] = await channel.send([kind.message(1)])
                await channel.close()
            assert result.reaction is Reaction.UNKNOWN
            assert inner.connections == 0

    on(loop, send())


@pytest.mark.parametrize("loop", LOOPS)
def test_an_error_code_inside_a_200_is_a_refusal(kind: Kind, loop: str):
    async def send() -> None:
        async with serving(telling(kind.no)) as server:
            channel = kind.open(server.url, Clock())
            [result] = await channel.send([kind.message(1)])
            await channel.close()
            assert result.reaction in (Reaction.DEFER_RECIPIENT, Reaction.CONSENT_USED)
            assert len(kind.sends(server)) == 1

    on(loop, send())


def test_a_provider_that_is_not_there_took_nothing(kind: Kind):
    async def send() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            channel = kind.open(f"http://127.0.0.1:{probe.getsockname()[1]}", Clock())
            with pytest.raises(ChannelUnavailable):
                await channel.send([kind.message(1)])
            await channel.close()

    on("asyncio", send())


async def test_too_many_requests_slows_the_channel_down_and_counts_nothing(kind: Kind):
    async with serving(telling(Answer(b"", 429))) as server:
        channel = kind.open(server.url, Clock())
        results = await channel.send([kind.message(n) for n in range(60)])
        await channel.close()
        assert {result.reaction for result in results} == {Reaction.SLOW}
        assert {result.retry_after for result in results} == {None}
        assert len(kind.sends(server)) <= 20  # those at once; then it was known


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    "given",
    [
        {"Retry-After": "7"},
        {"Retry-After": "Mon, 23 Nov 2026 01:00:07 GMT"},
        {"Retry-After": "Mon, 23 Nov 2026 01:30:07 GMT", "Date": "Mon, 23 Nov 2026 01:30:00 GMT"},
    ],
    ids=["seconds", "date", "a date by its own clock"],
)
async def test_retry_after_is_kept_to_the_second(kind: Kind, status: int, given: dict[str, str]):
    clock, told = Clock(), [Answer(b"", status, given)]
    async with serving(
        lambda seen: TOKEN if "stable_token" in seen.path else (told.pop() if told else kind.yes)
    ) as server:
        channel = kind.open(server.url, clock)
        [first] = await channel.send([kind.message(1)])
        assert first.reaction is (Reaction.SLOW if status == 429 else Reaction.UNKNOWN)
        clock.now += timedelta(seconds=6)
        results = await channel.send([kind.message(2), kind.message(3)])
        assert [(one.reaction, one.retry_after) for one in results] == [(Reaction.SLOW, timedelta(seconds=1))] * 2
        assert len(kind.sends(server)) == 1
        clock.now += timedelta(seconds=1)
        assert all(one.accepted for one in await channel.send([kind.message(2), kind.message(3)]))
        await channel.close()
    if status == 429:
        assert first.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("given", ["soon", "", "-5", "7.5", "9" * 40, "Mon, 99 Nov 2026", "٧"])
async def test_an_odd_retry_after_breaks_nothing(kind: Kind, given: str):
    async with serving(telling(Answer(b"", 429, {"Retry-After": given.encode().decode("latin-1")}))) as server:
        channel = kind.open(server.url, Clock())
        [result] = await channel.send([kind.message(1)])
        await channel.close()
        assert result.reaction is Reaction.SLOW
        assert result.retry_after is None or result.retry_after <= timedelta(days=1)


async def test_a_resting_provider_is_not_asked_about_messages_either():
    sms = KINDS[0]
    async with serving(telling(answer({"Code": "ServiceUnavailable"}, 503, Retry_After="30"))) as server:
        channel = sms.open(server.url, Clock())
        [result] = await channel.send([sms.message(1)])
        assert await channel.look_up(sms.message(1)) is None
        await channel.close()
        assert result.reaction is Reaction.UNKNOWN
        assert len(server.seen) == 1


async def test_where_the_token_must_wait_no_message_is_tried():
    wechat = KINDS[1]
    async with serving(lambda seen: Answer(b"", 429, {"Retry-After": "7"})) as server:
        channel = wechat.open(server.url, Clock())
        for _ in range(2):
            results = await channel.send([wechat.message(1), wechat.message(2)])
            assert [one.retry_after for one in results] == [timedelta(seconds=7)] * 2
        await channel.close()
        assert len(server.seen) == 1


async def test_a_lost_template_message_is_not_repeated_at_once_where_wechat_wants_a_rest():
    wechat = KINDS[1]
    async with serving(telling(Answer(b"", 503, {"Retry-After": "7"}))) as server:
        channel = wechat.open(server.url, Clock())
        message = Outbound(1, "m1", "oABCDEFGHIJKLMNOPQRSTUVWXYZ1", MessageClass.SERVICE, TEMPLATE)
        [result] = await channel.send([message])
        await channel.close()
        assert result.reaction is Reaction.UNKNOWN
        assert len(wechat.sends(server)) == 1


@pytest.mark.parametrize(("position", "most"), [(0, 10), (1, 20)], ids=["sms", "wechat"])
async def test_so_many_at_once_over_kept_connections(position: int, most: int):
    kind = KINDS[position]
    async with serving(telling(kind.yes)) as server:
        server.patience = 0.05
        channel = kind.open(server.url, Clock())
        for _ in range(2):
            results = await channel.send([kind.message(n) for n in range(60)])
            assert all(result.accepted for result in results)
        await channel.close()
        assert server.most_at_once == most
        assert server.connections <= most
