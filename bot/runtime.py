"""The only place that opens things: database, Redis, HTTP client, channels, clock."""

import asyncio
import contextlib
import logging
import os
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlencode

import httpx
from arq.connections import ArqRedis, RedisSettings, create_pool
from fakeredis import FakeAsyncRedis
from redis.exceptions import RedisError

from bot.channels.base import Channel
from bot.channels.sms_rules import load_sms_rules
from bot.clock import ProductClock
from bot.jobs import job_bytes, job_value
from bot.pacing import Pace, load_pace_book, open_pace
from bot.providers import SANDBOX_MAIL_DOMAIN, SandboxEndpoints, all_paced_as, build_channels
from bot.settings import Settings
from bot.sms_providers import RULES
from bot.tokens import LinkKind, Tokens
from campaigns import edits
from campaigns.calendar import WorkCalendar
from campaigns.calendar_file import load_calendar, parse_calendar, read_calendar
from campaigns.errors import ConfigError, DefinitionError
from campaigns.folders import load_site
from campaigns.marks import read_mark, write_mark, write_mark_once
from campaigns.menu_file import load_menu
from campaigns.planner import Rulebook
from campaigns.policy import PolicySettings
from campaigns.policy_file import load_policy, parse_policy, read_policy
from campaigns.staff_file import load_staff
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

DEMO_MARK = "demo"
CLOCK_MARK = "clock"
POLICY_FILE, CALENDAR_FILE = "policy.toml", "calendar.toml"
_MIGRATION_LOCK = 7242_0001
_HOLDOUT_MARK = "holdout_secret"


@dataclass
class Runtime:
    """Everything that was opened, for those above."""

    settings: Settings
    clock: ProductClock
    rulebook: Rulebook
    tokens: Tokens
    channels: Mapping[ChannelName, Channel]
    redis: ArqRedis
    public_url: str
    site_url: str
    reply_domain: str
    pace: Pace
    sandboxed: frozenset[ChannelName] = field(default_factory=frozenset)
    planning: asyncio.Lock = field(default_factory=asyncio.Lock)  # one planner at a time in this process
    rejected: Counter[str] = field(default_factory=Counter)  # requests at a door that were not its provider's
    rules_read: int = 0  # the newest edit of a file when the rulebook was read
    planning_held: bool = False  # the demo's week is over: no new slots, what was planned comes to its end

    @cached_property
    def hook_secret(self) -> str:
        """The secret part of the providers' doors: HOOK_SECRET, or one derived from our own secret."""
        return self.settings.hook_secret or self.tokens.derive("hooks")

    def site_page(self, member_no: str, posting_no: str) -> str:
        """Where the way back in leads: that posting's unread résumés on the recruiting site."""
        query = urlencode({"member": member_no, "posting": posting_no})
        return f"{self.site_url}/unread?{query}"

    def links(self, message_id: int, at: str = "") -> dict[str, str]:
        """The links a message carries; `at` is the address we were reached at when it went out, else today's."""
        tokens, url = self.tokens.links(message_id), at or self.public_url
        return {
            "unsubscribe": f"{url}/u/{tokens[LinkKind.UNSUBSCRIBE]}",
            "way_in": f"{url}/in/{tokens[LinkKind.WAY_IN]}",
            "open": f"{url}/o/{tokens[LinkKind.OPEN]}.gif",
            "click": f"{url}/c/{tokens[LinkKind.CLICK]}",
        }


@contextlib.asynccontextmanager
async def open_runtime(
    settings: Settings,
    *,
    clock: ProductClock | None = None,
    sandbox: SandboxEndpoints | None = None,
    public_url: str = "",
) -> AsyncIterator[Runtime]:
    """Open channels, clock and doorbell over an open database.

    Channels without credentials are the sandbox's: the one given, else the one at SANDBOX_URL; with neither they are
    absent, and what is due on them waits.
    """
    clock = clock or ProductClock()
    await _refuse_real_channels_for_a_demo(settings)
    await follow_clock(clock, settings)
    if sandbox is None and settings.sandbox_url:
        sandbox = await read_endpoints(settings.sandbox_url)
        if clock.is_virtual:
            await tell_sandbox(settings, "clock", {"mark": clock.to_mark()})
    secret = read_secret(settings)
    rules_read = await edits.latest()
    rulebook = await read_rulebook(settings)
    redis = await open_doorbell(settings)
    channels, sandboxed = build_channels(settings, sandbox, clock, redis)
    try:
        yield Runtime(
            settings=settings,
            clock=clock,
            rulebook=rulebook,
            rules_read=rules_read,
            tokens=Tokens(secret),
            channels=channels,
            redis=redis,
            site_url=(sandbox.side if sandbox else str(rulebook.site["url"])).rstrip("/"),
            reply_domain=settings.mail_reply_domain if settings.smtp_host else SANDBOX_MAIL_DOMAIN,
            public_url=(public_url or settings.public_url or f"http://127.0.0.1:{settings.web_port}").rstrip("/"),
            pace=_pace(settings, redis, sandboxed, secret),
            sandboxed=sandboxed,
        )
    finally:
        for channel in channels.values():
            await channel.close()
        await redis.aclose()


async def read_rulebook(settings: Settings) -> Rulebook:
    holdout = await write_mark_once(_HOLDOUT_MARK, secrets.token_hex(16))
    policy, calendar = await read_rules(settings)
    return Rulebook(
        policy=policy,
        calendar=calendar,
        holdout_secret=bytes.fromhex(holdout),
        site=load_site(settings.huifang_templates),
        rest=settings.visit_rest_days,
    )


async def follow_rules(runtime: Runtime) -> None:
    """Take over what staff changed since; one look at the newest number where nothing did. What is wrong stays out."""
    newest = await edits.latest()
    if newest == runtime.rules_read:
        return
    try:
        runtime.rulebook = await read_rulebook(runtime.settings)
    except DefinitionError as exc:
        log.error("the rules were changed to what cannot be read, the old ones stand: %s", exc)
    runtime.rules_read = newest


async def read_rules(settings: Settings) -> tuple[PolicySettings, WorkCalendar]:
    """The limits and days that are in force: the files, with what staff made of them. Raises DefinitionError."""
    files = await read_rule_files(settings)
    return parse_policy(files[POLICY_FILE], POLICY_FILE), parse_calendar(files[CALENDAR_FILE], CALENDAR_FILE)


async def read_rule_files(settings: Settings) -> dict[str, str]:
    """policy.toml and calendar.toml as they stand."""
    templates = settings.huifang_templates
    on_disk = {
        POLICY_FILE: read_policy(templates / POLICY_FILE),
        CALENDAR_FILE: read_calendar(templates / CALENDAR_FILE),
    }
    return on_disk | await edits.apply_edits(edits.TOP, on_disk)


def check_rules(settings: Settings) -> None:
    """Read every file of limits and days `up` reads. Raises DefinitionError naming file and key."""
    templates = settings.huifang_templates
    load_policy(templates / "policy.toml")
    load_calendar(templates / "calendar.toml")
    load_pace_book(templates / "pacing.toml")
    load_sms_rules(templates / RULES)
    load_site(templates)
    load_staff(templates / "staff.toml")
    if (menu := templates / "wechat_menu.toml").exists():
        load_menu(menu)


async def check_channels(settings: Settings) -> None:
    """Build every real channel as `up` does, and connect none. Raises ConfigError naming the setting."""
    channels, _ = build_channels(settings, None, ProductClock(), _doorbell_within())
    for channel in channels.values():
        await channel.close()


async def open_doorbell(settings: Settings, *, retries: int | None = None) -> ArqRedis:
    """Redis, or a stand-in inside this process where REDIS_URL is empty. It holds nothing that must not be lost."""
    if not settings.redis_url:
        return _doorbell_within()
    where = RedisSettings.from_dsn(settings.redis_url)
    where.conn_retries = where.conn_retries if retries is None else retries  # arq warns of each
    try:
        return await create_pool(where, job_serializer=job_bytes, job_deserializer=job_value)
    except (RedisError, OSError) as exc:
        raise ConfigError(
            f"REDIS_URL: 那里没有 Redis 回答，启动它，或者换一个 (no Redis answers there: {type(exc).__name__})"
        ) from exc


def _doorbell_within() -> ArqRedis:
    pool = FakeAsyncRedis().connection_pool
    return ArqRedis(connection_pool=pool, job_serializer=job_bytes, job_deserializer=job_value)


def read_secret(settings: Settings) -> bytes:
    """The key that signs links and message keys: HUIFANG_SECRET, or one made once and kept beside the database."""
    if kept := kept_secret(settings):
        return kept
    with contextlib.suppress(FileExistsError):
        place_secret(settings, secrets.token_hex(32).encode())
    return settings.secret_file.read_bytes()


def kept_secret(settings: Settings) -> bytes | None:
    """That key where there is one already."""
    if settings.huifang_secret:
        return settings.huifang_secret.encode()
    return settings.secret_file.read_bytes() if settings.secret_file.exists() else None


def place_secret(settings: Settings, secret: bytes) -> None:
    """Keep it where it is looked for, readable by its owner alone. Raises FileExistsError where there is one."""
    settings.secret_file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(settings.secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(handle, secret)
    os.close(handle)


async def follow_clock(clock: ProductClock, settings: Settings) -> None:
    """Take over the virtual time another process set; only the sandbox has one."""
    mark = await read_mark(CLOCK_MARK)
    if mark and not settings.real_channels:
        clock.follow(mark)


async def set_clock(clock: ProductClock, settings: Settings) -> None:
    """Tell the other processes on this database, and their sandbox, what time it is."""
    if settings.real_channels:
        raise ConfigError(
            f"--as-of 只能拨演练环境的时间，{settings.real_channels[0]} 是真实渠道 (sets the clock only in the sandbox)"
        )
    await tell_sandbox(settings, "clock", {"mark": clock.to_mark()})
    await write_mark(CLOCK_MARK, clock.to_mark())


async def tell_sandbox(settings: Settings, what: str, about: Mapping[str, object]) -> None:
    """Tell a sandbox in another process, if there is one. Raises ConfigError where it does not answer."""
    if not settings.sandbox_url:
        return
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            (await client.post(f"{settings.sandbox_url.rstrip('/')}/{what}", json=about)).raise_for_status()
    except httpx.HTTPError as exc:
        raise _no_sandbox(settings.sandbox_url) from exc


async def read_endpoints(side: str) -> SandboxEndpoints:
    """Ask a running `huifang sandbox` where its stand-ins are."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = (await client.get(f"{side.rstrip('/')}/endpoints")).raise_for_status().json()
    except (httpx.HTTPError, ValueError) as exc:
        raise _no_sandbox(side) from exc
    return SandboxEndpoints(**answer)


def _no_sandbox(side: str) -> ConfigError:
    return ConfigError(f"SANDBOX_URL: {side} 没有演练环境回答，用 huifang sandbox 启动一个 (no sandbox answers there)")


async def _refuse_real_channels_for_a_demo(settings: Settings) -> None:
    if await read_mark(DEMO_MARK) and settings.real_channels:
        raise ConfigError(
            f"DATABASE_URL: 这是演示的库，永远不连真实的人，{settings.real_channels[0]} 却填了账号；换一个库 "
            "(this database belongs to a demo and never reaches real people; use another)"
        )


def _pace(settings: Settings, redis: ArqRedis, sandboxed: Collection[ChannelName], secret: bytes) -> Pace:
    stand_ins = {one for name in sandboxed for one in all_paced_as(name)}
    book = load_pace_book(settings.huifang_templates / "pacing.toml").without(stand_ins)
    return open_pace(
        book, redis if settings.redis_url else None, name=settings.database, secret=Tokens(secret).derive("pacing")
    )
