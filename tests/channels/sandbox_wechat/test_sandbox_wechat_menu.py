"""The WeChat stand-in's menu, its library of templates, and what followers tap on."""

from typing import Any

import pytest

from bot.sandbox.stage import Stage
from bot.sandbox.wechat import WechatSandbox
from bot.sandbox.wechat_customers import WechatCustomer
from tests.sandbox_wechat_cast import ANNA, UNREAD, OurDoor, Peer, rows

CLICK = {"type": "click", "name": "未读简历", "key": "UNREAD"}
VIEW = {"type": "view", "name": "进入后台", "url": "https://talent.example/"}


async def create(peer: Peer, *buttons: object) -> int:
    return int((await peer.post("menu/create", {"button": list(buttons)}))["errcode"])


async def get(peer: Peer, api: str) -> dict[str, Any]:
    return await peer.get(api, access_token=await peer.access_token())


async def test_a_menu_is_set_read_and_taken_away(peer: Peer, sandbox: WechatSandbox) -> None:
    assert (await get(peer, "menu/get"))["errcode"] == 46003
    below = {"name": "更多", "sub_button": [CLICK | {"key": "CALL"}, VIEW]}
    assert await create(peer, CLICK, VIEW, below) == 0
    assert await get(peer, "menu/get") == {
        "menu": {"button": [CLICK | {"sub_button": []}, VIEW | {"sub_button": []}, below]}
    }
    assert sandbox.menu.keys("click") == ["UNREAD", "CALL"]
    assert sandbox.menu.keys("view") == ["https://talent.example/"] * 2
    assert (await get(peer, "menu/delete"))["errcode"] == 0
    assert (await get(peer, "menu/get"))["errcode"] == 46003


@pytest.mark.parametrize(
    ("buttons", "errcode"),
    [
        ([], 40016),
        ([CLICK] * 4, 40016),
        (["未读"], 47001),
        ([CLICK | {"type": "teleport"}], 40017),
        ([{"name": "未读"}], 40017),
        ([CLICK | {"name": ""}], 40018),
        ([CLICK | {"name": "一二三四五六"}], 40018),
        ([CLICK | {"name": 5}], 40018),
        ([CLICK | {"key": "K" * 129}], 40019),
        ([{"type": "click", "name": "未读"}], 40019),
        ([{"type": "view", "name": "后台"}], 40020),
        ([VIEW | {"url": "https://talent.example/" + "a" * 1024}], 40020),
        ([VIEW | {"url": "talent.example"}], 40055),
        ([VIEW | {"type": "miniprogram"}], 40013),
        ([{"type": "media_id", "name": "图", "media_id": "1"}], 40007),
        ([CLICK | {"url": "https://talent.example/"}], 47003),
        ([{"name": "更多", "sub_button": [CLICK] * 6}], 40023),
        ([{"name": "更多", "sub_button": [{"name": "再多", "sub_button": [CLICK]}]}], 40022),
        ([{"name": "更多", "sub_button": [CLICK | {"type": "x"}]}], 40024),
        ([{"name": "更多", "sub_button": [CLICK | {"name": "字" * 21}]}], 40025),
        ([{"name": "更多", "sub_button": [CLICK | {"key": ""}]}], 40026),
        ([{"name": "更多", "sub_button": [VIEW | {"url": 5}]}], 40027),
        ([{"name": "更多", "sub_button": [VIEW | {"url": "ftp://talent.example"}]}], 40054),
        ([{"name": "更多", "key": "K", "sub_button": [CLICK]}], 47003),
    ],
)
async def test_a_wrong_menu_is_refused_and_the_one_before_stays(
    peer: Peer, sandbox: WechatSandbox, buttons: list[object], errcode: int
) -> None:
    await create(peer, CLICK)
    assert await create(peer, *buttons) == errcode
    assert sandbox.menu.keys("click") == ["UNREAD"]


async def test_names_at_their_limits_go_through(peer: Peer) -> None:
    full = [CLICK | {"name": "字" * 20, "key": "K" * 128}] * 5
    assert await create(peer, *[{"name": "一二三四五", "sub_button": full}] * 3) == 0


@pytest.mark.parametrize("body", [b"", b"{", {"buttons": [CLICK]}, {"button": CLICK}])
async def test_what_is_no_menu_is_refused(peer: Peer, body: object) -> None:
    assert (await peer.post("menu/create", body))["errcode"] in (44002, 47001, 47003, 40016)


async def test_the_wrong_method_is_named(peer: Peer) -> None:
    for method, api, errcode in (
        ("GET", "menu/create", 43002),
        ("POST", "menu/get", 43001),
        ("POST", "menu/delete", 43001),
    ):
        assert (await peer.http.request(method, f"/cgi-bin/{api}")).json()["errcode"] == errcode


async def test_buttons_that_open_a_page_open_no_window_and_those_of_the_camera_do(
    peer: Peer, sandbox: WechatSandbox, door: OurDoor
) -> None:
    await sandbox.view_menu(ANNA, "https://talent.example/")
    assert (door.read().event, door.read().url) == ("view", "https://talent.example/")
    await sandbox.tell_location(ANNA, "40.0", "113.3")
    assert door.read()._data["Precision"] == "65.000000"
    assert await peer.custom() == 45015
    for waits, name in ((False, "scancode_push"), (True, "scancode_waitmsg")):
        await sandbox.scan_by_menu(ANNA, "SCAN", "http://x.example", waits=waits)
        assert door.read()._data["Event"] == name
        assert door.read()._data["ScanCodeInfo"]["ScanResult"] == "http://x.example"
        assert [await peer.custom() for _ in range(4)] == [0, 0, 0, 45047]


# --- the library


async def test_the_library_lists_what_may_be_used(peer: Peer) -> None:
    listed = (await get(peer, "template/get_all_private_template"))["template_list"]
    assert {one["template_id"] for one in listed} == {UNREAD, "TM_INTERVIEW"}
    assert all(set(one) >= {"title", "content", "example", "primary_industry"} for one in listed)
    assert (await peer.post("template/del_private_template", {"template_id": UNREAD}))["errcode"] == 0
    assert (await peer.template())["errcode"] == 40037
    assert (await peer.post("template/del_private_template", {"template_id": "TM_X"}))["errcode"] == 40037


# --- what a message offers to tap on

ASKS = {"head_content": "看了吗？", "list": [{"id": "101", "content": "已看"}, {"id": 102, "content": "稍后"}]}


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"list": [{"id": "1", "content": "a"}, {"id": "1", "content": "b"}]}, 47003),
        ({"list": [{"content": "a"}]}, 47003),
        ({"list": [{"id": True, "content": "a"}]}, 47003),
        ({"list": [{"id": "1", "content": "a", "url": "http://x.example"}]}, 47003),
        ({"list": ["已看"]}, 44004),
        ({"head": "看了吗？"}, 47003),
        ({"list": [{"id": str(n), "content": "字" * 60} for n in range(12)]}, 45002),
    ],
)
async def test_a_wrong_menu_message_is_refused(
    peer: Peer, sandbox: WechatSandbox, changes: dict[str, object], errcode: int
) -> None:
    sandbox.open_window(ANNA)
    body = {"touser": ANNA, "msgtype": "msgmenu", "msgmenu": ASKS | changes}
    assert (await peer.post("message/custom/send", body))["errcode"] == errcode


@pytest.mark.parametrize(
    ("changes", "errcode"),
    [
        ({"title": "字" * 171}, 45003),
        ({"description": "字" * 683}, 45004),
        ({"url": "http://x.example/" + "a" * 1024}, 45005),
        ({"url": "x.example"}, 47003),
        ({"picture": "http://x.example/a.png"}, 47003),
        ({"title": ""}, 44004),
        ({"description": 5}, 47001),
    ],
)
async def test_a_wrong_article_is_refused(
    peer: Peer, sandbox: WechatSandbox, changes: dict[str, object], errcode: int
) -> None:
    sandbox.open_window(ANNA)
    article = {"title": "招聘", "description": "三分钟", "url": "http://x.example"} | changes
    body = {"touser": ANNA, "msgtype": "news", "news": {"articles": [article]}}
    assert (await peer.post("message/custom/send", body))["errcode"] == errcode


async def test_a_customer_taps_what_the_message_offers_and_types_the_rest(
    peer: Peer, sandbox: WechatSandbox, stage: Stage, door: OurDoor
) -> None:
    sandbox.open_window(ANNA)
    await peer.post("message/custom/send", {"touser": ANNA, "msgtype": "msgmenu", "msgmenu": ASKS})
    [row] = rows(stage)
    customer = WechatCustomer(stage, sandbox)
    await customer.answer(row, "稍后", automatic=False)
    assert (door.read().content, door.read()._data["bizmsgmenuid"]) == ("稍后", "102")
    assert [await peer.custom() for _ in range(4)] == [0, 0, 0, 45047]  # a tap is no message
    await customer.answer(row, "稍后再说", automatic=False)
    assert "bizmsgmenuid" not in door.read()._data


async def test_a_tap_that_was_not_taken_is_the_same_message_when_it_comes_again(
    peer: Peer, sandbox: WechatSandbox, door: OurDoor
) -> None:
    assert await sandbox.tap(ANNA, "101", "已看", message_id="a")
    assert await sandbox.tap(ANNA, "101", "已看", message_id="a")
    assert len(door.got) == 1


async def test_links_in_a_text_can_be_items_of_a_menu(peer: Peer, sandbox: WechatSandbox, stage: Stage) -> None:
    sandbox.open_window(ANNA)
    link = '<a href="weixin://bizmsgmenu?msgmenucontent=已看&msgmenuid=7">看过了</a>，或<a href="http://x.example">去看</a>'
    assert await peer.custom(content=link) == 0
    [row] = rows(stage)
    assert row.words["menu"] == [{"id": "7", "content": "已看"}]
    assert (row.words["text"], [one["url"] for one in row.words["links"]]) == ("看过了，或去看", ["http://x.example"])
