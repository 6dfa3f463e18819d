"""What the WeChat stand-in does badly on purpose: answers, receipts and callbacks as a real network brings them."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto

from bot.sandbox.hostile import MEGABYTE, Outcome
from bot.sandbox.stage import Stage
from bot.sandbox.wechat import WechatSandbox
from bot.sandbox.wechat_attacks import ATTACKS, REPEATS, Attacker, Target
from bot.sandbox.wechat_bodies import to_xml
from bot.sandbox.wechat_callbacks import Quirks
from bot.sandbox.wechat_push import aes_key, decrypt, encrypt, sign
from bot.serving import listen, serve
from tests.sandbox_wechat_cast import (
    ANNA,
    APPID,
    BERT,
    KEY,
    MINUTE,
    SUB,
    TOKEN,
    UNREAD,
    VALUES,
    Hand,
    OurDoor,
    Peer,
    make,
    rows,
)

BODY = {"touser": ANNA, "template_id": UNREAD, "data": VALUES}

# --- answers


async def test_a_slow_body_comes_in_halves_and_is_right(
    sandbox: WechatSandbox, wire: httpx.AsyncClient, peer: Peer, stage: Stage
) -> None:
    token = await peer.access_token()
    sandbox.delay_seconds = 0.01
    sandbox.faults.order("slow_body")
    answer = await wire.post("/cgi-bin/message/template/send", params={"access_token": token}, json=BODY)
    assert answer.json()["errcode"] == 0
    assert len(rows(stage)) == 1


async def test_an_answer_can_come_twice_on_the_same_connection(
    sandbox: WechatSandbox, wire: httpx.AsyncClient, peer: Peer, stage: Stage
) -> None:
    token = await peer.access_token()
    sandbox.faults.order("twice")
    reader, writer = await asyncio.open_connection("127.0.0.1", wire.base_url.port)
    content = json.dumps(BODY).encode()
    head = f"POST /cgi-bin/message/template/send?access_token={token} HTTP/1.1\r\nHost: x\r\n"
    writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    whole = b""
    async with asyncio.timeout(60):
        while whole.count(b'"errcode": 0') < 2:
            whole += await reader.read(4096)
    writer.close()
    assert whole.count(b"HTTP/1.1 200 OK") == 2
    assert len(rows(stage)) == 1


# Every errcode that WeChat's documents or those who call it have named.
TABLE = """
-1 40001 40002 40003 40007 40008 40013 40014 40035 40036 40037 40125 40132 40164 40200 40241 41001 41002 41003 41004
41030 42001 42007 43002 43004 43019 43101 43102 43104 43106 43107 43108 43116 43117 44001 44002 44003 44004 45001
45002 45003 45004 45005 45007 45008 45009 45011 45015 45026 45027 45028 45035 45047 45065 45066 45067 45168 46004
47001 47003 48001 48002 48003 48004 48006 48008 50001 50002 61004 70000 87014
"""


@pytest.mark.parametrize("code", TABLE.split())
async def test_every_errcode_of_the_table_can_be_ordered(
    sandbox: WechatSandbox, peer: Peer, stage: Stage, code: str
) -> None:
    sandbox.faults.order(code)
    answer = await peer.template()
    assert answer["errcode"] == int(code)
    assert rows(stage) == []


# --- receipts


def ids(door: OurDoor) -> list[str]:
    return [str(door.read(index)._data.get("MsgID")) for index in range(len(door.got))]


async def receipts(stage: Stage, hand: Hand, door: OurDoor, quirks: Quirks, wait: timedelta) -> tuple[list[str], str]:
    sandbox = make(stage, push_to=door.url, quirks=quirks)
    sandbox.callbacks.door.open()
    answer = await Peer(sandbox).template()
    for _ in range(3):
        hand.skip(wait)
        await stage.timetable.run_due()
    await sandbox.stop()
    return ids(door), str(answer["msgid"])


async def test_a_receipt_can_come_three_times(stage: Stage, hand: Hand, door: OurDoor) -> None:
    quirks = Quirks(block_share=0, failure_share=0, duplicate_share=1, again=2)
    told, number = await receipts(stage, hand, door, quirks, MINUTE)
    assert told == [number] * 3


@pytest.mark.parametrize(("wait", "times"), [(MINUTE, 0), (timedelta(days=7), 1)])
async def test_a_receipt_can_come_weeks_late(
    stage: Stage, hand: Hand, door: OurDoor, wait: timedelta, times: int
) -> None:
    quirks = Quirks(block_share=0, failure_share=0, duplicate_share=0, late_share=1)
    told, number = await receipts(stage, hand, door, quirks, wait)
    assert told == [number] * times


async def test_a_receipt_can_fail_to_come(stage: Stage, hand: Hand, door: OurDoor) -> None:
    assert (await receipts(stage, hand, door, Quirks(missing_share=1), timedelta(days=21)))[0] == []


async def test_receipts_can_be_about_a_message_that_nobody_sent(stage: Stage, hand: Hand, door: OurDoor) -> None:
    quirks = Quirks(block_share=0, failure_share=0, duplicate_share=0, unknown_share=1)
    told, number = await receipts(stage, hand, door, quirks, MINUTE)
    assert len(told) == 2
    assert number in told
    assert len(set(told)) == 2


async def test_late_ones_overtake_each_other(stage: Stage, hand: Hand, door: OurDoor) -> None:
    sandbox = make(stage, push_to=door.url, quirks=Quirks(block_share=0, failure_share=0, duplicate_share=0))
    sandbox.callbacks.door.open()
    peer = Peer(sandbox)
    sent = [str((await peer.template(f"oFOLLOWER{number:019d}"))["msgid"]) for number in range(12)]
    hand.skip(MINUTE)
    await stage.timetable.run_due()
    assert sorted(ids(door)) == sorted(sent)
    assert ids(door) != sent
    await sandbox.stop()


async def test_a_notices_receipt_can_be_about_nothing_as_well(stage: Stage, hand: Hand, door: OurDoor) -> None:
    sandbox = make(stage, quirks=Quirks(block_share=0, failure_share=0, duplicate_share=0, unknown_share=1))
    sandbox.callbacks.door.open()
    await sandbox.accept_subscription(ANNA, SUB)
    await Peer(sandbox).notice()
    sandbox.connect(door.url)
    hand.skip(MINUTE)
    await stage.timetable.run_due()
    told = [door.read(index)._data["SubscribeMsgSentEvent"]["List"]["MsgID"] for index in (0, 1)]
    assert rows(stage)[0].provider_id in told
    assert len(set(told)) == 2
    await sandbox.stop()


# --- JSON in place of XML


def opened(door: OurDoor, index: int = -1) -> dict[str, object]:
    query, body = door.got[index]
    outer = json.loads(body)
    assert sign(TOKEN, query["timestamp"], query["nonce"], outer["Encrypt"]) == query["msg_signature"]
    text, appid = decrypt(aes_key(KEY), outer["Encrypt"])
    assert appid == APPID
    found: dict[str, object] = json.loads(text)
    return found


@pytest.fixture
async def in_json(stage: Stage, door: OurDoor) -> WechatSandbox:
    made = make(stage, push_to=door.url, form="json")
    made.callbacks.door.open()
    return made


async def test_in_json_a_list_of_one_is_an_object_and_one_of_more_an_array(
    in_json: WechatSandbox, door: OurDoor
) -> None:
    await in_json.accept_subscription(ANNA, SUB)
    event = opened(door)
    assert event["SubscribeMsgPopupEvent"]["List"]["TemplateId"] == SUB
    await in_json.accept_subscription(ANNA, SUB, "SUB_TWO")
    assert [one["TemplateId"] for one in opened(door)["SubscribeMsgPopupEvent"]["List"]] == [SUB, "SUB_TWO"]
    await in_json.stop()


async def test_in_json_numbers_are_numbers_or_strings(in_json: WechatSandbox, door: OurDoor) -> None:
    for number in range(12):
        await in_json.write(ANNA, f"退订{number}")
    found = [opened(door, index) for index in range(12)]
    assert {type(one["MsgId"]) for one in found} == {type(one["CreateTime"]) for one in found} == {int, str}
    assert [one["Content"] for one in found] == [f"退订{number}" for number in range(12)]
    await in_json.stop()


async def test_in_json_a_passive_reply_has_its_names_in_lower_case(
    in_json: WechatSandbox, door: OurDoor, stage: Stage
) -> None:
    reply = {"ToUserName": ANNA, "FromUserName": "gh_0123456789ab", "CreateTime": 1, "MsgType": "text", "Content": "好"}
    encrypted = encrypt(aes_key(KEY), APPID, json.dumps(reply), b"0123456789abcdef")
    whole = {"encrypt": encrypted, "msgsignature": sign(TOKEN, "1", "n", encrypted), "timestamp": 1, "nonce": "n"}
    door.answers = [(200, json.dumps(whole)), (200, "[]"), (200, "{")]
    for _ in range(3):
        await in_json.write(ANNA, "在吗")
    assert [row.words["text"] for row in rows(stage)] == ["好"]
    assert len(in_json.callbacks.notices) == 2
    await in_json.stop()


async def test_two_events_of_one_follower_can_share_a_second(sandbox: WechatSandbox, door: OurDoor) -> None:
    await sandbox.click_menu(ANNA, "A")
    await sandbox.click_menu(ANNA, "B")
    first, second = door.read(0), door.read(1)
    assert (first.source, first.create_time) == (second.source, second.create_time)
    assert first.key != second.key


# --- attacks


@pytest.fixture
def attacker(sandbox: WechatSandbox, stage: Stage) -> Attacker:
    fields = {"ToUserName": "gh_0123456789ab", "FromUserName": BERT, "CreateTime": 1795395600, "MsgType": "text"}
    text = to_xml(fields | {"Content": "退订", "MsgId": 23456789012345678})
    return Attacker(sandbox.envelope, stage.dice("attacks"), Target(APPID, KEY, text))


def careful_reader(query: dict[str, str], body: bytes) -> bool:
    """Our door as wechatpy alone would keep it."""
    try:
        xml = WeChatCrypto(TOKEN, KEY, APPID).decrypt_message(
            body, query["msg_signature"], query["timestamp"], query["nonce"]
        )
        return parse_message(xml) is not None
    except Exception:
        return False


async def test_the_message_the_attacks_are_made_of_is_good(attacker: Attacker, stage: Stage) -> None:
    for make_push in (Attacker.good, *REPEATS.values()):
        push = make_push(attacker, stage.now())
        assert careful_reader(push.query, push.body)


@pytest.mark.parametrize("name", [name for name in ATTACKS if not name.startswith("verify")])
async def test_every_attack_is_something_that_a_careful_reader_refuses(
    attacker: Attacker, stage: Stage, name: str
) -> None:
    push = ATTACKS[name](attacker, stage.now())
    assert not careful_reader(push.query, push.body)


async def test_what_is_to_be_large_is_large_and_each_attack_is_new_but_the_repeat(
    attacker: Attacker, stage: Stage
) -> None:
    assert len(ATTACKS["megabyte"](attacker, stage.now()).body) > MEGABYTE
    signatures = [attacker.good(stage.now()).query["msg_signature"] for _ in range(3)]
    assert len(set(signatures)) == 3
    first = REPEATS["again"](attacker, stage.now())
    assert REPEATS["again"](attacker, stage.now() + timedelta(days=9)) == first


async def test_an_attack_tells_what_the_door_answered(attacker: Attacker, stage: Stage) -> None:
    methods: list[str] = []

    async def take(request: Request) -> Response:
        methods.append(request.method)
        await request.body()
        return PlainTextResponse("no", 403)

    app = Starlette(routes=[Route("/door", take, methods=["GET", "POST"])])
    served = await serve(app, listen("127.0.0.1", 0))
    outcomes = {name: await attacker.attempt(name, f"{served.url}/door", stage.now()) for name in ATTACKS}
    await served.stop()
    assert set(outcomes.values()) == {Outcome(403, b"no")}
    assert all(outcome.refused for outcome in outcomes.values())
    assert methods.count("GET") == sum(name.startswith("verify") for name in ATTACKS)
    assert (await attacker.attempt("no_xml", f"{served.url}/door", stage.now())).status == 0


def test_the_dice_of_a_seed_decide_what_goes_wrong(stage: Stage) -> None:
    def quirks(seed: int) -> tuple[Quirks, float]:
        made = make(stage)
        made.misbehave(stage_dice(seed))
        return made.callbacks.quirks, made.mass.failure_share

    stage_dice: Callable[[int], object] = lambda seed: Stage(stage.now, seed).dice("wechat callbacks")  # noqa: E731
    assert quirks(3) == quirks(3) != quirks(4)
    first, failures = quirks(3)
    assert min(first.missing_share, first.late_share, first.unknown_share, first.duplicate_share, failures) > 0
