"""Processes that stay: up (everything embedded), web, worker, sandbox."""

import asyncio
import contextlib
import json
import logging
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bot.channels.mailbox import read_mail
from bot.clock import ProductClock
from bot.conductor import Conductor
from bot.database import open_database
from bot.inbox import take_events
from bot.runtime import Runtime, SandboxEndpoints, open_runtime
from bot.sandbox.run import Doors, Sandbox
from bot.serving import Served, free_port, serve
from bot.settings import Settings
from bot.web.app import make_app
from bot.web.mail_door import MailDoor
from bot.worker import run_worker, working
from campaigns.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass(slots=True)
class House:
    """What runs in this process."""

    runtime: Runtime
    web: Served
    sandbox: Sandbox | None
    worker: "asyncio.Task[None]"
    mail_port: int

    def addresses(self) -> dict[str, str]:
        found = {
            "web": f"{self.web.url}/",
            "members": f"{self.web.url}/members",
            "campaigns": f"{self.web.url}/campaigns",
        }
        if self.sandbox:
            found["phone"] = f"{self.sandbox.url}/phone"
        return found


@contextlib.asynccontextmanager
async def house(settings: Settings, clock: ProductClock | None = None) -> AsyncIterator[House]:
    """Web, worker and, where a channel lacks credentials, the sandbox, on an open database."""
    clock = clock or ProductClock()
    sandbox = (
        None
        if len(settings.real_channels) == 3 or settings.sandbox_url
        else Sandbox(clock, templates=settings.huifang_templates)
    )
    if sandbox:
        await sandbox.start()
    web_port = free_port(settings.web_host, settings.web_port)
    public_url = settings.public_url or f"http://127.0.0.1:{web_port}"
    endpoints = SandboxEndpoints(**sandbox.endpoints()) if sandbox else None
    try:
        async with open_runtime(settings, clock=clock, sandbox=endpoints, public_url=public_url) as runtime:
            async with _doors(runtime, settings, web_port) as (web, mail_port):
                if sandbox:
                    sandbox.connect(Doors(f"{web.url}/hooks/{runtime.hook_secret}", "127.0.0.1", mail_port))
                async with working(runtime) as worker:
                    yield House(runtime, web, sandbox, worker, mail_port)
    finally:
        if sandbox:
            await sandbox.stop()


async def run_up(settings: Settings, *, until_done: bool, as_json: bool) -> None:
    """Everything in one process; ends with --exit when every message has its fate, else on Ctrl-C."""
    async with open_database(settings), house(settings) as running:
        if until_done:
            await Conductor(running.runtime, running.sandbox).until_done()
            return
        await stay_up(running, as_json)


async def stay_up(running: House, as_json: bool) -> None:
    """Say where to look, then serve until a signal comes."""
    _announce(running, as_json)
    async with _stopping() as stop:
        following = asyncio.create_task(Conductor(running.runtime, running.sandbox).follow(), name="conductor")
        await _first_of(stop, running.worker, running.web.task, following)
        following.cancel()


async def run_web(settings: Settings) -> None:
    """Web and mail door; a worker runs elsewhere."""
    _need_redis(settings, "web")
    async with open_database(settings), open_runtime(settings) as runtime:
        port = free_port(settings.web_host, settings.web_port)
        async with _doors(runtime, settings, port) as (web, mail_port):
            await _tell_sandbox(settings, f"{web.url}/hooks/{runtime.hook_secret}", mail_port)
            print(f"web {web.url}/  mail door 127.0.0.1:{mail_port}", file=sys.stderr, flush=True)
            async with _stopping() as stop:
                await _first_of(stop, web.task)


async def run_worker_alone(settings: Settings) -> None:
    _need_redis(settings, "worker")
    async with open_database(settings), open_runtime(settings) as runtime:
        print("worker ready", file=sys.stderr, flush=True)
        async with _stopping() as stop:
            await _first_of(stop, asyncio.create_task(run_worker(runtime)))


async def run_sandbox(settings: Settings, *, as_json: bool, port: int, ledger: Path | None) -> None:
    """The stand-ins alone. The one line of JSON is flushed before they serve anybody."""
    sandbox = Sandbox(ProductClock(), templates=settings.huifang_templates, ledger=ledger, side_port=port)
    await sandbox.start()
    try:
        found = sandbox.endpoints()
        lines = (
            [json.dumps(found, ensure_ascii=False)] if as_json else [f"{name}: {what}" for name, what in found.items()]
        )
        print("\n".join(lines), flush=True)
        async with _stopping() as stop:
            await stop.wait()
    finally:
        await sandbox.stop()


@contextlib.asynccontextmanager
async def _doors(runtime: Runtime, settings: Settings, web_port: int) -> AsyncIterator[tuple[Served, int]]:
    async def take_mail(raw: bytes, sender: str | None, recipients: Any) -> None:
        events = read_mail(
            raw,
            now=runtime.clock(),
            reply_domain=runtime.reply_domain,
            message_id_domain=runtime.reply_domain,
            envelope_from=sender,
            envelope_to=recipients,
        )
        await take_events(runtime, events)

    door = MailDoor(take_mail, settings.mail_door_host, free_port(settings.mail_door_host, settings.mail_door_port))
    mail_port = await door.start()
    web = await serve(make_app(runtime), settings.web_host, web_port)
    try:
        yield web, mail_port
    finally:
        await web.stop()
        await door.stop()


async def _tell_sandbox(settings: Settings, hooks: str, mail_port: int) -> None:
    """A sandbox in another process learns where we hear."""
    if not settings.sandbox_url:
        return
    doors = {"hooks": hooks, "mail_host": "127.0.0.1", "mail_port": mail_port}
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        (await client.post(f"{settings.sandbox_url.rstrip('/')}/connect", json=doors)).raise_for_status()


def _announce(running: House, as_json: bool) -> None:
    found: dict[str, Any] = running.addresses()
    if as_json:
        print(json.dumps(found), flush=True)
        return
    if running.web.port != running.web.asked_port:
        print(f"端口 {running.web.asked_port} 被占用，改用 {running.web.port} (port taken, using the next free one)")
    for name, url in found.items():
        print(f"{name:10} {url}")
    real = sorted(set(running.runtime.channels) - running.runtime.sandboxed)
    print(f"真实渠道 (real channels): {', '.join(real) or '无，全部走沙盒 (none, all sandbox)'}", flush=True)


def _need_redis(settings: Settings, what: str) -> None:
    if not settings.redis_url:
        raise ConfigError(
            f"REDIS_URL is empty, so the doorbell lives inside one process and `huifang {what}` alone cannot hear it; "
            "use `huifang up`, or set REDIS_URL"
        )


@contextlib.asynccontextmanager
async def _stopping() -> AsyncIterator[asyncio.Event]:
    """Set by SIGINT and SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    try:
        yield stop
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)


async def _first_of(stop: asyncio.Event, *tasks: "asyncio.Task[None]") -> None:
    """Wait for the signal; a task that ends before it takes everything down, loudly."""
    waiting = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([waiting, *tasks], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    for task in done:
        if task is not waiting:
            task.result()
            raise ConfigError(f"{task.get_name()} ended by itself; see the log")
