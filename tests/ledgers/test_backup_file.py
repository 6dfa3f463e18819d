"""The file of a backup: nobody else reads it, nothing is written over, and what is not whole is refused by name."""

import asyncio
import json
import resource
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bot.archive import writing
from bot.backup import SecretFate, save
from bot.database import known_migrations
from bot.runtime import read_secret
from bot.settings import Settings
from campaigns.errors import ConfigError, InputError
from tests.backups import Change, a_backup, back_up, bring_back, flip, is_empty, rewrite, silent
from tests.cast import add_member, crowd
from tests.fleet import environment

# ---- the file -----------------------------------------------------------------------------------------------------


async def test_only_its_owner_may_read_it_and_nothing_else_is_left(database: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    await back_up(database, folder / "b.zip")
    assert stat.S_IMODE((folder / "b.zip").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["b.zip"]


async def test_a_file_that_is_there_is_kept_unless_forced(sqlite_database: Settings, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_text("mine")
    with pytest.raises(InputError, match="--force"):
        await back_up(sqlite_database, path)
    assert path.read_text() == "mine"
    await save(sqlite_database, path, replace=True, with_secret=False, progress=silent)
    assert zipfile.is_zipfile(path)


def test_that_it_is_there_is_found_before_the_work_and_again_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    with pytest.raises(InputError, match="--force"), writing(path, replace=False):
        path.write_text("another's")
    assert path.read_text() == "another's"
    with pytest.raises(InputError, match="--force"), writing(path, replace=False):
        pytest.fail("hours of work for nothing")
    assert list(tmp_path.iterdir()) == [path]


async def test_a_folder_that_is_not_there_is_named(sqlite_database: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        await back_up(sqlite_database, tmp_path / "nowhere" / "b.zip")


async def test_a_disk_that_is_full_leaves_the_old_backup_and_no_half_of_a_new_one(
    sqlite_database: Settings, tmp_path: Path
) -> None:
    await back_up(sqlite_database, tmp_path / "b.zip")
    await crowd(3000)
    before = (tmp_path / "b.zip").read_bytes()

    def fill_up() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "bot", "backup", "b.zip", "--force"],
        env={**environment({"database_url": sqlite_database.database}), "PYTHONDONTWRITEBYTECODE": "1"}, cwd=tmp_path,
        preexec_fn=fill_up, capture_output=True, text=True, encoding="utf-8", timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines()[-1].startswith("huifang: b.zip：写不了")
    assert (tmp_path / "b.zip").read_bytes() == before
    assert _halves(tmp_path) == []


async def test_it_can_be_read_without_us(database: Settings, tmp_path: Path) -> None:
    await add_member("Y7", name="甲乙")
    await back_up(database, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        manifest = json.loads(file.read("manifest.json"))
        [line] = file.read("tables/members.copy").decode().splitlines()[:1]
    assert manifest["format"] == "huifang-backup"
    assert manifest["migrations"] == known_migrations()
    [columns] = [
        [column["name"] for column in one["columns"]] for one in manifest["tables"] if one["name"] == "members"
    ]
    assert line.split("\t")[columns.index("no")] == "Y7"


# ---- files that are refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.0, 0.2, 0.9, 0.999])
async def test_a_file_cut_off_is_refused(
    share: float, sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    await a_backup(sqlite_database, tmp_path / "b.zip")
    whole = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"b\.zip.*(cut off|not a backup)"):
        await bring_back(elsewhere, tmp_path / "b.zip")
    assert await is_empty(elsewhere)


@pytest.mark.parametrize("member", ["tables/members.copy", "tables/contacts.copy", "manifest.json", "secret"])
async def test_a_file_with_one_byte_changed_is_refused_by_the_name_of_its_part(
    member: str, sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    without = sqlite_database.model_copy(update={"huifang_secret": ""})
    await crowd(40)
    await save(without, tmp_path / "b.zip", replace=False, with_secret=True, progress=silent)
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        info = file.getinfo(member)
    begins = info.header_offset + 30 + len(member) + _extra_length(tmp_path / "b.zip", info.header_offset)
    flip(tmp_path / "b.zip", begins + info.compress_size // 2)
    with pytest.raises(InputError, match=member):
        await bring_back(elsewhere, tmp_path / "b.zip")
    assert await is_empty(elsewhere)


async def test_a_table_that_is_not_what_the_manifest_says_is_refused(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    """Whole as a zip, but put together by somebody else."""
    await a_backup(sqlite_database, tmp_path / "b.zip")
    rewrite(tmp_path / "b.zip", "tables/members.copy", lambda lines: lines.replace("商行".encode(), "商店".encode()))
    with pytest.raises(InputError, match=r"tables/members\.copy"):
        await bring_back(elsewhere, tmp_path / "b.zip")
    rewrite(tmp_path / "b.zip", "tables/members.copy", lambda lines: b"", leave_out=True)
    with pytest.raises(InputError, match=r"tables/members\.copy"):
        await bring_back(elsewhere, tmp_path / "b.zip")
    assert await is_empty(elsewhere)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"PGDMP" + bytes(100)])
async def test_a_file_of_another_kind_is_refused(content: bytes, elsewhere: Settings, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(InputError, match="not a backup of ours"):
        await bring_back(elsewhere, tmp_path / "b.zip")


async def test_a_zip_of_another_kind_is_refused(elsewhere: Settings, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"manifest\.json"):
        await bring_back(elsewhere, tmp_path / "b.zip")


async def test_a_file_that_is_not_there_is_named(elsewhere: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.zip"):
        await bring_back(elsewhere, tmp_path / "none.zip")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace(b'"version": 1', b'"version": 2'), "another release|of another"),
        (lambda text: text.replace(b'"0001_initial"', b'"9999_next_year"'), "newer release"),
        (lambda text: text.replace(b'"name": "members"', b'"name": "members; DROP TABLE marks"'), r"manifest\.json"),
        (lambda text: text.replace(b'"format": "huifang-backup"', b'"format": "other"'), "not a backup"),
    ],
)
async def test_a_manifest_we_cannot_follow_is_refused(
    change: Change, said: str, sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    await a_backup(sqlite_database, tmp_path / "b.zip")
    rewrite(tmp_path / "b.zip", "manifest.json", change)
    with pytest.raises(InputError, match=said):
        await bring_back(elsewhere, tmp_path / "b.zip")
    assert await is_empty(elsewhere)


# ---- the signing secret ---------------------------------------------------------------------------------------------


async def test_the_secret_beside_the_database_goes_with_it_and_comes_back(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    here, there = (one.model_copy(update={"huifang_secret": ""}) for one in (sqlite_database, elsewhere))
    secret = read_secret(here)
    assert (await save(here, tmp_path / "b.zip", replace=False, with_secret=True, progress=silent)).holds_secret
    assert (await bring_back(there, tmp_path / "b.zip")).secret is SecretFate.PLACED
    assert there.secret_file.read_bytes() == secret
    assert stat.S_IMODE(there.secret_file.stat().st_mode) == 0o600


async def test_a_secret_of_the_environment_is_never_in_the_file(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    saved = await save(sqlite_database, tmp_path / "b.zip", replace=False, with_secret=True, progress=silent)
    assert not saved.holds_secret
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert "secret" not in file.namelist()
        assert all(sqlite_database.huifang_secret.encode() not in file.read(name) for name in file.namelist())
    assert (await bring_back(elsewhere, tmp_path / "b.zip")).secret is SecretFate.SAME


async def test_another_secret_than_the_one_that_signed_is_said(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    here = sqlite_database.model_copy(update={"huifang_secret": ""})
    there = elsewhere.model_copy(update={"huifang_secret": "another"})
    assert not (await save(here, tmp_path / "b.zip", replace=False, with_secret=False, progress=silent)).holds_secret
    assert (await bring_back(there, tmp_path / "b.zip")).secret is SecretFate.MISSING


@pytest.mark.parametrize("given", ["", "another"])
async def test_two_secrets_at_once_are_refused_before_anything_is_written(
    given: str, sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    here = sqlite_database.model_copy(update={"huifang_secret": ""})
    there = elsewhere.model_copy(update={"huifang_secret": given})
    before = read_secret(there)
    await save(here, tmp_path / "b.zip", replace=False, with_secret=True, progress=silent)
    with pytest.raises(ConfigError, match="HUIFANG_SECRET" if given else "secret"):
        await bring_back(there, tmp_path / "b.zip")
    assert read_secret(there) == before
    assert await is_empty(there)


# ---- parts --------------------------------------------------------------------------------------------------------


def _halves(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".part"]


def _extra_length(path: Path, header: int) -> int:
    return int.from_bytes(path.read_bytes()[header + 28 : header + 30], "little")
