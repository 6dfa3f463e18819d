"""One run of the benchmarks: how large, how it shows its progress, what it says beside the figures."""

import asyncio
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

T = TypeVar("T")


class WrongResult(Exception):
    """A run did not do what it was measured for, so its figures mean nothing."""


@dataclass(slots=True)
class Bench:
    """What every part is given. Its words and bars go to stderr: stdout is for the table and the line of JSON."""

    console: Console
    progress: Progress
    _bar: TaskID | None = field(default=None, init=False)
    _what: str = field(default="", init=False)

    def processes(self, usual: int) -> int:
        """Worker processes of a mailing: BENCH_PROCESSES where it is given."""
        return int(os.environ.get("BENCH_PROCESSES") or usual)

    def size(self, usual: int) -> int:
        """How many messages or members: BENCH_COUNT where it is given."""
        return int(os.environ.get("BENCH_COUNT") or usual)

    def say(self, text: str) -> None:
        self.console.print(text, highlight=False, soft_wrap=True)

    def tick(self, what: str, done: int, total: int | None = None) -> None:
        """So much of it is done. A new `what` begins a new bar; without a total it only moves."""
        if what != self._what:
            self.rest()
            self._bar, self._what = self.progress.add_task(what, total=total), what
        assert self._bar is not None
        self.progress.update(self._bar, completed=done, total=total)

    def rest(self) -> None:
        """The bar is taken away."""
        if self._bar is not None:
            self.progress.remove_task(self._bar)
        self._bar, self._what = None, ""


def run(work: Coroutine[Any, Any, T]) -> T:
    """On the product's event loop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def progress_on(console: Console) -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=console, transient=True)
