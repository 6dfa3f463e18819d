"""huifang doctor: what is set up, what is missing, and how to mend it. It only looks."""

import ipaddress
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from bot.commands.campaigning import lint_disk, lint_standing
from bot.commands.reaching import try_dkim, try_mailbox
from bot.database import is_behind, is_missing, open_database
from bot.runtime import DEMO_MARK, check_channels, check_rules, kept_secret, open_doorbell, read_rules
from bot.serving import listen
from bot.settings import Settings, home, unknown_keys
from bot.tokens import Tokens
from bot.wording import HELD, NO_WORKER
from campaigns.errors import OutreachError
from campaigns.folders import place_of
from campaigns.marks import is_held, read_mark, worker_alive
from campaigns.members.find import count_stats
from campaigns.outbox import closed_channels


@dataclass(frozen=True, slots=True)
class Warned:
    """Nothing is wrong, and yet somebody should read this."""

    detail: str


Look = Callable[[Settings], Awaitable[str | Warned]]


async def examine(settings: Settings) -> dict[str, Any]:
    """`checks` names each part, whether it is well, whether it warns, and the remedy where it is not."""
    looks: dict[str, Look] = {
        "settings": _settings,
        "database": _database,
        "restored": _restored,
        "worker": _worker,
        "doorbell": _doorbell,
        "templates": _templates,
        "rules": _rules,
        "channels": _channels,
        "imap": try_mailbox,
        "dkim": try_dkim,
        "doors": _doors,
        "links": _links,
        "callbacks": _callbacks,
    }
    checks = [await _check(name, look, settings) for name, look in looks.items()]
    return {"ok": all(check["ok"] for check in checks), "checks": checks}


def lines(found: Mapping[str, Any]) -> list[str]:
    return [f"{_verdict(check)}  {check['name']:10} {check['detail']}" for check in found["checks"]]


def _verdict(check: Mapping[str, Any]) -> str:
    if not check["ok"]:
        return "要改"
    return "注意" if check["warns"] else "好　"


async def _check(name: str, look: Look, settings: Settings) -> dict[str, Any]:
    try:
        found = await look(settings)
    except (OutreachError, RedisError, OSError) as exc:
        return {"name": name, "ok": False, "warns": False, "detail": str(exc)}
    warns = isinstance(found, Warned)
    return {"name": name, "ok": True, "warns": warns, "detail": found.detail if isinstance(found, Warned) else found}


async def _settings(settings: Settings) -> str | Warned:
    file = home() / ".env"
    if not file.is_file():
        return f"没有 {file}，用默认值和环境变量 (no .env)"
    if unknown := unknown_keys(file):
        named = "、".join(f"{key}（是不是 {near}？）" if near else key for key, near in unknown.items())
        return Warned(f"{file} 里这些名字不认识，没有用：{named} (unknown names, ignored)")
    return str(file)


async def _database(settings: Settings) -> str | Warned:
    if is_missing(settings):
        return f"{settings.database_shown}，还没有，第一个要用它的命令会建 (not made yet)"
    if await is_behind(settings):
        return Warned(f"{settings.database_shown}，结构是旧版的，下一个要用它的命令会升级，先备份 (an older schema)")
    async with _open(settings):
        stats = await count_stats()
        demo = "，演示库，永远不连真实渠道 (a demo's)" if await read_mark(DEMO_MARK) else ""
    return f"{settings.database_shown}，{stats['members']:,}家企业会员{demo}"


async def _is_ours(settings: Settings) -> bool:
    """Whether there is a database with the schema of this program: the doctor makes none and changes none."""
    return not is_missing(settings) and not await is_behind(settings)


def _open(settings: Settings) -> AbstractAsyncContextManager[None]:
    return open_database(settings, as_it_is=True)


async def _restored(settings: Settings) -> str:
    if await _is_ours(settings):
        async with _open(settings):
            if await is_held():
                raise OutreachError(f"{HELD} (restored, paused)")
    return "没有等着放行的副本 (nothing is held)"


async def _worker(settings: Settings) -> str | Warned:
    if not await _is_ours(settings):
        return Warned(NO_WORKER)
    async with _open(settings):
        return "有 worker 在跑 (alive)" if await worker_alive(datetime.now(UTC)) else Warned(NO_WORKER)


async def _doorbell(settings: Settings) -> str:
    redis = await open_doorbell(settings, retries=0)
    try:
        await redis.ping()
    finally:
        await redis.aclose()
    return "Redis" if settings.redis_url else "进程内，只能用 huifang up (in process: `huifang up` only)"


async def _templates(settings: Settings) -> str:
    found = await _linted(settings)
    if found["problems"]:
        first = found["problems"][0]
        place = place_of(first["campaign"], first["file"])
        raise OutreachError(f"{place}: {first['problem']}；运行 huifang campaign lint")
    return f"{len(found['checked'])} 个营销活动，没有问题"


async def _linted(settings: Settings) -> dict[str, Any]:
    if not await _is_ours(settings):
        return lint_disk(settings)
    async with _open(settings):
        return await lint_standing(settings, [])


async def _rules(settings: Settings) -> str | Warned:
    """Without pacing.toml nothing is paced, without calendar.toml no day off of ours is known: it may be meant."""
    check_rules(settings)
    if await _is_ours(settings):
        async with _open(settings):
            await read_rules(settings)  # what staff made of them in the console
    without = [name for name in ("pacing.toml", "calendar.toml") if not (settings.huifang_templates / name).exists()]
    if without:
        return Warned(f"{settings.huifang_templates} 里没有 {'、'.join(without)}：不限速，或没有自己的放假 (not there)")
    return "policy.toml、calendar.toml、pacing.toml、site.toml 都读得懂"


async def _channels(settings: Settings) -> str:
    await check_channels(settings)
    real = settings.real_channels
    sandboxed = [name for name in ("email", "sms", "wechat", "wecom") if name not in real]
    if closed := await _closed(settings):
        reasons = "；".join(f"{name}：{reason}" for name, reason in closed.items())
        raise OutreachError(f"{reasons}。修好后运行 huifang doctor --open {next(iter(closed))} (closed channel)")
    return f"真实 {'、'.join(real) or '无'}；演练环境 {'、'.join(sandboxed) or '无'}"


async def _closed(settings: Settings) -> Mapping[Any, str]:
    if not await _is_ours(settings):
        return {}
    async with _open(settings):
        return await closed_channels(datetime.now(UTC))


async def _doors(settings: Settings) -> str:
    """Any port will do: the one asked for may be held by `huifang up` itself."""
    for name, host in (("WEB_HOST", settings.web_host), ("MAIL_DOOR_HOST", settings.mail_door_host)):
        listen(host, 0, name).close()
    web = f"网页 {settings.web_host}:{settings.web_port}（WEB_HOST、WEB_PORT）"
    return f"{web}，收信 {settings.mail_door_host}:{settings.mail_door_port}（MAIL_DOOR_HOST、MAIL_DOOR_PORT）"


async def _links(settings: Settings) -> str | Warned:
    if settings.real_channels and _is_this_machine(settings.public_url):
        return Warned(
            f"{'、'.join(settings.real_channels)} 是真实渠道，PUBLIC_URL 却是{settings.public_url or '空的'}："
            "客户打不开链接，服务商推不进来；填外面能打开的网址 (set PUBLIC_URL to an address customers can open)"
        )
    return f"客户从 {settings.public_url or '这台机器'} 打开链接（PUBLIC_URL）"


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or "localhost"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


async def _callbacks(settings: Settings) -> str:
    """The callback addresses to enter at the providers' consoles; whoever knows them can push."""
    base = settings.public_url.rstrip("/") or f"http://{settings.web_host}:{settings.web_port}"
    signing = kept_secret(settings)
    secret = settings.hook_secret or (Tokens(signing).derive("hooks") if signing else "")
    if not secret:
        return "第一次 huifang up 之后才有 (there after the first `huifang up`)"
    doors = ("sms/report", "sms/reply", *_other_sms_doors(settings), "wechat/callback", "wecom/callback", "site")
    return " ".join(f"{base}/hooks/{secret}/{door}" for door in doors)


def _other_sms_doors(settings: Settings) -> list[str]:
    doors = ["sms/tencent-status", "sms/tencent-reply"] if settings.tencent_sms_secret_id else []
    return [*doors, *(["sms/generic-report", "sms/generic-reply"] if settings.sms_gateway_file else [])]
