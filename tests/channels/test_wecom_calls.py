"""WeCom outwards: one token for all, one repeat where it is refused, and what each answer means."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
from starlette.responses import HTMLResponse

from bot.channels.base import Channel
from bot.channels.wechat_token import MemoryTokenStore
from bot.channels.wecom import WecomChannel
from bot.channels.wecom_api import Answer, WecomApi, WecomSettings, result_of
from bot.channels.wecom_codes import read_errcode, read_fail_type
from bot.channels.wecom_staff import Fate, create_task, cut, look_at_task, notify, was_confirmed
from campaigns.errors import ConfigError
from campaigns.terms import MessageClass, Outbound, Reaction, SendResult, SmsWords, WecomWords
from tests.channels.wecom_server import AES_KEY, CUSTOMER, DESK, OTHER, WecomServer, said, wecom_server

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
PAGE = "https://hf.example.com/members/Q1"


def clock() -> datetime:
    return NOW


@pytest.fixture
async def server() -> AsyncIterator[WecomServer]:
    async with wecom_server() as made:
        yield made


@asynccontextmanager
async def api_to(server: WecomServer, store: MemoryTokenStore | None = None) -> AsyncIterator[WecomApi]:
    api = WecomApi(server.settings(), clock, store)
    try:
        yield api
    finally:
        await api.close()


@asynccontextmanager
async def channel_to(server: WecomServer, desk: str = DESK) -> AsyncIterator[WecomChannel]:
    async def desk_of(customer: str) -> str:
        return desk

    channel = WecomChannel(server.settings(), clock, desk_of)
    try:
        yield channel
    finally:
        await channel.close()


async def tell(api: WecomApi, userid: str = "ChengXue") -> SendResult:
    return await notify(api, 1, userid, "客户回复了：大同机械有限公司", "要回电，17:30 前", PAGE)


def answer(number: int = 1, words: object = WecomWords("您好，马上为您处理")) -> Outbound:
    return Outbound(number, f"m{number}abcdef", CUSTOMER, MessageClass.ANSWER, words)  # type: ignore[arg-type]


# ---- tokens -------------------------------------------------------------------------------------------------------


async def test_fifty_calls_at_once_with_no_token_cost_one_fetch(server: WecomServer) -> None:
    store = MemoryTokenStore()
    async with api_to(server, store) as one, api_to(server, store) as other:
        results = await asyncio.gather(*(tell(api) for api in (one, other) for _ in range(25)))
    assert all(result.accepted for result in results)
    assert server.fetches == 1


async def test_a_token_in_its_last_second_is_a_token(server: WecomServer) -> None:
    server.lasts = 0
    async with api_to(server) as api:
        assert (await tell(api)).accepted


async def test_a_token_that_was_refused_is_renewed_and_the_call_made_once_more(server: WecomServer) -> None:
    async with api_to(server) as api:
        assert (await tell(api)).accepted
        server.forget()
        assert (await tell(api)).accepted
    assert (server.fetches, len(server.calls)) == (2, 3)


@pytest.mark.parametrize("code", [40014, 42001, 42009])
async def test_a_token_that_is_always_refused_costs_one_renewal_and_one_repeat_and_stops_the_channel(
    server: WecomServer, code: int
) -> None:
    server.always_refuse = code
    async with api_to(server) as api:
        first = await tell(api)
        calls, fetches = len(server.calls), server.fetches
        more = await asyncio.gather(*(tell(api) for _ in range(20)))
    assert {first.reaction, *(one.reaction for one in more)} == {Reaction.PAUSE_CHANNEL}
    assert (calls, fetches) == (2, 2)
    assert (len(server.calls), server.fetches) == (2, 2)


async def test_of_many_calls_whose_token_is_refused_at_once_one_repeats_and_all_know(server: WecomServer) -> None:
    server.always_refuse = 42001
    async with api_to(server) as api:
        results = await asyncio.gather(*(tell(api) for _ in range(10)))
    assert {one.reaction for one in results} == {Reaction.PAUSE_CHANNEL}
    assert (len(server.calls), server.fetches) == (11, 2)


async def test_a_wrong_secret_pauses_the_channel_and_is_not_tried_again_at_once(server: WecomServer) -> None:
    server.secret = "another"
    async with api_to(server) as api:
        results = [await tell(api) for _ in range(3)]
    assert {(one.reaction, one.code) for one in results} == {(Reaction.PAUSE_CHANNEL, "40001")}
    assert (server.fetches, server.calls) == (1, [])


async def test_a_server_that_is_not_there_is_a_try_later_and_nothing_left_us() -> None:
    api = WecomApi(WecomServer().settings(base_url="http://127.0.0.1:9"), clock)
    result = await tell(api)
    await api.close()
    assert result.reaction is Reaction.SLOW


def test_settings_that_cannot_work_are_named() -> None:
    for name, changes in {
        "WECOM_BASE_URL": {"base_url": "http://qyapi.example.com"},
        "WECOM_AGENTID": {"agentid": 0},
        "WECOM_CORPID": {"corpid": ""},
    }.items():
        with pytest.raises(ConfigError, match=name):
            WecomApi(WecomServer().settings(**{"base_url": "https://qyapi.example.com", **changes}), clock)


def test_no_secret_is_shown() -> None:
    shown = repr(WecomSettings("ww1", "SECRET", 1, "TOKEN", AES_KEY))
    assert not [one for one in ("SECRET", "TOKEN", AES_KEY) if one in shown]


# ---- answers of every kind --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "reaction"),
    [
        (-1, Reaction.RETRY), (6000, Reaction.RETRY),
        (40014, Reaction.REFRESH), (42001, Reaction.REFRESH), (42009, Reaction.REFRESH),
        (40001, Reaction.PAUSE_CHANNEL), (40091, Reaction.PAUSE_CHANNEL), (40013, Reaction.PAUSE_CHANNEL),
        (40056, Reaction.PAUSE_CHANNEL), (41001, Reaction.PAUSE_CHANNEL), (41004, Reaction.PAUSE_CHANNEL),
        (40003, Reaction.SUPPRESS), (40031, Reaction.SUPPRESS), (40032, Reaction.SUPPRESS), (60111, Reaction.SUPPRESS),
        (41048, Reaction.DROP),
        (45009, Reaction.SLOW), (45033, Reaction.SLOW),
        (48002, Reaction.PAUSE_CHANNEL), (60011, Reaction.PAUSE_CHANNEL), (301002, Reaction.PAUSE_CHANNEL),
        (60020, Reaction.PAUSE_CHANNEL),
        (81013, Reaction.SUPPRESS), (84061, Reaction.SUPPRESS),
        (95000, Reaction.DROP), (95001, Reaction.DROP), (95017, Reaction.DROP), (95007, Reaction.DROP),
        (95013, Reaction.CONSENT_USED), (95018, Reaction.CONSENT_USED),
        (40058, Reaction.DROP), (47001, Reaction.DROP), (44004, Reaction.DROP),
    ],
)  # fmt: skip
def test_every_errcode_of_the_table_has_its_reaction(code: int, reaction: Reaction) -> None:
    meaning = read_errcode(code)
    assert meaning is not None
    assert meaning.reaction is reaction


def test_an_errcode_of_no_table_drops_the_message_alone() -> None:
    assert read_errcode(99999) is None


@pytest.mark.parametrize(
    ("fail_type", "reaction"),
    [(4, Reaction.CONSENT_USED), (5, Reaction.CONSENT_USED), (6, Reaction.CONSENT_USED), (10, Reaction.SUPPRESS)],
)
def test_a_failed_answer_means_what_its_fail_type_says(fail_type: int, reaction: Reaction) -> None:
    assert read_fail_type(fail_type) is reaction


async def test_what_is_no_answer_of_wecoms_is_unknown(server: WecomServer) -> None:
    server.plays["message/send"] = lambda body: HTMLResponse("<h1>502</h1>", status_code=502)
    async with api_to(server) as api:
        assert (await tell(api)).reaction is Reaction.UNKNOWN
    server.plays["message/send"] = lambda body: HTMLResponse("[]")
    async with api_to(server) as api:
        assert (await tell(api)).reaction is Reaction.UNKNOWN


async def test_an_errmsg_never_carries_a_customer_into_our_books(server: WecomServer) -> None:
    server.plays["message/send"] = lambda body: said(40003, f"invalid userid {CUSTOMER}, hint: [1]")
    async with api_to(server) as api:
        assert (await tell(api)).detail == "invalid userid …"


async def test_the_ip_that_staff_must_enter_is_kept(server: WecomServer) -> None:
    server.plays["message/send"] = lambda body: said(60020, "not allow to access from your ip, hint: [1], 192.0.2.7")
    async with api_to(server) as api:
        assert "192.0.2.7" in (await tell(api)).detail


# ---- to our own people --------------------------------------------------------------------------------------------


async def test_a_person_who_is_not_in_the_app_is_named_though_the_errcode_is_0(server: WecomServer) -> None:
    server.plays["message/send"] = lambda body: said(0, invaliduser="somebody|chengxue", msgid="M1")
    async with api_to(server) as api:
        result = await tell(api)
        assert (result.reaction, result.code) == (Reaction.SUPPRESS, "invaliduser")
    server.plays["message/send"] = lambda body: said(0, invaliduser="somebody", msgid="M1")
    async with api_to(server) as api:
        assert (await tell(api)).accepted


async def test_a_card_that_is_too_long_is_cut_to_its_bytes(server: WecomServer) -> None:
    async with api_to(server) as api:
        assert (await notify(api, 1, "a", "长" * 200, "述" * 500, PAGE)).accepted
    card = server.to("message/send")[0]["textcard"]
    assert len(card["title"].encode()) <= 128
    assert card["title"].endswith("…")


def test_cutting_never_leaves_half_a_character() -> None:
    assert [cut("长文字", most) for most in (9, 8, 7, 6)] == ["长文字", "长…", "长…", "长…"]


async def test_a_mass_message_is_a_task_of_its_sender_for_exactly_these_customers(server: WecomServer) -> None:
    async with api_to(server) as api:
        created = await create_task(api, 7, "ChengXue", [CUSTOMER, OTHER], "您好", PAGE, "去看看")
    (body,) = server.to("externalcontact/add_msg_template")
    assert created.result.provider_id.startswith("msg")
    assert (body["sender"], body["external_userid"]) == ("ChengXue", [CUSTOMER, OTHER])
    assert body["attachments"] == [{"msgtype": "link", "link": {"title": "去看看", "url": PAGE}}]


async def test_customers_that_wecom_leaves_out_of_a_task_are_named(server: WecomServer) -> None:
    server.plays["externalcontact/add_msg_template"] = lambda body: said(0, fail_list=[OTHER], msgid="m")
    async with api_to(server) as api:
        assert (await create_task(api, 7, "a", [CUSTOMER, OTHER], "您好")).refused == {OTHER}


async def test_the_copies_of_a_task_are_read_page_by_page(server: WecomServer) -> None:
    pages = {
        "": {"next_cursor": "c1", "send_list": [{"external_userid": CUSTOMER, "status": 1}]},
        "c1": {"next_cursor": "", "send_list": [{"external_userid": OTHER, "status": 3}, {"status": 9}, "rubbish"]},
    }
    server.plays["externalcontact/get_groupmsg_send_result"] = lambda body: {
        "errcode": 0,
        **pages[body.get("cursor", "")],
    }
    async with api_to(server) as api:
        looked = await look_at_task(api, "m", "ChengXue")
    assert [(one.customer, one.fate) for one in looked.copies] == [
        (CUSTOMER, Fate.SENT),
        (OTHER, Fate.OTHER_CAME_FIRST),
    ]


async def test_a_task_is_confirmed_by_its_own_sender_alone(server: WecomServer) -> None:
    tasks = [{"userid": "ShiLei", "status": 2}, {"userid": "ChengXue", "status": 0}]
    server.plays["externalcontact/get_groupmsg_task"] = lambda body: said(0, task_list=tasks)
    async with api_to(server) as api:
        assert await was_confirmed(api, "m", "ChengXue") is False
        assert await was_confirmed(api, "m", "ShiLei") is True


# ---- answers to customers -----------------------------------------------------------------------------------------


async def test_an_answer_goes_out_under_our_own_name_by_the_desk_the_customer_wrote_to(server: WecomServer) -> None:
    async with channel_to(server) as channel:
        typed: Channel = channel
        (result,) = await typed.send([answer()])
    assert (result.accepted, result.provider_id) == (True, "m1abcdef")
    assert server.to("kf/send_msg") == [
        {
            "touser": CUSTOMER,
            "open_kfid": DESK,
            "msgid": "m1abcdef",
            "msgtype": "text",
            "text": {"content": "您好，马上为您处理"},
        }
    ]


async def test_what_cannot_be_sent_does_not_leave(server: WecomServer) -> None:
    async with channel_to(server, desk="") as channel:
        (no_desk,) = await channel.send([answer()])
    async with channel_to(server) as channel:
        results = await channel.send([
            answer(words=WecomWords(" ")), answer(words=WecomWords("字" * 700)),
            answer(words=SmsWords("T", "S", {}, "x")),
            Outbound(2, "k" * 33, CUSTOMER, MessageClass.ANSWER, WecomWords("a")),
        ])  # fmt: skip
    assert no_desk.reaction is Reaction.CONSENT_USED
    assert {one.reaction for one in results} == {Reaction.DROP}
    assert server.calls == []


async def test_a_customer_wecom_does_not_know_yet_is_tried_once_more_half_a_minute_later(server: WecomServer) -> None:
    server.plays["kf/send_msg"] = lambda body: said(84061, "not an external contact")
    async with channel_to(server) as channel:
        results = [(await channel.send([answer()]))[0] for _ in range(2)]
    assert [one.reaction for one in results] == [Reaction.RETRY, Reaction.SUPPRESS]
    assert results[0].retry_after == timedelta(seconds=30)


async def test_after_an_answer_that_stops_the_channel_the_rest_is_not_tried(server: WecomServer) -> None:
    server.plays["kf/send_msg"] = lambda body: said(60020, "ip")
    async with channel_to(server) as channel:
        results = await channel.send([answer(number) for number in range(1, 41)])
    assert {one.reaction for one in results} == {Reaction.PAUSE_CHANNEL}
    assert len(server.calls) <= 20


def test_a_result_keeps_no_more_of_an_id_than_the_ledger_has_room_for() -> None:
    assert len(result_of(1, Answer(0), provider_id="x" * 200).provider_id) == 64
    assert timedelta(minutes=1) == result_of(1, Answer(45009)).retry_after
