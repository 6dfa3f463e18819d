"""What staff do with the WeChat account: its menu, and a code that binds a contact to who scans it."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from bot.channels.wechat_api import WechatApi, WechatRefused, WechatSettings
from bot.channels.wechat_menu import delete_menu, make_menu, read_menu
from bot.commands import official_account
from bot.settings import Settings
from campaigns.errors import ConfigError, DefinitionError, InputError
from campaigns.intents import IntentTable, load_table
from campaigns.menu_file import load_menu
from campaigns.models import Binding, Contact, Touch
from campaigns.replies.taking import take_event
from campaigns.terms import ChannelName, ReachChange
from tests.cast import NOW, TEMPLATES, Player, datong, jinbei
from tests.scripted import Answer, Scripted, Seen, Told, answer, serving

PNG = b"\x89PNG\r\n\x1a\n and so on"
VIEW = {"name": "看简历", "type": "view", "url": "https://hr.example.com/unread"}
CLICK = {"name": "联系客服", "type": "click", "key": "CALL_US"}
BELOW = {"name": "找我们", "sub_button": [CLICK, VIEW]}


@dataclass
class Wechat:
    """The account's menu and codes as WeChat keeps them."""

    menu: list[dict[str, Any]] | None = None
    codes: list[dict[str, Any]] = field(default_factory=list)
    picture: Answer = field(default_factory=lambda: Answer(PNG))
    stale: bool = False
    done: list[str] = field(default_factory=list)

    def tell(self, seen: Seen) -> Told:
        name = seen.path.removeprefix("/cgi-bin/")
        if name == "stable_token":
            return answer({"access_token": f"T{self.done.count(name)}", "expires_in": 7200})
        if name == "showqrcode":
            return self.picture if seen.form == {"ticket": "gQ/8+ a="} else Answer(b"", 404)
        self.done.append(name)
        if self.stale and seen.form["access_token"] == "T0":
            self.done.append("stable_token")
            return answer({"errcode": 42001, "errmsg": "access_token expired rid: 1-2-3"})
        return self._do(name, json.loads(seen.body) if seen.body else None)

    def _do(self, name: str, body: object) -> Told:
        match name, body:
            case "menu/get", None:
                if self.menu is None:
                    return answer({"errcode": 46003, "errmsg": "menu no exist rid: 1-2-3"})
                return answer({"menu": {"button": [_as_told(one) for one in self.menu]}})
            case "menu/create", dict():
                self.menu = body["button"]
                return answer({"errcode": 0, "errmsg": "ok"})
            case "menu/delete", None:
                self.menu = None
                return answer({"errcode": 0, "errmsg": "ok"})
            case "qrcode/create", dict():
                self.codes.append(body)
                return answer({"ticket": "gQ/8+ a=", "expire_seconds": 60, "url": "https://weixin.example/q/1"})
        return answer({"errcode": 43001, "errmsg": "require GET method rid: 1-2-3"})


def _as_told(button: dict[str, object]) -> dict[str, object]:
    """WeChat gives every button a list of those below it, empty or not."""
    below = [_as_told(one) for one in button.get("sub_button", [])]
    return {**button, "sub_button": below}


@dataclass
class House:
    settings: Settings
    wechat: Wechat
    server: Scripted
    templates: Path

    def write_menu(self, text: str) -> None:
        (self.templates / "wechat_menu.toml").write_text(text, encoding="utf-8")


@pytest.fixture
async def house(sqlite_database: Settings, tmp_path: Path) -> AsyncIterator[House]:
    folder = tmp_path / "templates"
    folder.mkdir()
    for name in ("policy.toml", "pacing.toml", "site.toml", "calendar.toml", "wechat_menu.toml"):
        (folder / name).write_bytes((TEMPLATES / name).read_bytes())
    wechat = Wechat()
    async with serving(lambda seen: wechat.tell(seen)) as server:
        yield House(_settings(sqlite_database, folder, server.url), wechat, server, folder)


def _settings(settings: Settings, templates: Path, url: str) -> Settings:
    return settings.model_copy(
        update={
            "huifang_templates": templates,
            "wechat_appid": "wx1234567890abcdef",
            "wechat_secret": "secret",
            "wechat_token": "token",
            "wechat_base_url": url,
        }
    )


@pytest.fixture
async def api(house: House) -> AsyncIterator[WechatApi]:
    opened = WechatApi(WechatSettings("wx1", "secret", "token", base_url=house.server.url), lambda: NOW)
    yield opened
    await opened.close()


# ---- the menu -----------------------------------------------------------------------------------------------------


async def test_a_menu_is_read_as_it_was_made(house: House, api: WechatApi) -> None:
    assert await read_menu(api) == []
    await make_menu(api, [VIEW, BELOW])
    assert await read_menu(api) == [VIEW, BELOW]
    await delete_menu(api)
    assert house.wechat.menu is None


async def test_a_token_that_is_refused_costs_one_new_one_and_one_repeat(house: House, api: WechatApi) -> None:
    house.wechat.stale, house.wechat.menu = True, [VIEW]
    assert await read_menu(api) == [VIEW]
    assert house.wechat.done == ["menu/get", "stable_token", "menu/get"]


async def test_a_no_is_told_with_its_errcode(house: House, api: WechatApi) -> None:
    with pytest.raises(WechatRefused, match="43001 require GET") as caught:
        await api.ask("/cgi-bin/menu/get", {})
    assert caught.value.errcode == 43001


async def test_setting_a_menu_only_says_what_would_change_until_it_is_meant(house: House) -> None:
    house.wechat.menu = [VIEW, BELOW]
    house.write_menu('[[button]]\nname = "看简历"\ntype = "view"\nurl = "https://hr.example.com/unread"\n')
    found = await official_account.set_menu(house.settings, really=False)
    assert (found["changed"], house.wechat.menu) == (False, [VIEW, BELOW])
    assert found["changes"] == [
        "  看简历  view https://hr.example.com/unread",
        "- 找我们",
        "-     联系客服  click CALL_US",
        "-     看简历  view https://hr.example.com/unread",
    ]
    assert official_account.change_lines(found)[-1].startswith("还没有改")
    assert (await official_account.set_menu(house.settings, really=True))["changed"] is True
    assert house.wechat.menu == [VIEW]
    again = await official_account.set_menu(house.settings, really=True)
    assert (again, house.wechat.done.count("menu/create")) == ({"changes": [], "changed": False}, 1)


async def test_a_file_without_buttons_takes_the_menu_away(house: House) -> None:
    house.wechat.menu = [VIEW]
    house.write_menu("# nothing\n")
    await official_account.set_menu(house.settings, really=True)
    assert house.wechat.menu is None
    assert official_account.menu_lines(await official_account.show_menu(house.settings)) == ["没有菜单 (no menu)"]


async def test_a_menu_that_is_wrong_is_refused_before_wechat_is_asked(house: House) -> None:
    house.write_menu('[[button]]\nname = "看"\ntype = "view"\nurl = "http://hr.example.com"\n')
    with pytest.raises(DefinitionError):
        await official_account.set_menu(house.settings, really=True)
    assert not house.server.seen


async def test_without_an_account_the_setting_is_named(sqlite_database: Settings) -> None:
    with pytest.raises(ConfigError, match="WECHAT_APPID"):
        await official_account.show_menu(sqlite_database)


def test_the_shipped_menu_is_one_that_wechat_takes() -> None:
    buttons = load_menu(TEMPLATES / "wechat_menu.toml")
    assert [button["name"] for button in buttons] == ["看简历", "发职位", "找我们"]
    assert len(buttons[2]["sub_button"]) == 2


BUTTON = '[[button]]\nname = "看"\ntype = "view"\nurl = "https://x.example/"\n'
UNDER = '[[button.sub_button]]\nname = "看"\ntype = "view"\nurl = "https://x.example/"\n'
TOP = '[[button]]\nname = "找我们"\n'
WRONG = {
    "four": (BUTTON * 4, "button"),
    "six below": (TOP + UNDER * 6, "button 1 sub_button"),
    "none below": ('[[button]]\nname = "找我们"\nsub_button = []\n', "button 1"),
    "three levels": (TOP + UNDER + UNDER.replace("button.sub_button", "button.sub_button.sub_button"), "sub_button 1"),
    "no name": (BUTTON.replace('"看"', '""'), "button 1 name"),
    "a long name": (BUTTON.replace("看", "看看我们的简历"), "button 1 name"),
    "a long name below": (TOP + UNDER.replace("看", "看" * 21), "button 1 sub_button 1 name"),
    "no type": (BUTTON.replace('type = "view"\n', ""), "button 1 type"),
    "an unknown type": (BUTTON.replace("view", "open"), "button 1 type"),
    "no url": (BUTTON.replace('url = "https://x.example/"\n', ""), "button 1 url"),
    "a url in the clear": (BUTTON.replace("https", "http"), "button 1 url"),
    "a url too long": (BUTTON.replace("x.example/", "x.example/" + "p" * 1024), "button 1 url"),
    "a key too long": (f'[[button]]\nname = "看"\ntype = "click"\nkey = "{"k" * 129}"\n', "button 1 key"),
    "a key it does not have": (BUTTON + 'key = "k"\n', "key"),
    "no table": ('button = "看"\n', "button"),
    "another key": ("menu = 1\n", "menu"),
    "no toml": ("[[", "toml"),
}


@pytest.mark.parametrize(("text", "key"), WRONG.values(), ids=WRONG)
def test_a_wrong_menu_is_named_with_its_button(text: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "wechat_menu.toml").write_text(text, encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        load_menu(tmp_path / "wechat_menu.toml")
    assert caught.value.file == "wechat_menu.toml"
    assert caught.value.key.endswith(key)


def test_a_menu_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="没有这个文件"):
        load_menu(tmp_path / "wechat_menu.toml")


# ---- the code -----------------------------------------------------------------------------------------------------


@cache
def _table() -> IntentTable:
    return load_table(TEMPLATES / "auto_replies")


async def _scan(openid: str, secret: str, *, after: timedelta = timedelta(minutes=1)) -> None:
    """As the callback reads a scan or a follow by a code."""
    at = NOW + after
    event = ReachChange(
        f"{openid}:{at.timestamp()}:SCAN", ChannelName.WECHAT, at, openid,
        followed=True, window_until=at + timedelta(minutes=1), window_left=3, scene=secret,
    )  # fmt: skip
    await take_event(event, message_id=None, now=at, table=_table())


async def _code(house: House, player: Player, **more: Any) -> tuple[dict[str, Any], str]:
    opened = WechatApi(WechatSettings("wx1", "secret", "token", base_url=house.server.url), lambda: NOW)
    try:
        found = await official_account.offer_code(opened, player.no, at=NOW, **more)
    finally:
        await opened.close()
    return found, str(house.wechat.codes[-1]["action_info"]["scene"]["scene_str"])


async def test_a_code_holds_a_secret_and_nothing_of_the_member(house: House) -> None:
    player = await datong()
    found, secret = await _code(house, player)
    assert house.wechat.codes == [
        {
            "expire_seconds": 7 * 86_400,
            "action_name": "QR_STR_SCENE",
            "action_info": {"scene": {"scene_str": secret}},
        }
    ]
    assert 22 <= len(secret) <= 64
    assert player.no not in secret
    assert found["picture"] == f"{house.server.url}/cgi-bin/showqrcode?ticket=gQ%2F8%2B%20a%3D"
    [kept] = await Binding.all()
    assert secret not in (kept.digest, kept.address)
    assert kept.expires_at == NOW + timedelta(days=7)
    assert secret not in json.dumps(found)
    assert (await _code(house, player))[1] != secret


async def test_the_picture_is_kept_for_its_owner_alone(house: House, tmp_path: Path) -> None:
    found, _ = await _code(house, await datong(), out=tmp_path / "code.png")
    assert (tmp_path / "code.png").read_bytes() == PNG
    assert stat.S_IMODE((tmp_path / "code.png").stat().st_mode) == 0o600
    assert found["file"] == str(tmp_path / "code.png")


async def test_what_is_no_picture_is_not_kept(house: House, tmp_path: Path) -> None:
    house.wechat.picture = Answer(b"<html>busy</html>")
    with pytest.raises(WechatRefused, match="no picture"):
        await _code(house, await datong(), out=tmp_path / "code.png")
    assert not (tmp_path / "code.png").exists()


async def test_who_scans_first_is_that_contact_and_nobody_after(house: House) -> None:
    player, other = await datong(), await jinbei()
    _, secret = await _code(house, player)
    await _scan("oFIRST-0000000000000000000", secret)
    await _scan("oSECOND-000000000000000000", secret, after=timedelta(minutes=2))
    assert (await Contact.get(id=player.contact_id)).openid == "oFIRST-0000000000000000000"
    assert (await Contact.get(id=other.contact_id)).openid == other.openid
    assert not await Contact.filter(openid="oSECOND-000000000000000000").exists()
    touches = await Touch.filter(kind="follow").values_list("member_id", "contact_id", "direction", "medium")
    assert touches == [(player.member_id, player.contact_id, "in", "wechat")]


async def test_the_same_scan_told_again_changes_nothing(house: House) -> None:
    player = await datong()
    _, secret = await _code(house, player)
    for _ in range(2):
        await _scan("oFIRST-0000000000000000000", secret)
    assert (await Contact.get(id=player.contact_id)).openid == "oFIRST-0000000000000000000"
    assert await Touch.filter(kind="follow").count() == 1


async def test_a_code_that_is_too_old_binds_nobody(house: House) -> None:
    player = await datong()
    _, secret = await _code(house, player, days=1)
    await _scan("oLATE-00000000000000000000", secret, after=timedelta(days=1, seconds=1))
    assert (await Contact.get(id=player.contact_id)).openid == player.openid


async def test_a_guessed_scene_binds_nobody(house: House) -> None:
    player = await datong()
    await _code(house, player)
    await _scan("oGUESS-0000000000000000000", player.no)
    assert (await Contact.get(id=player.contact_id)).openid == player.openid


async def test_binding_takes_an_openid_from_nobody_else(house: House) -> None:
    """One person may be the contact of two members."""
    player, other = await datong(), await jinbei()
    _, secret = await _code(house, player)
    await _scan(other.openid, secret)
    openids = dict(await Contact.all().values_list("id", "openid"))
    assert openids == {player.contact_id: other.openid, other.contact_id: other.openid}
    [touch] = await Touch.filter(kind="follow")
    assert touch.member_id == player.member_id


async def test_two_who_scan_at_the_same_moment_are_one_binding(house: House) -> None:
    player = await datong()
    _, secret = await _code(house, player)
    openids = [f"oRACER{n}-0000000000000000000" for n in range(5)]
    await asyncio.gather(*(_scan(openid, secret) for openid in openids))
    [kept] = await Binding.all()
    assert (await Contact.get(id=player.contact_id)).openid == kept.address in openids
    assert await Contact.filter(openid__in=openids).count() == 1


@pytest.mark.parametrize(
    ("number", "contact", "days", "problem"),
    [
        ("Q999999", "", 7, "no such member"),
        ("", "L-nobody", 7, "no such contact"),
        ("", "", 0, "1 to 30 days"),
        ("", "", 31, "1 to 30 days"),
    ],
)
async def test_what_cannot_be_bound_is_named_and_no_code_is_made(
    house: House, number: str, contact: str, days: int, problem: str
) -> None:
    player = await datong()
    with pytest.raises(InputError, match=problem):
        await _code(house, replace(player, no=number or player.no), contact=contact, days=days)
    assert not house.wechat.codes
    assert not await Binding.all().exists()
