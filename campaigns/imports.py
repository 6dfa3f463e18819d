"""导入: the files somebody uploaded, how their columns are read, how far it is, what came of it.

Work is queued, and one process works at one at a time, with a sign of life every second; who stops giving one is dead.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.models import ImportRun

DEAD_AFTER = timedelta(seconds=60)
DIED = "died"
"""As a note: the process that worked at it is gone. Other notes are in words."""
PAGE = 50
_WORKING = ("checking", "importing")
_LARGEST = 2**31 - 1  # a number of the database


@dataclass(frozen=True, slots=True)
class Run:
    """`columns`: file → how it is read. `progress`, `report` as the work wrote them. `folder` is empty once gone.

    state: uploaded, checking, checked, importing, done, failed; `seen_at` is empty while it waits its turn.
    """

    id: int
    state: str
    folder: str
    columns: Mapping[str, Any]
    progress: Mapping[str, Any]
    report: Mapping[str, Any]
    note: str
    by: str
    at: datetime
    seen_at: datetime | None
    done_at: datetime | None

    @property
    def works(self) -> bool:
        return self.state in _WORKING


async def add_run(folder: str, columns: Mapping[str, Any], *, by: str, now: datetime) -> Run:
    return _run(await ImportRun.create(folder=folder, columns=dict(columns), by=by[:64], at=now))


async def find_run(run_id: int) -> Run | None:
    row = await ImportRun.get_or_none(id=run_id) if run_id <= _LARGEST else None
    return _run(row) if row else None


async def list_runs() -> list[Run]:
    """The newest."""
    return [_run(row) for row in await ImportRun.all().order_by("-id").limit(PAGE)]


async def keep_columns(run_id: int, columns: Mapping[str, Any]) -> None:
    await ImportRun.filter(id=run_id, state__in=("uploaded", "checked", "failed")).update(columns=dict(columns))


async def queue_run(run_id: int, step: str) -> bool:
    """Put it in the queue for `checking`, or for `importing` what was checked; False where it is not to be done now."""
    allowed = ("uploaded", "checked", "failed") if step == "checking" else ("checked", "failed")
    waiting = {"state": step, "note": "", "seen_at": None, "progress": {"step": step}}
    return await ImportRun.filter(id=run_id, state__in=allowed).exclude(folder="").update(**waiting) == 1


async def claim_run(now: datetime) -> Run | None:
    """The next in the queue, for who asks to work at; None where there is none or another process is at one.

    `now`, here and below, is this machine's own time: life is not the product's.
    """
    if await ImportRun.filter(state__in=_WORKING, seen_at__gte=now - DEAD_AFTER).exists():
        return None
    row = await ImportRun.filter(state__in=_WORKING, seen_at=None).order_by("id").first()
    if row is None or await ImportRun.filter(id=row.id, seen_at=None, state=row.state).update(seen_at=now) != 1:
        return None
    return await find_run(row.id)


async def any_waiting() -> bool:
    return await ImportRun.filter(state__in=_WORKING, seen_at=None).exists()


async def beat(run_id: int, progress: Mapping[str, Any], now: datetime) -> None:
    """A sign of life, and how far it is."""
    await ImportRun.filter(id=run_id, state__in=_WORKING).update(progress=dict(progress), seen_at=now)


async def finish_run(run_id: int, report: Mapping[str, Any], *, done_at: datetime) -> None:
    """What was being checked is checked, what was being imported is done."""
    for step, end in (("checking", "checked"), ("importing", "done")):
        await ImportRun.filter(id=run_id, state=step).update(state=end, report=dict(report), done_at=done_at)


async def fail_run(run_id: int, note: str) -> None:
    await ImportRun.filter(id=run_id, state__in=_WORKING).update(state="failed", note=note[:255])


async def fail_dead(now: datetime) -> None:
    """Whose process gives no more signs of life has failed."""
    await ImportRun.filter(state__in=_WORKING, seen_at__lt=now - DEAD_AFTER).update(state="failed", note=DIED)


async def old_folders(before: datetime) -> list[tuple[int, str]]:
    """(id, folder) of what was uploaded before then and is not being worked at."""
    old = ImportRun.filter(at__lt=before).exclude(folder="").exclude(state__in=_WORKING)
    return [(int(number), str(folder)) for number, folder in await old.values_list("id", "folder")]


async def forget_folder(run_id: int) -> None:
    """Its files are gone; what came of it stays."""
    await ImportRun.filter(id=run_id).update(folder="")


async def delete_run(run_id: int) -> bool:
    """False where it is being worked at."""
    return await ImportRun.filter(id=run_id).exclude(state__in=_WORKING).delete() == 1


def _run(row: ImportRun) -> Run:
    return Run(
        row.id, row.state, row.folder, row.columns, row.progress, row.report, row.note, row.by, row.at, row.seen_at,
        row.done_at,
    )  # fmt: skip
