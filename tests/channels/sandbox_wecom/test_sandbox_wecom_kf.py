"""WeCom's stand-in: customer service, from the callback over the messages to fetch to what may be sent back."""

from collections import Counter
from typing import Any

import pytest

from bot.sandbox.customers import Behaviour, Customers
from bot.sandbox.stage import Stage
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.sandbox.wecom.customers import MessageNotTaken, WecomCustomer
from bot.sandbox.wecom.push import Quirks
from campaigns.terms import ChannelName, Intent
from tests.sandbox_wecom_cast import (
    ANNA,
    BERT,
    DAY,
    HOUR,
    KFID,
    LIU,
    MINUTE,
    NOBODY,
    OTHER_KFID,
    SECOND,
    START,
    Hand,
    OurDoor,
    Peer,
    make,
    to_customers,
)

NOW = int(START.timestamp())


def events(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [row["event"] for row in answer["msg_list"] if row["msgtype"] == "event"]


async def last_event(peer: Peer) -> dict[str, Any]:
    return events(await peer.sync())[-1]


# --- what waits to be fetched


async def test_a_customers_words_wait_behind_a_callback_that_names_only_the_account(
    corporation: WecomSandbox, door: OurDoor, peer: Peer
) -> None:
    assert await corporation.phones.write(ANNA, "在吗")
    told = door.read()
    token = told.pop("Token")
    assert told == {
        "ToUserName": corporation.corpid,
        "CreateTime": str(NOW),
        "MsgType": "event",
        "Event": "kf_msg_or_event",
        "OpenKfId": KFID,
    }
    answer = await peer.sync(token=token)
    (row,) = answer["msg_list"]
    assert row.pop("msgid").startswith("from_")
    assert row == {
        "open_kfid": KFID,
        "external_userid": ANNA,
        "send_time": NOW,
        "origin": 3,
        "msgtype": "text",
        "text": {"content": "在吗"},
    }
    assert (answer["has_more"], len(answer["next_cursor"]) <= 64) == (0, True)
    assert (await peer.sync(token=token, cursor=answer["next_cursor"]))["msg_list"] == []


async def test_a_tap_on_a_menu_is_a_text_with_the_items_id(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.tap(ANNA, "later", "稍后")
    assert (await peer.sync())["msg_list"][0]["text"] == {"content": "稍后", "menu_id": "later"}


async def test_a_token_is_good_for_ten_minutes_and_its_own_account(
    corporation: WecomSandbox, door: OurDoor, hand: Hand, peer: Peer
) -> None:
    await corporation.phones.write(ANNA, "在吗")
    token = door.read()["Token"]
    assert (await peer.sync(token=token, open_kfid=OTHER_KFID))["errcode"] == 95007
    assert (await peer.sync(token="ENCx"))["errcode"] == 95007
    hand.skip(10 * MINUTE - SECOND)
    assert (await peer.sync(token=token))["errcode"] == 0
    hand.skip(SECOND)
    assert (await peer.sync(token=token))["errcode"] == 95007
    assert (await peer.sync())["errcode"] == 0


async def test_fetching_without_a_token_is_strictly_limited(
    corporation: WecomSandbox, door: OurDoor, hand: Hand, peer: Peer
) -> None:
    assert [(await peer.sync())["errcode"] for _ in range(6)] == [0] * 5 + [45009]
    await corporation.phones.write(ANNA, "在吗")
    assert (await peer.sync(token=door.read()["Token"]))["errcode"] == 0
    hand.skip(MINUTE)
    assert (await peer.sync())["errcode"] == 0


async def test_pages_end_and_lose_nothing_though_some_are_empty(stage: Stage) -> None:
    sandbox = make(stage, quirks=Quirks(empty_page_share=0.5))
    peer, found, cursor, sizes = Peer(sandbox), [], "", Counter()
    for number in range(20):
        await sandbox.phones.write(ANNA, f"第{number}句")
    token = sandbox.kf.give_token(KFID)
    while True:
        answer = await peer.sync(token=token, cursor=cursor, limit=3)
        sizes[len(answer["msg_list"])] += 1
        found += [row["text"]["content"] for row in answer["msg_list"]]
        cursor = answer["next_cursor"]
        if not answer["has_more"]:
            break
    assert found == [f"第{number}句" for number in range(20)]
    assert sizes[0] > 0


async def test_messages_are_kept_three_days(corporation: WecomSandbox, hand: Hand, peer: Peer) -> None:
    await corporation.phones.write(ANNA, "早")
    hand.skip(DAY)
    await corporation.phones.write(ANNA, "晚")
    hand.skip(2 * DAY)
    assert [row["text"]["content"] for row in (await peer.sync())["msg_list"]] == ["晚"]
    hand.skip(DAY)
    assert (await peer.sync())["msg_list"] == []


async def test_accounts_are_fetched_apart_or_together(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.write(ANNA, "一", open_kfid=KFID)
    await corporation.phones.write(ANNA, "二", open_kfid=OTHER_KFID)
    found = {}
    for name in (KFID, OTHER_KFID, ""):
        found[name] = [row["text"]["content"] for row in (await peer.sync(open_kfid=name))["msg_list"]]
    assert found == {KFID: ["一"], OTHER_KFID: ["二"], "": ["一", "二"]}
    cursor = (await peer.sync())["next_cursor"]
    assert (await peer.sync(open_kfid=OTHER_KFID, cursor=cursor))["errcode"] == 40058


async def test_an_accounts_cursor_steps_over_what_was_written_to_others(corporation: WecomSandbox, peer: Peer) -> None:
    for text, account in [("一", OTHER_KFID), ("二", OTHER_KFID), ("三", KFID), ("四", KFID)]:
        await corporation.phones.write(ANNA, text, open_kfid=account)
    first = await peer.sync(limit=1)
    second = await peer.sync(limit=1, cursor=first["next_cursor"])
    found = [(page["msg_list"][0]["text"]["content"], page["has_more"]) for page in (first, second)]
    assert found == [("三", 1), ("四", 0)]


async def test_what_we_send_is_never_among_what_we_fetch(corporation: WecomSandbox, stage: Stage, peer: Peer) -> None:
    await corporation.phones.write(ANNA, "在吗")
    assert (await peer.kf(msgid="m-1_A"))["msgid"] == "m-1_A"
    assert [row["text"]["content"] for row in (await peer.sync())["msg_list"]] == ["在吗"]
    (row,) = to_customers(stage)
    assert (row.to, row.key, row.provider_id, row.words["text"]) == (ANNA, "m-1_A", "m-1_A", "好的")


@pytest.mark.parametrize(
    ("given", "errcode"),
    [({"open_kfid": "wk0"}, 95000), ({"cursor": "x"}, 40058), ({"token": "x" * 129}, 40058), ({"limt": 1}, 40058)],
)
async def test_a_wrong_question_is_refused(peer: Peer, given: dict[str, object], errcode: int) -> None:
    assert (await peer.sync(**given))["errcode"] == errcode


async def test_events_name_account_and_customer_inside(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.write(ANNA, "在吗", message_id="1")
    msgid = (await peer.sync())["msg_list"][0]["msgid"]
    await corporation.phones.recall(ANNA, msgid)
    row = (await peer.sync())["msg_list"][-1]
    assert (row["origin"], row["msgtype"], "open_kfid" in row, "external_userid" in row) == (4, "event", False, False)
    who = {"open_kfid": KFID, "external_userid": ANNA}
    assert row["event"] == {"event_type": "user_recall_msg", **who, "recall_msgid": msgid}


async def test_staff_who_take_over_are_seen_and_end_what_the_api_may_send(
    corporation: WecomSandbox, peer: Peer
) -> None:
    await corporation.phones.write(ANNA, "在吗")
    await corporation.phones.serve(ANNA, LIU, "我来")
    rows = (await peer.sync())["msg_list"]
    assert rows[-2]["event"]["event_type"] == "session_status_change"
    assert (rows[-2]["event"]["change_type"], rows[-2]["event"]["new_servicer_userid"]) == (1, LIU)
    assert (rows[-1]["origin"], rows[-1]["servicer_userid"], rows[-1]["text"]["content"]) == (5, LIU, "我来")
    assert (await peer.kf())["errcode"] == 95018
    await corporation.phones.close(ANNA)
    assert (await last_event(peer))["change_type"] == 3
    await corporation.phones.write(ANNA, "还有一个问题")
    assert (await peer.kf())["errcode"] == 0


async def test_who_begins_and_stops_to_receive_is_told(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.change_duty(LIU, False)
    told = {"event_type": "servicer_status_change", "open_kfid": KFID, "servicer_userid": LIU, "status": 2}
    assert await last_event(peer) == told


# --- what may be sent back


async def test_a_customers_message_opens_48_hours_for_five_messages(
    corporation: WecomSandbox, hand: Hand, stage: Stage, peer: Peer
) -> None:
    assert (await peer.kf())["errcode"] == 95013
    await corporation.phones.write(ANNA, "在吗")
    assert [(await peer.kf())["errcode"] for _ in range(6)] == [0] * 5 + [95001]
    await corporation.phones.write(ANNA, "还在吗")
    hand.skip(48 * HOUR - SECOND)
    assert (await peer.kf())["errcode"] == 0
    hand.skip(SECOND)
    assert (await peer.kf())["errcode"] == 95013
    assert len(to_customers(stage)) == 6


@pytest.mark.parametrize(("skip", "count", "fail_type"), [(49 * HOUR, 1, 4), (SECOND, 6, 6)])
async def test_too_late_or_too_many_can_be_said_afterwards_too(
    stage: Stage, hand: Hand, skip: Any, count: int, fail_type: int
) -> None:
    sandbox = make(stage, quirks=Quirks(kf_verdict_late=True, kf_failure_share=0, empty_page_share=0))
    peer = Peer(sandbox)
    await sandbox.phones.write(ANNA, "在吗")
    hand.skip(skip)
    assert {(await peer.kf(msgid=f"m{number}"))["errcode"] for number in range(count)} == {0}
    hand.skip(MINUTE)
    await stage.timetable.run_due()
    told = await last_event(peer)
    assert (told["event_type"], told["fail_msgid"], told["fail_type"]) == ("msg_send_fail", f"m{count - 1}", fail_type)
    assert [stage.reached(row) for row in to_customers(stage)] == [True] * (count - 1) + [False]


async def test_a_customer_who_refuses_is_told_of_afterwards(
    corporation: WecomSandbox, hand: Hand, stage: Stage, door: OurDoor, peer: Peer
) -> None:
    await corporation.phones.write(ANNA, "别发了")
    corporation.phones.refuse_kf(ANNA)
    assert (await peer.kf(msgid="m1"))["errcode"] == 0
    hand.skip(MINUTE)
    await stage.timetable.run_due()
    told = events(await peer.sync(token=door.read()["Token"]))[-1]
    assert (told["fail_msgid"], told["fail_type"], told["external_userid"]) == ("m1", 10, ANNA)
    assert not stage.reached(to_customers(stage)[0])


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"open_kfid": "wk0"}, 95000),
        ({"touser": NOBODY}, 84061),
        ({"touser": 1}, 40058),
        ({"msgid": "m" * 33}, 40058),
        ({"msgid": "编号"}, 40058),
        ({"msgid": "a b"}, 40058),
        ({"msgtype": "card"}, 40058),
        ({"text": {"content": ""}}, 44004),
        ({"text": {"content": "我" * 683}}, 40058),
        ({"texts": {}}, 40058),
    ],
)
async def test_what_a_message_must_not_be_is_refused(
    corporation: WecomSandbox, stage: Stage, peer: Peer, changes: dict[str, object], errcode: int
) -> None:
    await corporation.phones.write(ANNA, "在吗")
    body = {"touser": ANNA, "open_kfid": KFID, "msgtype": "text", "text": {"content": "好的"}} | changes
    assert (await peer.post("kf/send_msg", body))["errcode"] == errcode
    assert to_customers(stage) == []


async def test_a_refused_message_costs_none_of_the_five(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.write(ANNA, "在吗")
    for _ in range(9):
        await peer.kf(text={"content": ""})
    assert [(await peer.kf())["errcode"] for _ in range(6)] == [0] * 5 + [95001]


async def test_a_menu_and_a_link_are_read_as_the_customer_sees_them(
    corporation: WecomSandbox, stage: Stage, peer: Peer
) -> None:
    await corporation.phones.write(ANNA, "在吗")
    items = [
        {"type": "click", "click": {"id": "later", "content": "稍后"}},
        {"type": "view", "view": {"url": "https://hr.example.com/in/1", "content": "去看"}},
    ]
    menu = {"msgtype": "msgmenu", "msgmenu": {"head_content": "看了吗", "list": items}}
    link = {"msgtype": "link", "link": {"title": "新简历", "url": "https://hr.example.com/in/1"}}
    for body in (menu, link):
        answer = await peer.post("kf/send_msg", {"touser": ANNA, "open_kfid": KFID} | body)
        assert (answer["errcode"], len(answer["msgid"])) == (0, 32)
    assert [row.words["text"] for row in to_customers(stage)] == ["看了吗\n稍后\n去看", "新简历"]


# --- entering, welcomes, states


async def test_who_enters_by_a_link_brings_its_scene_and_can_be_welcomed_once(
    corporation: WecomSandbox, hand: Hand, stage: Stage, peer: Peer
) -> None:
    made = await peer.post("kf/add_contact_way", {"open_kfid": KFID, "scene": "site-42"})
    await corporation.phones.enter(ANNA, made["url"], "a=1")
    told = await last_event(peer)
    assert (told["event_type"], told["scene"], told["scene_param"]) == ("enter_session", "site-42", "a=1")
    body = {"code": told["welcome_code"], "msgtype": "text", "text": {"content": "您好"}}
    assert (await peer.kf())["errcode"] == 95013
    assert (await peer.post("kf/send_msg_on_event", body))["errcode"] == 0
    assert (await peer.post("kf/send_msg_on_event", body))["errcode"] == 40058
    assert [row.words["text"] for row in to_customers(stage)] == ["您好"]
    await corporation.phones.enter(ANNA)
    assert "welcome_code" not in await last_event(peer)
    hand.skip(48 * HOUR)
    await corporation.phones.enter(ANNA)
    assert "welcome_code" in await last_event(peer)


async def test_a_welcome_code_is_good_for_20_seconds(corporation: WecomSandbox, hand: Hand, peer: Peer) -> None:
    await corporation.phones.enter(ANNA)
    code = (await last_event(peer))["welcome_code"]
    hand.skip(20 * SECOND)
    body = {"code": code, "msgtype": "text", "text": {"content": "您好"}}
    assert (await peer.post("kf/send_msg_on_event", body))["errcode"] == 40058


async def test_who_has_written_gets_no_welcome_code(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.write(ANNA, "在吗")
    await corporation.phones.enter(ANNA)
    assert "welcome_code" not in await last_event(peer)


async def test_only_texts_and_menus_answer_an_event(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.enter(ANNA)
    code = (await last_event(peer))["welcome_code"]
    link = {"title": "题", "url": "https://a.example"}
    body = {"code": code, "msgtype": "link", "link": link}
    assert (await peer.post("kf/send_msg_on_event", body))["errcode"] == 40008


async def state(peer: Peer) -> dict[str, Any]:
    answer = await peer.post("kf/service_state/get", {"open_kfid": KFID, "external_userid": ANNA})
    return {name: answer[name] for name in answer if name.startswith("service")}


async def trans(peer: Peer, wanted: object, **more: object) -> dict[str, Any]:
    body = {"open_kfid": KFID, "external_userid": ANNA, "service_state": wanted} | more
    return await peer.post("kf/service_state/trans", body)


async def test_a_conversation_goes_through_its_states(
    corporation: WecomSandbox, hand: Hand, stage: Stage, peer: Peer
) -> None:
    assert await state(peer) == {"service_state": 4}
    assert (await trans(peer, 1))["errcode"] == 95013
    await corporation.phones.write(ANNA, "在吗")
    assert await state(peer) == {"service_state": 0}
    assert (await trans(peer, 1))["errcode"] == 0
    assert (await peer.kf())["errcode"] == 0
    assert (await trans(peer, 0))["errcode"] == 95018

    queued = await trans(peer, 2)
    assert (await peer.kf())["errcode"] == 95018
    body = {"code": queued["msg_code"], "msgtype": "text", "text": {"content": "请稍等"}}
    assert (await peer.post("kf/send_msg_on_event", body))["errcode"] == 0

    assert (await trans(peer, 3, servicer_userid=LIU))["errcode"] == 0
    assert await state(peer) == {"service_state": 3, "servicer_userid": LIU}
    ended = await trans(peer, 4)
    assert (await trans(peer, 3, servicer_userid=LIU))["errcode"] == 95018
    hand.skip(19 * SECOND)
    body = {"code": ended["msg_code"], "msgtype": "text", "text": {"content": "再见"}}
    assert (await peer.post("kf/send_msg_on_event", body))["errcode"] == 0

    await corporation.phones.write(ANNA, "还有")
    assert await state(peer) == {"service_state": 0}
    hand.skip(48 * HOUR)
    assert await state(peer) == {"service_state": 4}


@pytest.mark.parametrize(
    ("wanted", "more", "errcode"),
    [(3, {}, 60111), (3, {"servicer_userid": "free"}, 40058), (5, {}, 40058), ("3", {}, 40058), (1, {"x": 1}, 40058)],
)
async def test_a_wrong_change_of_state_is_refused(
    corporation: WecomSandbox, peer: Peer, wanted: object, more: dict[str, object], errcode: int
) -> None:
    await corporation.phones.write(ANNA, "在吗")
    assert (await trans(peer, wanted, **more))["errcode"] == errcode


async def test_a_code_of_the_queue_is_good_in_the_queue_only(corporation: WecomSandbox, peer: Peer) -> None:
    await corporation.phones.write(ANNA, "在吗")
    code = (await trans(peer, 2))["msg_code"]
    await trans(peer, 3, servicer_userid=LIU)
    body = {"code": code, "msgtype": "text", "text": {"content": "请稍等"}}
    assert (await peer.post("kf/send_msg_on_event", body))["errcode"] == 95018


@pytest.mark.parametrize(("given", "errcode"), [({"scene": "s" * 33}, 40058), ({"open_kfid": "wk0"}, 95000)])
async def test_a_wrong_link_is_refused(peer: Peer, given: dict[str, object], errcode: int) -> None:
    assert (await peer.post("kf/add_contact_way", {"open_kfid": KFID} | given))["errcode"] == errcode


# --- customers


async def test_a_customer_answers_once_however_often_the_words_are_given(
    corporation: WecomSandbox, stage: Stage, door: OurDoor, peer: Peer
) -> None:
    corporation.mass.confirm(LIU, (await peer.mass(ANNA))["msgid"])
    (row,) = to_customers(stage)
    customer = WecomCustomer(stage, corporation.phones)
    door.answers = [500]
    with pytest.raises(MessageNotTaken):
        await customer.answer(row, "好的，谢谢", automatic=False)
    await customer.answer(row, "好的，谢谢", automatic=False)
    assert len((await peer.sync())["msg_list"]) == 1
    assert door.read(0)["Token"] != door.read(1)["Token"]


async def test_who_wants_no_more_deletes_the_staff_now_and_then(
    corporation: WecomSandbox, stage: Stage, door: OurDoor, peer: Peer
) -> None:
    corporation.mass.confirm(LIU, (await peer.mass(ANNA))["msgid"])
    customer = WecomCustomer(stage, corporation.phones, ["退订"], delete_share=1)
    await customer.answer(to_customers(stage)[0], "退订", automatic=False)
    assert [event.get("ChangeType", event["Event"]) for event in door.events()] == [
        "kf_msg_or_event",
        "del_follow_user",
    ]
    assert (await peer.mass(ANNA))["errcode"] == 41048


async def test_customers_with_habits_answer_what_staff_have_sent(stage: Stage, hand: Hand) -> None:
    sandbox = make(stage, adopt=True)
    customers = Customers(stage, {Intent.THANKS: ["好的，谢谢"]}, reply_share=1, automatic_share=0)
    stage.listeners.append(customers.on_accepted)
    customers.answer_by(ChannelName.WECOM, WecomCustomer(stage, sandbox.phones))
    peer = Peer(sandbox)
    sandbox.mass.confirm(LIU, (await peer.mass(ANNA, sender=LIU))["msgid"])
    await peer.app()
    hand.skip(DAY)
    await stage.timetable.run_due()
    assert customers.behaviour(ChannelName.WECOM, ANNA) is Behaviour.ANSWERS
    assert [(said.channel, said.address) for said in customers.said] == [(ChannelName.WECOM, ANNA)]
    assert [row["external_userid"] for row in (await peer.sync())["msg_list"]] == [ANNA]
    assert (await peer.kf(BERT))["errcode"] == 95013
