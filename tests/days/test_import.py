"""`huifang import` as people use it: ended half way, told a wrong day, given a header that cannot be."""

import contextlib
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.sandbox.site import write_export
from campaigns.terms import SHANGHAI
from tests.days.conftest import Call
from tests.fleet import environment, started

_TAKEN = datetime(2024, 11, 25, 9, tzinfo=SHANGHAI)


@pytest.fixture
def members(tmp_path: Path) -> str:
    path = tmp_path / "members.csv"
    path.write_text("会员编号,企业名称\nQ1,一家公司\n", encoding="utf-8")
    return str(path)


def test_ctrl_c_says_how_far_it_came_and_importing_again_heals_it(call: Call, tmp_path: Path) -> None:
    write_export(tmp_path / "export", members=500, as_of=_TAKEN)
    words = ("import", str(tmp_path / "export"), "--as-of", "2024-11-25")
    with started(*words, settings={"huifang_var": tmp_path / "var"}, folder=tmp_path) as half:
        _wait_for_rows(tmp_path / "var" / "huifang.sqlite3")
        half.process.send_signal(signal.SIGINT)
        assert half.process.wait(30) == 130
        said = half.errors().splitlines()[-1]
    assert said.startswith("huifang: 已中断，读到 ")
    assert said.endswith(" 行；再导入一次即可 (interrupted; import again)")
    assert "Traceback" not in half.errors()

    assert call(*words).code == 0
    assert call(*words, HUIFANG_VAR=str(tmp_path / "whole")).code == 0
    assert call("stats", "--json").found == call("stats", "--json", HUIFANG_VAR=str(tmp_path / "whole")).found


@pytest.mark.parametrize("day", ["1999-12-31", "0001-01-01", "2101-01-01", "9999-12-31"])
@pytest.mark.parametrize("words", ["import {file}", "campaign preview unread_resumes", "campaign start unread_resumes"])
def test_a_day_out_of_range_is_refused_before_anything_is_done(
    call: Call, members: str, tmp_path: Path, day: str, words: str
) -> None:
    done = call(*words.format(file=members).split(), "--as-of", day)
    assert done.code == 1
    assert day in done.err
    assert not (tmp_path / "var").exists()


def test_each_import_keeps_its_own_report_of_what_was_rejected(call: Call, members: str, tmp_path: Path) -> None:
    for wrong in ("没有编号", "也没有编号"):
        Path(members).write_text(f"会员编号,企业名称\n,{wrong}\n", encoding="utf-8")
        call("import", members, "--as-of", "2026-11-21")
    reports = sorted((tmp_path / "var" / "rejects").iterdir())
    assert len(reports) == 2
    assert all(report.read_text(encoding="utf-8-sig").count("整行没有导入") == 1 for report in reports)


def test_a_name_that_steers_a_terminal_is_shown_by_its_numbers(call: Call, members: str) -> None:
    Path(members).write_text("会员编号,企业名称\nQ1,红\x1b[31m色\u202e公司\n", encoding="utf-8")
    call("import", members)
    shown = call("member", "show", "Q1").out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "公司" in shown


@pytest.mark.parametrize("room", [100_000, 1_500_000], ids=["for no schema", "for half of it"])
def test_a_full_disk_is_one_clear_line_and_importing_again_heals_it(call: Call, tmp_path: Path, room: int) -> None:
    write_export(tmp_path / "export", members=3000, as_of=_TAKEN)
    words = ("import", str(tmp_path / "export"), "--as-of", "2024-11-25")

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    done = subprocess.run(
        [sys.executable, "-m", "bot", *words],
        env={**environment({"huifang_var": tmp_path / "var"}), "PYTHONDONTWRITEBYTECODE": "1"}, cwd=tmp_path,
        preexec_fn=fill_up, capture_output=True, text=True, encoding="utf-8", timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "盘满了" in done.stderr.splitlines()[-1]
    assert call(*words).code == 0
    assert call("stats", "--json").found["members"] == 3000


def test_an_export_of_tomorrow_is_refused_and_nothing_is_loaded(call: Call, members: str) -> None:
    today = datetime.now(SHANGHAI)
    done = call("import", members, "--as-of", f"{today + timedelta(days=1):%Y-%m-%d}")
    assert done.code == 1
    assert "还没到" in done.err
    assert call("stats", "--json").found["members"] == 0
    assert call("import", members, "--as-of", f"{today:%Y-%m-%d}").code == 0


def test_the_sandboxs_own_day_has_come_even_where_it_is_ahead(call: Call, members: str) -> None:
    ahead = f"{datetime.now(SHANGHAI) + timedelta(days=30):%Y-%m-%d}"
    call("campaign", "preview", "unread_resumes", "--as-of", ahead)
    assert call("import", members, "--as-of", ahead).code == 0


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ("会员编号,企业名称,行业,企业名称", "企业名称"),
        ("会员编号,企业名称, 会员编号 ", "会员编号"),
        ("联系人编号,会员编号,姓名,手机,手机", "手机"),
    ],
)
def test_a_column_that_is_there_twice_is_named_and_the_file_refused(
    call: Call, tmp_path: Path, header: str, named: str
) -> None:
    (tmp_path / "twice.csv").write_text(f"{header}\n1,2,3,4,5\n", encoding="utf-8")
    done = call("import", str(tmp_path / "twice.csv"))
    assert done.code == 1
    assert f"{tmp_path / 'twice.csv'}：“{named}”有两列" in done.out
    assert call("stats", "--json").found["members"] == 0


def _wait_for_rows(database: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(sqlite3.OperationalError):  # not there yet, or no table yet
            with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as file:
                if file.execute("SELECT count(*) FROM members").fetchone()[0]:
                    return
        time.sleep(0.01)
    raise AssertionError("no row came")
