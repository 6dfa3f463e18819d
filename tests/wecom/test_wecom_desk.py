"""Customer service: what customers write comes in once, whatever breaks on the way, and is answered in its window."""

import asyncio
import base64
import struct
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from bot.channels.wechat_envelope import sign
from bot.sender import drain
from bot.wecom.desk import Desks, reading_desks
from campaigns import definitions, outbox
from campaigns.members import binding, wecom
from campaigns.members.facts import facts_for
from campaigns.models import Contact, Event, Message, Suppression, Touch, WecomCustomer, WecomDesk
from campaigns.terms import ChannelName
from tests.channels.wecom_server import AES_KEY, CORPID, CUSTOMER, DESK, OTHER, TOKEN, said
from tests.web_cast import browse
from tests.wecom.conftest import House

Fields = dict[str, Any]


class Chat:
    """One desk's messages as WeCom keeps them: by pages, after a cursor."""

    def __init__(self, house: House, page: int = 100) -> None:
        self.messages: list[Fields] = []
        self.page = page
        self.now = house.runtime.clock
        self.asked: list[Fields] = []
        house.server.plays["kf/sync_msg"] = self.sync

    def written(self, msgid: str, text: str = "请给我打电话", customer: str = CUSTOMER, **more: object) -> None:
        self.add(msgid, external_userid=customer, origin=3, msgtype="text", text={"content": text}, **more)

    def happened(self, msgid: str, **event: object) -> None:
        self.add(msgid, origin=4, msgtype="event", event={"open_kfid": DESK, "external_userid": CUSTOMER, **event})

    def add(self, msgid: str, **fields: object) -> None:
        moment = int(self.now().timestamp())
        self.messages.append({"msgid": msgid, "open_kfid": DESK, "send_time": moment, **fields})

    def sync(self, body: Fields) -> Mapping[str, object]:
        self.asked.append(body)
        start = int(body.get("cursor", "0"))
        page = self.messages[start : start + self.page]
        end = start + len(page)
        more = int(end < len(self.messages))
        return {"errcode": 0, "errmsg": "ok", "next_cursor": str(end), "has_more": more, "msg_list": page}


async def call(house: House, token: str = "TOKEN") -> None:
    """WeCom knocks at our door."""
    now = house.runtime.clock()
    fields = {"ToUserName": CORPID, "CreateTime": int(now.timestamp()), "MsgType": "event", "Event": "kf_msg_or_event"}
    inside = "".join(f"<{k}>{v}</{k}>" for k, v in {**fields, "Token": token, "OpenKfId": DESK}.items())
    response = await push(house, f"<xml>{inside}</xml>".encode())
    assert (response.status_code, response.content) == (200, b"")


async def push(house: House, plain: bytes) -> Any:
    secret = base64.b64decode(AES_KEY + "=")
    whole = b"0123456789abcdef" + struct.pack(">I", len(plain)) + plain + CORPID.encode()
    pad = 32 - len(whole) % 32
    cipher = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    encrypted = base64.b64encode(cipher.update(whole + bytes([pad]) * pad) + cipher.finalize()).decode()
    at = f"{house.runtime.clock().timestamp():.0f}"
    query = {"timestamp": at, "nonce": "n", "msg_signature": sign(TOKEN, at, "n", encrypted)}
    body = f"<xml><ToUserName>{CORPID}</ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>"
    async with browse(house.runtime) as wecoms_server:
        url = f"/hooks/{house.runtime.hook_secret}/wecom/callback"
        return await wecoms_server.post(url, params=query, content=body.encode())


async def replies() -> list[str]:
    return [touch.text for touch in await Touch.filter(kind="reply").order_by("id")]


async def cursor() -> str:
    return (await WecomDesk.get(desk=DESK)).cursor


async def test_what_a_customer_wrote_comes_in_when_wecom_calls_and_opens_the_window(house: House) -> None:
    member, _ = await house.customer()
    chat = Chat(house)
    chat.written("m1")
    await call(house)
    assert await Desks(house.inbox).look() > 0
    assert await replies() == ["请给我打电话"]
    assert [one.get("token") for one in chat.asked] == ["TOKEN"]
    (person,) = (await facts_for([member.id], house.runtime.clock()))[member.id].contacts
    assert person.wecom is not None
    assert (person.wecom.desk, person.wecom.window_left) == (DESK, 5)
    assert person.wecom.window_until is not None
    assert person.wecom.window_until - house.runtime.clock() > timedelta(hours=47)


async def test_nobody_is_asked_before_wecom_calls_and_only_once_for_a_call(house: House) -> None:
    chat, desks = Chat(house), Desks(house.inbox)
    await desks.look()
    await call(house)
    for _ in range(3):
        await desks.look()
    assert len(chat.asked) == 1


async def test_pages_are_read_to_the_end_an_empty_one_included(house: House) -> None:
    await house.customer()
    pages: Sequence[Fields] = [
        {"next_cursor": "a", "has_more": 1, "msg_list": []},
        {"next_cursor": "b", "has_more": 1, "msg_list": [_text("m1", house)]},
        {"next_cursor": "c", "has_more": 0, "msg_list": [_text("m2", house)]},
    ]
    order = {"": 0, "a": 1, "b": 2}
    house.server.plays["kf/sync_msg"] = lambda body: {"errcode": 0, **pages[order[body.get("cursor", "")]]}
    await call(house)
    await Desks(house.inbox).look()
    assert len(await replies()) == 2
    assert await cursor() == "c"


async def test_an_empty_page_that_leads_nowhere_is_asked_again_and_is_no_end(house: House) -> None:
    """Seen: more to come, nothing in it, and the place that was asked from."""
    await house.customer()
    empty = {"next_cursor": "a", "has_more": 1, "msg_list": []}
    pages = [empty, empty, empty, {"next_cursor": "b", "has_more": 0, "msg_list": [_text("m1", house)]}]
    house.server.plays["kf/sync_msg"] = lambda body: {"errcode": 0, **pages.pop(0)}
    await call(house)
    await Desks(house.inbox).look()
    assert (await cursor(), len(await replies())) == ("b", 1)


async def test_a_place_that_never_moves_is_left_for_later_and_stays_unread(house: House) -> None:
    asked = []
    house.server.plays["kf/sync_msg"] = lambda body: (
        asked.append(body) or {"errcode": 0, "next_cursor": "a", "has_more": 1, "msg_list": []}
    )
    await call(house)
    desks = Desks(house.inbox)
    await desks.look()
    first = len(asked)
    assert first < 10
    await desks.look()
    assert len(asked) == first  # it rests
    house.later(timedelta(minutes=1))
    await desks.look()
    assert len(asked) > first


def _text(msgid: str, house: House) -> Fields:
    moment = int(house.runtime.clock().timestamp())
    common = {"msgid": msgid, "open_kfid": DESK, "send_time": moment, "external_userid": CUSTOMER, "origin": 3}
    return {**common, "msgtype": "text", "text": {"content": msgid}}


async def test_a_place_is_kept_only_after_the_messages_before_it(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process dies between the messages and the cursor: they come again, and change nothing."""
    await house.customer()
    chat = Chat(house)
    chat.written("m1")
    await call(house)

    async def dies(desk: str, cursor: str) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(wecom, "keep_cursor", dies)
        await Desks(house.inbox).look()
    assert (await cursor(), len(await replies())) == ("", 1)
    await Desks(house.inbox).look()
    assert (await cursor(), len(await replies())) == ("1", 1)
    assert (await Event.get(event_id="m1")).repeats == 1


async def test_messages_that_cannot_be_taken_in_are_asked_for_again_from_the_same_place(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.customer()
    Chat(house).written("m1")
    await call(house)

    async def full(events: object) -> None:
        raise RuntimeError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(house.inbox, "take", full)
        await Desks(house.inbox).look()
    assert (await cursor(), await replies()) == ("", [])
    await Desks(house.inbox).look()
    assert (await cursor(), len(await replies())) == ("1", 1)


async def test_a_page_that_can_never_be_taken_in_holds_up_the_rest_three_times_and_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = Chat(house, page=1)
    chat.written("m1")
    chat.written("m2")
    await call(house)
    really = house.inbox.take

    async def take(events: Any) -> Any:
        if any(event.event_id == "m1" for event in events):
            raise RuntimeError("poison")
        return await really(events)

    monkeypatch.setattr(house.inbox, "take", take)
    for _ in range(3):
        assert await cursor() == ""
        await Desks(house.inbox).look()
    assert await cursor() == "2"


async def test_two_processes_never_fetch_from_one_desk_at_once(house: House) -> None:
    await house.customer()
    chat = Chat(house, page=1)
    for number in range(6):
        chat.written(f"m{number}")
    await call(house)
    await asyncio.gather(*(Desks(house.inbox).look() for _ in range(4)))
    assert len(chat.asked) == 6
    assert len(await replies()) == 6


async def test_a_token_that_is_too_old_is_left_out_once(house: House) -> None:
    await house.customer()
    chat = Chat(house)
    chat.written("m1")
    really = chat.sync
    house.server.plays["kf/sync_msg"] = lambda body: said(95007, "token") if "token" in body else really(body)
    await call(house)
    await Desks(house.inbox).look()
    assert len(await replies()) == 1
    assert len(house.server.to("kf/sync_msg")) == 2


async def test_a_call_that_was_lost_is_made_up_for_within_hours(house: House) -> None:
    await house.customer()
    chat, desks = Chat(house), Desks(house.inbox)
    await call(house)
    await desks.look()
    chat.written("m1")
    house.later(timedelta(hours=7))
    await desks.look()
    assert len(await replies()) == 1
    assert "token" not in chat.asked[-1]


async def test_a_wecom_that_is_away_is_not_asked_every_second(house: House) -> None:
    house.server.plays["kf/sync_msg"] = lambda body: said(45009, "too fast")
    desks = Desks(house.inbox)
    await call(house)
    for _ in range(5):
        await desks.look()
    assert len(house.server.to("kf/sync_msg")) == 1
    house.later(timedelta(minutes=1))
    await desks.look()
    assert len(house.server.to("kf/sync_msg")) == 2


async def test_what_cannot_be_read_is_left_out_and_the_rest_comes_in(house: House) -> None:
    await house.customer()
    chat = Chat(house)
    chat.add("x1", origin=3, msgtype="text", text="no object", external_userid=CUSTOMER)
    chat.add("x2", origin=3, msgtype="text", text={"content": "who?"})
    chat.add("x3", origin=3, msgtype="hologram", external_userid=CUSTOMER)
    chat.messages += [{"msgid": "x4"}, {"send_time": 10**12, "msgid": "x5", "origin": 3}]
    chat.add("x6", origin=5, msgtype="text", text={"content": "a colleague"}, external_userid=CUSTOMER)
    chat.happened("x7", event_type="something_new")
    chat.written("m1")
    await call(house)
    await Desks(house.inbox).look()
    assert await replies() == ["[消息]", "[消息]", "请给我打电话"]


async def test_a_refusal_in_customer_service_stops_everything(house: House) -> None:
    member, _ = await house.customer()
    Chat(house).written("m1", "不要再发了，退订")
    await call(house)
    await Desks(house.inbox).look()
    assert await Suppression.filter(member_id=member.id, reason="refused").count() == 1


# ---- sessions -------------------------------------------------------------------------------------------------------


async def test_a_session_binds_by_its_secret_and_is_welcomed_once_within_20_seconds(house: House) -> None:
    _, contact = await house.customer(external="")
    secret = await binding.offer(contact.id, ChannelName.WECOM, at=house.runtime.clock())
    chat = Chat(house)
    chat.happened("e1", event_type="enter_session", scene_param=secret, welcome_code="CODE")
    await call(house)
    await Desks(house.inbox).look()
    assert (await Contact.get(id=contact.id)).external_userid == CUSTOMER
    assert house.server.to("kf/send_msg_on_event") == [
        {"code": "CODE", "msgtype": "text", "text": {"content": "您好，请问有什么可以帮您？"}}
    ]
    await WecomDesk.filter(desk=DESK).update(cursor="0", answered=0)  # as after a crash before the cursor
    await Desks(house.inbox).look()
    assert len(house.server.to("kf/send_msg_on_event")) == 1


async def test_a_session_that_began_long_ago_is_not_welcomed(house: House) -> None:
    chat = Chat(house)
    chat.happened("e1", event_type="enter_session", welcome_code="CODE")
    house.later(timedelta(seconds=30))
    await call(house)
    await Desks(house.inbox).look()
    assert house.server.to("kf/send_msg_on_event") == []


async def test_a_binding_is_used_once_and_by_nobody_else(house: House) -> None:
    _, contact = await house.customer(external="")
    now = house.runtime.clock()
    secret = await binding.offer(contact.id, ChannelName.WECOM, at=now)
    assert len(secret) <= 30
    assert not await binding.bind(ChannelName.WECHAT, secret, OTHER, at=now)
    assert not await binding.bind(ChannelName.WECOM, "guessed", OTHER, at=now)
    assert await binding.bind(ChannelName.WECOM, secret, CUSTOMER, at=now)
    assert not await binding.bind(ChannelName.WECOM, secret, OTHER, at=now)
    assert await binding.bind(ChannelName.WECOM, secret, CUSTOMER, at=now)  # the same customer, told again
    late = await binding.offer(contact.id, ChannelName.WECOM, at=now)
    assert not await binding.bind(ChannelName.WECOM, late, OTHER, at=now + timedelta(days=8))
    assert (await Contact.get(id=contact.id)).external_userid == CUSTOMER


async def test_a_customer_who_removes_us_is_closed_until_they_add_us_again(house: House) -> None:
    await house.customer()
    for change, closed in (("del_follow_user", 1), ("add_external_contact", 0)):
        moment = int(house.runtime.clock().timestamp())
        inside = f"<Event>change_external_contact</Event><ChangeType>{change}</ChangeType><UserID>ChengXue</UserID>"
        about = f"<ExternalUserID>{CUSTOMER}</ExternalUserID><CreateTime>{moment}</CreateTime>"
        await push(house, f"<xml><MsgType>event</MsgType>{inside}{about}</xml>".encode())
        assert await Suppression.filter(channel="wecom", address=CUSTOMER, lifted_at=None).count() == closed
    assert (await WecomCustomer.get(external_userid=CUSTOMER)).staff == "ChengXue"


async def test_a_push_that_is_not_wecoms_is_refused_at_the_door(house: House) -> None:
    async with browse(house.runtime) as stranger:
        url = f"/hooks/{house.runtime.hook_secret}/wecom/callback"
        for body in (b"", b"<xml></xml>", b"<xml><Encrypt>QUJD</Encrypt></xml>"):
            assert (await stranger.post(url, content=body)).status_code == 403
        assert (await stranger.get(url)).status_code == 403
        assert (await stranger.get("/health")).json()["rejected"] == {"wecom": 4}


# ---- answers --------------------------------------------------------------------------------------------------------


async def answering(house: House) -> None:
    folder = await definitions.load_campaign(house.settings.huifang_templates, "auto_replies")
    row = await definitions.approve(folder, by="tests", now=house.runtime.clock())
    await definitions.start(row.key, now=house.runtime.clock())


async def send_due(house: House) -> None:
    for batch in await outbox.due_batches(house.runtime.clock()):
        await drain(house.runtime, batch, seconds=5, stopping=asyncio.Event())


async def test_a_customer_is_answered_in_customer_service_and_the_window_counts(house: House) -> None:
    await answering(house)
    await house.customer()
    Chat(house).written("m1")
    await call(house)
    await Desks(house.inbox).look()
    await send_due(house)
    (sent,) = house.server.to("kf/send_msg")
    assert (sent["touser"], sent["open_kfid"]) == (CUSTOMER, DESK)
    message = await Message.get(channel="wecom")
    assert (message.state, message.provider_id) == ("sent", sent["msgid"])
    assert (await WecomCustomer.get(external_userid=CUSTOMER)).window_left == 4


async def test_an_answer_that_would_come_after_the_window_is_not_tried(house: House) -> None:
    await answering(house)
    await house.customer()
    Chat(house).written("m1")
    await call(house)
    await Desks(house.inbox).look()
    await WecomCustomer.filter(external_userid=CUSTOMER).update(window_until=house.runtime.clock())
    await send_due(house)
    assert house.server.to("kf/send_msg") == []
    assert (await Message.get(channel="wecom")).reason == "no_window"


@pytest.mark.parametrize(("fail_type", "left", "blocked"), [(6, 0, 0), (4, 0, 0), (10, 4, 1), (13, 4, 0)])
async def test_an_answer_that_failed_after_all_is_known_with_its_reason(
    house: House, fail_type: int, left: int, blocked: int
) -> None:
    await answering(house)
    await house.customer()
    chat = Chat(house)
    chat.written("m1")
    await call(house)
    await Desks(house.inbox).look()
    await send_due(house)
    (sent,) = house.server.to("kf/send_msg")
    house.later(timedelta(seconds=5))
    chat.happened("e1", event_type="msg_send_fail", fail_msgid=sent["msgid"], fail_type=fail_type)
    await call(house, "T2")
    await Desks(house.inbox).look()
    message = await Message.get(channel="wecom")
    assert (message.state, message.code) == ("bounced", f"fail_type {fail_type}")
    assert (await WecomCustomer.get(external_userid=CUSTOMER)).window_left == left
    assert await Suppression.filter(channel="wecom", address=CUSTOMER).count() == blocked


async def test_a_state_that_takes_no_answer_closes_the_window_in_our_books(house: House) -> None:
    await answering(house)
    await house.customer()
    Chat(house).written("m1")
    await call(house)
    await Desks(house.inbox).look()
    house.server.plays["kf/send_msg"] = lambda body: said(95018, "state")
    await send_due(house)
    assert (await WecomCustomer.get(external_userid=CUSTOMER)).window_left == 0


async def test_beside_the_doors_a_call_is_answered_within_seconds(house: House) -> None:
    await house.customer()
    Chat(house).written("m1")
    async with reading_desks(house.inbox):
        await call(house)
        for _ in range(200):
            if await replies():
                break
            await asyncio.sleep(0.05)
    assert len(await replies()) == 1
