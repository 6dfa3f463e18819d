"""wechatpy, unmodified, as a client of the WeChat stand-in: what it sends is taken, what is wrong refused."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from wechatpy.exceptions import APILimitedException, WeChatClientException

from bot.sandbox.stage import Stage
from bot.sandbox.wechat import WechatSandbox
from tests.sandbox_wechat_cast import ANNA, BERT, MINUTE, SECRET, SUB, UNREAD, VALUES, Hand, OurDoor, Wechatpy, rows

pytestmark = [pytest.mark.filterwarnings("ignore::DeprecationWarning:wechatpy"), pytest.mark.usefixtures("wire")]

CODE = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "a"}}}
MENU = {
    "button": [
        {"type": "click", "name": "未读简历", "key": "UNREAD"},
        {"name": "更多", "sub_button": [{"type": "view", "name": "后台", "url": "https://talent.example/"}]},
    ]
}


async def speak(sandbox: WechatSandbox, act: Callable[[Wechatpy], Any]) -> Any:
    def run() -> Any:
        client = Wechatpy(sandbox.base_url)
        try:
            return act(client)
        finally:
            client._http.close()

    return await asyncio.to_thread(run)


def refused(act: Callable[[], object]) -> int:
    with pytest.raises(WeChatClientException) as refusal:
        act()
    return int(refusal.value.errcode)


async def test_it_sends_to_many_asks_what_became_of_it_and_takes_it_back(
    sandbox: WechatSandbox, stage: Stage, hand: Hand, door: OurDoor
) -> None:
    sent = await speak(sandbox, lambda one: one.message.send_mass_text([ANNA, BERT], "开工了", client_msg_id="m-1"))
    status = await speak(sandbox, lambda one: one.message.get_mass(sent["msg_id"]))
    assert status["msg_status"] == "SENDING"
    for _ in range(2):
        hand.skip(MINUTE)
        await stage.timetable.run_due()
    assert (await speak(sandbox, lambda one: one.message.get_mass(sent["msg_id"])))["msg_status"] == "SEND_SUCCESS"
    assert door.read().id == sent["msg_id"]
    assert (await speak(sandbox, lambda one: one.message.delete_mass(sent["msg_id"])))["errcode"] == 0
    assert {row.to for row in rows(stage)} == {ANNA, BERT}


async def test_it_is_refused_where_it_sends_to_one_to_all_or_the_same_again(sandbox: WechatSandbox, hand: Hand) -> None:
    def act(client: Wechatpy) -> list[int]:
        send = client.message.send_mass_text
        send([ANNA, BERT], "开工了", client_msg_id="m-1")
        hand.skip(MINUTE)
        return [
            refused(lambda: send([ANNA], "开工了")),
            refused(lambda: send(None, "开工了", is_to_all=True)),
            refused(lambda: send([ANNA, BERT], "开工了", client_msg_id="m-1")),
            refused(lambda: send([ANNA, BERT], "开工了", client_msg_id="m" * 33)),
            refused(lambda: client.message.send_mass_article([ANNA, BERT], "media")),
        ]

    assert await speak(sandbox, act) == [40130, 48001, 45065, 45067, 40007]


async def test_it_sets_reads_and_deletes_the_menu(sandbox: WechatSandbox) -> None:
    def act(client: Wechatpy) -> None:
        assert client.menu.get() is None
        assert client.menu.create(MENU)["errcode"] == 0
        found = client.menu.get()["menu"]["button"]
        assert [button["name"] for button in found] == ["未读简历", "更多"]
        assert refused(lambda: client.menu.create({"button": []})) == 40016
        client.menu.delete()
        assert client.menu.get() is None

    await speak(sandbox, act)


async def test_it_makes_codes_of_every_kind(sandbox: WechatSandbox, door: OurDoor) -> None:
    def act(client: Wechatpy) -> Any:
        scene = {"action_name": "QR_STR_SCENE", "action_info": {"scene": {"scene_str": "0ne-time"}}}
        assert refused(lambda: client.qrcode.create(scene | {"expire_seconds": 2_592_001})) == 40053
        code = client.qrcode.create(scene | {"expire_seconds": 600})
        assert "showqrcode?ticket=" in client.qrcode.get_url(code)
        return code

    code = await speak(sandbox, act)
    await sandbox.scan(BERT, code["ticket"])
    assert door.read().scene_id == "0ne-time"


async def test_it_reads_the_library_and_sends_what_it_found(sandbox: WechatSandbox, stage: Stage) -> None:
    def act(client: Wechatpy) -> None:
        listed = client.template.get_all_private_template()["template_list"]
        assert UNREAD in {one["template_id"] for one in listed}
        client.message.send_template(ANNA, UNREAD, VALUES)

    await speak(sandbox, act)
    assert [row.words["template_id"] for row in rows(stage)] == [UNREAD]


async def test_its_article_and_its_menu_are_read_and_a_tap_comes_back_to_it(
    sandbox: WechatSandbox, stage: Stage, door: OurDoor
) -> None:
    sandbox.open_window(ANNA)

    def act(client: Wechatpy) -> int:
        article = {
            "title": "招聘",
            "description": "三分钟",
            "url": "http://a.example",
            "image": "http://a.example/1.png",
        }
        client.message.send_articles(ANNA, [article])
        client.message.send_msg_menu(
            ANNA, {"head_content": "看了吗", "list": [{"id": "101", "content": "已看"}], "tail_content": "谢谢"}
        )
        return refused(lambda: client.message.send_articles(ANNA, [article] * 2))

    assert await speak(sandbox, act) == 45008
    assert [row.words["text"] for row in rows(stage)] == ["招聘\n三分钟", "看了吗\n已看\n谢谢"]
    await sandbox.tap(ANNA, "101", "已看")
    assert (door.read().content, door.read()._data["bizmsgmenuid"]) == ("已看", "101")


@pytest.mark.parametrize(
    "call",
    [
        lambda one: one.message.send_mass_text([ANNA, BERT], "开工了"),
        lambda one: one.menu.create(MENU),
        lambda one: one.qrcode.create(
            {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "a"}}}
        ),
        lambda one: one.message.send_msg_menu(ANNA, {"head_content": "a", "list": [{"id": "1", "content": "b"}]}),
        lambda one: one.message.send_subscribe_message(ANNA, SUB, {"thing1": {"value": "有简历"}}),
        lambda one: one.template.get_all_private_template(),
    ],
)
async def test_it_is_refused_with_a_wrong_secret_and_with_an_old_token(
    sandbox: WechatSandbox, stage: Stage, hand: Hand, call: Callable[[Wechatpy], object]
) -> None:
    def act(client: Wechatpy) -> list[int]:
        client.secret = SECRET[::-1]
        codes = [refused(lambda: call(client))]
        client.secret = SECRET
        client.fetch_access_token()
        old = client.access_token
        Wechatpy.fetch_access_token(client)  # a newer one takes its place …
        hand.skip(5 * MINUTE)  # … and the old one is let live so long
        client.session.set(client.access_token_key, old)
        codes.append(refused(lambda: call(client)))
        hand.skip(120 * MINUTE)
        codes.append(refused(lambda: call(client)))
        client.session.set(client.access_token_key, "")
        return codes

    sandbox.open_window(ANNA)
    assert await speak(sandbox, act) == [40001, 40001, 40001]
    assert rows(stage) == []
    assert sandbox.menu.buttons == []


async def test_it_hears_of_the_days_limit_as_such(sandbox: WechatSandbox) -> None:
    sandbox.faults.order("45009")

    def act(client: Wechatpy) -> None:
        with pytest.raises(APILimitedException):
            client.menu.create(MENU)

    await speak(sandbox, act)
