"""Processes that stay: up (everything embedded), web, sandbox."""

import asyncio
import contextlib
import json
import logging
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.alone import alone
from bot.channels.mailbox import read_mail
from bot.clock import ProductClock
from bot.commands.printing import show, status_lines
from bot.commands.staying import first_of, need_redis, print_found, say_held, stopping
from bot.conductor import Conductor
from bot.console.making.beginning import hand_in_all
from bot.database import is_away, open_database
from bot.inbox import Inbox
from bot.process import settle_down
from bot.providers import SandboxEndpoints, mailbox_address
from bot.runtime import Runtime, follow_clock, open_runtime, tell_sandbox
from bot.sandbox.run import Doors, Sandbox
from bot.serving import Served, listen, serve
from bot.settings import Settings
from bot.web.app import make_app
from bot.web.imap_door import Habits, ImapDoor
from bot.web.log_in import FIRST_LOGIN, first_admin
from bot.web.mail_door import MailDoor, TakeMail
from bot.wecom.desk import reading_desks
from bot.wecom.hearing import hearing_staff
from bot.worker import working
from campaigns.errors import ConfigError
from campaigns.marks import read_mark, write_mark
from campaigns.members.initials import fill_initials
from campaigns.reports import campaign_reports
from campaigns.terms import ChannelName

log = logging.getLogger(__name__)

_NOTHING_APPROVED = "还没有批准过活动，没有要发的 (no campaign was approved yet: nothing to send)"
_CLOCK_SECONDS = 1.0
_TRIED_PORTS = 50


@dataclass(slots=True)
class House:
    """What runs in this process."""

    runtime: Runtime
    inbox: Inbox
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
        found["mail_door"] = f"127.0.0.1:{self.mail_port}"
        if self.sandbox:
            found["phone"] = f"{self.sandbox.url}/phone"
        return found


@contextlib.asynccontextmanager
async def house(settings: Settings, clock: ProductClock | None = None) -> AsyncIterator[House]:
    """Web, worker and, where a channel lacks credentials, the sandbox, on an open database."""
    clock = clock or ProductClock()
    sandbox = (
        None
        if set(ChannelName) <= set(settings.real_channels) or settings.sandbox_url
        else Sandbox(clock, templates=settings.huifang_templates)
    )
    listener = _listener(settings)
    public_url = settings.public_url or f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        if sandbox:
            await sandbox.start()
        endpoints = SandboxEndpoints(**sandbox.endpoints()) if sandbox else None
        async with open_runtime(settings, clock=clock, sandbox=endpoints, public_url=public_url) as runtime:
            inbox = Inbox(runtime)
            async with _doors(inbox, settings, listener) as (web, mail_port):
                if sandbox:
                    sandbox.connect(Doors(f"{web.url}/hooks/{runtime.hook_secret}", "127.0.0.1", mail_port))
                await _connect_sandbox(runtime, web, mail_port)
                await hand_in_all(runtime)
                async with working(runtime) as worker:
                    yield House(runtime, inbox, web, sandbox, worker, mail_port)
    finally:
        listener.close()
        if sandbox:
            await sandbox.stop()


async def run_up(settings: Settings, *, until_done: bool, as_json: bool) -> None:
    """Everything in one process; ends with --exit when every message has its fate, else on Ctrl-C."""
    with alone(settings.var / "up.lock", "up") as tell:
        async with open_database(settings), house(settings) as running:
            await fill_initials()
            await greet_admin()
            tell(f"{running.web.url}/")
            await _run_up(running, until_done, as_json)


async def _run_up(running: House, until_done: bool, as_json: bool) -> None:
    await say_held(until_done)
    if until_done:
        await Conductor(running.runtime, running.sandbox).until_done()
        reports = [asdict(report) for report in await campaign_reports()]
        if as_json:
            print(json.dumps({"campaigns": reports}, ensure_ascii=False, default=str), flush=True)
        else:
            show(["每条消息都有了结果 (every message has its fate)" if reports else _NOTHING_APPROVED])
            show(status_lines(reports) if reports else [])
        return
    announce(running, as_json)
    await stay_up(running)


async def stay_up(running: House) -> None:
    """Serve until a signal comes."""
    settle_down()
    async with stopping() as stop:
        following = asyncio.create_task(Conductor(running.runtime, running.sandbox).follow(), name="conductor")
        await first_of(stop, running.worker, running.web.task, following)
        following.cancel()


async def run_web(settings: Settings, *, as_json: bool) -> None:
    """Web and mail door; a worker runs elsewhere."""
    need_redis(settings, "web")
    with contextlib.closing(_listener(settings)) as listener:
        public_url = settings.public_url or f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with open_database(settings), open_runtime(settings, public_url=public_url) as runtime:
            await fill_initials()
            await greet_admin()
            async with _doors(Inbox(runtime), settings, listener) as (web, mail_port):
                await _connect_sandbox(runtime, web, mail_port)
                await hand_in_all(runtime)
                print_found({"web": f"{web.url}/", "mail_door": f"{settings.mail_door_host}:{mail_port}"}, as_json)
                settle_down()
                following = asyncio.create_task(_follow_clock(runtime), name="clock")
                async with stopping() as stop:
                    await first_of(stop, web.task, following)
                following.cancel()


async def run_sandbox(
    settings: Settings, *, as_json: bool, port: int, ledger: Path | None, faults: int | None = None
) -> None:
    """The stand-ins alone. The one line of JSON is flushed before they serve anybody.

    `faults` is the seed of everything that goes wrong, None for nothing.
    """
    sandbox = Sandbox(ProductClock(), templates=settings.huifang_templates, ledger=ledger, side_port=port)
    if faults is not None:
        plan = sandbox.misbehave(faults)
        print(f"演练环境按种子 {faults} 出错 (faults by seed): {json.dumps(plan)}", file=sys.stderr, flush=True)
    await sandbox.start()
    try:
        print_found(sandbox.endpoints(), as_json)
        async with stopping() as stop:
            await stop.wait()
    finally:
        await sandbox.stop()


@contextlib.asynccontextmanager
async def _doors(inbox: Inbox, settings: Settings, listener: socket.socket) -> AsyncIterator[tuple[Served, int]]:
    runtime = inbox.runtime

    async def take_mail(raw: bytes, sender: str | None, recipients: Any) -> None:
        events = read_mail(
            raw,
            now=runtime.clock(),
            reply_domain=runtime.reply_domain,
            message_id_domain=runtime.reply_domain,
            envelope_from=sender,
            envelope_to=recipients,
        )
        await inbox.take(events)

    door, mail_port = await _open_mail_door(take_mail, settings)
    web = await serve(make_app(inbox), listener)
    fetching = asyncio.create_task(_imap_door(take_mail, settings).run(), name="imap") if settings.imap_host else None
    try:
        async with reading_desks(inbox), hearing_staff(runtime):
            yield web, mail_port
    finally:
        if fetching is not None:
            fetching.cancel()
            await asyncio.wait([fetching])
        await web.stop()
        await door.stop()


def _imap_door(take_mail: TakeMail, settings: Settings) -> ImapDoor:
    habits = Habits(settings.imap_done_folder, settings.imap_aside_folder, settings.imap_every_seconds)
    address = mailbox_address(settings)
    return ImapDoor(address, take_mail, read_mark=read_mark, write_mark=write_mark, is_away=is_away, habits=habits)


async def _connect_sandbox(runtime: Runtime, web: Served, mail_port: int) -> None:
    """A sandbox in another process learns where we hear."""
    hooks = f"{web.url}/hooks/{runtime.hook_secret}"
    doors = {"hooks": hooks, "mail_host": "127.0.0.1", "mail_port": mail_port}
    await tell_sandbox(runtime.settings, "connect", doors)


async def _follow_clock(runtime: Runtime) -> None:
    """A worker looks at the virtual clock with everything else it looks at; the web alone must do it for itself."""
    while True:
        await asyncio.sleep(_CLOCK_SECONDS)
        try:
            await follow_clock(runtime.clock, runtime.settings)
        except Exception as exc:  # the database may be away for a while
            log.warning("the clock's mark cannot be read: %s", type(exc).__name__)


def _listener(settings: Settings) -> socket.socket:
    """Where the web listens. Said aloud where it is not the port asked for: its address is in every link."""
    listener = listen(settings.web_host, settings.web_port)
    asked, port = settings.web_port, listener.getsockname()[1]
    if asked not in (0, port):
        print(f"端口 {asked} 被占用，改用 {port} (port taken, using the next free one)", file=sys.stderr, flush=True)
    return listener


async def _open_mail_door(take_mail: TakeMail, settings: Settings) -> tuple[MailDoor, int]:
    """On its port, or the next one that is free."""
    asked = settings.mail_door_port
    listen(settings.mail_door_host, 0, "MAIL_DOOR_HOST").close()  # or each port would be tried, and found taken
    for port in range(asked, asked + _TRIED_PORTS) if asked else (0,):
        door = MailDoor(take_mail, settings.mail_door_host, port)
        with contextlib.suppress(OSError):
            found = await door.start()
            if asked not in (0, found):
                print(f"收信端口 {asked} 被占用，改用 {found} (mail door port taken)", file=sys.stderr, flush=True)
            return door, found
    raise ConfigError(f"MAIL_DOOR_PORT: {settings.mail_door_host} 上从 {asked} 起没有空的端口，换一个 (no free port)")


async def greet_admin() -> None:
    """On a database without staff: an administrator, whose one-time password is said here and nowhere else."""
    if password := await first_admin(datetime.now(UTC)):
        print(
            f"第一个账号 {FIRST_LOGIN}，一次性密码 {password}，登录后要换 (first log-in, one-time password)",
            file=sys.stderr,
            flush=True,
        )


def announce(running: House, as_json: bool) -> None:
    """Say where to look."""
    found: dict[str, Any] = {**running.addresses(), "database": running.runtime.settings.database_shown}
    if as_json:
        print(json.dumps(found), flush=True)
        return
    for name, url in found.items():
        print(f"{name:10} {url}")
    real = sorted(set(running.runtime.channels) - running.runtime.sandboxed)
    print(f"真实渠道 (real channels): {', '.join(real) or '无，全部走演练环境 (none, all sandbox)'}", flush=True)
