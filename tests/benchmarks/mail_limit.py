"""What the machine itself can do: smtp-source to smtp-sink, with the very bytes of one of our mails."""

import asyncio
import contextlib
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bot import sender
from bot.database import open_database
from bot.runtime import open_runtime
from campaigns.outbox import Batch
from campaigns.terms import ChannelName
from tests import servers
from tests.benchmarks.bench import Bench, WrongResult, run
from tests.benchmarks.grounds import Ground, sqlite_ground
from tests.benchmarks.mail_run import plan_mail, sink_settings
from tests.servers import Sink

_SESSIONS = (10, 50)
_LOOK_SECONDS = 0.2
_ENVELOPE = ("-f", "bounce@mail.huifang.example.com", "-t", "somebody@qq.example.com")


def best_limit(bench: Bench, mail: bytes, count: int) -> int:
    """Mails a second, the best of its settings; as many mails as we sent. Raises WrongResult where not all arrive."""
    with servers.smtp_sink() as sink, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mail"
        file.write_bytes(mail)
        best = max(_bring(bench, sink, file, count, sessions) for sessions in _SESSIONS)
    bench.rest()
    return round(best)


def sample_mail(**settings: Any) -> bytes:
    """One of the mails as it goes over the wire, but with LF, caught by a sink that keeps what it takes."""
    with sqlite_ground() as ground, servers.smtp_sink(keep=True) as sink:
        run(_send_here(ground, run(plan_mail(ground, 1)).mailing, sink, settings))
        [kept] = sink.folder.glob("mail.*")
        # before the mail stand the sink's own headers; the last of them is Received, of three lines
        after = kept.read_bytes().partition(b"Received: ")[2]
        return after.split(b"\n", 3)[3].removesuffix(b"\n")


def _bring(bench: Bench, sink: Sink, file: Path, count: int, sessions: int) -> float:
    program, surroundings = servers.postfix_program("smtp-source")
    command = [program, "-d", "-s", str(sessions), "-m", str(count), "-F", str(file), *_ENVELOPE]
    before, began = sink.received(), time.monotonic()
    with subprocess.Popen([*command, f"inet:127.0.0.1:{sink.port}"], env=surroundings) as source:
        while source.poll() is None:
            bench.tick(f"smtp-source -d -s {sessions}", sink.received() - before, count)
            with contextlib.suppress(subprocess.TimeoutExpired):
                source.wait(_LOOK_SECONDS)
    seconds = time.monotonic() - began
    if sink.received() - before != count:
        raise WrongResult(f"smtp-source brought {sink.received() - before} of {count}")
    return count / seconds


async def _send_here(ground: Ground, occurrence: int, sink: Sink, given: dict[str, Any]) -> None:
    settings = ground.settings(**sink_settings(sink), **given)
    async with open_database(settings), open_runtime(settings) as runtime:
        batch = Batch(occurrence, ChannelName.EMAIL)
        await sender.drain(runtime, batch, seconds=60, stopping=asyncio.Event())
