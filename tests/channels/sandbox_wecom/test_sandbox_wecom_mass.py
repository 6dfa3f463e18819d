"""WeCom's stand-in: mass messages are tasks that staff confirm; contact ways, welcomes, and wechatpy as a client."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from wechatpy.enterprise import WeChatClient
from wechatpy.exceptions import WeChatClientException

from bot.sandbox.stage import Stage
from bot.sandbox.wecom.corporation import WecomSandbox
from bot.sandbox.wecom.customers import WecomStaff
from bot.sandbox.wecom.push import Quirks
from campaigns.errors import InputError
from campaigns.terms import ChannelName
from tests.sandbox_wecom_cast import (
    AGENT,
    ANNA,
    BERT,
    CORPID,
    DAY,
    HE,
    HOUR,
    KFID,
    LIU,
    MINUTE,
    NOBODY,
    SECOND,
    SECRET,
    START,
    Hand,
    Peer,
    make,
    to_customers,
    to_staff,
)

NOW = int(START.timestamp())
LINK = {"msgtype": "link", "link": {"title": "有新简历", "url": "https://hr.example.com/in/1", "desc": "3份"}}


# --- the task


async def test_a_mass_message_reaches_nobody_before_its_staff_confirm(
    corporation: WecomSandbox, stage: Stage, hand: Hand, peer: Peer
) -> None:
    answer = await peer.mass(ANNA, BERT, attachments=[LINK])
    assert (answer["errcode"], answer["fail_list"]) == (0, [])
    assert to_customers(stage) == []
    assert [(row.to, row.words["targets"]) for row in to_staff(stage, "task")] == [(LIU, [ANNA]), (HE, [BERT])]
    assert (await peer.result(answer["msgid"]))["send_list"] == [{"external_userid": ANNA, "userid": LIU, "status": 0}]

    hand.skip(MINUTE)
    corporation.mass.confirm(LIU, answer["msgid"])
    (row,) = to_customers(stage)
    assert (row.to, row.key, row.words["from"], row.words["text"]) == (
        ANNA,
        answer["msgid"],
        LIU,
        "您好，有新简历\n有新简历",
    )
    assert (await peer.result(answer["msgid"]))["send_list"] == [
        {"external_userid": ANNA, "userid": LIU, "status": 1, "send_time": NOW + 60}
    ]
    tasks = await peer.post("externalcontact/get_groupmsg_task", {"msgid": answer["msgid"]})
    assert tasks["task_list"] == [{"userid": LIU, "status": 2, "send_time": NOW + 60}, {"userid": HE, "status": 0}]


async def test_a_task_is_confirmed_once_by_its_own_staff_only(corporation: WecomSandbox, peer: Peer) -> None:
    msgid = (await peer.mass(ANNA))["msgid"]
    with pytest.raises(InputError, match="not theirs"):
        corporation.mass.confirm(HE, msgid)
    corporation.mass.confirm(LIU, msgid)
    with pytest.raises(InputError, match="sent already"):
        corporation.mass.confirm(LIU, msgid)


async def test_it_goes_to_who_last_chatted_of_all_who_have_the_customer(
    corporation: WecomSandbox, hand: Hand, stage: Stage, peer: Peer
) -> None:
    hand.skip(SECOND)
    corporation.people.follow(ANNA, HE)
    await peer.mass(ANNA)
    hand.skip(SECOND)
    corporation.people.chat(ANNA, LIU)
    await peer.mass(ANNA)
    assert [row.to for row in to_staff(stage, "task")] == [HE, LIU]


async def test_a_sender_sends_to_customers_of_their_own_only(stage: Stage, peer: Peer) -> None:
    answer = await peer.mass(ANNA, BERT, sender=LIU.lower())
    assert (answer["errcode"], answer["fail_list"]) == (0, [BERT])
    assert [(row.to, row.words["targets"]) for row in to_staff(stage, "task")] == [(LIU, [ANNA])]


async def test_a_sender_alone_means_all_customers_they_have(stage: Stage, peer: Peer) -> None:
    assert (await peer.mass(sender=HE))["errcode"] == 0
    assert [row.words["targets"] for row in to_staff(stage, "task")] == [[BERT]]


async def test_who_is_no_external_contact_is_in_the_fail_list(stage: Stage, peer: Peer) -> None:
    answer = await peer.mass(ANNA, NOBODY, ANNA)
    assert (answer["errcode"], answer["fail_list"]) == (0, [NOBODY])
    assert [row.words["targets"] for row in to_staff(stage, "task")] == [[ANNA]]
    refused = await peer.mass(NOBODY)
    assert (refused["errcode"], refused["fail_list"]) == (84061, [NOBODY])


async def test_customers_whom_nobody_has_any_more_leave_nobody_to_send_to(
    corporation: WecomSandbox, peer: Peer
) -> None:
    corporation.people.unfollow(ANNA, LIU)
    assert (await peer.mass(ANNA))["errcode"] == 41048
    assert (await peer.mass(BERT, sender=LIU))["errcode"] == 41048


async def test_a_customer_is_unknown_for_a_while_after_the_add_where_that_is_played(stage: Stage, hand: Hand) -> None:
    sandbox = make(stage, quirks=Quirks(contact_lag=30 * SECOND))
    peer = Peer(sandbox)
    assert (await peer.mass(ANNA))["errcode"] == 84061
    hand.skip(30 * SECOND)
    assert (await peer.mass(ANNA))["errcode"] == 0


async def test_any_well_formed_customer_is_adopted_by_the_sender(stage: Stage) -> None:
    peer = Peer(make(stage, adopt=True))
    stage.unknown.add(NOBODY)
    answer = await peer.mass("wmCARL00000000000000000000000000", NOBODY, "carl", sender=HE)
    assert (answer["errcode"], answer["fail_list"]) == (0, [NOBODY, "carl"])


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"chat_type": "both"}, 40058),
        ({"external_userid": []}, 40058),
        ({"external_userid": ANNA}, 40058),
        ({"external_userid": [ANNA] * 10_001}, 40058),
        ({"text": {"content": ""}}, 44004),
        ({"text": {"content": "我" * 1334}}, 40058),
        ({"text": "您好"}, 40058),
        ({"sender": "nobody"}, 40003),
        ({"sender": "free"}, 60011),
        ({"sender": "gone"}, 60011),
        ({"attachments": [LINK] * 10}, 40058),
        ({"attachments": [{"msgtype": "image", "image": {"media_id": "x"}}]}, 40007),
        ({"attachments": [{"msgtype": "card"}]}, 40008),
        ({"attachments": [{"msgtype": "link", "link": {"title": "题"}}]}, 44004),
        ({"attachments": [{"msgtype": "link", "link": {"title": "题" * 43, "url": "https://a.example"}}]}, 40058),
        ({"tag_filter": {"group_list": [{"tag_list": ["x"]}]}}, 41048),
        ({"chat_id_list": ["wr1"]}, 40058),
        ({"chat_type": "group", "chat_id_list": ["wr1"]}, 40058),
        ({"externl_userid": []}, 40058),
    ],
)
async def test_what_a_mass_message_must_not_be_is_refused(
    stage: Stage, peer: Peer, changes: dict[str, object], errcode: int
) -> None:
    body = {"external_userid": [ANNA], "text": {"content": "您好"}} | changes
    assert (await peer.post("externalcontact/add_msg_template", body))["errcode"] == errcode
    assert to_staff(stage, "task") == []


async def test_4000_bytes_of_text_are_taken(peer: Peer) -> None:
    assert (await peer.mass(ANNA, text={"content": "我" * 1333 + "a"}))["errcode"] == 0


async def test_a_group_message_goes_to_the_senders_own_chats(
    corporation: WecomSandbox, stage: Stage, peer: Peer
) -> None:
    corporation.people.groups.update({"wr1": LIU, "wr2": HE})
    body = {"chat_type": "group", "sender": LIU, "chat_id_list": ["wr1", "wr2"], "text": {"content": "大家好"}}
    answer = await peer.post("externalcontact/add_msg_template", body)
    assert (answer["errcode"], answer["fail_list"]) == (0, ["wr2"])
    assert (await peer.result(answer["msgid"]))["send_list"] == []
    corporation.mass.confirm(LIU, answer["msgid"])
    rows = (await peer.result(answer["msgid"]))["send_list"]
    assert rows == [{"chat_id": "wr1", "userid": LIU, "status": 1, "send_time": NOW}]


# --- what comes of it


async def test_who_deleted_the_staff_before_the_confirmation_gets_nothing(
    corporation: WecomSandbox, stage: Stage, peer: Peer
) -> None:
    msgid = (await peer.mass(ANNA))["msgid"]
    corporation.people.unfollow(ANNA, LIU)
    assert corporation.mass.confirm(LIU, msgid) == []
    assert (await peer.result(msgid))["send_list"] == [{"external_userid": ANNA, "userid": LIU, "status": 2}]
    assert to_customers(stage) == []


@pytest.mark.parametrize(("rule", "most", "later"), [("day", 1, DAY), ("week", 7, 7 * DAY), ("month", 30, 9 * DAY)])
async def test_a_customer_gets_so_many_a_period_and_no_more(
    stage: Stage, hand: Hand, rule: str, most: int, later: Any
) -> None:
    sandbox = make(stage, mass_rule=rule)
    peer = Peer(sandbox)
    msgids = [(await peer.mass(ANNA))["msgid"] for _ in range(most + 1)]
    for msgid in msgids:
        sandbox.mass.confirm(LIU, msgid)
    assert len(to_customers(stage)) == most
    last = (await peer.result(msgids[-1]))["send_list"]
    assert last == [{"external_userid": ANNA, "userid": LIU, "status": 3}]
    refused = await peer.mass(ANNA)
    assert (refused["errcode"], refused["fail_list"]) == (41048, [ANNA])
    hand.skip(later)
    assert (await peer.mass(ANNA))["errcode"] == 0


async def test_results_come_in_pages(stage: Stage) -> None:
    sandbox = make(stage, adopt=True)
    peer = Peer(sandbox)
    customers = [f"wm{number:030d}" for number in range(7)]
    msgid = (await peer.mass(*customers, sender=LIU))["msgid"]
    found, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        answer = await peer.result(msgid, limit=3, cursor=cursor)
        found += [row["external_userid"] for row in answer["send_list"]]
        cursor, pages = answer["next_cursor"], pages + 1
    assert (found, pages) == (customers, 3)


async def test_a_cursor_is_good_for_its_own_list_only(corporation: WecomSandbox, peer: Peer) -> None:
    corporation.people.follow(BERT, LIU)
    one, two = [(await peer.mass(ANNA, BERT, sender=LIU))["msgid"] for _ in range(2)]
    cursor = (await peer.result(one, limit=1))["next_cursor"]
    assert (await peer.result(one, limit=1, cursor=cursor))["errcode"] == 0
    for wrong in (cursor[:-1], "MQ", "不是", "x" * 65):
        assert (await peer.result(one, cursor=wrong))["errcode"] == 40058
    assert (await peer.result(two, cursor=cursor))["errcode"] == 40058


@pytest.mark.parametrize(
    ("api", "changes", "errcode"),
    [
        ("get_groupmsg_send_result", {"msgid": "msg0"}, 40058),
        ("get_groupmsg_send_result", {"userid": "nobody"}, 60111),
        ("get_groupmsg_send_result", {"userid": HE}, 60111),
        ("get_groupmsg_send_result", {"limit": "5"}, 40058),
        ("get_groupmsg_task", {"userid": LIU}, 40058),
        ("remind_groupmsg_send", {"msgid": "msg0", "userid": None}, 40058),
    ],
)
async def test_a_wrong_question_is_refused(peer: Peer, api: str, changes: dict[str, object], errcode: int) -> None:
    body = {"msgid": (await peer.mass(ANNA))["msgid"], "userid": LIU} | changes
    assert (await peer.post(f"externalcontact/{api}", body))["errcode"] == errcode


async def test_the_records_of_a_month_come_with_their_content_and_no_creator(hand: Hand, peer: Peer) -> None:
    first = (await peer.mass(ANNA))["msgid"]
    hand.skip(DAY)
    second = (await peer.mass(ANNA, attachments=[LINK]))["msgid"]
    span = {"chat_type": "single", "start_time": NOW, "end_time": NOW + 86_400}
    answer = await peer.post("externalcontact/get_groupmsg_list_v2", span)
    assert answer["next_cursor"] == ""
    assert answer["group_msg_list"][0] == {
        "msgid": first,
        "create_time": str(NOW),
        "create_type": 0,
        "text": {"content": "您好，有新简历"},
    }
    assert answer["group_msg_list"][1]["attachments"] == [LINK]
    pages = [await peer.post("externalcontact/get_groupmsg_list_v2", span | {"limit": 1})]
    pages.append(await peer.post("externalcontact/get_groupmsg_list_v2", span | {"cursor": pages[0]["next_cursor"]}))
    assert [page["group_msg_list"][0]["msgid"] for page in pages] == [first, second]


@pytest.mark.parametrize("span", [(NOW, NOW + 32 * 86_400), (NOW, NOW - 1), (str(NOW), NOW), (None, NOW)])
async def test_records_are_asked_for_over_a_month_at_most(peer: Peer, span: tuple[object, object]) -> None:
    body = {"chat_type": "single", "start_time": span[0], "end_time": span[1]}
    assert (await peer.post("externalcontact/get_groupmsg_list_v2", body))["errcode"] == 40058


async def test_staff_are_reminded_three_times_a_day_at_most(hand: Hand, peer: Peer) -> None:
    body = {"msgid": (await peer.mass(ANNA))["msgid"]}
    errcodes = [(await peer.post("externalcontact/remind_groupmsg_send", body))["errcode"] for _ in range(4)]
    assert errcodes == [0, 0, 0, 45009]
    hand.skip(DAY)
    assert (await peer.post("externalcontact/remind_groupmsg_send", body))["errcode"] == 0


async def test_a_stopped_task_is_neither_confirmed_nor_reminded_of(corporation: WecomSandbox, peer: Peer) -> None:
    body = {"msgid": (await peer.mass(ANNA))["msgid"]}
    for _ in range(2):
        assert (await peer.post("externalcontact/cancel_groupmsg_send", body))["errcode"] == 0
    assert (await peer.post("externalcontact/remind_groupmsg_send", body))["errcode"] == 40058
    with pytest.raises(InputError):
        corporation.mass.confirm(LIU, body["msgid"])


async def test_a_task_forgotten_by_fault_is_nowhere(corporation: WecomSandbox, stage: Stage, peer: Peer) -> None:
    corporation.faults.order("forget")
    msgid = (await peer.mass(ANNA))["msgid"]
    assert to_staff(stage, "task") == []
    assert (await peer.result(msgid))["errcode"] == 40058


# --- staff


async def test_staff_confirm_after_a_while_by_day(
    corporation: WecomSandbox, stage: Stage, hand: Hand, peer: Peer
) -> None:
    WecomStaff(stage, corporation.mass, prompt_share=1)
    hand.moment = datetime(2026, 11, 23, 14, 0, tzinfo=UTC)  # 22:00 in Shanghai
    await peer.mass(ANNA, BERT)
    await stage.timetable.run_due()
    assert to_customers(stage) == []
    hand.skip(11 * HOUR + 31 * MINUTE)
    await stage.timetable.run_due()
    assert {row.to for row in to_customers(stage)} == {ANNA, BERT}


async def test_staff_who_wait_for_a_reminder_confirm_after_it_and_once(
    corporation: WecomSandbox, stage: Stage, hand: Hand, peer: Peer
) -> None:
    WecomStaff(stage, corporation.mass, prompt_share=0, reminded_share=1)
    body = {"msgid": (await peer.mass(ANNA))["msgid"]}
    hand.skip(DAY)
    await stage.timetable.run_due()
    assert to_customers(stage) == []
    for _ in range(2):
        await peer.post("externalcontact/remind_groupmsg_send", body)
    hand.skip(DAY)
    await stage.timetable.run_due()
    assert [row.to for row in to_customers(stage)] == [ANNA]


async def test_staff_do_not_send_what_was_stopped(
    corporation: WecomSandbox, stage: Stage, hand: Hand, peer: Peer
) -> None:
    WecomStaff(stage, corporation.mass, prompt_share=1)
    body = {"msgid": (await peer.mass(ANNA))["msgid"]}
    await peer.post("externalcontact/cancel_groupmsg_send", body)
    hand.skip(DAY)
    assert await stage.timetable.run_due() == 1
    assert to_customers(stage) == []


# --- contact ways


async def test_a_contact_way_is_made_read_and_deleted(peer: Peer) -> None:
    made = await peer.post(
        "externalcontact/add_contact_way", {"type": 1, "scene": 2, "state": "s" * 30, "user": [LIU.lower()]}
    )
    assert made["qr_code"].startswith("https://")
    way = (await peer.post("externalcontact/get_contact_way", {"config_id": made["config_id"]}))["contact_way"]
    assert (way["state"], way["user"]) == ("s" * 30, [LIU])
    assert (await peer.post("externalcontact/del_contact_way", {"config_id": made["config_id"]}))["errcode"] == 0
    assert (await peer.post("externalcontact/get_contact_way", {"config_id": made["config_id"]}))["errcode"] == 40058


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"state": "s" * 31}, 40058),
        ({"type": 3}, 40058),
        ({"scene": "2"}, 40058),
        ({"user": []}, 40058),
        ({"user": [LIU, HE]}, 40058),
        ({"user": ["nobody"]}, 40031),
        ({"user": ["free"]}, 60011),
        ({"stat": ""}, 40058),
    ],
)
async def test_a_wrong_contact_way_is_refused(peer: Peer, changes: dict[str, object], errcode: int) -> None:
    body = {"type": 1, "scene": 2, "user": [LIU]} | changes
    assert (await peer.post("externalcontact/add_contact_way", body))["errcode"] == errcode


async def test_a_customer_and_who_has_them_can_be_read(peer: Peer) -> None:
    found = await peer.get("externalcontact/get", external_userid=ANNA)
    assert [one["userid"] for one in found["follow_user"]] == [LIU]
    assert (await peer.get("externalcontact/get", external_userid=NOBODY))["errcode"] == 84061
    assert (await peer.get("externalcontact/list", userid=HE))["external_userid"] == [BERT]
    assert (await peer.get("externalcontact/get_follow_user_list"))["follow_user"] == [LIU, HE]


# --- wechatpy as a client


class Wechatpy(WeChatClient):  # type: ignore[misc]
    """Its addresses alone are changed."""

    def __init__(self, base_url: str, secret: str = SECRET) -> None:
        self.API_BASE_URL = f"{base_url}/cgi-bin/"
        super().__init__(CORPID, secret, auto_retry=False)
        self._http.trust_env = False

    def fetch_access_token(self) -> Any:
        query = {"corpid": self.corp_id, "corpsecret": self.secret}
        return self._fetch_access_token(url=f"{self.API_BASE_URL}gettoken", params=query)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_unmodified_client_sends_to_staff_and_makes_tasks(corporation: WecomSandbox, stage: Stage) -> None:
    await corporation.start()

    def speak() -> None:
        client = Wechatpy(corporation.base_url)
        sent = client.message.send_text(AGENT, [LIU, "nobody"], "客户回复了")
        assert sent["invaliduser"] == "nobody"
        client.message.send_text_card(AGENT, LIU, "客户回复了", "请接手", "https://hr.example.com/m/1", "接手")
        with pytest.raises(WeChatClientException) as refusal:
            client.message.send_text(AGENT, "nobody", "客户回复了")
        assert refusal.value.errcode == 81013
        made = client.external_contact.add_msg_template(
            {"external_userid": [ANNA, NOBODY], "sender": LIU, "text": {"content": "您好"}}
        )
        assert made["fail_list"] == [NOBODY]
        way = client.external_contact.add_contact_way(1, 2, state="s3cret", user=[LIU])
        assert way["config_id"]
        assert client.external_contact.get(ANNA)["follow_user"][0]["userid"] == LIU
        client._http.close()

    await asyncio.to_thread(speak)
    assert [row.words["text"] for row in to_staff(stage)] == ["客户回复了", "客户回复了\n请接手"]
    assert [row.to for row in to_staff(stage, "task")] == [LIU]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_unmodified_client_with_a_wrong_secret_is_refused(corporation: WecomSandbox) -> None:
    await corporation.start()

    def speak() -> int:
        client = Wechatpy(corporation.base_url, "x" * 43)
        try:
            with pytest.raises(WeChatClientException) as refusal:
                client.message.send_text(AGENT, LIU, "您好")
            return int(refusal.value.errcode)
        finally:
            client._http.close()

    assert await asyncio.to_thread(speak) == 40001


async def test_what_a_client_needs_to_know_is_told_at_the_entrance(
    corporation: WecomSandbox, stage: Stage, peer: Peer
) -> None:
    found = corporation.entrance(ANNA)
    assert (found["corpid"], found["secret"], found["agentid"]) == (CORPID, SECRET, AGENT)
    assert (found["userid"], found["open_kfid"], found["external_userid"]) == (LIU, KFID, ANNA)
    assert (await peer.kf())["errcode"] == 0
    assert [row.channel for row in stage.ledger] == [ChannelName.WECOM]
