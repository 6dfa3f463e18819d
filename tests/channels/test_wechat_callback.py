"""The WeChat callback: the provider's vectors, what its pushes become, and everything that is not the provider's."""

import base64
import json
import random
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from wechatpy.crypto import PrpCrypto, WeChatCrypto

from bot.channels.base import InboundRequest
from bot.channels.wechat import WechatChannel, WechatSettings
from bot.channels.wechat_envelope import sign
from campaigns.errors import WebhookRejected
from campaigns.terms import ChannelName, ReachChange, Reaction, Receipt, Reply

TOKEN, APPID, NONCE = "testtoken", "wx1234567890abcdef", "nonce123"
KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"
CREATED = 1767323045
AT = datetime.fromtimestamp(CREATED, UTC)
WRITTEN, CLICKED = (timedelta(hours=48), 5), (timedelta(minutes=1), 3)

V1_ENCRYPT = "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg=="
V2_ENCRYPT = (
    "hyzAe4OzmOMbd6TvGdIOO6uBmdJoD0Fk53REIHvxYtJlE2B655HuD0m8KUePWB3+LrPXo87wzQ1QLvbeUgmBM4x6F8PGHQHFVAFmOD2L"
    "dJF9FrXpbUAh0B5GIItb52sn896wVsMSHGuPE328HnRGBcrS7C41IzDWyWNlZkyyXwon8T332jisa+h6tEDYsVticbSnyU8dKOIbgU6u"
    "x5VTjg3yt+WGzjlpKn6NPhRjpA912xMezR4kw6KWwMrCVKSVCZciVGCgavjIQ6X8tCOp3yZbGpy0VxpAe+77TszTfRd5RJSVO/HTnifJ"
    "pXgCSUdUue1v6h0EIBYYI1BD1DlD+C0CR8e6OewpusjZ4uBl9FyJvnhvQl+q5rv1ixrcpCumEPo5MJSgM9ehVsNPfUM669WuMyVWQLCz"
    "pu9GhglF2PE="
)
V5_ENCRYPT = (
    "Q3stYC6hdFzMh9T8HCvyDJd3XGghJQYcUf1O/1QxqEwnZmwboEez5qKF8tKzOUd2J2NtQswVymns64t9gAQ1dYBLc+HElSunj+oE2Sn9"
    "p3Huv51qwrIVSTC/hGAbGBcdnj3XcX4qKVwUE4BMpzfJfRs01MggDrG/iny31Ku2pSC1nUHukmwcpO9aoWtuvYxQ607X8QqxoV7eQYf9"
    "octOMzH8yuuBynbndLIZapEUXJG+1BSroECzDarD6ysMESsVZdC5RECcOoIIpkonC5XtvmH/TX3pRcS9xJOzEzMRXW3UyVIBxZme1/Yt"
    "LCQ8mYUdROcbCUz6y72P3I+pnLLNCIk9v3fM9qCkvx57wSdabA3RHzLxzu5rwbsyvjn9AqHkA104xmwMKDT+5TekkZO/K+TrJTmJt/iN"
    "BEaoViGv3Ew="
)


@cache
def channel(
    at: datetime | int = AT, *, token: str = TOKEN, appid: str = APPID, key: str = "", seconds: float = 0
) -> WechatChannel:
    """A channel whose clock stands at `at`, or that many seconds after it. It keeps nothing between two requests."""
    moment = datetime.fromtimestamp(at, UTC) if isinstance(at, int) else at
    settings = WechatSettings(appid, "a secret", token, key)
    return WechatChannel(settings, lambda: moment + timedelta(seconds=seconds))


def plain(body: str | bytes, *, timestamp: int = CREATED, **query: str) -> InboundRequest:
    given = {"timestamp": str(timestamp), "nonce": NONCE, "openid": OPENID}
    given["signature"] = sign(TOKEN, given["timestamp"], NONCE)
    return InboundRequest("POST", "callback", given | query, body=body.encode() if isinstance(body, str) else body)


def sealed(encrypt: str, body: str = "", *, timestamp: int = CREATED, nonce: str = NONCE) -> InboundRequest:
    """A request with the right msg_signature over `encrypt`, whatever that is."""
    query = {"timestamp": str(timestamp), "nonce": nonce, "encrypt_type": "aes", "signature": "covers nothing"}
    query["msg_signature"] = sign(TOKEN, str(timestamp), nonce, encrypt)
    envelope = f"<xml><ToUserName><![CDATA[gh_test]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
    return InboundRequest("POST", "callback", query, body=(body or envelope).encode())


def encrypted(text: str, *, appid: str = APPID) -> str:
    return PrpCrypto(base64.b64decode(KEY + "=")).encrypt(text, appid).decode()


def take(door: WechatChannel, request: InboundRequest) -> list[object]:
    door.verify(request)
    return door.parse(request)


def xml(**fields: str | int) -> str:
    given = {"ToUserName": "gh_test", "FromUserName": OPENID, "CreateTime": CREATED} | fields
    parts = [
        f"<{name}>{value if isinstance(value, int) else f'<![CDATA[{value}]]>'}</{name}>"
        for name, value in given.items()
    ]
    return f"<xml>{''.join(parts)}</xml>"


def event(name: str, **fields: str | int) -> str:
    return xml(MsgType="event", Event=name, **fields)


def pushed(body: str) -> list[object]:
    return take(channel(), plain(body))


def window_of(change: object) -> tuple[timedelta, int]:
    assert isinstance(change, ReachChange)
    assert change.window_until is not None
    return change.window_until - change.at, change.window_left


# ---- the provider's vectors ---------------------------------------------------------------------------------------


def test_v1_the_official_java_sample_is_signed_and_decrypted():
    given = {
        "timestamp": "1409304348",
        "nonce": "xxxxxx",
        "encrypt_type": "aes",
        "echostr": V1_ENCRYPT,
        "msg_signature": "82c962d39941aa48552f90ef55aa323dc620cc10",
    }
    door = channel(1409304348, token="pamtest", appid="wxb11529c136998cb6", key=KEY)
    request = InboundRequest("GET", "callback", given)
    door.verify(request)
    assert door.answer(request).body.decode() == "我是中文abcd123"
    assert door.parse(request) == []


def test_v2_the_official_python_sample_in_compat_mode_is_a_text():
    given = {
        "timestamp": "1409735669",
        "nonce": "1320562132",
        "encrypt_type": "aes",
        "msg_signature": "5d197aaffba7e9b25a30732f161a50dee96bd5fa",
    }
    body = (
        "<xml><ToUserName><![CDATA[gh_10f6c3c3ac5a]]></ToUserName><MsgType><![CDATA[text]]></MsgType>"
        f"<Content><![CDATA[<Encrypt>AAAA</Encrypt>]]></Content><Encrypt><![CDATA[{V2_ENCRYPT}]]></Encrypt></xml>"
    )
    door = channel(1409735669, token="spamtest", appid="wx2c2769f8efd9abc2", key=KEY)
    window, reply = take(door, InboundRequest("POST", "callback", given, body=body.encode()))
    assert isinstance(reply, Reply)
    assert (reply.text, reply.event_id) == ("abcdteT", "6054768590064713728")
    assert window_of(window) == WRITTEN


@pytest.mark.parametrize(
    ("token", "timestamp", "nonce", "signature"),
    [
        ("testtoken", "1409735669", "1320562132", "feb9b06215758c8a7ff7441ba32829535d19f40b"),
        ("AAAAA", "1714037059", "486452656", "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    ],
)
def test_v4_a_url_check_is_answered_with_its_raw_echostr(token: str, timestamp: str, nonce: str, signature: str):
    query = {"timestamp": timestamp, "nonce": nonce, "signature": signature, "echostr": "58796<b>"}
    request = InboundRequest("GET", "callback", query)
    for key in ("", KEY):
        door = channel(int(timestamp), token=token, key=key)
        door.verify(request)
        answer = door.answer(request)
        assert (answer.body, answer.status, answer.content_type.split(";")[0]) == (b"58796<b>", 200, "text/plain")


def test_v5_an_encrypted_refusal_is_read():
    request = sealed(V5_ENCRYPT)
    assert request.query["msg_signature"] == "f0210d2ce511a419a0991708ed87ff4496a11b2d"
    window, reply = take(channel(key=KEY), request)
    assert reply == Reply("23456789012345678", ChannelName.WECHAT, AT, OPENID, "退订")
    assert window == ReachChange(
        "23456789012345678:window",
        ChannelName.WECHAT,
        AT,
        OPENID,
        window_until=AT + timedelta(hours=48),
        window_left=5,
    )


def test_v5_in_json_is_read_too():
    request = sealed(V5_ENCRYPT, json.dumps({"ToUserName": "gh_test", "Encrypt": V5_ENCRYPT}))
    assert take(channel(key=KEY), request)[1].text == "退订"


# ---- messages -----------------------------------------------------------------------------------------------------


def test_a_text_opens_the_window_before_it_is_a_reply():
    window, reply = pushed(xml(MsgType="text", Content="收到，谢谢 😀", MsgId=77))
    assert window_of(window) == WRITTEN
    assert reply == Reply("77", ChannelName.WECHAT, AT, OPENID, "收到，谢谢 😀")
    assert window.followed is None


def test_a_tap_on_a_menu_of_ours_opens_what_a_click_opens():
    window, reply = pushed(xml(MsgType="text", Content="退订", MsgId=78, bizmsgmenuid="3"))
    assert window_of(window) == CLICKED
    assert (reply.text, reply.event_id) == ("退订", "78")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("image", "[图片]"),
        ("voice", "[语音]"),
        ("video", "[视频]"),
        ("location", "[位置]"),
        ("link", "[链接]"),
        ("something_new", "[消息]"),
    ],
)
def test_what_is_not_text_is_a_reply_that_says_what_came(kind: str, text: str):
    window, reply = pushed(xml(MsgType=kind, MediaId="m", PicUrl="https://example.com/1", MsgId=79))
    assert window_of(window) == WRITTEN
    assert (reply.text, reply.event_id) == (text, "79")


def test_a_voice_message_that_was_understood_is_its_words():
    assert pushed(xml(MsgType="voice", MediaId="m", Recognition="别再发了", MsgId=80))[1].text == "别再发了"


def test_a_text_without_an_id_is_not_lost():
    first, again = (pushed(xml(MsgType="text", Content="退订"))[1] for _ in range(2))
    other = pushed(xml(MsgType="text", Content="好的"))[1]
    assert first == again
    assert first.event_id != other.event_id


def test_an_empty_text_is_an_empty_reply():
    assert pushed(xml(MsgType="text", Content="", MsgId=81))[1].text == ""


def test_a_json_text_loses_what_no_database_takes():
    body = {"ToUserName": "gh", "FromUserName": OPENID, "CreateTime": CREATED, "MsgType": "text", "MsgId": 2**63}
    (_, reply) = pushed(json.dumps(body | {"Content": "退\0订\ud83d"}))
    assert (reply.text, reply.event_id) == ("退订\ufffd", str(2**63))


# ---- events -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "scene"),
    [
        (event("subscribe", EventKey=""), ""),
        (event("subscribe", EventKey="qrscene_abc123", Ticket="t"), "abc123"),
        (event("SCAN", EventKey="abc123", Ticket="t"), "abc123"),
        (
            json.dumps(
                {
                    "FromUserName": OPENID,
                    "CreateTime": CREATED,
                    "MsgType": "event",
                    "Event": "subscribe",
                    "EventKey": "qrscene_abc123",
                }
            ),
            "abc123",
        ),
    ],
    ids=["plain", "by code", "scan", "json"],
)
def test_a_follow_or_a_scan_opens_a_minute_and_brings_its_scene(body: str, scene: str):
    (change,) = pushed(body)
    assert window_of(change) == CLICKED
    assert (change.followed, change.scene, change.address, change.at) == (True, scene, OPENID, AT)


@pytest.mark.parametrize("name", ["CLICK", "scancode_push", "scancode_waitmsg"])
def test_a_click_opens_a_minute_and_says_nothing_of_following(name: str):
    (change,) = pushed(event(name, EventKey="MENU_1"))
    assert window_of(change) == CLICKED
    assert (change.followed, change.scene) == (None, "")


def test_an_unfollow_closes_the_address():
    (change,) = pushed(event("unsubscribe", EventKey=""))
    assert (change.followed, change.window_until) == (False, None)


@pytest.mark.parametrize("name", ["VIEW", "LOCATION", "view_miniprogram", "something_new"])
def test_other_events_change_nothing(name: str):
    assert pushed(event(name, EventKey="https://example.com/", MsgID=1, Status="send success")) == []


def test_a_repeat_has_the_same_name_and_two_events_of_one_second_have_not():
    bodies = [
        event("CLICK", EventKey="MENU_1"),
        event("CLICK", EventKey="MENU_2"),
        event("SCAN", EventKey="MENU_1"),
        event("unsubscribe", EventKey=""),
        event("TEMPLATESENDJOBFINISH", MsgID=1, Status="success"),
        event("TEMPLATESENDJOBFINISH", MsgID=2, Status="success"),
        event("subscribe_msg_popup_event", FromUserName=OPENID),
    ]
    names = [change.event_id for body in bodies for change in pushed(body)]
    assert len(set(names)) == len(names) == 6
    assert names == [change.event_id for body in bodies for change in pushed(body)]
    assert names[0] == f"{OPENID}:{CREATED}:CLICK:MENU_1"


def test_a_name_is_never_longer_than_its_column():
    (change,) = pushed(event("CLICK", EventKey="x" * 5000))
    assert len(change.event_id) <= 128


@pytest.mark.parametrize(
    ("status", "delivered", "reaction", "code"),
    [
        ("success", True, None, "success"),
        ("failed:user block", False, Reaction.SUPPRESS, "user block"),
        ("failed: user block", False, Reaction.SUPPRESS, "user block"),
        ("failed: system failed", False, Reaction.DROP, "system failed"),
        ("failed:system failed", False, Reaction.DROP, "system failed"),
        ("Failed: Freq Limit", False, Reaction.DEFER_RECIPIENT, "freq limit"),
        ("failed:something: new", False, Reaction.DROP, "something: new"),
        ("", False, Reaction.DROP, ""),
    ],
)
def test_a_template_receipt_names_our_message(status: str, delivered: bool, reaction: Reaction | None, code: str):
    (receipt,) = pushed(event("TEMPLATESENDJOBFINISH", MsgID=9007199254740993, Status=status))
    assert receipt == Receipt(
        f"{OPENID}:{CREATED}:TEMPLATESENDJOBFINISH:9007199254740993",
        ChannelName.WECHAT,
        AT,
        delivered,
        provider_id="9007199254740993",
        address=OPENID,
        reaction=reaction,
        code=code,
    )


# What the documents' samples say, and what of it a mass send's messages become.
ENDS = [
    ("send success", 100, 100, True, "send success", None),
    ("sendsuccess", 100, 100, True, "send success", None),
    ("send success", 100, 75, False, "sent 75 of 100", Reaction.UNKNOWN),
    ("send success", 100, 0, False, "sent 0 of 100", Reaction.DROP),
    ("send success", "", "", True, "send success", None),
    ("send fail", 100, 0, False, "send fail", Reaction.DROP),
    ("err(10001)", 100, 0, False, "err(10001)", Reaction.PAUSE_TEMPLATE),
    ("err(20013)", 100, 0, False, "err(20013)", Reaction.PAUSE_TEMPLATE),
    ("err(40002)", 100, 0, False, "err(40002)", Reaction.PAUSE_TEMPLATE),
    ("something new", 100, 0, False, "something new", Reaction.DROP),
]


@pytest.mark.parametrize("as_json", [False, True], ids=["xml", "json"])
@pytest.mark.parametrize(("status", "total", "sent", "delivered", "code", "reaction"), ENDS)
def test_the_end_of_a_mass_send_is_a_receipt_for_all_of_the_call(
    status: str, total: int | str, sent: int | str, delivered: bool, code: str, reaction: Reaction | None, as_json: bool
):
    counts = {"TotalCount": total, "FilterCount": total, "SentCount": sent, "ErrorCount": 0}
    fields = {"MsgID": 1000001625, "Status": status, **counts}
    common = {"FromUserName": "oAccountItself", "CreateTime": CREATED, "MsgType": "event", "Event": "MASSSENDJOBFINISH"}
    as_xml = event("MASSSENDJOBFINISH", FromUserName="oAccountItself", **fields)
    body = json.dumps(common | fields) if as_json else as_xml
    assert pushed(body) == [
        Receipt(
            f"oAccountItself:{CREATED}:MASSSENDJOBFINISH:1000001625",
            ChannelName.WECHAT,
            AT,
            delivered,
            provider_id="1000001625",
            reaction=reaction,
            code=code,
            of_call=True,
        )
    ]


def test_the_end_of_a_mass_send_with_its_lists_is_read() -> None:
    body = event("MASSSENDJOBFINISH", MsgID=7, Status="sendsuccess", TotalCount=2, SentCount=2).replace(
        "</xml>",
        "<CopyrightCheckResult><Count>0</Count><ResultList></ResultList><CheckState>0</CheckState>"
        "</CopyrightCheckResult><ArticleUrlResult><Count>1</Count><ResultList><item><ArticleIdx>1</ArticleIdx>"
        "<ArticleUrl>https://example.com/</ArticleUrl></item></ResultList></ArticleUrlResult></xml>",
    )
    [receipt] = pushed(body)
    assert (receipt.provider_id, receipt.delivered) == ("7", True)


@pytest.mark.parametrize("name", ["TEMPLATESENDJOBFINISH", "MASSSENDJOBFINISH"])
def test_a_receipt_that_names_no_message_is_refused(name: str) -> None:
    refuses(channel(), plain(event(name, Status="success")))


def test_every_event_of_the_documents_is_known_by_name(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="bot.channels.wechat_events")
    named = ("subscribe", "SCAN", "unsubscribe", "CLICK", "VIEW", "view_miniprogram", "scancode_push")
    more = ("scancode_waitmsg", "LOCATION", "TEMPLATESENDJOBFINISH", "MASSSENDJOBFINISH")
    notices_of = ("subscribe_msg_popup_event", "subscribe_msg_change_event", "subscribe_msg_sent_event")
    for name in (*named, *more, *notices_of):
        pushed(event(name, EventKey="k", MsgID=1, Status="success"))
    assert not caplog.records
    pushed(event("something_new"))
    assert "something_new" in caplog.text


def notices(event_name: str, holder: str, *items: Mapping[str, str], as_json: bool = False) -> str:
    if as_json:
        lists = items[0] if len(items) == 1 else list(items)
        fields = {"ToUserName": "gh", "FromUserName": OPENID, "CreateTime": CREATED, "MsgType": "event"}
        return json.dumps(fields | {"Event": event_name, holder: {"List": lists}})
    inner = "".join(
        f"<List>{''.join(f'<{name}>{value}</{name}>' for name, value in item.items())}</List>" for item in items
    )
    return event(event_name).replace("</xml>", f"<{holder}>{inner}</{holder}></xml>")


def said(template: str, word: str) -> dict[str, str]:
    return {"TemplateId": template, "SubscribeStatusString": word, "PopupScene": "1"}


@pytest.mark.parametrize("as_json", [False, True], ids=["xml", "json"])
@pytest.mark.parametrize(
    ("items", "credits"),
    [
        ([said("A", "accept")], {"A": 1}),
        ([said("A", "reject")], {"A": 0}),
        ([said("A", "accept"), said("B", "reject"), said("C", "accept")], {"A": 1, "B": 0, "C": 1}),
        ([said("A", "accept"), said("A", "accept")], {"A": 2}),
    ],
    ids=["one", "none", "many", "twice"],
)
def test_an_accepted_notice_is_a_credit_and_a_refused_one_clears_it(
    items: list[dict[str, str]], credits: dict[str, int], as_json: bool
):
    (change,) = pushed(notices("subscribe_msg_popup_event", "SubscribeMsgPopupEvent", *items, as_json=as_json))
    assert (change.credits, change.address, change.followed) == (credits, OPENID, None)
    assert change.window_until is None


@pytest.mark.parametrize("as_json", [False, True], ids=["xml", "json"])
def test_a_notice_switched_off_in_the_settings_clears_its_credit(as_json: bool):
    body = notices("subscribe_msg_change_event", "SubscribeMsgChangeEvent", said("A", "reject"), as_json=as_json)
    (change,) = pushed(body)
    assert change.credits == {"A": 0}


@pytest.mark.parametrize("as_json", [False, True], ids=["xml", "json"])
def test_each_sent_notice_is_a_receipt(as_json: bool):
    items = [
        {"TemplateId": "A", "MsgID": "1700827132819554304", "ErrorCode": "0", "ErrorStatus": "success"},
        {"TemplateId": "A", "MsgID": "1700827132819554305", "ErrorCode": "43101", "ErrorStatus": "failed:user block"},
    ]
    receipts = pushed(notices("subscribe_msg_sent_event", "SubscribeMsgSentEvent", *items, as_json=as_json))
    assert [(one.provider_id, one.delivered, one.reaction) for one in receipts] == [
        ("1700827132819554304", True, None),
        ("1700827132819554305", False, Reaction.SUPPRESS),
    ]
    assert len({one.event_id for one in receipts}) == 2


# ---- answers ------------------------------------------------------------------------------------------------------


def test_a_push_is_answered_with_success():
    assert channel().answer(plain(xml(MsgType="text", Content="x", MsgId=1))).body == b"success"


def test_an_independent_peer_s_push_is_read():
    crypto = WeChatCrypto(TOKEN, KEY, APPID)
    body = crypto.encrypt_message(xml(MsgType="text", Content="简历已看", MsgId=9), NONCE, str(CREATED))
    signature = re.search(r"<MsgSignature><!\[CDATA\[(\w+)", body)[1]
    query = {"timestamp": str(CREATED), "nonce": NONCE, "encrypt_type": "aes", "msg_signature": signature}
    _, reply = take(channel(key=KEY), InboundRequest("POST", "callback", query, body=body.encode()))
    assert reply.text == "简历已看"


# ---- what is not the provider's -----------------------------------------------------------------------------------


def refuses(door: WechatChannel, request: InboundRequest) -> str:
    with pytest.raises(WebhookRejected) as caught:
        door.verify(request)
    return str(caught.value)


TEXT = xml(MsgType="text", Content="退订", MsgId=1)


@pytest.mark.parametrize(
    "change",
    [
        {"signature": ""},
        {"signature": "0" * 40},
        {"signature": "签名"},
        {"signature": "\ud800"},
        {"nonce": "other"},
        {"timestamp": str(CREATED + 1)},
        {"timestamp": ""},
    ],
    ids=["none", "wrong", "chinese", "half a character", "nonce", "timestamp", "no timestamp"],
)
def test_a_wrong_signature_is_refused(change: dict[str, str]):
    request = plain(TEXT)
    assert "signature" in refuses(
        channel(), InboundRequest("POST", "callback", {**request.query, **change}, body=request.body)
    )
    echo = InboundRequest("GET", "callback", {**request.query, "echostr": "1", **change})
    assert "signature" in refuses(channel(), echo)


def test_a_signature_over_fewer_parts_does_not_cover_an_encrypted_body():
    request = sealed(V5_ENCRYPT)
    weaker = {**request.query, "msg_signature": sign(TOKEN, str(CREATED), NONCE)}
    assert "signature" in refuses(channel(key=KEY), InboundRequest("POST", "callback", weaker, body=request.body))


def test_a_plain_push_is_refused_where_a_key_is_set_and_the_remedy_named():
    assert "WECHAT_ENCODING_AES_KEY" in refuses(channel(key=KEY), plain(TEXT))


def test_an_encrypted_push_is_refused_where_no_key_is_set_and_the_remedy_named():
    assert "WECHAT_ENCODING_AES_KEY" in refuses(channel(), sealed(V5_ENCRYPT))


@pytest.mark.parametrize("seconds", [0, 15, 599, -599])
def test_a_repeat_with_its_old_timestamp_is_still_taken(seconds: int):
    assert take(channel(seconds=seconds), plain(TEXT))


@pytest.mark.parametrize("seconds", [601, -601, 86_400])
def test_a_replay_after_ten_minutes_is_refused(seconds: int):
    assert "10 minutes" in refuses(channel(seconds=seconds), plain(TEXT))
    assert "10 minutes" in refuses(channel(key=KEY, seconds=seconds), sealed(V5_ENCRYPT))


@pytest.mark.parametrize("timestamp", ["", "soon", "-5", "1e9", "٣", "9" * 30])
def test_a_timestamp_that_is_no_time_is_refused(timestamp: str):
    query = {"timestamp": timestamp, "nonce": NONCE, "signature": sign(TOKEN, timestamp, NONCE)}
    refuses(channel(), InboundRequest("POST", "callback", query, body=TEXT.encode()))


def test_another_account_s_push_is_refused():
    assert "InvalidAppId" in refuses(channel(key=KEY), sealed(encrypted(TEXT, appid="wx_other")))


def test_1500_random_ciphertexts_with_a_right_signature_are_refused():
    chance, door = random.Random(7), channel(key=KEY)
    for size in range(1500):
        blocks = chance.randbytes(16 * (1 + size % 40))
        refuses(door, sealed(base64.b64encode(blocks).decode()))


@pytest.mark.parametrize("letters", ["", "A", "AAAA", "====", "!!!!", "汉字", "A" * 43, "AA=A" * 8])
def test_letters_that_are_no_ciphertext_are_refused(letters: str):
    refuses(channel(key=KEY), sealed(letters))
    refuses(channel(key=KEY), sealed(letters, json.dumps({"Encrypt": letters})))
    query = {"timestamp": str(CREATED), "nonce": NONCE, "encrypt_type": "aes", "echostr": letters}
    query["msg_signature"] = sign(TOKEN, str(CREATED), NONCE, letters)
    refuses(channel(key=KEY), InboundRequest("GET", "callback", query))


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    f"<xml><FromUserName>{OPENID}</FromUserName><CreateTime>{CREATED}</CreateTime><MsgType>text</MsgType>"
    "<Content>&b;</Content><MsgId>1</MsgId></xml>"
)
HOSTILE = {
    "empty": "",
    "blank": " \n",
    "empty xml": "<xml></xml>",
    "no root of ours": "<html></html>",
    "not xml": "hello",
    "cut off": TEXT[:-9],
    "entity bomb": BOMB,
    "external entity": BOMB.replace('"ha"', 'SYSTEM "file:///etc/hostname"'),
    "200,000 nested tags": "<xml>" + "<a>" * 200_000,
    "200,000 tags side by side": "<xml>" + "<a/>" * 200_000 + "</xml>",
    "a megabyte of one tag": "<xml>" + "<" + "a" * 900_000 + "/></xml>",
    "a megabyte of attributes": "<xml " + "".join(f'a{number}=""' + " " for number in range(80_000)) + "/>",
    "two senders": TEXT.replace("<MsgType>", f"<FromUserName>{OPENID}</FromUserName><MsgType>"),
    "no sender": TEXT.replace(OPENID, ""),
    "a sender in markup": TEXT.replace(OPENID, "<script>"),
    "no time": TEXT.replace(str(CREATED), ""),
    "a time of letters": TEXT.replace(str(CREATED), "now"),
    "a time beyond all": TEXT.replace(str(CREATED), "9" * 40),
    "two types": TEXT.replace("</xml>", "<MsgType>text</MsgType></xml>"),
    "a receipt of nothing": event("TEMPLATESENDJOBFINISH", Status="success"),
    "json list": "[]",
    "json number": "{1}",
    "json empty": "{}",
    "deep json": '{"a":' + "[" * 200_000 + "]" * 200_000 + "}",
    "not utf-8": b"\xff\xfe<xml>",
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_signed_but_hostile_body_is_refused_quickly(body: str | bytes):
    began = time.process_time()
    refuses(channel(), plain(body))
    assert time.process_time() - began < 5  # of this process alone; what grows by the square takes minutes


@pytest.mark.parametrize("name", ["200,000 nested tags", "entity bomb", "empty xml", "deep json"])
def test_a_hostile_body_is_refused_behind_the_encryption_too(name: str):
    refuses(channel(key=KEY), sealed(encrypted(HOSTILE[name])))


def test_200_000_nested_tags_cost_less_than_a_tenth_of_a_second():
    request, door = plain(HOSTILE["200,000 nested tags"]), channel()
    began = time.process_time()
    refuses(door, request)
    assert time.process_time() - began < 0.1


def test_junk_is_junk_whatever_mode_the_account_is_in() -> None:
    """Only the provider's own plain push can mean that a setting is wrong."""
    junk = InboundRequest("POST", "callback", {}, body=b"hello")
    for door in (channel(), channel(key=KEY)):
        assert "ENCODING_AES_KEY" not in refuses(door, junk)
    assert "ENCODING_AES_KEY" in refuses(channel(key=KEY), plain(TEXT))


def test_a_body_of_over_a_megabyte_is_refused_unread():
    assert "1 MB" in refuses(channel(), plain(xml(MsgType="text", Content="x" * 1_000_000, MsgId=1)))


@pytest.mark.parametrize("filler", [" ", "A", "<Encrypt>", "<Encrypt> ", "<Encrypt>A"])
def test_a_megabyte_of_half_an_envelope_costs_nothing(filler: str):
    body = ("<xml><Encrypt>" + filler * 1_000_000)[:999_999]
    began = time.process_time()
    refuses(channel(key=KEY), sealed("x", body))
    assert time.process_time() - began < 0.2


def test_a_customer_s_long_text_full_of_marks_is_read():
    assert len(pushed(xml(MsgType="text", Content="<" * 2000, MsgId=1))[1].text) == 2000


@pytest.mark.parametrize(
    "request_of",
    [
        lambda query: InboundRequest("POST", "reply", query, body=TEXT.encode()),
        lambda query: InboundRequest("PUT", "callback", query, body=TEXT.encode()),
        lambda query: InboundRequest("GET", "callback", query),
        lambda query: InboundRequest("GET", "callback", {}),
        lambda query: InboundRequest("POST", "callback", {}),
    ],
    ids=["other door", "other method", "no echostr", "bare get", "bare post"],
)
def test_what_is_no_callback_at_all_is_refused(request_of):
    refuses(channel(), request_of(plain(TEXT).query))


def test_a_refusal_shows_neither_openid_nor_text_nor_secret():
    for body in HOSTILE.values():
        assert not re.search(f"{OPENID}|退订|{TOKEN}", refuses(channel(), plain(body)))
