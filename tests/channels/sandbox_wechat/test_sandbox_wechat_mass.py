"""The WeChat stand-in's mass sends: what is refused, what becomes of one, four a month, and how its end is told."""

from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.stage import Stage
from bot.sandbox.wechat import WechatSandbox
from bot.sandbox.wechat_callbacks import Quirks
from bot.sandbox.wechat_mass import ADMINISTRATOR
from tests.sandbox_wechat_cast import ANNA, BERT, CALM, HOUR, MINUTE, SECOND, Hand, OurDoor, Peer, make, rows

CARL = "oCARL00000000000000000000001"
DAY = 24 * HOUR


async def mass(peer: Peer, *to: str, **changes: object) -> dict[str, Any]:
    body = {"touser": list(to or (ANNA, BERT)), "msgtype": "text", "text": {"content": "开工了"}} | changes
    return await peer.post("message/mass/send", {name: part for name, part in body.items() if part is not None})


async def status(peer: Peer, msg_id: object) -> Any:
    answer = await peer.post("message/mass/get", {"msg_id": msg_id})
    return answer.get("msg_status", answer.get("errcode"))


async def until_told(stage: Stage, hand: Hand) -> None:
    for _ in range(4):
        hand.skip(MINUTE)
        await stage.timetable.run_due()


async def test_a_mass_send_is_submitted_sent_and_told_of_with_its_counts(
    peer: Peer, stage: Stage, hand: Hand, door: OurDoor
) -> None:
    answer = await mass(peer, clientmsgid="m-1")
    assert (answer["errcode"], answer["errmsg"]) == (0, "send job submission success")
    assert {row.to for row in rows(stage)} == {ANNA, BERT}
    assert {(row.key, row.provider_id, row.words["kind"]) for row in rows(stage)} == {
        ("m-1", str(answer["msg_id"]), "mass")
    }
    assert await status(peer, answer["msg_id"]) == "SENDING"
    await until_told(stage, hand)
    assert await status(peer, answer["msg_id"]) == "SEND_SUCCESS"
    event = door.read()
    assert (event.event, event.id, event.source) == ("masssendjobfinish", answer["msg_id"], ADMINISTRATOR)
    assert event.status in ("send success", "sendsuccess")
    data = event._data
    counts = [data[name] for name in ("TotalCount", "FilterCount", "SentCount", "ErrorCount")]
    assert counts == ["2", "2", "2", "0"]
    assert data["ArticleUrlResult"]["ResultList"] is None
    assert len(door.got) == 1


async def test_who_has_left_is_filtered_and_who_lets_nothing_in_is_an_error(
    peer: Peer, sandbox: WechatSandbox, stage: Stage, hand: Hand, door: OurDoor
) -> None:
    stage.full.add(BERT)
    await mass(peer, ANNA, BERT, CARL)
    await sandbox.unsubscribe(CARL)
    await until_told(stage, hand)
    data = door.read()._data
    assert [data[name] for name in ("TotalCount", "FilterCount", "SentCount", "ErrorCount")] == ["3", "2", "1", "1"]
    assert [row.to for row in rows(stage) if stage.reached(row)] == [ANNA]


@pytest.mark.parametrize("verdict", ["send fail", "err(10001)", "err(30003)"])
async def test_a_mass_send_can_fail_as_a_whole(
    peer: Peer, sandbox: WechatSandbox, stage: Stage, hand: Hand, door: OurDoor, verdict: str
) -> None:
    sandbox.mass.verdicts.append(verdict)
    answer = await mass(peer)
    await until_told(stage, hand)
    assert door.read().status == verdict
    assert await status(peer, answer["msg_id"]) == "SEND_FAIL"
    assert not any(stage.reached(row) for row in rows(stage))
    assert sandbox.mass.left(ANNA) == 4


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"touser": [ANNA]}, 40130),
        ({"touser": [ANNA, ANNA]}, 40130),
        ({"touser": ANNA}, 40130),
        ({"touser": [ANNA, 5]}, 40130),
        ({"touser": [ANNA] * 10_001}, 40130),
        ({"touser": [ANNA, "nobody"]}, 40003),
        ({"text": None, "msgtype": "mpnews", "mpnews": {"media_id": "1"}}, 40007),
        ({"text": None, "msgtype": "telegram"}, 40008),
        ({"msgtype": 5}, 40008),
        ({"text": {}}, 44004),
        ({"text": "开工了"}, 47001),
        ({"text": {"content": "开" * 683}}, 45002),
        ({"clientmsgid": "m" * 33}, 45067),
        ({"clientmsgid": 5}, 47003),
        ({"client_msg_id": "m-1"}, 47003),
        ({"send_ignore_reprint": 2}, 47003),
        ({"is_to_all": True}, 47003),
        ({"filter": {"is_to_all": True}}, 47003),
    ],
)
async def test_a_wrong_mass_send_is_refused(peer: Peer, stage: Stage, changes: dict[str, object], errcode: int) -> None:
    assert (await mass(peer, **changes))["errcode"] == errcode
    assert rows(stage) == []


@pytest.mark.parametrize(
    ("chosen", "errcode"), [({"is_to_all": True}, 48001), ({"is_to_all": False, "tag_id": 2}, 45159), (None, 47003)]
)
async def test_nobody_writes_to_all(peer: Peer, stage: Stage, chosen: object, errcode: int) -> None:
    body = {"filter": chosen, "msgtype": "text", "text": {"content": "开工了"}}
    assert (await peer.post("message/mass/sendall", body))["errcode"] == errcode
    assert rows(stage) == []


async def test_without_its_rules_accepted_an_account_sends_nothing(peer: Peer, sandbox: WechatSandbox) -> None:
    sandbox.mass.agreed = False
    assert (await mass(peer))["errcode"] == 48003


async def test_a_follower_gets_four_a_month_of_shanghai_and_the_fifth_is_refused(
    peer: Peer, sandbox: WechatSandbox, stage: Stage, hand: Hand
) -> None:
    for number in range(4):
        assert (await mass(peer, ANNA, BERT, clientmsgid=f"m-{number}"))["errcode"] == 0
    refused = await mass(peer, ANNA, CARL, clientmsgid="m-4")
    assert refused["errcode"] == 45028
    assert "1 of the list" in refused["errmsg"]
    assert (await mass(peer, CARL, "oDORA00000000000000000000001", clientmsgid="m-5"))["errcode"] == 0
    assert sandbox.mass.left(CARL) == 3
    hand.skip(7 * DAY + 15 * HOUR - SECOND)  # until a second before December in Shanghai
    assert (await mass(peer, clientmsgid="m-6"))["errcode"] == 45028
    hand.skip(SECOND)
    assert (await mass(peer, clientmsgid="m-6"))["errcode"] == 0


async def test_the_same_clientmsgid_is_sent_once_in_a_day(peer: Peer, stage: Stage, hand: Hand) -> None:
    first = await mass(peer, clientmsgid="m-1")
    hand.skip(59 * SECOND)
    assert (await mass(peer, clientmsgid="m-1"))["errcode"] == 45066
    hand.skip(SECOND)
    again = await mass(peer, clientmsgid="m-1")
    assert (again["errcode"], again["msg_id"], again["msg_data_id"]) == (45065, first["msg_id"], first["msg_data_id"])
    assert len(rows(stage)) == 2
    hand.skip(DAY)
    assert (await mass(peer, clientmsgid="m-1"))["msg_id"] != first["msg_id"]


async def test_without_a_clientmsgid_the_same_words_to_the_same_people_are_the_same(
    peer: Peer, stage: Stage, hand: Hand
) -> None:
    first = await mass(peer)
    again = await mass(peer)
    assert (again["errcode"], again["msg_id"]) == (45065, first["msg_id"])
    assert (await mass(peer, ANNA, CARL))["errcode"] == 0
    assert (await mass(peer, text={"content": "别的"}))["errcode"] == 0
    hand.skip(DAY)
    assert (await mass(peer))["errcode"] == 0


async def test_the_clientmsgid_is_known_after_a_restart(peer: Peer, stage: Stage, hand: Hand) -> None:
    first = await mass(peer, clientmsgid="m-1")
    hand.skip(MINUTE)
    assert (await mass(Peer(make(stage)), clientmsgid="m-1"))["msg_id"] == first["msg_id"]


async def test_calls_are_limited_by_the_day_and_by_the_minute(stage: Stage, hand: Hand) -> None:
    peer = Peer(make(stage, quotas={"message/mass/send": 61}))
    people = [f"oFOLLOWER{number:019d}" for number in range(140)]
    codes = [(await mass(peer, *people[2 * n : 2 * n + 2]))["errcode"] for n in range(61)]
    assert codes == [0] * 60 + [45011]
    hand.skip(MINUTE)
    assert (await mass(peer, *people[122:124]))["errcode"] == 45009


async def test_what_was_sent_can_be_taken_back_and_what_nobody_sent_cannot(
    peer: Peer, stage: Stage, hand: Hand
) -> None:
    answer = await mass(peer)
    taken_back = {"msg_id": answer["msg_id"]}
    assert (await peer.post("message/mass/delete", taken_back))["errcode"] == 40059
    await until_told(stage, hand)
    assert (await peer.post("message/mass/delete", taken_back))["errcode"] == 0
    assert await status(peer, str(answer["msg_id"])) == "DELETE"
    for unknown in (1, "1", None, [1]):
        assert await status(peer, unknown) == 40059


async def test_the_end_can_be_told_before_the_answer(peer: Peer, sandbox: WechatSandbox, door: OurDoor) -> None:
    sandbox.faults.order("receipt_first")
    answer = await mass(peer)
    assert door.read().id == answer["msg_id"]
    assert await status(peer, answer["msg_id"]) == "SEND_SUCCESS"


async def test_a_forgotten_mass_send_is_nowhere(peer: Peer, sandbox: WechatSandbox, stage: Stage) -> None:
    sandbox.faults.order("forget")
    answer = await mass(peer)
    assert answer["errcode"] == 0
    assert rows(stage) == []
    assert await status(peer, answer["msg_id"]) == 40059


async def test_the_end_may_never_be_told_and_can_still_be_asked_for(stage: Stage, hand: Hand, door: OurDoor) -> None:
    sandbox = make(stage, push_to=door.url, quirks=Quirks(missing_share=1, duplicate_share=0, block_share=0))
    sandbox.callbacks.door.open()
    peer = Peer(sandbox)
    answer = await mass(peer)
    await until_told(stage, hand)
    assert door.got == []
    assert await status(peer, answer["msg_id"]) == "SEND_SUCCESS"
    await sandbox.stop()


async def test_the_end_may_be_told_weeks_later(stage: Stage, hand: Hand, door: OurDoor) -> None:
    sandbox = make(stage, push_to=door.url, quirks=Quirks(late_share=1, duplicate_share=0, block_share=0))
    sandbox.callbacks.door.open()
    answer = await mass(Peer(sandbox))
    await until_told(stage, hand)
    assert door.got == []
    hand.skip(timedelta(days=21))
    await stage.timetable.run_due()
    assert door.read().id == answer["msg_id"]
    await sandbox.stop()


def test_calm_followers_let_everything_in() -> None:
    assert (CALM.missing_share, CALM.late_share, CALM.unknown_share) == (0, 0, 0)
