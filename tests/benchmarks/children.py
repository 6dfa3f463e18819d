"""Processes that do the work of a figure: each says it is ready, waits for the word, works, and says what that took."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import fleet
from tests.benchmarks.bench import WrongResult

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Child:
    process: "subprocess.Popen[str]"

    def wait_until_ready(self) -> None:
        self._line()

    def say(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def is_working(self) -> bool:
        return self.process.poll() is None

    def result(self) -> dict[str, Any]:
        """What it says at its end, which is waited for."""
        found: dict[str, Any] = json.loads(self._line())
        return found

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise WrongResult(f"{self.process.args} ended with {self.process.wait()}; its last words are above")
        return line


@contextlib.contextmanager
def started(module: str, *arguments: str, settings: Mapping[str, object]) -> Iterator[Child]:
    """`python -m tests.benchmarks.MODULE`, killed at the end where it has not ended by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT, env=fleet.environment(settings),
    )  # fmt: skip
    try:
        yield Child(process)
    finally:
        process.kill()
        process.communicate()
