"""WeCom's stand-in: what it pushes, read by wechatpy; how often it tries; and the attacks it can play."""

import re
import xml.etree.ElementTree as ET

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from wechatpy.enterprise.crypto import WeChatCrypto

from bot.sandbox.hostile import MEGABYTE, Outcome
from bot.sandbox.stage import Stage
from bot.sandbox.wechat_push import aes_key, decrypt, encrypt, sign
from bot.sandbox.wecom.attacks import ATTACKS, Attacker
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.sandbox.wecom.push import Quirks
from bot.serving import listen, serve
from campaigns.errors import InputError
from tests.sandbox_wecom_cast import (
    AGENT,
    ANNA,
    BERT,
    CORPID,
    HE,
    HOUR,
    KEY,
    LIU,
    MINUTE,
    SECOND,
    START,
    TOKEN,
    Hand,
    OurDoor,
    Peer,
    make,
    to_customers,
)

# --- the crypto, by the published vectors


def test_the_official_echo_is_read_and_signed() -> None:
    echo = "4ByGGj+sVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1+bXFXDQQb1o6co6Yh9Bv41n7hOchLF6p+Q=="
    signature = sign("123456", "1411443780", "437374425", echo)
    assert signature == "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96"
    key = aes_key("kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR")
    assert decrypt(key, echo) == ("5927782489442352469", "wx49f0ab532d5d035a")


def test_what_we_encrypt_for_a_corporation_is_what_wechatpy_reads() -> None:
    encrypted = encrypt(aes_key(KEY), CORPID, "<xml><a>我</a></xml>", b"0123456789abcdef")
    body = f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    signature = sign(TOKEN, "1767323045", "nonce123", encrypted)
    read = WeChatCrypto(TOKEN, KEY, CORPID).decrypt_message(body, signature, "1767323045", "nonce123")
    assert read == "<xml><a>我</a></xml>"


# --- the address


async def test_our_address_proves_itself_by_the_decrypted_words(corporation: WecomSandbox, door: OurDoor) -> None:
    corporation.callbacks.verify_seconds = 60  # this machine may be slow
    assert await corporation.callbacks.verify_url()


@pytest.mark.parametrize("echo", ['"{}"', "{}\n", "\ufeff{}", "", "success"])
async def test_anything_around_the_words_proves_nothing(corporation: WecomSandbox, door: OurDoor, echo: str) -> None:
    door.echo = echo
    assert not await corporation.callbacks.verify_url()


async def test_an_address_must_prove_itself_within_a_second(corporation: WecomSandbox, door: OurDoor) -> None:
    corporation.callbacks.verify_seconds = 0.05
    door.answers = [0.5]
    assert not await corporation.callbacks.verify_url()


# --- changes of contacts


async def test_a_scanned_contact_way_brings_its_state_and_a_welcome(
    corporation: WecomSandbox, door: OurDoor, stage: Stage, hand: Hand, peer: Peer
) -> None:
    body = {"type": 1, "scene": 2, "state": "0ne-time", "user": [HE]}
    made = await peer.post("externalcontact/add_contact_way", body)
    assert await corporation.phones.scan(ANNA, made["qr_code"])
    told = door.read()
    code = told.pop("WelcomeCode")
    assert told == {
        "ToUserName": CORPID,
        "FromUserName": "sys",
        "CreateTime": str(int(START.timestamp())),
        "MsgType": "event",
        "Event": "change_external_contact",
        "ChangeType": "add_external_contact",
        "UserID": HE,
        "ExternalUserID": ANNA,
        "State": "0ne-time",
    }
    welcome = {"welcome_code": code, "text": {"content": "您好"}}
    hand.skip(19 * SECOND)
    assert (await peer.post("externalcontact/send_welcome_msg", welcome))["errcode"] == 0
    assert (await peer.post("externalcontact/send_welcome_msg", welcome))["errcode"] == 40058
    assert [(row.to, row.words["text"]) for row in to_customers(stage)] == [(ANNA, "您好")]


async def test_a_welcome_after_20_seconds_is_too_late(
    corporation: WecomSandbox, door: OurDoor, hand: Hand, peer: Peer
) -> None:
    await corporation.phones.meet(ANNA, HE)
    hand.skip(20 * SECOND)
    welcome = {"welcome_code": door.read()["WelcomeCode"], "text": {"content": "您好"}}
    assert (await peer.post("externalcontact/send_welcome_msg", welcome))["errcode"] == 40058


async def test_every_change_is_told_with_its_own_fields(corporation: WecomSandbox, door: OurDoor) -> None:
    phones = corporation.phones
    assert await phones.meet(BERT, LIU, half=True)
    assert await phones.edit(BERT, LIU)
    assert await phones.approve_archive(BERT, LIU)
    assert await phones.fail_transfer(BERT, HE, "customer_refused")
    assert await phones.delete_customer(BERT, LIU, "DELETE_BY_TRANSFER")
    assert await phones.delete_staff(BERT, HE)
    found = [
        (event["ChangeType"], event["UserID"], event.get("Source"), event.get("FailReason"), "WelcomeCode" in event)
        for event in door.events()
    ]
    assert found == [
        ("add_half_external_contact", LIU, None, None, True),
        ("edit_external_contact", LIU, None, None, False),
        ("msg_audit_approved", LIU, None, None, True),
        ("transfer_fail", HE, None, "customer_refused", False),
        ("del_external_contact", LIU, "DELETE_BY_TRANSFER", None, False),
        ("del_follow_user", HE, None, None, False),
    ]
    with pytest.raises(InputError, match="does not have"):
        await phones.delete_staff(BERT, HE)


async def test_what_we_change_by_the_api_is_not_told(corporation: WecomSandbox, door: OurDoor, peer: Peer) -> None:
    await peer.post("externalcontact/add_contact_way", {"type": 1, "scene": 2, "user": [LIU]})
    corporation.mass.confirm(LIU, (await peer.mass(ANNA))["msgid"])
    assert door.got == []


async def test_staff_who_write_to_the_app_are_heard(corporation: WecomSandbox, door: OurDoor) -> None:
    await corporation.phones.write_to_app(LIU, "知道了")
    told = door.read()
    assert (told["FromUserName"], told["MsgType"], told["Content"], told["AgentID"]) == (
        LIU,
        "text",
        "知道了",
        str(AGENT),
    )
    assert int(told["MsgId"]) > 2**53


async def test_what_is_pushed_is_encrypted_and_names_us_outside(corporation: WecomSandbox, door: OurDoor) -> None:
    await corporation.phones.edit(ANNA, LIU)
    query, body = door.got[0]
    outer = {child.tag: child.text for child in ET.fromstring(body)}
    assert set(query) == {"msg_signature", "timestamp", "nonce"}
    assert (outer["ToUserName"], outer["AgentID"]) == (CORPID, str(AGENT))
    assert ANNA not in body.decode()


# --- tries


async def test_a_push_is_tried_three_times_five_seconds_apart_the_same_bytes(
    corporation: WecomSandbox, door: OurDoor, hand: Hand, stage: Stage
) -> None:
    door.answers = [500, 404, 503]
    assert not await corporation.phones.edit(ANNA, LIU)
    for tries in (1, 2, 3, 3):
        assert len(door.got) == tries
        hand.skip(5 * SECOND)
        await stage.timetable.run_due()
    assert len(set(map(str, door.got))) == 1
    assert [push.openid for push in corporation.callbacks.door.lost] == [ANNA]


async def test_a_door_that_is_too_slow_is_asked_again(
    corporation: WecomSandbox, door: OurDoor, hand: Hand, stage: Stage
) -> None:
    corporation.callbacks.door.answer_seconds = 0.05
    door.answers = [0.5]
    assert not await corporation.phones.edit(ANNA, LIU)
    corporation.callbacks.door.answer_seconds = 60
    door.answers, door.got = [], []  # on a slow machine the first may not even have arrived
    hand.skip(5 * SECOND)
    await stage.timetable.run_due()
    assert len(door.got) >= 1
    assert corporation.callbacks.door.lost == []


async def test_pushes_are_repeated_though_answered_where_that_is_played(
    stage: Stage, hand: Hand, door: OurDoor
) -> None:
    sandbox = make(stage, push_to=door.url, quirks=Quirks(duplicate_share=1))
    sandbox.callbacks.door.open()
    await sandbox.phones.edit(ANNA, LIU)
    hand.skip(MINUTE)
    await stage.timetable.run_due()
    assert len(door.got) == 2
    assert door.got[0] == door.got[1]
    await sandbox.stop()


async def test_events_can_come_late_or_never_or_three_times(stage: Stage, hand: Hand, door: OurDoor) -> None:
    async def told(quirks: Quirks) -> int:
        sandbox = make(stage, push_to=door.url, quirks=quirks)
        sandbox.callbacks.door.open()
        door.got.clear()
        assert await sandbox.phones.edit(ANNA, LIU)
        at_once = len(door.got)
        hand.skip(HOUR * 12)
        await stage.timetable.run_due()
        await sandbox.stop()
        return 10 * at_once + len(door.got)

    assert await told(Quirks(missing_share=1)) == 0
    assert await told(Quirks(late_share=1)) == 1
    assert await told(Quirks(duplicate_share=1, again=2)) == 13


# --- attacks


@pytest.fixture
def attacker(corporation: WecomSandbox, stage: Stage) -> Attacker:
    text = f"<xml><ToUserName><![CDATA[{CORPID}]]></ToUserName><MsgType><![CDATA[event]]></MsgType></xml>"
    return Attacker(corporation.callbacks.envelope, stage.dice("attacks"), text)


async def test_every_attack_is_something_that_wechatpy_does_not_read(attacker: Attacker, stage: Stage) -> None:
    """A careful reader between the wire and wechatpy would refuse them all; wechatpy's own crypto lets some pass."""
    passed = {name for name in ATTACKS if not name.startswith("verify") and _reads(attacker, name, stage)}
    assert passed == {
        "no_xml_inside",
        "empty_inside",
        "empty_element_inside",
        "entity_bomb_inside",
        "file_inside",
        "deep_inside",
        "other_corpid_named_inside",
    }


def _reads(attacker: Attacker, name: str, stage: Stage) -> bool:
    push = ATTACKS[name](attacker, stage.now())
    try:
        crypto = WeChatCrypto(TOKEN, KEY, CORPID)
        query = push.query
        crypto.decrypt_message(push.body, query["msg_signature"], query["timestamp"], query["nonce"])
    except Exception:
        return False
    return True


async def test_the_great_ones_are_great(attacker: Attacker, stage: Stage) -> None:
    assert len(ATTACKS["megabyte"](attacker, stage.now()).body) > MEGABYTE
    bomb = ATTACKS["entity_bomb"](attacker, stage.now()).body.decode()
    assert len(re.findall("<!ENTITY", bomb)) == 10
    assert len(bomb) < 2000


async def test_an_attack_tells_what_the_door_answered(attacker: Attacker, stage: Stage) -> None:
    got: list[tuple[str, bytes]] = []

    async def take(request: Request) -> Response:
        got.append((request.method, await request.body()))
        return PlainTextResponse("no", 403)

    app = Starlette(routes=[Route("/door", take, methods=["GET", "POST"])])
    served = await serve(app, listen("127.0.0.1", 0))
    outcomes = {name: await attacker.attempt(name, f"{served.url}/door", stage.now()) for name in ATTACKS}
    await served.stop()
    assert set(outcomes.values()) == {Outcome(403, b"no")}
    assert all(outcome.refused for outcome in outcomes.values())
    assert sum(method == "GET" for method, _ in got) == sum(name.startswith("verify") for name in ATTACKS)
    assert (await attacker.attempt("no_xml", f"{served.url}/door", stage.now())).status == 0


async def test_a_door_that_reads_with_wechatpy_alone_never_takes_a_wrong_corporation(
    door: OurDoor, attacker: Attacker, stage: Stage
) -> None:
    """The cast's own door decrypts nothing on POST; its proof of the address must refuse what is signed wrongly."""
    for name in ("verify_wrong_signature", "verify_wrong_corpid", "verify_in_plain", "verify_without_echo"):
        with pytest.raises(Exception):  # noqa: B017, PT011 - wechatpy raises whatever it meets
            await _prove(door, name, attacker, stage)


async def _prove(door: OurDoor, name: str, attacker: Attacker, stage: Stage) -> None:
    push = ATTACKS[name](attacker, stage.now())
    query = push.query
    door.crypto.check_signature(query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"])


async def test_without_a_door_events_count_as_taken(corporation: WecomSandbox) -> None:
    assert await corporation.phones.edit(ANNA, LIU)
    assert not await corporation.callbacks.verify_url()
