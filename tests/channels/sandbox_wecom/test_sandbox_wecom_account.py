"""WeCom's stand-in: tokens, rights, limits and faults, and the app messages to staff."""

import asyncio

import httpx
import pytest

from bot.sandbox.stage import Line, Stage
from bot.sandbox.wecom.corporation import WecomSandbox
from campaigns.errors import InputError
from tests.sandbox_wecom_cast import (
    AGENT,
    ANNA,
    CORPID,
    DAY,
    HE,
    HOUR,
    KFID,
    LIU,
    MINUTE,
    OTHER_AGENT,
    OTHER_SECRET,
    SECOND,
    SECRET,
    SYSTEM_SECRET,
    Hand,
    Peer,
    make,
    to_staff,
)

# --- tokens


async def test_a_token_asked_for_again_is_the_same_until_it_ends(hand: Hand, peer: Peer) -> None:
    first = await peer.token()
    assert (len(first["access_token"]), first["expires_in"]) == (512, 7200)
    hand.skip(2 * HOUR - SECOND)
    assert await peer.token() == first | {"expires_in": 1}
    assert await peer.verdict_on(first["access_token"]) == 0
    hand.skip(SECOND)
    assert await peer.verdict_on(first["access_token"]) == 42001
    assert (await peer.token())["access_token"] != first["access_token"]


async def test_each_app_has_a_token_of_its_own(peer: Peer) -> None:
    assert (await peer.token())["access_token"] != (await peer.token(OTHER_SECRET))["access_token"]


@pytest.mark.parametrize(
    ("secret", "corpid", "errcode"),
    [("x" * 43, CORPID, 40001), ("short", CORPID, 40091), ("", CORPID, 41004), (SECRET, "ww0", 40013)],
)
async def test_wrong_credentials_get_no_token(peer: Peer, secret: str, corpid: str, errcode: int) -> None:
    assert (await peer.token(secret, corpid))["errcode"] == errcode


async def test_who_fails_too_often_is_blocked_for_an_hour_the_right_secret_too(hand: Hand, peer: Peer) -> None:
    errcodes = [(await peer.token("x" * 43))["errcode"] for _ in range(21)]
    assert errcodes == [40001] * 20 + [45009]
    assert (await peer.token())["errcode"] == 45009
    hand.skip(HOUR)
    assert (await peer.token())["errcode"] == 0


async def test_failures_far_apart_block_nobody(hand: Hand, peer: Peer) -> None:
    for _ in range(40):
        hand.skip(10 * SECOND)
        assert (await peer.token("x" * 43))["errcode"] == 40001
    assert (await peer.token())["errcode"] == 0


@pytest.mark.parametrize(("token", "errcode"), [("", 41001), ("abc", 40014)])
async def test_a_token_that_was_never_given_out_opens_nothing(peer: Peer, token: str, errcode: int) -> None:
    assert await peer.verdict_on(token) == errcode


async def test_the_systems_own_secret_opens_neither_contacts_nor_customer_service(peer: Peer) -> None:
    body = {"open_kfid": KFID, "external_userid": ANNA}
    assert (await peer.post("kf/service_state/get", body, SYSTEM_SECRET))["errcode"] == 48002
    assert (await peer.post("externalcontact/add_msg_template", {}, SYSTEM_SECRET))["errcode"] == 48002


async def test_a_caller_that_is_not_on_the_list_is_told_its_address(corporation: WecomSandbox, peer: Peer) -> None:
    corporation.gate.ip_allow_list = ["10.0.0.1"]
    answer = await peer.app()
    assert answer["errcode"] == 60020
    assert "from ip: 127.0.0.1," in answer["errmsg"]
    corporation.gate.ip_allow_list = ["127.0.0.1"]
    assert (await peer.app())["errcode"] == 0


@pytest.mark.parametrize(
    ("method", "api", "errcode"),
    [("POST", "gettoken", 43001), ("GET", "message/send", 43002), ("GET", "kf/sync_msg", 43002)],
)
async def test_the_wrong_way_to_call_is_named(peer: Peer, method: str, api: str, errcode: int) -> None:
    assert (await peer.http.request(method, f"/cgi-bin/{api}")).json()["errcode"] == errcode


async def test_an_address_that_is_no_api_is_not_found(peer: Peer) -> None:
    assert (await peer.http.post("/cgi-bin/message/nowhere")).status_code == 404


async def test_too_many_calls_a_minute_are_refused_until_the_next(
    hand: Hand, corporation: WecomSandbox, peer: Peer
) -> None:
    corporation.gate.limits["message/send"] = 2
    assert [(await peer.app())["errcode"] for _ in range(3)] == [0, 0, 45009]
    hand.skip(MINUTE)
    assert (await peer.app())["errcode"] == 0


# --- bodies and faults


async def test_what_is_no_json_is_refused_with_the_warning(peer: Peer) -> None:
    for body in (b"", b"touser=x", b"[1]", b'{"touser": "\\ud800"}', b"\xff", b"[" * 100_000):
        answer = await peer.post("message/send", body)
        assert answer["errcode"] == 47001
        assert answer["errmsg"].startswith("Warning: wrong json format. ")


async def test_a_line_break_inside_a_string_is_taken_and_warned_of(stage: Stage, peer: Peer) -> None:
    body = f'{{"touser": "{LIU}", "msgtype": "text", "agentid": {AGENT}, "text": {{"content": "一\n二"}}}}'
    answer = await peer.post("message/send", body.encode())
    assert (answer["errcode"], answer["errmsg"]) == (0, "Warning: wrong json format. ok")
    assert to_staff(stage)[0].words["text"] == "一\n二"


@pytest.mark.parametrize(
    ("fault", "errcode"), [("busy", -1), ("rate_limit", 45009), ("revoked", 40014), ("6000", 6000), ("45033", 45033)]
)
async def test_ordered_errors_come_once_and_keep_nothing(
    corporation: WecomSandbox, stage: Stage, peer: Peer, fault: str, errcode: int
) -> None:
    corporation.faults.order(fault)
    assert (await peer.app())["errcode"] == errcode
    assert to_staff(stage) == []
    assert (await peer.app())["errcode"] == 0


async def test_a_warning_changes_nothing_but_the_words(corporation: WecomSandbox, stage: Stage, peer: Peer) -> None:
    corporation.faults.order("warn")
    answer = await peer.app()
    assert (answer["errcode"], answer["errmsg"]) == (0, "Warning: wrong json format. ok")
    assert len(to_staff(stage)) == 1


@pytest.mark.parametrize(
    ("fault", "kept"),
    [("reset_before", 0), ("reset_after", 1), ("truncate", 1), ("forget", 0), ("bad_gateway", 0), ("slow_body", 1)],
)
async def test_faults_of_the_connection_come_before_or_after_the_effect(
    corporation: WecomSandbox, stage: Stage, fault: str, kept: int
) -> None:
    corporation.delay_seconds = 0.01
    await corporation.start()
    async with httpx.AsyncClient(trust_env=False, base_url=corporation.base_url) as wire:
        query = {"corpid": CORPID, "corpsecret": SECRET}
        token = (await wire.get("/cgi-bin/gettoken", params=query)).json()["access_token"]
        corporation.faults.order(fault)
        body = {"touser": LIU, "msgtype": "text", "agentid": AGENT, "text": {"content": "您好"}}
        try:
            answer = await wire.post("/cgi-bin/message/send", params={"access_token": token}, json=body)
            outcome = str(answer.status_code)
        except httpx.RemoteProtocolError:
            outcome = "broken"
        except httpx.ReadError:
            outcome = "broken"
    expected = {"forget": "200", "slow_body": "200", "bad_gateway": "502"}
    assert outcome == expected.get(fault, "broken")
    assert len(to_staff(stage)) == kept


async def test_an_answer_can_come_twice_on_the_same_connection(corporation: WecomSandbox) -> None:
    await corporation.start()
    corporation.token_faults.order("twice")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(corporation.base_url.rpartition(":")[2]))
    writer.write(f"GET /cgi-bin/gettoken?corpid={CORPID}&corpsecret={SECRET} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    whole = b""
    async with asyncio.timeout(60):
        while whole.count(b'"errcode": 0') < 2:
            whole += await reader.read(4096)
    writer.close()
    assert whole.count(b"HTTP/1.1 200 OK") == 2


@pytest.mark.parametrize("key", ["", "-" * 43])
async def test_an_encoding_key_that_is_none_is_refused_at_once(stage: Stage, key: str) -> None:
    with pytest.raises(InputError, match="43 letters"):
        make(stage, encoding_aes_key=key)


# --- app messages


async def test_a_message_goes_to_each_member_named_in_whatever_case(stage: Stage, peer: Peer) -> None:
    answer = await peer.app(f"{LIU.upper()}|{HE}", "客户回复了，请接手")
    assert set(answer) == {"errcode", "errmsg", "msgid"}
    assert [(row.to, row.words["text"], row.provider_id) for row in to_staff(stage)] == [
        (LIU, "客户回复了，请接手", answer["msgid"]),
        (HE, "客户回复了，请接手", answer["msgid"]),
    ]


async def test_who_is_invalid_is_named_in_lower_case_and_the_rest_get_it(stage: Stage, peer: Peer) -> None:
    answer = await peer.app(f"{LIU}|Nobody|gone|free", toparty="2|9", totag="8")
    told = {name: answer[name] for name in ("invaliduser", "invalidparty", "invalidtag", "unlicenseduser")}
    assert answer["errcode"] == 0
    assert told == {"invaliduser": "nobody|gone", "invalidparty": "9", "invalidtag": "8", "unlicenseduser": "free"}
    assert [row.to for row in to_staff(stage)] == [LIU, HE]


async def test_where_all_are_invalid_nobody_gets_it(stage: Stage, peer: Peer) -> None:
    answer = await peer.app("Nobody|gone")
    assert (answer["errcode"], answer["invaliduser"]) == (81013, "nobody|gone")
    assert to_staff(stage) == []


async def test_everybody_in_the_apps_range_can_be_named_at_once(stage: Stage, peer: Peer) -> None:
    await peer.app("@all")
    assert [row.to for row in to_staff(stage)] == [LIU, HE]


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"touser": ""}, 40058),
        ({"touser": ["x"]}, 40058),
        ({"touser": "|".join(f"u{n}" for n in range(1001))}, 40032),
        ({"toparty": "|".join(map(str, range(101)))}, 40032),
        ({"agentid": str(AGENT)}, 40056),
        ({"agentid": 5}, 40056),
        ({"agentid": OTHER_AGENT}, 301002),
        ({"msgtype": "voice", "voice": {"media_id": "x"}}, 40058),
        ({"msgtype": "card"}, 40058),
        ({"msgtype": 1}, 40008),
        ({"text": {}}, 44004),
        ({"text": {"content": ""}}, 44004),
        ({"text": "您好"}, 40058),
        ({"saef": 0}, 40058),
        ({"safe": 2}, 40058),
        ({"enable_duplicate_check": True}, 40058),
        ({"duplicate_check_interval": 14_401}, 40058),
    ],
)
async def test_what_a_message_must_not_be_is_refused(
    stage: Stage, peer: Peer, changes: dict[str, object], errcode: int
) -> None:
    assert (await peer.app(**{"to": LIU, **changes}) if "to" in changes else await peer.app(**changes))[
        "errcode"
    ] == errcode
    assert to_staff(stage) == []


async def test_what_must_be_uploaded_first_was_not(peer: Peer) -> None:
    body = {"touser": LIU, "msgtype": "image", "agentid": AGENT, "image": {"media_id": "x"}}
    assert (await peer.post("message/send", body))["errcode"] == 40007


async def test_a_text_too_long_is_cut_without_a_word_and_the_ledger_tells(stage: Stage, peer: Peer) -> None:
    assert (await peer.app(content="我" * 682 + "ab"))["errcode"] == 0
    assert (await peer.app(content="我" * 683))["errcode"] == 0
    assert [(len(row.words["text"]), row.words.get("cut", False)) for row in to_staff(stage)] == [
        (684, False),
        (682, True),
    ]


async def test_a_card_carries_its_link(stage: Stage, peer: Peer) -> None:
    card = {"title": "客户回复了", "description": "请接手", "url": "https://hr.example.com/m/1", "btntxt": "接手"}
    body = {"touser": LIU, "msgtype": "textcard", "agentid": AGENT, "textcard": card}
    assert (await peer.post("message/send", body))["errcode"] == 0
    words = to_staff(stage)[0].words
    assert words["text"] == "客户回复了\n请接手"
    assert words["links"] == [{"text": "接手", "url": "https://hr.example.com/m/1"}]


async def test_the_31st_message_of_a_minute_is_dropped_without_a_word(hand: Hand, stage: Stage, peer: Peer) -> None:
    assert {(await peer.app(content=f"第{n}条"))["errcode"] for n in range(31)} == {0}
    rows = to_staff(stage)
    assert [row.words.get("dropped") for row in rows] == [None] * 30 + ["minute"]
    assert [stage.reached(row) for row in rows] == [True] * 30 + [False]
    hand.skip(MINUTE)
    await peer.app(content="下一分钟")
    assert "dropped" not in to_staff(stage)[-1].words


async def test_the_1001st_message_of_an_hour_is_dropped_too(hand: Hand, stage: Stage, peer: Peer) -> None:
    words = {"kind": "app", "agentid": AGENT, "text": "您好"}
    for number in range(1000):
        hand.skip(3 * SECOND)
        stage.accept(Line.WECOM_STAFF, LIU, key="", words=words, provider_id=str(number))
    await peer.app()
    await peer.app(HE)
    hand.skip(10 * MINUTE + 4 * SECOND)
    await peer.app()
    assert [row.words.get("dropped") for row in to_staff(stage)][-4:] == [None, "hour", None, None]


async def test_the_days_person_times_are_counted_over_everybody(hand: Hand, stage: Stage) -> None:
    sandbox = make(stage, heads=1)
    peer = Peer(sandbox)
    for number in range(100):
        hand.skip(3 * SECOND)
        assert (await peer.app(f"{LIU}|{HE}", f"第{number}条"))["errcode"] == 0
    assert (await peer.app())["errcode"] == 45009
    hand.skip(DAY)
    assert (await peer.app())["errcode"] == 0


async def test_a_repeated_message_arrives_once_where_duplicates_are_looked_for(
    hand: Hand, stage: Stage, peer: Peer
) -> None:
    for _ in range(2):
        assert (await peer.app(enable_duplicate_check=1))["errcode"] == 0
    assert len(to_staff(stage)) == 1
    assert (await peer.app())["errcode"] == 0
    await peer.app(content="另一条", enable_duplicate_check=1)
    assert len(to_staff(stage)) == 3
    hand.skip(30 * MINUTE)
    await peer.app(enable_duplicate_check=1)
    assert len(to_staff(stage)) == 4


async def test_the_interval_of_the_duplicate_check_can_be_set(hand: Hand, stage: Stage, peer: Peer) -> None:
    await peer.app(enable_duplicate_check=1, duplicate_check_interval=14_400)
    hand.skip(4 * HOUR - SECOND)
    await peer.app(enable_duplicate_check=1, duplicate_check_interval=14_400)
    assert len(to_staff(stage)) == 1
