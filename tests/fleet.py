"""The product's own processes as children of a test: started, waited for, killed, never left behind."""

import asyncio
import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.clock import ProductClock
from bot.sandbox.run import Sandbox
from bot.settings import Settings

HOLDOUT_SECRET = b"tests"  # the same companies are held out in every run, and none of the cast
_ROOT = Path(__file__).resolve().parents[1]
_START_SECONDS = 60
_STOP_SECONDS = 40


@dataclass(slots=True)
class Child:
    """One process. Its stderr goes to `log`, the lines of its stdout are read as they come."""

    process: "subprocess.Popen[str]"
    log: Path
    _lines: "queue.Queue[str]"

    async def line(self, seconds: float = _START_SECONDS) -> str:
        """The next line it prints. Fails with its log where none comes."""
        return await asyncio.to_thread(self.line_now, seconds)

    def line_now(self, seconds: float = _START_SECONDS) -> str:
        """The same for a test without an event loop."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                return self._lines.get(timeout=0.05)
            if self.process.poll() is not None and self._lines.empty():
                break
        raise AssertionError(f"{self.process.args} printed nothing (exit {self.process.poll()}):\n{self.errors()}")

    def errors(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def kill(self) -> None:
        """kill -9: it has no time to say or write anything."""
        self.process.kill()
        self.process.wait()

    async def terminate(self) -> int:
        """SIGTERM, and wait while this process's stand-ins go on answering. Returns the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, _STOP_SECONDS)


@contextlib.contextmanager
def started(*arguments: str, settings: Mapping[str, object], folder: Path) -> Iterator[Child]:
    """`python -m bot ARGUMENTS` in `folder`, with these settings and no others."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{'-'.join(arguments[:1])}-{time.monotonic_ns()}.log"
    with log.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", *arguments],
            stdout=subprocess.PIPE, stderr=errors, text=True, encoding="utf-8", cwd=folder,
            env=environment(settings, home=folder),
        )  # fmt: skip
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
        reader.start()
        try:
            yield Child(process, log, lines)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            reader.join()
            assert process.stdout is not None
            process.stdout.close()


def run(
    *arguments: str, settings: Mapping[str, object], folder: Path, seconds: float = 120
) -> "subprocess.CompletedProcess[str]":
    """`python -m bot ARGUMENTS`, from beginning to end."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-m", "bot", *arguments],
        capture_output=True, text=True, encoding="utf-8", cwd=folder, env=environment(settings, home=folder),
        timeout=seconds,
    )  # fmt: skip


def environment(settings: Mapping[str, object], home: Path = _ROOT / "tests") -> dict[str, str]:
    """This process's environment without any setting of ours, and these instead. A `.env` is read in `home` only."""
    ours = {name.upper() for name in Settings.model_fields}
    kept = {name: value for name, value in os.environ.items() if name.upper() not in ours}
    given = {name.upper(): str(value) for name, value in settings.items()}
    return {
        **kept, "HUIFANG_HOME": str(home), "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "", **given,
    }  # fmt: skip


@contextlib.asynccontextmanager
async def sandbox_of(settings: Settings, now: ProductClock, ledger: Path | None = None) -> AsyncIterator[Sandbox]:
    """The stand-ins in the test's own process, where their faults can be ordered and their ledger read."""
    sandbox = Sandbox(now, templates=settings.huifang_templates, ledger=ledger)
    await sandbox.start()
    try:
        yield sandbox
    finally:
        await sandbox.stop()


async def until(holds: Callable[[], Awaitable[object]], what: str, seconds: float = 60) -> None:
    """Wait for something that other processes or tasks bring about."""
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        await asyncio.sleep(0.02)


def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str]") -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line.rstrip("\n"))
