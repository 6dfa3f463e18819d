"""`make sqlmap`: sqlmap, logged in as an administrator, against every parameter that a page reads from its address.

On SQLite and on PostgreSQL. Exit 1 where it finds anything; what it said is shown. DEEP=1 tries more, for much longer.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import httpx
import uvloop
from rich.console import Console

from bot.clock import ProductClock
from bot.database import open_database
from bot.inbox import Inbox
from bot.runtime import open_runtime
from bot.serving import listen, serve
from bot.settings import Settings, load_settings
from bot.web.app import make_app
from bot.web.desk import COOKIE
from tests import servers
from tests.addresses import parameters
from tests.benchmarks.bench import Bench, progress_on
from tests.web_cast import NOW, add_colleague, logged_in, settle_some

_SECONDS = 3600
_CLEAN, _FOUND = "do not appear to be injectable", "sqlmap identified the following injection point"


@dataclass(frozen=True, slots=True)
class Target:
    url: str
    names: list[str]


async def main() -> int:
    aside, worst = Console(stderr=True), 0
    program = servers.sqlmap_program()
    with tempfile.TemporaryDirectory() as folder, servers.postgres() as server, progress_on(aside) as progress:
        bench = Bench(aside, progress)
        for kind in ("sqlite", "postgresql"):
            given = {"database_url": server} if kind == "postgresql" else {}
            settings = load_settings(env_file=None, huifang_var=Path(folder) / kind, huifang_secret="sqlmap", **given)
            async with _site(settings) as (base, cookie):
                targets = await _targets(base, cookie)
                for done, target in enumerate(targets):
                    bench.tick(f"sqlmap, {kind}", done, len(targets))
                    said = await asyncio.to_thread(_ask, program, target, cookie, kind, Path(folder))
                    page = target.url.removeprefix(base).partition("?")[0]
                    worst = max(worst, _judge(said, f"{kind} {page}: {', '.join(target.names)}"))
    return worst


@contextlib.asynccontextmanager
async def _site(settings: Settings) -> AsyncIterator[tuple[str, str]]:
    """Its address, and the cookie of an administrator."""
    clock = ProductClock()
    clock.set(NOW)
    async with open_database(settings), open_runtime(settings, clock=clock) as runtime:
        await settle_some(runtime)
        token = await logged_in((await add_colleague()).id)
        web = await serve(make_app(Inbox(runtime)), listen("127.0.0.1", 0))
        try:
            yield web.url, token
        finally:
            await web.stop()


async def _targets(base: str, token: str) -> list[Target]:
    async with httpx.AsyncClient(base_url=base, cookies={COOKIE: token}, trust_env=False) as client:
        found = await parameters(client)
    return [Target(f"{base}{path}?{urlencode(dict.fromkeys(names, '1'))}", names) for path, names in found.items()]


def _ask(program: Path, target: Target, token: str, kind: str, folder: Path) -> str:
    """What sqlmap said."""
    depth = ["--level=5", "--risk=3"] if os.environ.get("DEEP") else ["--level=2", "--risk=2"]
    command = [
        sys.executable, program, "-u", target.url, "-p", ",".join(target.names), f"--cookie={COOKIE}={token}",
        "--batch", "--flush-session", "--disable-coloring", f"--dbms={kind}", f"--output-dir={folder / 'sqlmap'}",
        "--ignore-proxy", "--ignore-code=*", *depth,
    ]  # fmt: skip
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=_SECONDS, cwd=folder
    )
    return f"{done.stdout}{done.stderr}"


def _judge(said: str, what: str) -> int:
    """One line for each page; everything that was said where it found something, or could not try."""
    if _CLEAN in said and _FOUND not in said:
        print(f"nothing found: {what}", flush=True)
        return 0
    print(f"FOUND: {what}\n{said}" if _FOUND in said else f"NOT TRIED: {what}\n{said[-3000:]}", flush=True)
    return 1


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.exit(runner.run(main()))
