"""A backup, its restore, and the word that lets a restored copy go on."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.backup import SecretFate, load, save
from bot.clock import ProductClock
from bot.commands.printing import Shown, bars, table
from bot.database import open_database
from bot.runtime import follow_clock
from bot.settings import Settings
from bot.wording import campaign_state_words, channel_words
from campaigns import restored
from campaigns.errors import StateError
from campaigns.restored import Restored, Uncertain
from campaigns.terms import SHANGHAI


async def backup(settings: Settings, path: Path, *, replace: bool, with_secret: bool, quiet: bool) -> dict[str, Any]:
    async with open_database(settings):
        with bars(quiet) as progress:
            saved = await save(settings, path, replace=replace, with_secret=with_secret, progress=progress)
    return {"file": str(path), **asdict(saved)}


async def restore(settings: Settings, path: Path, *, quiet: bool) -> dict[str, Any]:
    with bars(quiet) as progress:
        loaded = await load(settings, path, progress=progress)
    async with open_database(settings):
        return {"rows": loaded.rows, "secret": loaded.secret, **await _held(loaded.held)}


async def show_held(settings: Settings) -> dict[str, Any]:
    """What a restored copy would send and cannot know. Raises StateError where nothing is held."""
    async with open_database(settings):
        held = await restored.read_restored()
        if held is None:
            raise StateError("这个库没有等着放行 (nothing is held here)")
        return await _held(held)


async def release(settings: Settings, uncertain: str) -> dict[str, Any]:
    async with open_database(settings):
        clock = ProductClock()
        await follow_clock(clock, settings)
        return asdict(await restored.release(Uncertain(uncertain), now=clock()))


async def _held(held: Restored) -> dict[str, Any]:
    waiting = await restored.outlook(held)
    return {
        "held": True,
        "made_at": held.made_at,
        "restored_at": held.restored_at,
        "campaigns": [asdict(one) for one in waiting],
        "would_send": sum(one.would_send for one in waiting),
        "cannot_know": sum(one.cannot_know for one in waiting),
        "mail_again": sum(one.mail_again for one in waiting),
        "half_planned": await restored.half_planned(),
    }


# ---- what a person reads --------------------------------------------------------------------------------------------


def backup_lines(found: Mapping[str, Any]) -> list[Shown]:
    rows = sum(found["rows"].values())
    kept = "里面有客户资料和签名密钥" if found["holds_secret"] else "里面有客户资料；没有签名密钥，另外保管"
    return [
        f"备份好了：{found['file']}，{_when(found['made_at'])} 的 {rows:,} 行",
        f"{kept}。像数据库一样保管 (holds personal data{', and the signing secret' if found['holds_secret'] else ''})",
    ]


def restore_lines(found: Mapping[str, Any]) -> list[Shown]:
    return [f"恢复好了：{sum(found['rows'].values()):,} 行", *_secret_lines(found["secret"]), *held_lines(found)]


def held_lines(found: Mapping[str, Any]) -> list[Shown]:
    since = f"{_when(found['made_at'])} 到 {_when(found['restored_at'])}"
    rows = [
        [
            one["campaign"], campaign_state_words(one["state"]), channel_words(one["channel"]), one["would_send"],
            one["next_at"], one["cannot_know"], one["mail_again"],
        ]
        for one in found["campaigns"]
    ]  # fmt: skip
    shown: list[Shown] = ["这是恢复出来的副本，已暂停：不计划，不发送，等人放行 (a restored copy, paused)"]
    if rows:
        shown.append(table(("活动", "状态", "渠道", "会发", "最早", "说不清", "其中服务邮件"), rows))
    if found["half_planned"]:
        shown.append(f"备份时正在计划的期次 {found['half_planned']} 个：放行后不再添人")
    return [
        *shown,
        f"会发 {found['would_send']:,} 条。说不清 {found['cannot_know']:,} 条：{since} 之间可能发过了",
        f"{since} 之间的回复、退订、回执、导入，这里都没有：去邮箱和服务商后台查，退订用 huifang member refuse 补上",
        "这段时间新开的期次和自动回答也没有：频次上限不算它们，里面的链接打不开",
        "先停掉原来那一套。放行：huifang release，说不清的服务邮件用原来的 Message-ID 再发一次，其余记为不确定，不再发",
        "　　说不清的一条也不再发：huifang release --uncertain none",
        "　　备份之后肯定什么都没发过：huifang release --uncertain all",
    ]


def release_lines(found: Mapping[str, Any]) -> list[Shown]:
    half = f"，没计划完的期次 {found['half_planned']} 个到此为止" if found["half_planned"] else ""
    return [f"放行了：再发一次的服务邮件 {found['again']:,} 条，记为不确定 {found['unknown']:,} 条{half}"]


def _secret_lines(fate: SecretFate) -> list[Shown]:
    match fate:
        case SecretFate.SAME:
            return []
        case SecretFate.PLACED:
            return ["签名密钥一起恢复了，以前发出的链接还能用 (the signing secret came with it)"]
        case SecretFate.MISSING:
            return [
                "签名密钥不是原来的，以前发出的链接和回执都会对不上。放行前把 HUIFANG_SECRET 或 var/secret 换回原来的"
                " (not the old signing secret: put it back before the release)"
            ]


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
