"""WeCom's callback: its signature and cipher by known vectors, every event by its type, and whatever else knocks."""

import base64
import random
import struct
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.channels.base import InboundRequest
from bot.channels.wechat_envelope import decipher, envelope, sign
from bot.channels.wecom import WecomChannel
from bot.channels.wecom_events import (
    ArchiveApproved,
    CustomerAdded,
    CustomerDropped,
    CustomerEdited,
    DeskNews,
    OtherPush,
    StaffRemoved,
    StaffWrote,
    TransferFailed,
    WecomPush,
)
from bot.channels.wecom_inbound import WecomCallback
from campaigns.errors import ConfigError, WebhookRejected
from campaigns.terms import ChannelName, ReachChange, Summons
from tests.channels.wecom_server import AES_KEY, CORPID, CUSTOMER, DESK, TOKEN, WecomServer

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
CALLBACK = WecomCallback(CORPID, TOKEN, AES_KEY)
V3 = WecomCallback("wx49f0ab532d5d035a", "123456", "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR")
V3_QUERY = {
    "msg_signature": "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96",
    "timestamp": "1411443780",
    "nonce": "437374425",
    "echostr": "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q==",
}
# WeCom's own sample in C#.
SAMPLE_ENCRYPT = (
    "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
    "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
    "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
    "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
    "HBZZIs2pDBS8R07+qN+E7Q=="
)


def encipher(plain: bytes, corpid: str = CORPID, key: str = AES_KEY) -> str:
    """By the document alone: 16 random bytes, length, words, receiver, padded to 32."""
    secret = base64.b64decode(key + "=")
    whole = b"0123456789abcdef" + struct.pack(">I", len(plain)) + plain + corpid.encode()
    pad = 32 - len(whole) % 32
    cipher = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    return base64.b64encode(cipher.update(whole + bytes([pad]) * pad) + cipher.finalize()).decode()


def signed(encrypted: str, at: datetime = NOW, token: str = TOKEN) -> dict[str, str]:
    timestamp = f"{at.timestamp():.0f}"
    return {"timestamp": timestamp, "nonce": "n1", "msg_signature": sign(token, timestamp, "n1", encrypted)}


def xml_of(fields: Mapping[str, object]) -> bytes:
    inside = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in fields.items())
    return f"<xml>{inside}</xml>".encode()


def event(**fields: object) -> bytes:
    common = {"ToUserName": CORPID, "FromUserName": "sys", "CreateTime": int(NOW.timestamp()), "MsgType": "event"}
    return xml_of({**common, **fields})


def change(kind: str, **fields: object) -> bytes:
    about = {"UserID": "ChengXue", "ExternalUserID": CUSTOMER, **fields}
    return event(Event="change_external_contact", ChangeType=kind, **about)


def pushed(plain: bytes, **changes: str) -> InboundRequest:
    encrypted = encipher(plain)
    body = xml_of({"ToUserName": CORPID, "AgentID": 1000002, "Encrypt": encrypted})
    return InboundRequest("POST", "callback", {**signed(encrypted), **changes}, body=body)


def read(plain: bytes) -> WecomPush:
    request = pushed(plain)
    return CALLBACK.read(request.query, request.body, NOW)


@pytest.fixture
async def channel() -> AsyncIterator[WecomChannel]:
    async def no_desk(customer: str) -> str:
        return ""

    made = WecomChannel(WecomServer().settings(base_url="http://127.0.0.1:9"), lambda: NOW, no_desk)
    yield made
    await made.close()


# ---- vectors ------------------------------------------------------------------------------------------------------


def test_vector_3_the_echo_is_deciphered_to_the_words_wecom_wants_back() -> None:
    assert V3.echo(V3_QUERY, datetime.fromtimestamp(1411443780, UTC)) == "5927782489442352469"


def test_vector_3_of_another_company_is_none_of_ours() -> None:
    other = WecomCallback("ww0000000000000000", V3.token, V3.encoding_aes_key)
    with pytest.raises(WebhookRejected, match="corpid"):
        other.echo(V3_QUERY)


def test_the_c_sharp_sample_has_the_signature_and_the_words_it_says() -> None:
    assert sign("QDG6eK", "1409659813", "1372623149", SAMPLE_ENCRYPT) == "477715d11cdb4164915debcba66cb864d751f3e6"
    words = decipher("jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", SAMPLE_ENCRYPT, "wx5823bf96d3bd56c7")
    assert "<MsgId>4561255354251345929</MsgId>" in words


def test_the_cipher_of_these_tests_is_wecoms() -> None:
    assert decipher(AES_KEY, encipher("您好".encode()), CORPID) == "您好"


# ---- the door -------------------------------------------------------------------------------------------------------


async def test_a_url_check_is_answered_with_the_bare_words(channel: WecomChannel) -> None:
    echostr = encipher(b"1616140317555161061")
    request = InboundRequest("GET", "callback", {**signed(echostr), "echostr": echostr})
    channel.verify(request)
    assert channel.parse(request) == []
    assert channel.answer(request).body == b"1616140317555161061"


async def test_a_push_is_answered_with_nothing(channel: WecomChannel) -> None:
    request = pushed(change("del_follow_user"))
    channel.verify(request)
    assert len(channel.parse(request)) == 1
    assert channel.answer(request).body == b""


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"echostr": "x"},
        {"echostr": encipher(b"1"), **signed("another")},
        {"echostr": "!!", **signed("!!")},
        {"echostr": encipher(b"1", corpid="ww9"), **signed(encipher(b"1", corpid="ww9"))},
        {"echostr": encipher(b"1"), **signed(encipher(b"1"), at=NOW - timedelta(hours=1))},
    ],
)
async def test_a_url_check_that_is_not_wecoms_is_turned_away(channel: WecomChannel, query: dict[str, str]) -> None:
    with pytest.raises(WebhookRejected):
        channel.verify(InboundRequest("GET", "callback", query))


@pytest.mark.parametrize(
    "request_",
    [
        pushed(change("del_follow_user"), msg_signature="0" * 40),
        pushed(change("del_follow_user"), timestamp="1"),
        pushed(change("del_follow_user"), timestamp=f"{NOW.timestamp():.0f}", nonce="n2"),
        InboundRequest("POST", "callback", signed(""), body=b""),
        InboundRequest("POST", "callback", signed(""), body=change("del_follow_user")),  # plain: never from WeCom
        InboundRequest("POST", "callback", signed("x"), body=b"x" * 1_000_001),
        InboundRequest("PUT", "callback", {}),
        InboundRequest("POST", "reply", {}),
        pushed(b""),
        pushed(b"<xml></xml>"),
        pushed(b"<html/>"),
        pushed(b'<!DOCTYPE x [<!ENTITY a "b">]><xml>&a;</xml>'),
        pushed(b"<xml>" * 6000),
        pushed(change("add_external_contact", ExternalUserID="")),
        pushed(change("del_follow_user", UserID="a b")),
        pushed(change("del_follow_user", CreateTime="soon")),
        pushed(event(Event="kf_msg_or_event", Token="T")),
    ],
)
async def test_a_push_that_is_not_wecoms_or_says_nothing_is_turned_away(
    channel: WecomChannel, request_: InboundRequest
) -> None:
    with pytest.raises(WebhookRejected):
        channel.verify(request_)


async def test_whatever_is_in_a_well_signed_push_it_is_read_or_turned_away(channel: WecomChannel) -> None:
    dice = random.Random(7)
    for _ in range(300):
        encrypted = base64.b64encode(dice.randbytes(16 * dice.randint(0, 6))).decode() or "A"
        body = xml_of({"ToUserName": CORPID, "Encrypt": encrypted})
        with pytest.raises(WebhookRejected):
            channel.verify(InboundRequest("POST", "callback", signed(encrypted), body=body))


def test_the_envelope_is_read_where_agentid_comes_first() -> None:
    assert envelope(xml_of({"AgentID": 1, "Encrypt": "QUJD", "ToUserName": CORPID})) == "QUJD"


def test_settings_that_cannot_work_are_named() -> None:
    with pytest.raises(ConfigError, match="WECOM_TOKEN"):
        WecomCallback(CORPID, "", AES_KEY)
    with pytest.raises(ConfigError, match="WECOM_ENCODING_AES_KEY"):
        WecomCallback(CORPID, TOKEN, "short")


# ---- what happened --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        (
            change("add_external_contact", State="S", WelcomeCode="W"),
            CustomerAdded(NOW, "ChengXue", CUSTOMER, "S", "W"),
        ),
        (change("add_half_external_contact", State="S"), CustomerAdded(NOW, "ChengXue", CUSTOMER, "S", half=True)),
        (change("edit_external_contact"), CustomerEdited(NOW, "ChengXue", CUSTOMER)),
        (
            change("del_external_contact", Source="DELETE_BY_TRANSFER"),
            CustomerDropped(NOW, "ChengXue", CUSTOMER, "DELETE_BY_TRANSFER"),
        ),
        (change("del_follow_user"), StaffRemoved(NOW, "ChengXue", CUSTOMER)),
        (change("msg_audit_approved", WelcomeCode="W"), ArchiveApproved(NOW, "ChengXue", CUSTOMER, "W")),
        (
            change("transfer_fail", FailReason="customer_refused"),
            TransferFailed(NOW, "ChengXue", CUSTOMER, "customer_refused"),
        ),
        (event(Event="kf_msg_or_event", Token="T", OpenKfId=DESK), DeskNews(NOW, DESK, "T")),
        (change("something_new"), OtherPush(NOW, "change_external_contact:something_new")),
        (event(Event="enter_agent"), OtherPush(NOW, "event:enter_agent")),
        (event(MsgType="image", PicUrl="x"), OtherPush(NOW, "image")),
        (event(MsgType="text", Content="hello", MsgId="7"), StaffWrote(NOW, "sys", "hello", "7")),
    ],
)
def test_every_event_is_read_as_what_it_is(plain: bytes, expected: WecomPush) -> None:
    assert read(plain) == expected


async def test_a_customer_who_adds_us_is_bound_by_the_state_of_their_way_in(channel: WecomChannel) -> None:
    (added,) = channel.parse(pushed(change("add_external_contact", State="one-time")))
    assert isinstance(added, ReachChange)
    assert (added.channel, added.address, added.followed) == (ChannelName.WECOM, CUSTOMER, True)
    assert (added.scene, added.staff) == ("one-time", "ChengXue")


async def test_a_customer_who_removes_us_is_not_to_be_written_to(channel: WecomChannel) -> None:
    (removed,) = channel.parse(pushed(change("del_follow_user")))
    assert isinstance(removed, ReachChange)
    assert (removed.address, removed.followed) == (CUSTOMER, False)


async def test_a_customer_whom_staff_removed_changes_nothing(channel: WecomChannel) -> None:
    assert channel.parse(pushed(change("del_external_contact"))) == []


async def test_news_of_a_desk_is_a_summons_whose_token_no_repr_shows(channel: WecomChannel) -> None:
    (called,) = channel.parse(pushed(event(Event="kf_msg_or_event", Token="SECRET", OpenKfId=DESK)))
    assert isinstance(called, Summons)
    assert (called.desk, called.token) == (DESK, "SECRET")
    assert "SECRET" not in repr(called)


async def test_a_repeat_has_the_same_name_and_another_event_of_the_second_another(channel: WecomChannel) -> None:
    plain = [change("del_follow_user"), change("add_external_contact"), change("del_follow_user", UserID="ShiLei")]
    names = [channel.parse(pushed(one))[0].event_id for one in (*plain, *plain)]
    assert names[:3] == names[3:]
    assert len(set(names)) == 3
