"""Where a command finds `.env` and its database from another folder, and what is said where nobody sends."""

import asyncio
import json
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import settings as place
from bot.commands.demo import demo_settings
from bot.commands.serving import House
from bot.database import open_database
from bot.settings import PROJECT, load_settings
from campaigns import marks
from tests.days.conftest import Call
from tests.fleet import environment, until


def test_everything_relative_counts_from_the_checkout_in_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HUIFANG_HOME", "HUIFANG_VAR", "HUIFANG_TEMPLATES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert place.home() == PROJECT
    assert load_settings().var == PROJECT / "var"
    monkeypatch.setenv("HUIFANG_VAR", "other/var")
    monkeypatch.setenv("HUIFANG_TEMPLATES", "mine")
    assert load_settings().var == PROJECT / "other" / "var"
    assert load_settings().huifang_templates == PROJECT / "mine"
    monkeypatch.setenv("HUIFANG_VAR", "/srv/var")
    assert load_settings().var == Path("/srv/var")


def test_a_copy_without_templates_counts_from_the_working_directory(tmp_path: Path) -> None:
    """As a wheel lies in site-packages."""
    for package in ("bot", "campaigns"):
        shutil.copytree(PROJECT / package, tmp_path / "site" / package, ignore=shutil.ignore_patterns("__pycache__"))
    given = environment({"huifang_templates": PROJECT / "templates"}) | {"PYTHONPATH": str(tmp_path / "site")}
    del given["HUIFANG_HOME"]
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / ".env").write_text("HUIFANG_VAR=mine\n")
    found = subprocess.run(
        [sys.executable, "-m", "bot", "migrate", "--json"],
        capture_output=True, text=True, cwd=tmp_path / "here", env=given,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert json.loads(found.stdout)["database"] == str(tmp_path / "here" / "mine" / "huifang.sqlite3")


def test_env_is_read_at_home_and_not_in_the_folder_of_the_terminal(call: Call, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".env").write_text("WEB_HOST=nowhere\nLOG_LEVEL=loud\n")
    (tmp_path / ".env").write_text("DATABASE_URL=mysql://x\n")
    done = call("stats", HUIFANG_HOME=str(tmp_path))
    assert (done.code, "DATABASE_URL" in done.err) == (1, True)
    assert "LOG_LEVEL" in call("stats", HUIFANG_HOME=str(elsewhere)).err


@pytest.mark.parametrize("content", ["MAIL_SENDER_NAME=人才网\n".encode("gb18030"), bytes(range(256))])
def test_an_env_file_that_is_not_utf_8_is_named_with_the_remedy(call: Call, tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".env").write_bytes(content)
    for words in (["stats"], ["campaign", "list"], ["doctor"], ["up"]):
        done = call(*words)
        assert done.code == 1
        assert done.err == f"huifang: {tmp_path / '.env'}: 要存成 UTF-8 (save it as UTF-8)\n"


def test_an_env_file_with_the_mark_of_windows_editors_is_read_from_its_first_line(call: Call, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("DATABASE_URL=mysql://x\n".encode("utf-8-sig"))
    assert "DATABASE_URL" in call("stats").err


def test_the_database_is_named_where_it_is_filled_and_started(call: Call, tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text("会员编号,企业名称\nQ1,一家公司\n", encoding="utf-8")
    database = str(tmp_path / "var" / "huifang.sqlite3")
    assert database in call("import", str(tmp_path / "members.csv")).out
    call("campaign", "approve", "unread_resumes")
    assert database in call("campaign", "start", "unread_resumes").out
    assert database in call("doctor").out
    assert database in call("migrate").out


def test_a_start_without_a_worker_says_that_nothing_goes_out(call: Call, tmp_path: Path) -> None:
    call("campaign", "approve", "unread_resumes")
    for words in ("campaign start unread_resumes", "campaign status", "campaign status unread_resumes", "doctor"):
        assert "no worker is alive" in call(*words.split()).out, words
    assert call("campaign", "status", "unread_resumes", "--json").found["worker_alive"] is False

    _sign(tmp_path, datetime.now(UTC))
    for words in ("campaign start unread_resumes", "campaign status", "doctor"):
        assert "no worker is alive" not in call(*words.split()).out, words

    _sign(tmp_path, datetime.now(UTC) - timedelta(seconds=31))
    assert "no worker is alive" in call("campaign", "status").out


async def test_a_worker_gives_its_sign_of_life(home: House) -> None:
    await until(lambda: marks.worker_alive(datetime.now(UTC)), "a sign of life")


@pytest.mark.parametrize("words", ["campaign list", "campaign preview unread_resumes", "doctor", "up", "demo --exit"])
def test_a_folder_without_campaigns_is_named(call: Call, tmp_path: Path, words: str) -> None:
    missing, empty = tmp_path / "nowhere", tmp_path / "empty"
    empty.mkdir()
    done = call(*words.split(), HUIFANG_TEMPLATES=str(missing))
    assert (done.code, done.err) == (1, f"huifang: HUIFANG_TEMPLATES: 没有这个文件夹：{missing} (no such folder)\n")
    done = call(*words.split(), HUIFANG_TEMPLATES=str(empty))
    assert done.code == 1
    assert f"{empty} 里面没有营销活动" in done.err


def test_the_demo_takes_its_campaigns_from_where_they_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HUIFANG_TEMPLATES", str(shutil.copytree(PROJECT / "templates", tmp_path / "mine")))
    assert demo_settings().huifang_templates == tmp_path / "mine"


def test_what_we_make_is_for_our_eyes_only(call: Call, tmp_path: Path) -> None:
    (tmp_path / "members.csv").write_text("会员编号,企业名称\nQ1,一家公司\n,没有编号\n", encoding="utf-8")
    call("import", str(tmp_path / "members.csv"))
    call("up", "--exit", "--json")
    made = [tmp_path / "var", *(tmp_path / "var").rglob("*")]
    assert {"var", "huifang.sqlite3", "secret", "rejects"} <= {path.name for path in made}
    assert [path for path in made if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_missing_folder_of_a_database_elsewhere_is_not_made(call: Call, tmp_path: Path) -> None:
    missing = tmp_path / "not" / "there"
    for words in (["doctor"], ["campaign", "list"], ["stats"]):
        done = call(*words, DATABASE_URL=f"sqlite://{missing}/x.db")
        assert done.code == 1
        assert str(missing) in done.out + done.err
    assert not (tmp_path / "not").exists()


def test_the_doctor_makes_nothing(call: Call, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    assert call("doctor").code == 0
    assert sorted(tmp_path.iterdir()) == before


def _sign(folder: Path, at: datetime) -> None:
    settings = load_settings(huifang_var=folder / "var")

    async def write() -> None:
        async with open_database(settings):
            await marks.sign_of_life(at)

    asyncio.run(write())
