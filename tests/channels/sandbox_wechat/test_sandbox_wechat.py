"""The WeChat stand-in: every refusal it must give, its windows, credits and tokens, and its callbacks, read by
wechatpy, which shares no line with it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import WeChatClientException
from wechatpy.replies import TextReply
from wechatpy.utils import check_signature

from bot.sandbox.stage import Stage
from bot.sandbox.wechat import WechatSandbox
from bot.sandbox.wechat_bodies import to_xml
from bot.sandbox.wechat_callbacks import Quirks
from bot.sandbox.wechat_customers import MessageNotTaken, WechatCustomer
from bot.sandbox.wechat_push import aes_key, decrypt, encrypt, sign
from campaigns.errors import InputError
from campaigns.terms import ChannelName
from tests.sandbox_wechat_cast import (
    ANNA,
    APPID,
    BANNED,
    BERT,
    DRAFT,
    HOUR,
    INTERVIEW,
    KEY,
    MINUTE,
    SECOND,
    SECRET,
    START,
    SUB,
    TOKEN,
    UNREAD,
    VALUES,
    Hand,
    OurDoor,
    Peer,
    Wechatpy,
    make,
    rows,
)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:wechatpy")

# --- the crypto, by the published vectors


def test_encrypting_gives_the_official_java_samples_bytes() -> None:
    encrypted = encrypt(aes_key(KEY), "wxb11529c136998cb6", "我是中文abcd123", b"aaaabbbbccccdddd")
    assert encrypted == ("jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==")
    assert sign("pamtest", "1409304348", "xxxxxx", encrypted) == "82c962d39941aa48552f90ef55aa323dc620cc10"


def test_decrypting_reads_the_official_python_sample() -> None:
    encrypted = (
        "hyzAe4OzmOMbd6TvGdIOO6uBmdJoD0Fk53REIHvxYtJlE2B655HuD0m8KUePWB3+LrPXo87wzQ1QLvbeUgmBM4x6F8PGHQHFVAFmOD2L"
        "dJF9FrXpbUAh0B5GIItb52sn896wVsMSHGuPE328HnRGBcrS7C41IzDWyWNlZkyyXwon8T332jisa+h6tEDYsVticbSnyU8dKOIbgU6u"
        "x5VTjg3yt+WGzjlpKn6NPhRjpA912xMezR4kw6KWwMrCVKSVCZciVGCgavjIQ6X8tCOp3yZbGpy0VxpAe+77TszTfRd5RJSVO/HTnifJ"
        "pXgCSUdUue1v6h0EIBYYI1BD1DlD+C0CR8e6OewpusjZ4uBl9FyJvnhvQl+q5rv1ixrcpCumEPo5MJSgM9ehVsNPfUM669WuMyVWQLCz"
        "pu9GhglF2PE="
    )
    assert sign("spamtest", "1409735669", "1320562132", encrypted) == "5d197aaffba7e9b25a30732f161a50dee96bd5fa"
    message, appid = decrypt(aes_key(KEY), encrypted)
    assert appid == "wx2c2769f8efd9abc2"
    assert "<Content><![CDATA[abcdteT]]></Content>" in message
    assert "6054768590064713728" in message


def test_plain_signatures_are_those_of_the_samples() -> None:
    assert sign(TOKEN, "1409735669", "1320562132") == "feb9b06215758c8a7ff7441ba32829535d19f40b"
    assert sign("AAAAA", "1714037059", "486452656") == "899cf89e464efb63f54ddac96b0a0a235f53aa78"


def test_a_message_is_written_signed_and_encrypted_byte_for_byte() -> None:
    xml = to_xml(
        {
            "ToUserName": "gh_test",
            "FromUserName": ANNA,
            "CreateTime": 1767323045,
            "MsgType": "text",
            "Content": "退订",
            "MsgId": 23456789012345678,
        }
    )
    encrypted = encrypt(aes_key(KEY), APPID, xml, b"0123456789abcdef")
    assert sign(TOKEN, "1767323045", "nonce123", encrypted) == "f0210d2ce511a419a0991708ed87ff4496a11b2d"
    assert encrypted == (
        "Q3stYC6hdFzMh9T8HCvyDJd3XGghJQYcUf1O/1QxqEwnZmwboEez5qKF8tKzOUd2J2NtQswVymns64t9gAQ1dYBLc+HElSunj+oE"
        "2Sn9p3Huv51qwrIVSTC/hGAbGBcdnj3XcX4qKVwUE4BMpzfJfRs01MggDrG/iny31Ku2pSC1nUHukmwcpO9aoWtuvYxQ607X8Qqx"
        "oV7eQYf9octOMzH8yuuBynbndLIZapEUXJG+1BSroECzDarD6ysMESsVZdC5RECcOoIIpkonC5XtvmH/TX3pRcS9xJOzEzMRXW3U"
        "yVIBxZme1/YtLCQ8mYUdROcbCUz6y72P3I+pnLLNCIk9v3fM9qCkvx57wSdabA3RHzLxzu5rwbsyvjn9AqHkA104xmwMKDT+5Tek"
        "kZO/K+TrJTmJt/iNBEaoViGv3Ew="
    )


@pytest.mark.parametrize("broken", ["", "!!!!", "AAAA", "A" * 64])
def test_what_nobody_encrypted_is_refused(broken: str) -> None:
    with pytest.raises(ValueError, match=r"base64|padding|length|multiple|final"):
        decrypt(aes_key(KEY), broken)


@pytest.mark.parametrize("key", ["", KEY[1:], f"{KEY}A", "-" * 43])
async def test_an_encoding_key_that_is_none_is_refused_at_once(stage: Stage, key: str) -> None:
    with pytest.raises(InputError, match="43 letters"):
        make(stage, encoding_aes_key=key)
    make(stage, encoding_aes_key=key, mode="plain")


# --- tokens


async def test_the_stable_token_stays_the_same_until_its_last_five_minutes(hand: Hand, peer: Peer) -> None:
    first = await peer.stable()
    assert first["expires_in"] == 7200
    assert len(first["access_token"]) == 512

    hand.skip(115 * MINUTE)
    assert await peer.stable() == {"access_token": first["access_token"], "expires_in": 300}

    hand.skip(SECOND)
    second = await peer.stable()
    assert second["access_token"] != first["access_token"]
    assert second["expires_in"] == 7200
    assert await peer.verdict_on(first["access_token"]) == 0

    hand.skip(5 * MINUTE)
    assert await peer.verdict_on(first["access_token"]) == 42001
    assert await peer.verdict_on(second["access_token"]) == 0


async def test_a_plain_token_dies_five_minutes_after_the_next_one_was_given(hand: Hand, peer: Peer) -> None:
    first, second = (await peer.plain())["access_token"], (await peer.plain())["access_token"]
    assert first != second
    hand.skip(5 * MINUTE - SECOND)
    assert [await peer.verdict_on(token) for token in (first, second)] == [0, 0]
    hand.skip(SECOND)
    assert [await peer.verdict_on(token) for token in (first, second)] == [40001, 0]


async def test_the_two_families_of_tokens_do_not_end_each_other(hand: Hand, peer: Peer) -> None:
    stable, plain = (await peer.stable())["access_token"], (await peer.plain())["access_token"]
    await peer.stable(force_refresh=True)
    hand.skip(10 * MINUTE)
    assert [await peer.verdict_on(token) for token in (stable, plain)] == [40001, 0]
    later = (await peer.stable())["access_token"]
    await peer.plain()
    hand.skip(10 * MINUTE)
    assert await peer.verdict_on(later) == 0


async def test_forcing_a_new_stable_token_ends_the_old_one_and_is_limited(hand: Hand, peer: Peer) -> None:
    first = (await peer.stable())["access_token"]
    forced = (await peer.stable(force_refresh=True))["access_token"]
    assert [await peer.verdict_on(token) for token in (first, forced)] == [40001, 0]

    hand.skip(29 * SECOND)
    assert (await peer.stable(force_refresh=True))["errcode"] == 45011
    assert (await peer.stable())["access_token"] == forced
    for _ in range(19):
        hand.skip(30 * SECOND)
        assert "access_token" in await peer.stable(force_refresh=True)
    hand.skip(30 * SECOND)
    assert (await peer.stable(force_refresh=True))["errcode"] == 45009
    hand.skip(24 * HOUR)
    assert "access_token" in await peer.stable(force_refresh=True)


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"secret": SECRET[::-1]}, 40001),
        ({"secret": "short"}, 40125),
        ({"appid": "wxffffffffffffffff"}, 40013),
        ({"appid": ""}, 41002),
        ({"secret": ""}, 41004),
        ({"grant_type": "password"}, 40002),
    ],
)
async def test_wrong_credentials_get_no_token(peer: Peer, changes: dict[str, str], errcode: int) -> None:
    assert (await peer.plain(**changes))["errcode"] == errcode
    assert (await peer.stable(**changes))["errcode"] == errcode


@pytest.mark.parametrize(
    ("method", "api", "body", "errcode"),
    [
        ("GET", "stable_token", b"", 43002),
        ("POST", "token", b"{}", 43001),
        ("POST", "stable_token", b"", 44002),
        ("POST", "stable_token", b"grant_type=client_credential", 47001),
        ("GET", "message/custom/send", b"", 43002),
        ("GET", "message/template/send", b"", 43002),
        ("GET", "message/subscribe/bizsend", b"", 43002),
        ("GET", "qrcode/create", b"", 43002),
        ("POST", "message/mass/nowhere", b"{}", 40066),
    ],
)
async def test_the_wrong_way_to_call_is_named(peer: Peer, method: str, api: str, body: bytes, errcode: int) -> None:
    answer = await peer.http.request(method, f"/cgi-bin/{api}", content=body)
    assert answer.json()["errcode"] == errcode


async def test_a_caller_that_is_not_on_the_list_is_told_its_address(peer: Peer, sandbox: WechatSandbox) -> None:
    sandbox.gate.ip_allow_list = ["10.0.0.1"]
    for answer in (await peer.stable(), await peer.plain()):
        assert answer["errcode"] == 40164
        assert "127.0.0.1" in answer["errmsg"]
    sandbox.gate.ip_allow_list = ["127.0.0.1"]
    assert "access_token" in await peer.stable()


@pytest.mark.parametrize(("token", "errcode"), [("", 41001), ("abc", 40014), (f"10_{'A' * 509}", 40001)])
async def test_a_token_that_was_never_given_out_opens_nothing(peer: Peer, token: str, errcode: int) -> None:
    answer = await peer.post("message/custom/send", {}, access_token=token)
    assert answer["errcode"] == errcode


# --- customer-service messages


async def test_a_message_opens_the_window_for_five_in_48_hours(
    hand: Hand, peer: Peer, sandbox: WechatSandbox, stage: Stage
) -> None:
    assert await peer.custom() == 45015
    await sandbox.write(ANNA, "在吗")
    assert [await peer.custom() for _ in range(6)] == [0, 0, 0, 0, 0, 45047]

    await sandbox.write(ANNA, "还在吗")
    hand.skip(48 * HOUR - SECOND)
    assert await peer.custom() == 0
    hand.skip(SECOND)
    assert await peer.custom() == 45015
    assert len(rows(stage)) == 6


@pytest.mark.parametrize(
    "act",
    [
        lambda sandbox: sandbox.click_menu(ANNA, "UNREAD"),
        lambda sandbox: sandbox.follow(ANNA),
        lambda sandbox: sandbox.tap(ANNA, "1", "已看"),
    ],
)
async def test_a_touch_opens_the_window_for_three_in_a_minute(
    act: Callable[[WechatSandbox], Any], hand: Hand, peer: Peer, sandbox: WechatSandbox
) -> None:
    await act(sandbox)
    assert [await peer.custom() for _ in range(4)] == [0, 0, 0, 45047]
    await act(sandbox)
    hand.skip(59 * SECOND)
    assert await peer.custom() == 0
    hand.skip(SECOND)
    assert await peer.custom() == 45015


async def test_counts_do_not_add_up_and_a_tap_takes_the_place_of_the_long_window(
    hand: Hand, peer: Peer, sandbox: WechatSandbox
) -> None:
    await sandbox.write(ANNA, "一")
    await sandbox.write(ANNA, "二")
    assert [await peer.custom() for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    await sandbox.write(ANNA, "三")
    await sandbox.tap(ANNA, "1", "已看")
    hand.skip(2 * MINUTE)
    assert await peer.custom() == 45015


async def test_each_follower_has_a_window_of_its_own(peer: Peer, sandbox: WechatSandbox) -> None:
    await sandbox.write(ANNA, "在吗")
    assert [await peer.custom(ANNA), await peer.custom(BERT)] == [0, 45015]


async def test_who_may_not_be_written_to_is_named(peer: Peer, sandbox: WechatSandbox, stage: Stage) -> None:
    sandbox.acquaint("oNEVERFOLLOWED00000000000001")
    sandbox.put_on_blacklist(BERT)
    stage.unknown.add("oNOBODY000000000000000000001")
    sandbox.open_window(ANNA)
    await sandbox.unsubscribe(ANNA)
    people = [
        "oNEVERFOLLOWED00000000000001",
        BERT,
        "oNOBODY000000000000000000001",
        ANNA,
        "x",
        "oTOOLONG00000000000000000000001",
    ]
    assert [await peer.custom(to) for to in people] == [43004, 43019, 40003, 45015, 40003, 40003]
    assert rows(stage) == []


async def test_without_adoption_a_strangers_openid_is_nobodys(stage: Stage) -> None:
    sandbox = make(stage, adopt=False)
    sandbox.ensure_followers([BERT])
    peer = Peer(sandbox)
    strange = "oSTRANGER0000000000000000001"
    assert [(await peer.template(to))["errcode"] for to in (BERT, strange)] == [0, 40003]


TEXT = {"touser": ANNA, "msgtype": "text"}


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        (b"", 44002),
        (b"touser=1", 47001),
        (b"[]", 47001),
        ('{"touser": "退'.encode("gb18030"), 47001),
        (b"[" * 5000, 47001),
        ({"msgtype": "text", "text": {"content": "a"}}, 40003),
        ({"touser": [ANNA], "msgtype": "text", "text": {"content": "a"}}, 40003),
        ({"touser": ANNA, "text": {"content": "a"}}, 40008),
        ({"touser": ANNA, "msgtype": ["text"], "text": {"content": "a"}}, 40008),
        ({"touser": ANNA, "msgtype": "telegram", "telegram": {}}, 40008),
        ({"touser": ANNA, "msgtype": "image", "image": {"media_id": "1"}}, 40007),
        (TEXT, 44004),
        (TEXT | {"text": {"content": ""}}, 44004),
        (TEXT | {"text": "您好"}, 47001),
        (TEXT | {"text": {"content": 5}}, 47001),
        (TEXT | {"text": {"content": "退" * 683}}, 45002),
        (TEXT | {"text": {"content": "a"}, "clientmsgid": "1"}, 47003),
        (TEXT | {"text": {"content": "a"}, "customservice": {"kf_account": "nobody"}}, 61452),
        ({"touser": ANNA, "msgtype": "news", "news": {"articles": []}}, 44004),
        ({"touser": ANNA, "msgtype": "news", "news": {"articles": [{"title": "a", "url": "b"}] * 2}}, 45008),
        ({"touser": ANNA, "msgtype": "news", "news": {"articles": [{"title": "a"}]}}, 44004),
        ({"touser": ANNA, "msgtype": "msgmenu", "msgmenu": {"head_content": "a", "list": []}}, 44004),
        ({"touser": ANNA, "msgtype": "msgmenu", "msgmenu": {"list": [{"id": "1"}]}}, 44004),
    ],
)
async def test_a_wrong_customer_service_message_is_refused(
    peer: Peer, sandbox: WechatSandbox, stage: Stage, body: object, errcode: int
) -> None:
    sandbox.open_window(ANNA)
    assert (await peer.post("message/custom/send", body))["errcode"] == errcode
    assert rows(stage) == []
    assert [await peer.custom() for _ in range(6)] == [0, 0, 0, 0, 0, 45047]


async def test_the_ledger_holds_what_the_follower_reads(peer: Peer, sandbox: WechatSandbox, stage: Stage) -> None:
    sandbox.open_window(ANNA)
    link = '您有5份简历，<a href="http://127.0.0.1/x?a=1">直接去看</a>。<script>1</script>{{ 7*7 }}'
    menu = {"head_content": "看了吗？", "list": [{"id": "1", "content": "已看"}, {"id": 2, "content": "稍后"}]}
    article = {"title": "招聘", "description": "三分钟", "url": "http://a.example", "picurl": None}
    bodies = [
        {"msgtype": "text", "text": {"content": link}, "customservice": {"kf_account": "kf1@huifang"}},
        {"msgtype": "msgmenu", "msgmenu": menu | {"tail_content": ""}},
        {"msgtype": "news", "news": {"articles": [article]}},
        {"msgtype": "text", "text": {"content": "退" * 682}},
    ]
    for body in bodies:
        assert await peer.post("message/custom/send", {"touser": ANNA} | body) == {"errcode": 0, "errmsg": "ok"}
    found = rows(stage)
    assert [row.words["text"] for row in found] == [
        "您有5份简历，直接去看。<script>1</script>{{ 7*7 }}",
        "看了吗？\n已看\n稍后",
        "招聘\n三分钟",
        "退" * 682,
    ]
    assert found[0].words["links"] == [{"text": "直接去看", "url": "http://127.0.0.1/x?a=1"}]
    assert found[0].words["content"] == link
    assert found[1].words["menu"] == [{"id": "1", "content": "已看"}, {"id": "2", "content": "稍后"}]
    assert {(row.to, row.key, row.at, row.words["kind"]) for row in found} == {(ANNA, "", START, "custom")}
    assert len({row.provider_id for row in found}) == 4


async def test_escaped_chinese_is_shown_as_escapes(peer: Peer, sandbox: WechatSandbox, stage: Stage) -> None:
    sandbox.open_window(ANNA)
    raw = rb'{"touser":"%b","msgtype":"text","text":{"content":"\u60a8\u597d\n\"C:\\u\""}}' % ANNA.encode()
    assert (await peer.post("message/custom/send", raw))["errcode"] == 0
    assert rows(stage)[0].words["text"] == '\\u60a8\\u597d\n"C:\\u"'


# --- template messages


async def test_a_template_message_reaches_a_follower_without_a_window(
    hand: Hand, peer: Peer, stage: Stage, door: OurDoor
) -> None:
    answer = await peer.template(BERT, url="http://127.0.0.1/x", client_msg_id="m-1")
    assert answer["errcode"] == 0
    assert 2**53 < answer["msgid"] < 2**63
    (row,) = rows(stage)
    assert (row.to, row.key, row.provider_id) == (BERT, "m-1", str(answer["msgid"]))
    assert row.words == {
        "kind": "template",
        "text": "企业：大同机械\n未读：5份",
        "template_id": UNREAD,
        "data": {"thing1": "大同机械", "number2": "5"},
        "url": "http://127.0.0.1/x",
    }

    assert await stage.timetable.run_due() == 0
    hand.skip(MINUTE)
    assert await stage.timetable.run_due() == 1
    event = door.read()
    assert (event.event, event.id, event.status) == ("templatesendjobfinish", answer["msgid"], "success")
    assert event.source == BERT
    assert "MsgId" not in event._data


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"template_id": ""}, 40036),
        ({"template_id": 5}, 40036),
        ({"template_id": "TM_NOWHERE"}, 40037),
        ({"template_id": SUB}, 40037),
        ({"template_id": DRAFT}, 40037),
        ({"template_id": BANNED}, 43116),
        ({"touser": "nobody"}, 40003),
    ],
)
async def test_a_template_that_may_not_be_used_is_refused(
    peer: Peer, stage: Stage, changes: dict[str, object], errcode: int
) -> None:
    assert (await peer.template(**changes))["errcode"] == errcode
    assert rows(stage) == []


def value(name: str, text: object) -> dict[str, object]:
    return {name: {"value": text}}


FINE = {
    "short_thing1": {"value": "面试"},
    "character_string2": {"value": "QY-100017"},
    "time3": {"value": "2026年11月23日 09:30"},
    "date4": {"value": "2026-11-23"},
    "amount5": {"value": "￥8000.00"},
    "phone_number6": {"value": "0352-5551234"},
    "const7": {"value": "已通过"},
}


@pytest.mark.parametrize(
    ("template_id", "data", "named"),
    [
        (UNREAD, None, "data"),
        (UNREAD, "thing1", "data"),
        (UNREAD, value("thing1", "大同"), "number2"),
        (UNREAD, VALUES | value("thing9", "多"), "thing9"),
        (UNREAD, VALUES | {"thing1": "大同"}, "thing1"),
        (UNREAD, VALUES | value("number2", 5), "number2"),
        (UNREAD, VALUES | value("number2", "五"), "number2"),
        (UNREAD, VALUES | value("number2", "5份"), "number2"),
        (UNREAD, VALUES | value("thing1", ""), "thing1"),
        (UNREAD, VALUES | value("thing1", "大" * 21), "thing1"),
        (INTERVIEW, FINE | value("short_thing1", "六个字的内容"), "short_thing1"),
        (INTERVIEW, FINE | value("character_string2", "编号"), "character_string2"),
        (INTERVIEW, FINE | value("character_string2", "A" * 33), "character_string2"),
        (INTERVIEW, FINE | value("time3", "上午"), "time3"),
        (INTERVIEW, FINE | value("date4", "明天"), "date4"),
        (INTERVIEW, FINE | value("amount5", "面议"), "amount5"),
        (INTERVIEW, FINE | value("phone_number6", "1" * 18), "phone_number6"),
        (INTERVIEW, FINE | value("const7", "大概"), "const7"),
    ],
)
async def test_a_wrong_field_is_named(peer: Peer, stage: Stage, template_id: str, data: object, named: str) -> None:
    answer = await peer.template(template_id=template_id, data=data)
    assert answer["errcode"] == 47003
    assert named in answer["errmsg"]
    assert rows(stage) == []


async def test_values_at_their_limits_go_through(peer: Peer) -> None:
    longest = {"thing1": {"value": "大" * 20, "color": "#173177"}, "number2": {"value": "1" * 32}}
    assert (await peer.template(data=longest))["errcode"] == 0
    assert (await peer.template(template_id=INTERVIEW, data=FINE))["errcode"] == 0


@pytest.mark.parametrize(
    "changes",
    [{"url": 5}, {"client_msg_id": 5}, {"clientmsgid": "m-1"}, {"miniprogram": {"appid": "wx1"}}, {"miniprogram": "a"}],
)
async def test_a_wrong_argument_is_refused(peer: Peer, changes: dict[str, object]) -> None:
    assert (await peer.template(**changes))["errcode"] == 47003


async def test_the_same_client_msg_id_is_sent_once_in_ten_minutes(hand: Hand, peer: Peer, stage: Stage) -> None:
    first = await peer.template(client_msg_id="m-1")
    hand.skip(10 * MINUTE - SECOND)
    assert await peer.template(client_msg_id="m-1") == first
    assert (await peer.template(BERT, client_msg_id="m-1"))["msgid"] != first["msgid"]
    assert (await peer.template(client_msg_id="m-2"))["msgid"] != first["msgid"]
    assert len(rows(stage)) == 3
    hand.skip(SECOND)
    assert (await peer.template(client_msg_id="m-1"))["msgid"] != first["msgid"]
    assert len(rows(stage)) == 4


async def test_template_messages_go_to_followers_only(peer: Peer, sandbox: WechatSandbox) -> None:
    await sandbox.unsubscribe(ANNA)
    sandbox.put_on_blacklist(BERT)
    assert [(await peer.template(to))["errcode"] for to in (ANNA, BERT)] == [43004, 43019]
    await sandbox.follow(ANNA)
    assert (await peer.template(ANNA))["errcode"] == 0


async def test_the_daily_quota_ends_at_midnight_in_shanghai(hand: Hand, stage: Stage) -> None:
    sandbox = make(stage, quotas={"message/template/send": 2})
    peer = Peer(sandbox)
    assert [(await peer.template())["errcode"] for _ in range(3)] == [0, 0, 45009]
    hand.skip(15 * HOUR - SECOND)
    assert (await peer.template())["errcode"] == 45009
    hand.skip(SECOND)
    assert (await peer.template())["errcode"] == 0


async def test_some_receipts_tell_of_a_failure_and_the_same_ones_in_every_run() -> None:
    found = []
    for _ in range(2):
        stage = Stage(lambda: START, seed=7)
        sandbox = make(stage, quirks=Quirks(block_share=0.3, failure_share=0.3))
        for number in range(40):
            openid = f"oFOLLOWER{number:019d}"
            stage.accept(ChannelName.WECHAT, openid, key="", words={"kind": "template"}, provider_id=str(number))
        found.append([sandbox.callbacks.status_of(row) for row in stage.ledger])
    assert found[0] == found[1]
    assert set(found[0]) == {"success", "failed:user block", "failed: system failed"}


async def test_who_takes_nothing_more_or_has_left_is_reported_as_a_block(
    hand: Hand, peer: Peer, stage: Stage, sandbox: WechatSandbox, door: OurDoor
) -> None:
    stage.full.add(BERT)
    await peer.template(BERT)
    await peer.template(ANNA)
    await sandbox.unsubscribe(ANNA)
    hand.skip(MINUTE)
    await stage.timetable.run_due()
    assert [door.read(index).status for index in (-1, -2)] == ["failed:user block"] * 2
    assert [stage.reached(row) for row in rows(stage)] == [False, False]


async def test_a_template_message_whose_job_failed_is_not_on_the_phone(
    peer: Peer, stage: Stage, sandbox: WechatSandbox
) -> None:
    await peer.template(ANNA)
    sandbox.callbacks.quirks = replace(sandbox.callbacks.quirks, failure_share=1.0)
    await peer.template(ANNA)
    assert [stage.reached(row) for row in rows(stage)] == [True, False]


@pytest.mark.parametrize("content", ["没有字段", "{{name1.DATA}}"])
async def test_a_template_that_the_library_cannot_hold_is_refused(stage: Stage, content: str) -> None:
    with pytest.raises(InputError, match="TM_X"):
        make(stage, templates={"TM_X": content})


# --- subscription notices


async def test_one_yes_is_one_notice(
    hand: Hand, peer: Peer, sandbox: WechatSandbox, stage: Stage, door: OurDoor
) -> None:
    assert (await peer.notice())["errcode"] == 43101
    await sandbox.accept_subscription(ANNA, SUB)
    await sandbox.accept_subscription(ANNA, SUB)
    assert await peer.notice(page="http://127.0.0.1/x") == {"errcode": 0, "errmsg": "ok"}
    assert [(await peer.notice())["errcode"] for _ in range(2)] == [0, 43101]
    assert (await peer.notice(BERT))["errcode"] == 43101
    row = rows(stage)[0]
    assert (row.words["kind"], row.words["text"], row.words["url"]) == ("subscribe", "有简历没看", "http://127.0.0.1/x")

    hand.skip(MINUTE)
    await stage.timetable.run_due()
    sent = {door.read(index)._data["SubscribeMsgSentEvent"]["List"]["MsgID"] for index in (-1, -2)}
    assert sent == {row.provider_id for row in rows(stage)}
    event = door.read()._data
    assert (event["Event"], event["SubscribeMsgSentEvent"]["List"]["ErrorCode"]) == ("subscribe_msg_sent_event", "0")


@pytest.mark.parametrize("act", ["decline_subscription", "switch_off_subscription"])
async def test_a_no_takes_every_credit_back(peer: Peer, sandbox: WechatSandbox, door: OurDoor, act: str) -> None:
    await sandbox.accept_subscription(ANNA, SUB)
    await getattr(sandbox, act)(ANNA, SUB)
    assert (await peer.notice())["errcode"] == 43101
    data = door.read()._data
    name = {"decline_subscription": "SubscribeMsgPopupEvent"}.get(act, "SubscribeMsgChangeEvent")
    assert data[name]["List"]["SubscribeStatusString"] == "reject"


async def test_two_choices_at_once_are_a_repeated_element(sandbox: WechatSandbox, door: OurDoor) -> None:
    await sandbox.accept_subscription(ANNA, SUB, "SUB_TWO")
    found = door.read()._data["SubscribeMsgPopupEvent"]["List"]
    assert [(one["TemplateId"], one["PopupScene"]) for one in found] == [(SUB, "1"), ("SUB_TWO", "1")]
    with pytest.raises(InputError, match="SUB_THREE"):
        await sandbox.accept_subscription(ANNA, "SUB_THREE")


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"template_id": "SUB_NOWHERE"}, 40037),
        ({"template_id": UNREAD}, 43102),
        ({"template_id": [SUB]}, 40036),
        ({"touser": "nobody"}, 40003),
        ({"url": "http://127.0.0.1"}, 40003),
        ({"data": {"thing1": {"value": "大" * 21}}}, 47003),
    ],
)
async def test_a_wrong_notice_is_refused_and_costs_no_credit(
    peer: Peer, sandbox: WechatSandbox, changes: dict[str, object], errcode: int
) -> None:
    await sandbox.accept_subscription(ANNA, SUB)
    assert (await peer.notice(**changes))["errcode"] == errcode
    assert (await peer.notice())["errcode"] == 0


# --- followers and codes


async def test_user_info_tells_who_follows(peer: Peer, sandbox: WechatSandbox) -> None:
    sandbox.acquaint(BERT)
    token = await peer.access_token()
    info = await peer.get("user/info", openid=ANNA, lang="zh_CN", access_token=token)
    assert (info["subscribe"], info["openid"], info["nickname"]) == (1, ANNA, "")
    assert info["subscribe_time"] == int(START.timestamp())
    assert "errcode" not in info
    assert (await peer.get("user/info", openid=BERT, access_token=token))["subscribe"] == 0
    assert (await peer.get("user/info", openid="x", access_token=token))["errcode"] == 40003


async def test_a_code_binds_who_scans_it_while_it_lasts(
    hand: Hand, peer: Peer, sandbox: WechatSandbox, door: OurDoor
) -> None:
    scene = {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "s3cret"}}}
    code = await peer.post("qrcode/create", scene | {"expire_seconds": 600})
    assert code["expire_seconds"] == 600
    sandbox.acquaint(BERT)
    await sandbox.scan(BERT, code["ticket"])
    event = door.read()
    assert (event.event, event.scene_id, event.ticket) == ("subscribe_scan", "s3cret", code["ticket"])
    assert await peer.custom(BERT) == 0
    await sandbox.scan(ANNA, code["ticket"])
    assert (door.read().event, door.read().scene_id) == ("scan", "s3cret")
    token = await peer.access_token()
    assert (await peer.get("user/info", openid=BERT, access_token=token))["qr_scene_str"] == "s3cret"

    hand.skip(600 * SECOND)
    with pytest.raises(InputError, match="expired"):
        await sandbox.scan(ANNA, code["ticket"])


@pytest.mark.parametrize(
    ("name", "scene", "seconds", "errcode"),
    [
        ("QR_STR_SCENE", {"scene_str": "a" * 64}, 2592000, 0),
        ("QR_STR_SCENE", {"scene_str": "a" * 65}, 60, 40053),
        ("QR_STR_SCENE", {"scene_str": ""}, 60, 40053),
        ("QR_STR_SCENE", {"scene_id": 1}, 60, 40053),
        ("QR_STR_SCENE", {"scene_str": "a"}, 2592001, 40053),
        ("QR_SCENE", {"scene_id": 2**32 - 1}, 60, 0),
        ("QR_SCENE", {"scene_id": 0}, 60, 40053),
        ("QR_LIMIT_SCENE", {"scene_id": 100_001}, 60, 40053),
        ("QR_LIMIT_STR_SCENE", {"scene_str": "a"}, 60, 0),
        ("QR", {"scene_str": "a"}, 60, 40052),
        (["QR"], {"scene_str": "a"}, 60, 40052),
    ],
)
async def test_a_code_is_made_by_the_rules(
    peer: Peer, name: object, scene: dict[str, object], seconds: int, errcode: int
) -> None:
    body = {"action_name": name, "action_info": {"scene": scene}, "expire_seconds": seconds}
    answer = await peer.post("qrcode/create", body)
    assert answer.get("errcode", 0) == errcode
    assert errcode or ("expire_seconds" in answer) == ("LIMIT" not in str(name))


# --- callbacks


async def test_our_door_must_echo_exactly(sandbox: WechatSandbox, door: OurDoor) -> None:
    assert await sandbox.callbacks.verify_url()
    for wrong in ('"ECHO"', "ECHO\n", "success"):
        door.answers.append((200, wrong))
        assert not await sandbox.callbacks.verify_url()


@pytest.mark.parametrize("mode", ["plain", "compat", "secure"])
async def test_wechatpy_reads_a_message_in_every_mode(stage: Stage, door: OurDoor, mode: Any) -> None:
    sandbox = make(stage, push_to=door.url, mode=mode)
    sandbox.callbacks.door.open()
    hostile = "退订]]><b>{{ 7*7 }}</b>\x08\r\n😀&amp;"
    assert await sandbox.write(ANNA, hostile)
    query, body = door.got[0]
    check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
    assert (query["openid"], query["timestamp"]) == (ANNA, str(int(START.timestamp())))
    assert ("encrypt_type" in query, b"<Encrypt>" in body) == (mode != "plain", mode != "plain")
    assert (b"<MsgType>" in body) == (mode != "secure")
    messages = [door.read()] if mode != "plain" else []
    messages += [parse_message(body)] if mode != "secure" else []
    for message in messages:
        assert (message.type, message.source, message.target) == ("text", ANNA, "gh_0123456789ab")
        assert message.content == "退订]]><b>{{ 7*7 }}</b>\n😀&amp;"
        assert message.create_time == START
        assert 2**53 < message.id < 2**63
    await sandbox.stop()


async def test_what_followers_do_is_told_in_events(sandbox: WechatSandbox, door: OurDoor) -> None:
    await sandbox.follow(BERT)
    assert door.read().event == "subscribe"
    await sandbox.click_menu(BERT, "UNREAD")
    assert (door.read().event, door.read().key) == ("click", "UNREAD")
    await sandbox.tap(BERT, "1", "已看")
    assert (door.read().content, door.read()._data["bizmsgmenuid"]) == ("已看", "1")
    await sandbox.tap(BERT, "seen", "已看")
    assert "bizmsgmenuid" not in door.read()._data
    await sandbox.unsubscribe(BERT)
    assert door.read().event == "unsubscribe"
    with pytest.raises(InputError, match="does not follow"):
        await sandbox.write(BERT, "在吗")
    assert len(door.got) == 5


async def test_a_push_that_fails_comes_again_twice_with_the_same_bytes(
    hand: Hand, sandbox: WechatSandbox, stage: Stage, door: OurDoor
) -> None:
    door.answers = [(500, "oops"), (503, "success")]
    assert not await sandbox.write(ANNA, "退订")
    hand.skip(4 * SECOND)
    assert await stage.timetable.run_due() == 0
    hand.skip(SECOND)
    assert await stage.timetable.run_due() == 1
    hand.skip(5 * SECOND)
    assert await stage.timetable.run_due() == 1
    hand.skip(HOUR)
    assert await stage.timetable.run_due() == 0
    assert len(door.got) == 3
    assert door.got[0] == door.got[1] == door.got[2]
    assert (sandbox.callbacks.door.lost, sandbox.callbacks.notices) == ([], [])


async def test_after_three_tries_the_provider_gives_up_and_tells_the_follower(
    hand: Hand, sandbox: WechatSandbox, stage: Stage, door: OurDoor
) -> None:
    sandbox.callbacks.door.answer_seconds = 0.05
    door.answers = [0.3, 0.3, 0.3]
    assert not await sandbox.write(ANNA, "退订")
    for _ in range(3):
        hand.skip(5 * SECOND)
        await stage.timetable.run_due()
    # On a slow machine a try may end before it has arrived; what arrives is the same message.
    assert len({door.read(index).id for index in range(len(door.got))}) <= 1
    assert [push.tries for push in sandbox.callbacks.door.lost] == [3]
    assert [(notice.openid, "故障" in notice.text) for notice in sandbox.callbacks.notices] == [(ANNA, True)]


async def test_an_answer_within_the_limit_is_in_time(sandbox: WechatSandbox, door: OurDoor) -> None:
    door.answers = [0.2]
    assert await sandbox.write(ANNA, "在吗")


@pytest.mark.parametrize("answer", ["Success", "ok", '"success"', "<xml></xml>", "<html>", "<!DOCTYPE a><xml/>"])
async def test_a_malformed_answer_shows_the_follower_that_something_is_broken(
    sandbox: WechatSandbox, door: OurDoor, answer: str
) -> None:
    door.answers = [(200, answer), (200, "")]
    assert await sandbox.write(ANNA, "在吗")
    assert [notice.openid for notice in sandbox.callbacks.notices] == [ANNA]
    assert await sandbox.write(ANNA, "在吗")
    assert len(sandbox.callbacks.notices) == 1


@pytest.mark.parametrize(
    ("appid", "source", "seen"), [(APPID, "", True), ("wxother", "", False), (APPID, "gh_x", False)]
)
async def test_a_passive_reply_is_read_only_if_it_is_ours(
    sandbox: WechatSandbox, stage: Stage, door: OurDoor, appid: str, source: str, seen: bool
) -> None:
    reply = TextReply(content="稍后回电", source=source or "gh_0123456789ab", target=ANNA)
    xml = WeChatCrypto(TOKEN, KEY, appid).encrypt_message(reply, "nonce", "1767323045")
    door.answers = [(200, xml)]
    await sandbox.write(ANNA, "在吗")
    assert [row.words["text"] for row in rows(stage)] == ["稍后回电"] * seen
    assert len(sandbox.callbacks.notices) == (not seen)


async def test_an_answered_push_may_still_come_twice(hand: Hand, stage: Stage, door: OurDoor) -> None:
    sandbox = make(stage, push_to=door.url, quirks=Quirks(duplicate_share=1))
    sandbox.callbacks.door.open()
    await sandbox.write(ANNA, "在吗")
    hand.skip(MINUTE)
    await stage.timetable.run_due()
    assert len(door.got) == 2
    assert door.got[0] == door.got[1]
    await sandbox.stop()


async def test_without_a_door_everything_stays_here(stage: Stage) -> None:
    sandbox = make(stage)
    assert await sandbox.write(ANNA, "在吗")
    assert not await sandbox.callbacks.verify_url()


# --- faults


async def test_faults_come_as_the_real_ones_do(peer: Peer, sandbox: WechatSandbox, stage: Stage) -> None:
    sandbox.faults.order("busy", "minute_limit", "45168", "50002", "")
    codes = [(await peer.template())["errcode"] for _ in range(5)]
    assert codes == [-1, 45011, 45168, 50002, 0]
    assert len(rows(stage)) == 1
    sandbox.token_faults.order("busy")
    assert (await peer.stable())["errcode"] == -1
    with pytest.raises(ValueError, match="unknown fault"):
        sandbox.faults.order("99999")


async def test_revoked_tokens_are_good_for_nothing(peer: Peer, sandbox: WechatSandbox) -> None:
    stable, plain = await peer.access_token(), (await peer.plain())["access_token"]
    sandbox.faults.order("revoked")
    assert [await peer.verdict_on(token) for token in (stable, stable, plain)] == [40001] * 3
    assert (await peer.template())["errcode"] == 0


@pytest.mark.parametrize(
    ("fault", "kept"), [("reset_before", 0), ("reset_after", 1), ("truncate", 1), ("bad_gateway", 0), ("forget", 0)]
)
async def test_a_broken_answer_says_nothing_about_the_effect(
    sandbox: WechatSandbox, wire: httpx.AsyncClient, peer: Peer, stage: Stage, fault: str, kept: int
) -> None:
    query = {"access_token": await peer.access_token()}
    sandbox.faults.order(fault)
    body = {"touser": ANNA, "template_id": UNREAD, "data": VALUES}
    if fault in ("bad_gateway", "forget"):
        answer = await wire.post("/cgi-bin/message/template/send", params=query, json=body)
        assert answer.status_code == {"bad_gateway": 502, "forget": 200}[fault]
        assert answer.text.startswith({"bad_gateway": "<html>", "forget": '{"errcode": 0'}[fault])
    else:
        with pytest.raises(httpx.TransportError):
            await wire.post("/cgi-bin/message/template/send", params=query, json=body)
    assert len(rows(stage)) == kept
    assert (await peer.template())["errcode"] == 0


async def test_a_slow_answer_is_slow(peer: Peer, sandbox: WechatSandbox) -> None:
    await peer.access_token()
    sandbox.delay_seconds = 0.1
    sandbox.faults.order("delay")
    began = asyncio.get_running_loop().time()
    assert (await peer.template())["errcode"] == 0
    assert asyncio.get_running_loop().time() - began >= 0.09


async def test_a_receipt_can_come_before_the_answer(peer: Peer, sandbox: WechatSandbox, door: OurDoor) -> None:
    sandbox.faults.order("receipt_first")
    answer = await peer.template()
    assert door.read().id == answer["msgid"]


# --- customers


async def test_an_answer_is_the_same_message_until_it_was_taken(
    hand: Hand, sandbox: WechatSandbox, stage: Stage, peer: Peer, door: OurDoor
) -> None:
    await peer.template()
    (accepted,) = rows(stage)
    customer = WechatCustomer(stage, sandbox)
    door.answers = [(500, "")] * 4
    with pytest.raises(MessageNotTaken):
        await customer.answer(accepted, "退订", automatic=False)
    for _ in range(2):
        hand.skip(5 * SECOND)
        await stage.timetable.run_due()
    with pytest.raises(MessageNotTaken):
        await customer.answer(accepted, "退订", automatic=False)
    hand.skip(5 * SECOND)
    with pytest.raises(MessageNotTaken):
        await customer.answer(accepted, "退订", automatic=False)
    await stage.timetable.run_due()
    await customer.answer(accepted, "退订", automatic=False)
    messages = [door.read(index) for index in range(len(door.got))]
    assert [message.content for message in messages if message.type == "text"] == ["退订"] * 5
    assert len({message.id for message in messages if message.type == "text"}) == 1
    await customer.answer(accepted, "谢谢", automatic=False)
    assert door.read().id != messages[0].id


async def test_some_who_refuse_unfollow_and_who_writes_again_follows_again(
    sandbox: WechatSandbox, stage: Stage, peer: Peer, door: OurDoor
) -> None:
    await peer.template()
    (accepted,) = rows(stage)
    customer = WechatCustomer(stage, sandbox, stop_phrases=["退订"], unfollow_share=1)
    await customer.answer(accepted, "好的", automatic=False)
    assert sandbox.follows(ANNA)
    await customer.answer(accepted, "退订", automatic=False)
    assert not sandbox.follows(ANNA)
    assert (door.read(-2).content, door.read().event) == ("退订", "unsubscribe")
    await customer.answer(accepted, "又想了想", automatic=False)
    assert (door.read(-2).event, door.read().content) == ("subscribe", "又想了想")
    assert await peer.custom() == 0


@pytest.mark.usefixtures("wire")
async def test_the_entrance_is_all_that_a_client_needs(sandbox: WechatSandbox) -> None:
    given = sandbox.entrance()
    assert set(given) == {"base_url", "appid", "secret", "token", "encoding_aes_key", "openid"}
    async with httpx.AsyncClient(trust_env=False, timeout=60, base_url=f"{given['base_url']}/cgi-bin") as http:
        query = {"grant_type": "client_credential", "appid": given["appid"], "secret": given["secret"]}
        token = (await http.get("/token", params=query)).json()["access_token"]
        body = {"touser": given["openid"], "msgtype": "text", "text": {"content": "hello"}}
        answer = await http.post("/message/custom/send", params={"access_token": token}, json=body)
    assert answer.json()["errcode"] == 0


async def test_an_account_without_followers_has_no_entrance(stage: Stage) -> None:
    with pytest.raises(InputError, match="no follower"):
        make(stage, followers=()).entrance()


# --- wechatpy as a client


@pytest.mark.usefixtures("wire")
async def test_an_unmodified_client_sends_all_kinds(sandbox: WechatSandbox, stage: Stage) -> None:
    await sandbox.accept_subscription(ANNA, SUB)
    sandbox.open_window(ANNA)

    def speak() -> None:
        client = Wechatpy(sandbox.base_url)
        client.message.send_text(ANNA, "您好")
        client.message.send_articles(ANNA, [{"title": "招聘", "description": "", "url": "http://a.example"}])
        client.message.send_msg_menu(ANNA, {"head_content": "看了吗", "list": [{"id": "1", "content": "已看"}]})
        client.message.send_template(ANNA, UNREAD, VALUES, url="http://a.example")
        client.message.send_subscribe_message(ANNA, SUB, {"thing1": {"value": "有简历"}})
        assert client.user.get(ANNA)["subscribe"] == 1
        code = client.qrcode.create({"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "a"}}})
        assert code["ticket"]
        with pytest.raises(WeChatClientException) as refusal:
            client.message.send_text(BERT, "您好")
        assert refusal.value.errcode == 45015
        client._http.close()

    await asyncio.to_thread(speak)
    assert [row.words["text"] for row in rows(stage)] == [
        "您好",
        "招聘",
        "看了吗\n已看",
        "企业：大同机械\n未读：5份",
        "有简历",
    ]
