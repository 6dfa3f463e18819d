"""The queue of imports, and what a weighing says against what the import then does, on both databases."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.importing import Outcome, Table, Weigher, import_tables
from bot.tables import read_table
from campaigns import imports
from campaigns.columns import is_header, recognise
from campaigns.models import Contact, ImportRun, Login, Member
from tests.web_cast import add_member

NOW = datetime(2026, 11, 23, 1, 30, tzinfo=UTC)
pytestmark = pytest.mark.usefixtures("database")


async def add() -> int:
    return (await imports.add_run("/somewhere", {"1.csv": {"name": "a.csv", "skip": False}}, by="林", now=NOW)).id


async def test_an_import_goes_from_step_to_step() -> None:
    number = await add()
    assert not await imports.queue_run(number, "importing")  # it was not weighed yet
    assert await imports.queue_run(number, "checking")
    assert not await imports.queue_run(number, "checking")
    run = await imports.claim_run(NOW)
    assert run is not None
    assert (run.id, run.state, run.works) == (number, "checking", True)
    await imports.beat(number, {"done": 3}, NOW + timedelta(seconds=1))
    assert not await imports.delete_run(number)
    await imports.finish_run(number, {"files": []}, done_at=NOW)
    assert await imports.queue_run(number, "importing")
    assert await imports.claim_run(NOW)
    await imports.finish_run(number, {"files": [1]}, done_at=NOW)
    done = await imports.find_run(number)
    assert done is not None
    assert (done.state, done.report) == ("done", {"files": [1]})
    assert not await imports.queue_run(number, "importing")
    assert await imports.delete_run(number)
    assert await imports.find_run(10**30) is None


async def test_two_at_once_are_queued() -> None:
    first, second = await add(), await add()
    await imports.queue_run(first, "checking")
    await imports.queue_run(second, "checking")
    claimed = await imports.claim_run(NOW)
    assert claimed is not None
    assert claimed.id == first
    assert await imports.claim_run(NOW) is None
    await imports.finish_run(first, {}, done_at=NOW)
    claimed = await imports.claim_run(NOW)
    assert claimed is not None
    assert claimed.id == second


async def test_whose_process_died_has_failed_and_may_be_run_again() -> None:
    number = await add()
    await imports.queue_run(number, "checking")
    await imports.claim_run(NOW)
    await imports.fail_dead(NOW + timedelta(seconds=30))
    assert (await ImportRun.get(id=number)).state == "checking"
    await imports.fail_dead(NOW + timedelta(seconds=61))
    row = await ImportRun.get(id=number)
    assert (row.state, row.note) == ("failed", imports.DIED)
    assert await imports.queue_run(number, "checking")
    await imports.fail_dead(NOW + timedelta(days=1))  # it waits, nobody died
    assert (await ImportRun.get(id=number)).state == "checking"


async def test_old_folders_are_named_and_forgotten() -> None:
    number = await add()
    assert await imports.old_folders(NOW) == []
    assert await imports.old_folders(NOW + timedelta(seconds=1)) == [(number, "/somewhere")]
    await imports.forget_folder(number)
    assert await imports.old_folders(NOW + timedelta(days=1)) == []
    assert not await imports.queue_run(number, "checking")


FILES = {
    "m": (
        "会员编号,企业名称,注册时间,园区\nQ1,新名,2026-01-01,东\nQ2,没变,2026-01-01,东\n"
        "Q3,新的,2026-01-01,西\n,没编号,2026-01-01,西\nQ3,新的二,2026-01-01,西\n"
    ),
    "c": "联系人编号,会员编号,姓名\nC1,Q1,张\nC2,Q3,李\nC3,Q9,王\n",
    "l": "会员编号,登录时间\nQ1,2026-02-01 08:00:00\nQ3,2026-02-01 08:00:00\nQ9,2026-02-01 08:00:00\n",
}


def tables(folder: Path) -> list[Table]:
    found = []
    for name, text in FILES.items():
        path = folder / f"{name}.csv"
        path.write_text(text, encoding="utf-8")
        raw = read_table(path, is_header)
        found.append(Table(name, raw, recognise(raw.header)))
    return found


async def test_a_file_that_says_the_same_again_is_counted_once(tmp_path: Path) -> None:
    """As a site that exports both a CSV and an XLSX of its members."""
    first = tables(tmp_path)
    second = tables(tmp_path)[0]
    second.name = "same"
    other = tmp_path / "other.csv"
    rows = ("会员编号,企业名称,注册时间,园区", "Q1,新名,2026-01-01,东", "Q2,改了,2026-01-01,东")
    other.write_text("\n".join(rows), encoding="utf-8")
    raw = read_table(other, is_header)
    given = [*first, second, Table("other", raw, recognise(raw.header))]
    reports = [one.report for one in await import_tables(given, lambda *_: None, load=Weigher(given))]
    figures = {one.file: (one.offered, one.added, one.repeats, one.duplicates, one.rejected) for one in reports}
    assert figures["m"] == (5, 3, 0, 1, 1)
    assert figures["same"] == (5, 0, 3, 4, 1)
    assert figures["other"] == (2, 1, 1, 1, 0)
    assert figures["c"] == (3, 2, 0, 0, 1)


async def test_a_weighing_says_what_the_import_does_and_writes_nothing(tmp_path: Path) -> None:
    since = datetime(2025, 12, 31, 16, tzinfo=UTC)
    for no, name in (("Q1", "旧名"), ("Q2", "没变")):
        await add_member(no, name, registered_at=since, idle_since=since, attrs={"园区": "东"})

    def figures(outcomes: list[Outcome]) -> dict[str, tuple[int, ...]]:
        reports = [one.report for one in outcomes]
        return {
            one.file: (one.offered, one.added, one.changed, one.unchanged, one.rejected, one.duplicates)
            for one in reports
        }

    weighed = figures(await import_tables(tables(tmp_path), lambda *_: None, load=Weigher()))
    assert weighed == {"m": (5, 1, 1, 1, 1, 1), "c": (3, 2, 0, 0, 1, 0), "l": (3, 2, 0, 0, 1, 0)}
    assert await Member.all().count() == 2
    assert await Contact.all().count() == await Login.all().count() == 0
    assert figures(await import_tables(tables(tmp_path), lambda *_: None)) == weighed
    again = figures(await import_tables(tables(tmp_path), lambda *_: None, load=Weigher()))
    assert again == {"m": (5, 0, 0, 3, 1, 1), "c": (3, 0, 0, 2, 1, 0), "l": (3, 0, 0, 2, 1, 0)}
