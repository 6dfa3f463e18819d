"""The schema history brings every database to what the models say, and keeps what was in it."""

import asyncio
import re
import sqlite3
import sys
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from tortoise import Tortoise
from tortoise.exceptions import IntegrityError
from tortoise.migrations.api import migrate

from bot.database import database_config, open_database
from bot.settings import Settings
from campaigns import statements
from campaigns.errors import ConfigError
from campaigns.models import Renewal
from tests.cast import NOW, tell_story
from tests.ledgers.conftest import NewDatabase

_ROOT = Path(__file__).resolve().parents[2]
_BEGIN = """
import asyncio
from bot.database import open_database
from bot.settings import load_settings
from campaigns.members.find import count_stats

async def main():
    async with open_database(load_settings(env_file=None)):
        print((await count_stats())["members"])

asyncio.run(main())
"""
_ADD_NICKNAME = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]
    operations = [
        ops.AddField(model_name="Member", name="nickname", field=fields.CharField(null=True, max_length=64)),
        ops.AddField(model_name="Message", name="weight", field=fields.IntField(null=True)),
    ]
"""


async def test_the_migrated_schema_equals_a_fresh_one(new_database: NewDatabase) -> None:
    migrated, fresh = await new_database(), await new_database()
    async with open_database(migrated):
        pass
    await _make_afresh(fresh)
    assert await _schema(migrated) == await _schema(fresh)


async def test_migrating_twice_changes_nothing(new_database: NewDatabase) -> None:
    settings = await new_database()
    async with open_database(settings):
        pass
    before = await _schema(settings)
    async with open_database(settings):
        pass
    assert await _schema(settings) == before


async def test_upgrading_a_filled_database_keeps_every_row(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await new_database()
    async with open_database(settings):
        await tell_story(tmp_path)
    before = await _counts(settings)
    assert all(before[table] for table in ("members", "contacts", "applications", "messages", "touches", "events"))

    await _upgrade_with_a_second_migration(settings, tmp_path, monkeypatch)

    assert await _counts(settings) == before
    async with open_database(settings):
        assert await statements.query("SELECT nickname FROM members WHERE nickname IS NOT NULL") == []


async def test_an_upgraded_database_still_refuses_a_duplicate_ledger_key(
    new_database: NewDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = await new_database()
    async with open_database(settings):
        await tell_story(tmp_path)
    keys = _keys(await _schema(settings))

    await _upgrade_with_a_second_migration(settings, tmp_path, monkeypatch)

    assert _keys(await _schema(settings)) == keys
    async with open_database(settings):
        with pytest.raises(IntegrityError):
            await statements.run(
                """
                INSERT INTO messages (occurrence_id, member_id, step, message_class, state, reason, code, not_before,
                                      attempts, wechat_mode, provider_id, uncertain)
                SELECT occurrence_id, member_id, step, message_class, state, reason, code, not_before,
                       attempts, wechat_mode, provider_id, uncertain FROM messages
                """
            )


async def test_two_processes_that_start_at_once_both_come_up(new_database: NewDatabase) -> None:
    settings = await new_database()
    environment = {"DATABASE_URL": settings.database, "HUIFANG_VAR": str(settings.var), "PYTHONPATH": str(_ROOT)}
    starts = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-W", "error", "-c", _BEGIN,
            env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(2)
    ]  # fmt: skip
    for started in starts:
        said, complained = await started.communicate()
        assert (started.returncode, said.strip()) == (0, b"0"), complained.decode()[-2000:]


async def test_a_database_that_cannot_be_reached_is_named_with_its_setting(settings: Settings) -> None:
    folder = settings.var / "a-folder.sqlite3"
    folder.mkdir(parents=True)
    for url in ("postgres://huifang@127.0.0.1:9/nowhere", f"sqlite://{folder}", "sqlite:////dev/null/x.sqlite3"):
        with pytest.raises(ConfigError, match="DATABASE_URL"):
            async with open_database(settings.model_copy(update={"database_url": url})):
                pass


# ---- a second migration, of the tests alone -----------------------------------------------------------------------


async def _upgrade_with_a_second_migration(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the next release would: the same history and one more step."""
    package = folder / "next_release"
    package.mkdir()
    (package / "__init__.py").touch()
    first = (_ROOT / "campaigns" / "migrations" / "0001_initial.py").read_text(encoding="utf-8")
    (package / "0001_initial.py").write_text(first, encoding="utf-8")
    (package / "0002_nickname.py").write_text(_ADD_NICKNAME, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.startswith("next_release")]:
        monkeypatch.delitem(sys.modules, name)
    config: Any = database_config(settings.database)
    config["apps"]["campaigns"]["migrations"] = "next_release"
    try:
        await migrate(config=config)
    finally:
        await Tortoise.close_connections()


async def _make_afresh(settings: Settings) -> None:
    await Tortoise.init(config=database_config(settings.database))
    try:
        await Tortoise.generate_schemas()
    finally:
        await Tortoise.close_connections()


# ---- looking at a schema ------------------------------------------------------------------------------------------

Schema = dict[str, dict[str, list[Any]]]


async def _schema(settings: Settings) -> Schema:
    """Table → its columns, and its keys and indexes without their names; of the history itself nothing."""
    found = _sqlite_schema(settings) if settings.database.startswith("sqlite") else await _postgres_schema(settings)
    return {table: parts for table, parts in found.items() if "tortoise" not in table and "sqlite" not in table}


def _sqlite_schema(settings: Settings) -> Schema:
    db = sqlite3.connect(settings.database.removeprefix("sqlite://"))
    try:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: {"columns": _sqlite_columns(db, table), "keys": _sqlite_keys(db, table)} for table in tables}
    finally:
        db.close()


def _sqlite_columns(db: sqlite3.Connection, table: str) -> list[Any]:
    return sorted(row[1:] for row in db.execute(f"PRAGMA table_info({table})"))


def _sqlite_keys(db: sqlite3.Connection, table: str) -> list[Any]:
    keys: list[Any] = [("references", *row[2:]) for row in db.execute(f"PRAGMA foreign_key_list({table})")]
    for _, name, unique, _, partial in db.execute(f"PRAGMA index_list({table})").fetchall():
        columns = tuple(row[2] for row in db.execute(f"PRAGMA index_info({name})"))
        keys.append(("index", "unique" if unique else "", "partial" if partial else "", *columns))
    return sorted(keys)


async def _postgres_schema(settings: Settings) -> Schema:
    db = await asyncpg.connect(settings.database)
    try:
        columns = await db.fetch(
            """
            SELECT table_name, column_name, data_type, character_maximum_length, is_nullable, column_default
            FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, column_name
            """
        )
        keys = await db.fetch(
            """
            SELECT conrelid::regclass::text AS table_name, pg_get_constraintdef(oid) AS what FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT tablename, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2
            """
        )
    finally:
        await db.close()
    found: Schema = {row["table_name"]: {"columns": [], "keys": []} for row in columns}
    for row in columns:
        found[row["table_name"]]["columns"].append(tuple(row.values())[1:])
    for row in keys:
        named = re.sub(r"INDEX \S+ ON", "INDEX ON", row["what"])
        found[row["table_name"]]["keys"].append(named)
    return {table: {"columns": parts["columns"], "keys": sorted(parts["keys"])} for table, parts in found.items()}


def _keys(schema: Schema) -> dict[str, list[Any]]:
    return {table: parts["keys"] for table, parts in schema.items()}


async def _counts(settings: Settings) -> dict[str, int]:
    async with open_database(settings):
        return {
            table: (await statements.query(f"SELECT count(*) AS n FROM {table}"))[0]["n"]
            for table in await _schema(settings)
        }


async def test_the_one_moment_of_a_renewal_becomes_a_row_and_what_hangs_on_members_stays(
    new_database: NewDatabase,
) -> None:
    settings = await new_database()
    async with open_database(settings, up_to="0026_gift_bounds"):
        await statements.run(
            "INSERT INTO members (no, name, owner, attrs, tier_reasons, tier, tier_score, login_count, postings, "
            "live_postings, applications, unread_resumes, trade, nature, size, city, plan, renewal_seen_on, "
            "renewed_at) VALUES ('Q1', 'n', '甲', '{}', '[]', '一般', 0, 0, 0, 0, 0, 0, '', '', '', '', '', $1, $2)",
            NOW.date(),
            NOW,
        )
    async with open_database(settings):
        assert await Renewal.all().values_list("until", "at", "owner", "department", "source") == [
            (NOW.date(), NOW, "甲", "", "seen")
        ]
        await statements.run("UPDATE members SET owner = '乙'")
        assert await statements.query("SELECT 1 FROM kept_counts WHERE key LIKE 'owners/%'"), "the trigger is there"
