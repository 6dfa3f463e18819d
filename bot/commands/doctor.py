"""huifang doctor: what is set up, what is missing, and how to mend it."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from redis.exceptions import RedisError

from bot.commands.campaigning import lint
from bot.database import open_database
from bot.runtime import DEMO_MARK, open_doorbell, read_secret
from bot.settings import Settings
from bot.tokens import Tokens
from bot.wording import HELD
from campaigns.errors import OutreachError
from campaigns.marks import is_held, read_mark
from campaigns.members.find import count_stats
from campaigns.outbox import closed_channels


async def examine(settings: Settings) -> dict[str, Any]:
    """`checks` names each part, whether it is well, and the remedy where it is not."""
    checks = [
        await _check("database", _database, settings),
        await _check("restored", _restored, settings),
        await _check("doorbell", _doorbell, settings),
        await _check("templates", _templates, settings),
        await _check("channels", _channels, settings),
        await _check("callbacks", _doors, settings),
    ]
    return {"ok": all(check["ok"] for check in checks), "checks": checks}


def lines(found: Mapping[str, Any]) -> list[str]:
    return [f"{'好' if check['ok'] else '要改'}  {check['name']:10} {check['detail']}" for check in found["checks"]]


async def _check(name: str, look: Callable[[Settings], Awaitable[str]], settings: Settings) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "detail": await look(settings)}
    except (OutreachError, RedisError, OSError) as exc:
        return {"name": name, "ok": False, "detail": str(exc)}


async def _database(settings: Settings) -> str:
    async with open_database(settings):
        stats = await count_stats()
        demo = "，演示库，永远不连真实渠道 (a demo's)" if await read_mark(DEMO_MARK) else ""
    return f"{settings.database.partition('://')[0]}，{stats['members']:,}家企业会员{demo}"


async def _restored(settings: Settings) -> str:
    async with open_database(settings):
        if await is_held():
            raise OutreachError(f"{HELD} (restored, paused)")
    return "没有等着放行的副本 (nothing is held)"


async def _doorbell(settings: Settings) -> str:
    redis = await open_doorbell(settings)
    try:
        await redis.ping()
    finally:
        await redis.aclose()
    return "Redis" if settings.redis_url else "进程内，只能用 huifang up (in process: `huifang up` only)"


async def _templates(settings: Settings) -> str:
    found = lint(settings, [])
    if found["problems"]:
        first = found["problems"][0]
        raise OutreachError(f"{first['campaign']}/{first['file']}: {first['problem']}；运行 huifang campaign lint")
    return f"{len(found['checked'])} 个营销活动，没有问题"


async def _channels(settings: Settings) -> str:
    real = settings.real_channels
    sandboxed = [name for name in ("email", "sms", "wechat") if name not in real]
    async with open_database(settings):
        closed = await closed_channels(datetime.now(UTC))
    if closed:
        reasons = "；".join(f"{name}：{reason}" for name, reason in closed.items())
        raise OutreachError(f"{reasons}。修好后运行 huifang doctor --open {next(iter(closed))} (closed channel)")
    return f"真实 {'、'.join(real) or '无'}；沙盒 {'、'.join(sandboxed) or '无'}"


async def _doors(settings: Settings) -> str:
    """The callback addresses to enter at the providers' consoles; whoever knows them can push."""
    base = settings.public_url.rstrip("/") or f"http://{settings.web_host}:{settings.web_port}"
    secret = settings.hook_secret or Tokens(read_secret(settings)).derive("hooks")
    doors = ("sms/report", "sms/reply", "wechat/callback", "site")
    return " ".join(f"{base}/hooks/{secret}/{door}" for door in doors)
