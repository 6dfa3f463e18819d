"""Working through the queue of imports in the background of a web process, with a sign of life every second."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.datastructures import State

from bot.console.imports.files import table_of
from bot.importing import FileReport, Outcome, Table, Weigher, follow_owners, import_tables, write_rejects
from bot.runtime import Runtime
from campaigns import imports
from campaigns.errors import InputError, OutreachError
from campaigns.imports import Run
from campaigns.members.load import load_chunk, refresh_members

REJECTS = "rejects.csv"
_BEAT_SECONDS = 1.0
_WAIT_SECONDS = 2.0
log = logging.getLogger(__name__)


def start_working(state: State, runtime: Runtime) -> None:
    """See that somebody works at the queue; at most one task in a process."""
    task: asyncio.Task[None] | None = getattr(state, "imports", None)
    if task is None or task.done():
        state.imports = asyncio.create_task(work(runtime), name="imports")


async def work(runtime: Runtime) -> None:
    """Until nothing waits. Another process's import is waited for."""
    while await imports.any_waiting():
        await imports.fail_dead(_now())
        run = await imports.claim_run(_now())
        if run is None:
            await asyncio.sleep(_WAIT_SECONDS)
            continue
        try:
            await _work_at(runtime, run)
        except OutreachError as exc:
            await imports.fail_run(run.id, str(exc))
        except Exception as exc:
            log.exception("import %s failed", run.id)
            await imports.fail_run(run.id, type(exc).__name__)


async def _work_at(runtime: Runtime, run: Run) -> None:
    progress: dict[str, Any] = {"step": run.state, "file": "", "done": 0, "total": 0}

    def note(name: str, done: int, total: int) -> None:
        progress.update(file=name, done=done, total=total)

    async with _beating(run.id, progress):
        tables, refused = await asyncio.to_thread(_open_tables, run)
        weighing = run.state == "checking"
        outcomes = await import_tables(tables, note, load=Weigher(tables) if weighing else load_chunk)
        if not weighing and tables:
            progress.update(file="", done=0, total=0)
            await refresh_members(runtime.clock(), runtime.rulebook.policy.tiers)
            await follow_owners(runtime.clock())
        report = _report(Path(run.folder), outcomes, refused)
    await imports.finish_run(run.id, report, done_at=runtime.clock())


def _open_tables(run: Run) -> tuple[list[Table], list[FileReport]]:
    tables: list[Table] = []
    refused: list[FileReport] = []
    for file, stored in run.columns.items():
        if stored["skip"]:
            continue
        try:
            if stored["refused"]:
                raise InputError(stored["refused"])
            tables.append(table_of(Path(run.folder) / file, stored))
        except InputError as exc:
            refused.append(FileReport(file=stored["name"], refused=str(exc)))
    return tables, refused


def _report(folder: Path, outcomes: list[Outcome], refused: list[FileReport]) -> dict[str, Any]:
    path = folder / REJECTS
    path.unlink(missing_ok=True)
    lines = write_rejects(path, outcomes)
    return {"files": [asdict(one) for one in [*(outcome.report for outcome in outcomes), *refused]], "rejects": lines}


@contextlib.asynccontextmanager
async def _beating(run_id: int, progress: dict[str, Any]) -> AsyncIterator[None]:
    async def beat() -> None:
        while True:
            await imports.beat(run_id, dict(progress), _now())
            await asyncio.sleep(_BEAT_SECONDS)

    task = asyncio.create_task(beat(), name=f"import {run_id}")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def _now() -> datetime:
    return datetime.now(UTC)
