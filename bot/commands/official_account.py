"""The WeChat account from the command line: its menu, and QR codes that bind a contact to who scans them."""

import contextlib
import difflib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bot.channels.wechat import WechatChannel
from bot.channels.wechat_api import WechatApi
from bot.channels.wechat_menu import Button, delete_menu, make_menu, read_menu
from bot.channels.wechat_qr import LONGEST, create_code, fetch_picture
from bot.commands.printing import Shown
from bot.database import open_database
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns.cells import parse_key
from campaigns.errors import ConfigError, InputError
from campaigns.members import binding, find
from campaigns.menu_file import load_menu
from campaigns.terms import SHANGHAI, ChannelName

MENU = "wechat_menu.toml"
_DONE = "已经改好，客户在一天内看到 (done: customers see it within a day)"
_NOT_YET = "还没有改；加 --yes 才改 (nothing was changed yet)"
_FIRST = ("name", "type", "sub_button")


async def show_menu(settings: Settings) -> dict[str, Any]:
    """The menu as WeChat has it."""
    async with _account(settings) as (_, api):
        return {"button": await read_menu(api)}


async def set_menu(settings: Settings, *, really: bool) -> dict[str, Any]:
    """Make the account's menu that of the file; without `really` only say what would change."""
    wanted = load_menu(settings.huifang_templates / MENU)
    async with _account(settings) as (_, api):
        stands = await read_menu(api)
        changes = _changes(stands, wanted)
        if really and changes:
            await (make_menu(api, wanted) if wanted else delete_menu(api))
    return {"changes": changes, "changed": really and bool(changes)}


async def make_qr(settings: Settings, number: str, contact: str, *, days: int, out: Path | None) -> dict[str, Any]:
    async with _account(settings) as (runtime, api):
        return await offer_code(api, number, contact, days=days, out=out, at=runtime.clock())


async def offer_code(
    api: WechatApi, number: str, contact: str = "", *, days: int = 7, out: Path | None = None, at: datetime
) -> dict[str, Any]:
    """A QR code that ties the openid of who scans it first to this contact. It is a secret: give it to nobody else.

    Raises InputError where there is no such contact, WechatRefused where WeChat makes no code.
    """
    lasting = timedelta(days=days)
    if not timedelta(days=1) <= lasting <= LONGEST:
        raise InputError(f"--days 写 1 到 {LONGEST.days} (1 to {LONGEST.days} days)")
    chosen = await _contact(number, contact)
    secret = await binding.offer(chosen["id"], ChannelName.WECHAT, at=at, lasting=lasting)
    code = await create_code(api, secret, lasting)
    if out:
        _keep(out, await fetch_picture(api, code))
    return {
        "member": number,
        "contact": chosen["no"],
        "picture": code.picture,
        "url": code.url,
        "expires_at": (at + lasting).isoformat(),
        "file": str(out) if out else "",
        "rebinds": bool(chosen["openid"]),
    }


def menu_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [*_lines(found["button"])] or ["没有菜单 (no menu)"]


def change_lines(found: Mapping[str, Any]) -> list[Shown]:
    if not found["changes"]:
        return ["一样，不用改 (nothing to change)"]
    last = _DONE if found["changed"] else _NOT_YET
    return [*found["changes"], last]


def qr_lines(found: Mapping[str, Any]) -> list[Shown]:
    moment = f"{datetime.fromisoformat(found['expires_at']).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    lines = [f"{found['member']} 的联系人 {found['contact']}：{found['picture']}"]
    lines += [f"图片存在 {found['file']} (the picture)"] if found["file"] else []
    lines += ["这位联系人已经绑过一个微信，扫码后换成新的 (replaces the openid)"] if found["rebinds"] else []
    return [*lines, f"{moment} 前有效，第一个扫的人绑上，只交给本人 (one use, for this person alone)"]


@contextlib.asynccontextmanager
async def _account(settings: Settings) -> AsyncIterator[tuple[Runtime, WechatApi]]:
    async with open_database(settings), open_runtime(settings) as runtime:
        channel = runtime.channels.get(ChannelName.WECHAT)
        if not isinstance(channel, WechatChannel):
            raise ConfigError(
                "WECHAT_APPID、WECHAT_SECRET: 没有填。用演练环境试：另开 huifang sandbox，把它的地址填进 SANDBOX_URL；"
                "huifang up 自带的演练环境只在它自己的进程里 (no WeChat account: set them, or SANDBOX_URL)"
            )
        yield runtime, channel.api


async def _contact(number: str, contact_no: str) -> Mapping[str, Any]:
    """The one named, else the primary contact. Raises InputError where there is none."""
    member = await find.describe_member(parse_key(number) or number)
    if member is None:
        raise InputError(f"没有编号是 {number} 的企业会员 (no such member)")
    contacts = [one for one in member["contacts"] if one["active"]]
    wanted: list[Mapping[str, Any]] = contacts
    if contact_no:
        wanted = [one for one in contacts if one["no"] == (parse_key(contact_no) or contact_no)]
    if not wanted:
        known = "、".join(one["no"] for one in contacts) or "没有"
        raise InputError(f"{number} 没有这位联系人，有的是：{known} (no such contact)")
    return wanted[0]


def _keep(out: Path, picture: bytes) -> None:
    """For its owner alone: whoever sees the picture can be bound by it."""
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as exc:
        raise ConfigError(f"{out}: 写不了 (cannot be written: {exc.strerror})") from None
    with os.fdopen(handle, "wb") as opened:
        opened.write(picture)


def _changes(stands: Sequence[Button], wanted: Sequence[Button]) -> list[str]:
    """Both as lines, with - for what goes and + for what comes; empty where they are the same."""
    before, after = _lines(stands), _lines(wanted)
    if before == after:
        return []
    return [line.rstrip() for line in difflib.ndiff(before, after) if not line.startswith("?")]


def _lines(buttons: Sequence[Button], indent: str = "") -> list[str]:
    lines: list[str] = []
    for button in buttons:
        said = " ".join(str(value) for key, value in sorted(button.items()) if key not in _FIRST)
        lines.append(f"{indent}{button.get('name')}  {button.get('type', '')} {said}".rstrip())
        below = button.get("sub_button")
        lines += _lines(below, indent + "    ") if isinstance(below, list) else []
    return lines
