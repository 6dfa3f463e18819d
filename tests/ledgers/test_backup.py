"""A backup is the whole database of one moment, and a restore is all of it or nothing."""

import asyncio
import contextlib
import json
import resource
import shutil
import stat
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tortoise import Tortoise

import campaigns.migrations
from bot import database as database_module
from bot.archive import ArchiveWriter, Table, Written, writing
from bot.backup import Loaded, Saved, SecretFate, load, save
from bot.clock import ProductClock
from bot.database import known_migrations, open_database
from bot.runtime import CLOCK_MARK, DEMO_MARK, read_secret
from bot.settings import Settings
from bot.snapshot import open_snapshot, tables
from campaigns import marks, statements
from campaigns.errors import ConfigError, InputError
from campaigns.models import Event, Mark, Member, Message
from tests.cast import NOW, add_member, crowd, datong, message_row, run_tiny, send_one, tell_story
from tests.conftest import administer, copy_file
from tests.fleet import environment

Rows = dict[str, list[dict[str, Any]]]
Change = Callable[[bytes], bytes]

_ODD = '制表\t换行\n回车\r反斜\\杠 \\N \\. 引号" 𠮷 \u2028'
_ADD_NICKNAME = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "{}")]
    operations = [ops.AddField(model_name="Member", name="nickname", field=fields.CharField(null=True, max_length=64))]
"""


@pytest.fixture(params=["sqlite", "postgres"])
async def other(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> AsyncIterator[Settings]:
    """A migrated database without a row beside the one `database` opened, of each kind."""
    new = settings.model_copy(update={"huifang_var": tmp_path / "other"})
    if request.param == "sqlite":
        copy_file(request.getfixturevalue("migrated_file"), new)
        yield new
        return
    server: str = request.getfixturevalue("postgres_server")
    name = f"test_{uuid.uuid4().hex[:12]}"
    await administer(server, f'CREATE DATABASE "{name}"')
    yield new.model_copy(update={"database_url": f"{server.rpartition('/')[0]}/{name}"})
    await administer(server, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
async def elsewhere(migrated_file: Path, tmp_path: Path, settings: Settings) -> Settings:
    """An empty SQLite database, for what does not depend on the kind."""
    new = settings.model_copy(update={"huifang_var": tmp_path / "elsewhere"})
    copy_file(migrated_file, new)
    return new


# ---- out and back -------------------------------------------------------------------------------------------------


async def test_every_row_comes_back_as_it_was_from_either_database_into_either(
    database: Settings, other: Settings, tmp_path: Path
) -> None:
    await _tell_an_odd_story(tmp_path)
    before = await _rows()
    saved = await _save(database, tmp_path / "b.zip")
    assert saved.rows == {table: len(rows) for table, rows in before.items()}
    assert [table for table, rows in before.items() if not rows] == ["seekers"]

    loaded = await _load(other, tmp_path / "b.zip")

    assert loaded.rows == saved.rows
    async with _at(other):
        await Mark.filter(key=marks.RESTORED).delete()
        assert await _rows() == before


async def test_what_was_restored_compares_and_orders_as_before(
    database: Settings, other: Settings, tmp_path: Path
) -> None:
    """SQLite compares moments as text: one written differently would be another moment."""
    await run_tiny(tmp_path)
    moment = datetime(2026, 11, 23, 1, 30, 0, 500000, tzinfo=UTC)
    await add_member("Y1", registered_at=moment, tier_score=0.1 + 0.2)
    await _save(database, tmp_path / "b.zip")
    await _load(other, tmp_path / "b.zip")
    async with _at(other):
        assert await Member.filter(registered_at=moment, registered_at__lte=moment, tier_score=0.1 + 0.2).count() == 1


async def test_every_table_there_is_goes_in_parents_before_children(database: Settings) -> None:
    if statements.is_postgres(statements.connection()):
        asked = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    else:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    there = {row["name"] for row in await statements.query(asked)} - {"tortoise_migrations"}
    order = [table.name for table in tables()]
    assert set(order) == there
    assert order.index("members") < order.index("contacts") < order.index("messages") < order.index("touches")


async def test_it_is_of_one_moment_while_others_write(database: Settings) -> None:
    [members] = [table for table in tables() if table.name == "members"]
    await crowd(3)
    taken = bytearray()
    async with open_snapshot(database) as snapshot:
        assert await snapshot.count(members) == 3
        await Member.all().update(name="改过")
        await add_member("Y9")
        await snapshot.copy(members, taken.extend)
    assert taken.count(b"\n") == 3
    assert "改过".encode() not in taken
    assert await Member.filter(name="改过").count() == 3


async def test_progress_is_told_to_the_end(database: Settings, elsewhere: Settings, tmp_path: Path) -> None:
    await crowd(5)
    told: dict[str, tuple[int, int]] = {}

    def tell(what: str, done: int, total: int) -> None:
        told[what] = (done, total)

    await save(database, tmp_path / "b.zip", replace=False, with_secret=False, progress=tell)
    assert told["members"] == told["contacts"] == (5, 5)
    told.clear()
    await Tortoise.close_connections()
    await load(elsewhere, tmp_path / "b.zip", progress=tell)
    assert told["members"] == told["contacts"] == (5, 5)
    assert all(done == total for done, total in told.values())


# ---- numbers ------------------------------------------------------------------------------------------------------


async def test_a_message_sent_after_the_backup_shares_its_number_with_none_after_the_restore(
    database: Settings, other: Settings, tmp_path: Path
) -> None:
    player = await datong()
    occurrence_id = await run_tiny(tmp_path)
    await _save(database, tmp_path / "b.zip")
    lost = await send_one(tmp_path, player)
    began = int(time.time() * 1000)
    await _load(other, tmp_path / "b.zip")
    async with _at(other):
        new = await Message.create(**message_row(occurrence_id, player, step=1))
        assert new.id > began > lost


async def test_new_rows_of_the_other_tables_count_on(database: Settings, other: Settings, tmp_path: Path) -> None:
    last = (await crowd(4))[-1]
    await _save(database, tmp_path / "b.zip")
    await _load(other, tmp_path / "b.zip")
    async with _at(other):
        assert await add_member("Y9") == last + 1


# ---- the file -----------------------------------------------------------------------------------------------------


async def test_only_its_owner_may_read_it_and_nothing_else_is_left(database: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    await _save(database, folder / "b.zip")
    assert stat.S_IMODE((folder / "b.zip").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["b.zip"]


async def test_a_file_that_is_there_is_kept_unless_forced(sqlite_database: Settings, tmp_path: Path) -> None:
    path = tmp_path / "b.zip"
    path.write_text("mine")
    with pytest.raises(InputError, match="--force"):
        await _save(sqlite_database, path)
    assert path.read_text() == "mine"
    await save(sqlite_database, path, replace=True, with_secret=False, progress=_silent)
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
        await _save(sqlite_database, tmp_path / "nowhere" / "b.zip")


async def test_a_disk_that_is_full_leaves_the_old_backup_and_no_half_of_a_new_one(
    sqlite_database: Settings, tmp_path: Path
) -> None:
    await _save(sqlite_database, tmp_path / "b.zip")
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
    await add_member("Y7", name=_ODD)
    await _save(database, tmp_path / "b.zip")
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
    await _a_backup(sqlite_database, tmp_path / "b.zip")
    whole = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"b\.zip.*(cut off|not a backup)"):
        await _load(elsewhere, tmp_path / "b.zip")
    assert await _is_empty(elsewhere)


@pytest.mark.parametrize("member", ["tables/members.copy", "tables/contacts.copy", "manifest.json", "secret"])
async def test_a_file_with_one_byte_changed_is_refused_by_the_name_of_its_part(
    member: str, sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    without = sqlite_database.model_copy(update={"huifang_secret": ""})
    await crowd(40)
    await save(without, tmp_path / "b.zip", replace=False, with_secret=True, progress=_silent)
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        info = file.getinfo(member)
    begins = info.header_offset + 30 + len(member) + _extra_length(tmp_path / "b.zip", info.header_offset)
    _change(tmp_path / "b.zip", begins + info.compress_size // 2)
    with pytest.raises(InputError, match=member):
        await _load(elsewhere, tmp_path / "b.zip")
    assert await _is_empty(elsewhere)


async def test_a_table_that_is_not_what_the_manifest_says_is_refused(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    """Whole as a zip, but put together by somebody else."""
    await _a_backup(sqlite_database, tmp_path / "b.zip")
    _rewrite(tmp_path / "b.zip", "tables/members.copy", lambda lines: lines.replace("商行".encode(), "商店".encode()))
    with pytest.raises(InputError, match=r"tables/members\.copy"):
        await _load(elsewhere, tmp_path / "b.zip")
    _rewrite(tmp_path / "b.zip", "tables/members.copy", lambda lines: b"", leave_out=True)
    with pytest.raises(InputError, match=r"tables/members\.copy"):
        await _load(elsewhere, tmp_path / "b.zip")
    assert await _is_empty(elsewhere)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"PGDMP" + bytes(100)])
async def test_a_file_of_another_kind_is_refused(content: bytes, elsewhere: Settings, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(InputError, match="not a backup of ours"):
        await _load(elsewhere, tmp_path / "b.zip")


async def test_a_zip_of_another_kind_is_refused(elsewhere: Settings, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"manifest\.json"):
        await _load(elsewhere, tmp_path / "b.zip")


async def test_a_file_that_is_not_there_is_named(elsewhere: Settings, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.zip"):
        await _load(elsewhere, tmp_path / "none.zip")


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
    await _a_backup(sqlite_database, tmp_path / "b.zip")
    _rewrite(tmp_path / "b.zip", "manifest.json", change)
    with pytest.raises(InputError, match=said):
        await _load(elsewhere, tmp_path / "b.zip")
    assert await _is_empty(elsewhere)


# ---- databases that are refused -------------------------------------------------------------------------------------


async def test_a_database_that_is_not_empty_is_refused_and_kept(
    sqlite_database: Settings, other: Settings, tmp_path: Path
) -> None:
    await _a_backup(sqlite_database, tmp_path / "b.zip")
    async with _at(other):
        await add_member("Q1")
    with pytest.raises(InputError, match=r"members.*not empty"):
        await _load(other, tmp_path / "b.zip")
    async with _at(other):
        assert await Member.all().values_list("no", flat=True) == ["Q1"]


async def test_what_a_first_start_left_is_no_obstacle_but_a_demos_database_is(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    await marks.write_mark("holdout_secret", "aa")
    await _save(sqlite_database, tmp_path / "b.zip")
    async with _at(elsewhere):
        await marks.write_mark("holdout_secret", "bb")
        await marks.write_mark(DEMO_MARK, "1")
    with pytest.raises(InputError, match="not empty"):
        await _load(elsewhere, tmp_path / "b.zip")
    async with _at(elsewhere):
        await Mark.filter(key=DEMO_MARK).delete()
    await _load(elsewhere, tmp_path / "b.zip")
    async with _at(elsewhere):
        assert await marks.read_mark("holdout_secret") == "aa"


async def test_a_restore_that_fails_in_the_middle_leaves_nothing(
    database: Settings, other: Settings, tmp_path: Path
) -> None:
    """The last table holds a row whose parent is not there."""
    settings = database.model_copy(update={"huifang_secret": ""})
    await tell_story(tmp_path)
    await save(settings, tmp_path / "b.zip", replace=False, with_secret=True, progress=_silent)
    _rewrite_table(tmp_path / "b.zip", "touches", lambda lines: lines.replace(b"\tout\t", b"\toutwards\t"))
    if other.database.startswith("sqlite"):  # which takes any length
        _rewrite_table(tmp_path / "b.zip", "touches", lambda lines: lines + lines[: lines.index(b"\n") + 1])
    new = other.model_copy(update={"huifang_secret": ""})
    with pytest.raises(InputError, match="touches"):
        await _load(new, tmp_path / "b.zip")
    assert await _is_empty(new)
    assert not new.secret_file.exists()


async def test_a_row_postgres_refuses_is_named_without_its_content(
    sqlite_database: Settings, postgres_server: str, tmp_path: Path, settings: Settings
) -> None:
    """SQLite takes a text of any length; PostgreSQL does not."""
    await crowd(2)
    await statements.run("UPDATE members SET city = $1 WHERE id = (SELECT max(id) FROM members)", "独一无二" * 30)
    await _save(sqlite_database, tmp_path / "b.zip")
    name = f"test_{uuid.uuid4().hex[:12]}"
    await administer(postgres_server, f'CREATE DATABASE "{name}"')
    new = settings.model_copy(update={"database_url": f"{postgres_server.rpartition('/')[0]}/{name}"})
    try:
        with pytest.raises(InputError, match="members 第 2 行 city 列") as refused:
            await _load(new, tmp_path / "b.zip")
    finally:
        await administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')
    assert "独一无二" not in str(refused.value)


# ---- the schema's history -------------------------------------------------------------------------------------------


async def test_a_backup_of_an_older_release_is_restored_and_brought_up_to_date(
    sqlite_database: Settings, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(2)
    await _save(sqlite_database, tmp_path / "b.zip")
    _release_another(tmp_path, monkeypatch)
    new = settings.model_copy(update={"huifang_var": tmp_path / "new"})
    await _load(new, tmp_path / "b.zip")
    async with _at(new):
        assert [row["nickname"] for row in await statements.query("SELECT nickname FROM members")] == [None, None]


async def test_a_database_with_a_newer_schema_than_the_backup_is_refused_with_the_remedy(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(2)
    await _save(sqlite_database, tmp_path / "b.zip")
    _release_another(tmp_path, monkeypatch)
    async with _at(elsewhere):
        pass
    with pytest.raises(ConfigError, match=r"its schema is newer than .*; name a new database"):
        await _load(elsewhere, tmp_path / "b.zip")


# ---- the signing secret ---------------------------------------------------------------------------------------------


async def test_the_secret_beside_the_database_goes_with_it_and_comes_back(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    here, there = (one.model_copy(update={"huifang_secret": ""}) for one in (sqlite_database, elsewhere))
    secret = read_secret(here)
    assert (await save(here, tmp_path / "b.zip", replace=False, with_secret=True, progress=_silent)).holds_secret
    assert (await _load(there, tmp_path / "b.zip")).secret is SecretFate.PLACED
    assert there.secret_file.read_bytes() == secret
    assert stat.S_IMODE(there.secret_file.stat().st_mode) == 0o600


async def test_a_secret_of_the_environment_is_never_in_the_file(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    saved = await save(sqlite_database, tmp_path / "b.zip", replace=False, with_secret=True, progress=_silent)
    assert not saved.holds_secret
    with zipfile.ZipFile(tmp_path / "b.zip") as file:
        assert "secret" not in file.namelist()
        assert all(sqlite_database.huifang_secret.encode() not in file.read(name) for name in file.namelist())
    assert (await _load(elsewhere, tmp_path / "b.zip")).secret is SecretFate.SAME


async def test_another_secret_than_the_one_that_signed_is_said(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    here = sqlite_database.model_copy(update={"huifang_secret": ""})
    there = elsewhere.model_copy(update={"huifang_secret": "another"})
    assert not (await save(here, tmp_path / "b.zip", replace=False, with_secret=False, progress=_silent)).holds_secret
    assert (await _load(there, tmp_path / "b.zip")).secret is SecretFate.MISSING


@pytest.mark.parametrize("given", ["", "another"])
async def test_two_secrets_at_once_are_refused_before_anything_is_written(
    given: str, sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    here = sqlite_database.model_copy(update={"huifang_secret": ""})
    there = elsewhere.model_copy(update={"huifang_secret": given})
    before = read_secret(there)
    await save(here, tmp_path / "b.zip", replace=False, with_secret=True, progress=_silent)
    with pytest.raises(ConfigError, match="HUIFANG_SECRET" if given else "secret"):
        await _load(there, tmp_path / "b.zip")
    assert read_secret(there) == before
    assert await _is_empty(there)


# ---- the story and its rows -----------------------------------------------------------------------------------------


async def _tell_an_odd_story(folder: Path) -> None:
    """A little of everything in the tables, with texts and moments that are hard to write down."""
    await tell_story(folder)
    clock = ProductClock()
    clock.set(NOW)
    await marks.write_mark(CLOCK_MARK, clock.to_mark())
    await add_member(
        "Y9", name=_ODD, attrs={_ODD: _ODD, "空": ""}, tier_score=0.1 + 0.2, plan_expires_on=NOW.date(),
        registered_at=NOW.replace(microsecond=120_000), tier_reasons=["一", _ODD],
    )  # fmt: skip
    await Event.create(
        channel="email", event_id="odd", kind="reply", received_at=NOW, payload={"text": _ODD, "n": 1.5, "none": None}
    )
    for model in _models().values():
        if not await model.all().exists() and model._meta.db_table in _SAMPLES:
            await model.create(**_SAMPLES[model._meta.db_table])


_SAMPLES: dict[str, dict[str, Any]] = {
    "claims": {"occurrence_id": 1, "channel": "sms", "lease_until": NOW, "message_ids": [1, 2]},
    "logins": {"member_id": 1, "at": NOW},
    "wechat_followers": {"openid": "o1", "window_until": NOW, "credits": {"t1": 2}},
    "channel_states": {"channel": "sms", "closed": True, "reason": _ODD},
}


async def _rows() -> Rows:
    """Table → its rows as Python values, in order."""
    found = {name: await model.all().order_by(model._meta.pk_attr).values() for name, model in _models().items()}
    return {name: [dict(row) for row in rows] for name, rows in found.items()}


def _models() -> dict[str, Any]:
    assert Tortoise.apps is not None
    return {model._meta.db_table: model for model in Tortoise.apps["campaigns"].values()}


async def _is_empty(settings: Settings) -> bool:
    async with _at(settings):
        return not any((await _rows()).values())


# ---- backups, whole and spoilt --------------------------------------------------------------------------------------


async def _a_backup(settings: Settings, path: Path) -> None:
    await crowd(40)
    await _save(settings, path)


async def _save(settings: Settings, path: Path) -> Saved:
    return await save(settings, path, replace=False, with_secret=False, progress=_silent)


async def _load(settings: Settings, path: Path) -> Loaded:
    await Tortoise.close_connections()
    return await load(settings, path, progress=_silent)


@contextlib.asynccontextmanager
async def _at(settings: Settings) -> AsyncIterator[None]:
    """That database in place of the one that is open."""
    await Tortoise.close_connections()
    async with open_database(settings):
        yield


def _halves(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.suffix == ".part"]


def _silent(what: str, done: int, total: int) -> None:
    pass


def _rewrite(path: Path, member: str, change: Change, *, leave_out: bool = False) -> None:
    """The same zip with one member changed, sums of the zip included."""
    with zipfile.ZipFile(path) as file:
        content = {name: file.read(name) for name in file.namelist()}
    content[member] = change(content[member])
    if leave_out:
        del content[member]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in content.items():
            file.writestr(name, data)


def _rewrite_table(path: Path, table: str, change: Change) -> None:
    """The same backup with other lines in one table, and a manifest that fits."""
    with zipfile.ZipFile(path) as file:
        manifest = json.loads(file.read("manifest.json"))
        lines = change(file.read(f"tables/{table}.copy"))
    _rewrite(path, f"tables/{table}.copy", lambda _: lines)
    [entry] = [one for one in manifest["tables"] if one["name"] == table]
    entry.update(_sums(lines, entry, path.with_suffix(".tmp")))
    _rewrite(path, "manifest.json", lambda _: json.dumps(manifest).encode())


def _sums(lines: bytes, entry: dict[str, Any], path: Path) -> dict[str, Any]:
    def write(file: ArchiveWriter) -> Written:
        with file.table(Table.model_validate({"name": entry["name"], "columns": entry["columns"]})) as out:
            out.take(lines)
            return out.written()

    with writing(path, replace=True) as file:
        return write(file).model_dump(include={"rows", "size", "sha256"})


def _change(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 0x55
    path.write_bytes(content)


def _extra_length(path: Path, header: int) -> int:
    return int.from_bytes(path.read_bytes()[header + 28 : header + 30], "little")


def _release_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the next release would: one more step in the schema's history."""
    package = folder / "release_after_this"
    shutil.copytree(Path(campaigns.migrations.__path__[0]), package)
    (package / "0999_nickname.py").write_text(_ADD_NICKNAME.format(known_migrations()[-1]), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(database_module, "MIGRATIONS", package.name)
