"""A backup is the whole database of one moment, and a restore is all of it or nothing."""

import json
import shutil
import sys
import time
import uuid
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tortoise import Tortoise

import campaigns.migrations
from bot import database as database_module
from bot.backup import load, save
from bot.clock import ProductClock
from bot.database import known_migrations
from bot.runtime import CLOCK_MARK, DEMO_MARK
from bot.settings import Settings
from bot.snapshot import open_snapshot, tables
from bot.tokens import Tokens
from campaigns import marks, statements
from campaigns.errors import ConfigError, InputError
from campaigns.models import Event, Mark, Member, Message
from campaigns.tallies import count_afresh, read_counts
from tests.backups import (
    a_backup,
    at,
    back_up,
    bring_back,
    is_empty,
    models,
    rewrite,
    rewrite_table,
    rows_of_all,
    silent,
)
from tests.cast import NOW, add_member, crowd, datong, message_row, run_tiny, send_one, tell_story
from tests.conftest import administer
from tests.ledgers.conftest import NewDatabase

_ODD = '制表\t换行\n回车\r反斜\\杠 \\N \\. 引号" 𠮷 \u2028'
_ADD_NICKNAME = """
from tortoise import fields, migrations
from tortoise.migrations import operations as ops


class Migration(migrations.Migration):
    dependencies = [("campaigns", "{}")]
    operations = [ops.AddField(model_name="Member", name="nickname", field=fields.CharField(null=True, max_length=64))]
"""


# ---- out and back -------------------------------------------------------------------------------------------------


async def test_every_row_comes_back_as_it_was_from_either_database_into_either(
    database: Settings, other: Settings, tmp_path: Path
) -> None:
    await _tell_an_odd_story(tmp_path)
    before = await rows_of_all()
    saved = await back_up(database, tmp_path / "b.zip")
    assert saved.rows == {table: len(rows) for table, rows in before.items()}
    assert [table for table, rows in before.items() if not rows] == []

    loaded = await bring_back(other, tmp_path / "b.zip")

    assert loaded.rows == saved.rows
    async with at(other):
        await Mark.filter(key=marks.RESTORED).delete()
        assert await rows_of_all() == before
        assert set(await read_counts()) == set(await count_afresh()) != set()


async def test_what_was_restored_compares_and_orders_as_before(
    database: Settings, other: Settings, tmp_path: Path
) -> None:
    """SQLite compares moments as text: one written differently would be another moment."""
    await run_tiny(tmp_path)
    moment = datetime(2026, 11, 23, 1, 30, 0, 500000, tzinfo=UTC)
    await add_member("Y1", registered_at=moment, tier_score=0.1 + 0.2)
    await back_up(database, tmp_path / "b.zip")
    await bring_back(other, tmp_path / "b.zip")
    async with at(other):
        assert await Member.filter(registered_at=moment, registered_at__lte=moment, tier_score=0.1 + 0.2).count() == 1


async def test_every_table_there_is_goes_in_parents_before_children(database: Settings) -> None:
    if statements.is_postgres(statements.connection()):
        asked = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"
    else:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    there = {row["name"] for row in await statements.query(asked)} - {"tortoise_migrations", "tallies", "kept_counts"}
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
    await back_up(database, tmp_path / "b.zip")
    lost = await send_one(tmp_path, player)
    began = int(time.time() * 1000)
    await bring_back(other, tmp_path / "b.zip")
    async with at(other):
        new = await Message.create(**message_row(occurrence_id, player, step=1))
        assert new.id > began > lost
        assert len(Tokens(b"tests").message_key(new.id)) <= 32  # what WeChat takes


async def test_new_rows_of_the_other_tables_count_on(database: Settings, other: Settings, tmp_path: Path) -> None:
    last = (await crowd(4))[-1]
    await back_up(database, tmp_path / "b.zip")
    await bring_back(other, tmp_path / "b.zip")
    async with at(other):
        assert await add_member("Y9") == last + 1


# ---- databases that are refused -------------------------------------------------------------------------------------


async def test_a_database_that_is_not_empty_is_refused_and_kept(
    sqlite_database: Settings, other: Settings, tmp_path: Path
) -> None:
    await a_backup(sqlite_database, tmp_path / "b.zip")
    async with at(other):
        await add_member("Q1")
    with pytest.raises(InputError, match=r"members.*not empty"):
        await bring_back(other, tmp_path / "b.zip")
    async with at(other):
        assert await Member.all().values_list("no", flat=True) == ["Q1"]


async def test_what_a_first_start_left_is_no_obstacle_but_a_demos_database_is(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path
) -> None:
    await marks.write_mark("holdout_secret", "aa")
    await back_up(sqlite_database, tmp_path / "b.zip")
    async with at(elsewhere):
        await marks.write_mark("holdout_secret", "bb")
        await marks.write_mark(DEMO_MARK, "1")
    with pytest.raises(InputError, match="not empty"):
        await bring_back(elsewhere, tmp_path / "b.zip")
    async with at(elsewhere):
        await Mark.filter(key=DEMO_MARK).delete()
    await bring_back(elsewhere, tmp_path / "b.zip")
    async with at(elsewhere):
        assert await marks.read_mark("holdout_secret") == "aa"


async def test_a_restore_that_fails_in_the_middle_leaves_nothing(
    database: Settings, other: Settings, tmp_path: Path
) -> None:
    """The last table holds a row whose parent is not there."""
    settings = database.model_copy(update={"huifang_secret": ""})
    await tell_story(tmp_path)
    await save(settings, tmp_path / "b.zip", replace=False, with_secret=True, progress=silent)
    rewrite_table(tmp_path / "b.zip", "touches", lambda lines: lines.replace(b"\tout\t", b"\toutwards\t"))
    if other.database.startswith("sqlite"):  # which takes any length
        rewrite_table(tmp_path / "b.zip", "touches", lambda lines: lines + lines[: lines.index(b"\n") + 1])
    new = other.model_copy(update={"huifang_secret": ""})
    with pytest.raises(InputError, match="touches"):
        await bring_back(new, tmp_path / "b.zip")
    assert await is_empty(new)
    assert not new.secret_file.exists()


async def test_a_row_postgres_refuses_is_named_without_its_content(
    sqlite_database: Settings, postgres_server: str, tmp_path: Path, settings: Settings
) -> None:
    """SQLite takes a text of any length; PostgreSQL does not."""
    await crowd(2)
    await statements.run("UPDATE members SET city = $1 WHERE id = (SELECT max(id) FROM members)", "独一无二" * 30)
    await back_up(sqlite_database, tmp_path / "b.zip")
    name = f"test_{uuid.uuid4().hex[:12]}"
    await administer(postgres_server, f'CREATE DATABASE "{name}"')
    new = settings.model_copy(update={"database_url": f"{postgres_server.rpartition('/')[0]}/{name}"})
    try:
        with pytest.raises(InputError, match="members 第 2 行 city 列") as refused:
            await bring_back(new, tmp_path / "b.zip")
    finally:
        await administer(postgres_server, f'DROP DATABASE "{name}" WITH (FORCE)')
    assert "独一无二" not in str(refused.value)


# ---- the schema's history -------------------------------------------------------------------------------------------


async def test_a_backup_of_an_older_release_is_restored_and_brought_up_to_date(
    sqlite_database: Settings, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(2)
    await back_up(sqlite_database, tmp_path / "b.zip")
    _release_another(tmp_path, monkeypatch)
    new = settings.model_copy(update={"huifang_var": tmp_path / "new"})
    await bring_back(new, tmp_path / "b.zip")
    async with at(new):
        assert [row["nickname"] for row in await statements.query("SELECT nickname FROM members")] == [None, None]


async def test_a_backup_of_the_first_release_is_restored_by_this_one(
    sqlite_database: Settings, new_database: NewDatabase, tmp_path: Path
) -> None:
    """Nothing on the way may ask for a column that came later."""
    await crowd(2)
    await back_up(sqlite_database, tmp_path / "b.zip")
    for table, columns in (("contacts", _LATER_OF_CONTACTS), ("members", _LATER_OF_MEMBERS)):
        for place in sorted((_place(tmp_path / "b.zip", table, one) for one in columns), reverse=True):
            rewrite_table(tmp_path / "b.zip", table, _without(place))
    rewrite(tmp_path / "b.zip", "manifest.json", _as_of_the_first_release)
    new = await new_database()
    assert (await bring_back(new, tmp_path / "b.zip")).held.last_message == 0
    async with at(new):
        assert await Member.all().count() == 2
        assert await Message.all().count() == 0


async def test_a_database_with_a_newer_schema_than_the_backup_is_refused_with_the_remedy(
    sqlite_database: Settings, elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(2)
    await back_up(sqlite_database, tmp_path / "b.zip")
    _release_another(tmp_path, monkeypatch)
    async with at(elsewhere):
        pass
    with pytest.raises(ConfigError, match=r"库比 .* 新.*its schema is newer; name a new database"):
        await bring_back(elsewhere, tmp_path / "b.zip")


_LATER_OF_CONTACTS = ("external_userid", "primary_ours", "role", "influence", "interests")
_LATER_OF_MEMBERS = (
    "initials", "activity_state", "p_active", "expected_logins", "activity_at", "paid_12m",
    "tier_by_rule", "tier_values", "findings",
    "stage", "stage_since", "renewal_seen_on", "site_owner", "owner_due", "told_at",
)  # fmt: skip


def _place(backup: Path, table: str, column: str) -> int:
    with zipfile.ZipFile(backup) as file:
        tables = json.loads(file.read("manifest.json"))["tables"]
    [columns] = [one["columns"] for one in tables if one["name"] == table]
    return [one["name"] for one in columns].index(column)


def _without(place: int) -> Callable[[bytes], bytes]:
    def change(lines: bytes) -> bytes:
        rows = [line.split(b"\t") for line in lines.splitlines()]
        return b"".join(b"\t".join(row[:place] + row[place + 1 :]) + b"\n" for row in rows)

    return change


def _as_of_the_first_release(manifest: bytes) -> bytes:
    """The tables without what came later, and none of those that did."""
    value = json.loads(manifest)
    value["migrations"] = ["0001_initial"]
    wecom = ("bindings", "notices", "wecom_customers", "wecom_desks", "mass_tasks", "mass_recipients")
    desk = (
        "file_edits", "saved_segments", "saved_views", "approvals", "conversations", "corrections", "canned_answers",
        "notes", "imports", "custom_fields", "api_tokens", "api_answers", "webhooks", "webhook_deliveries",
    )  # fmt: skip
    matching = ("seeker_occupations", "introductions", "fairs", "fair_invitations")
    tiers = ("tier_runs", "tier_overrides")
    desks = ("staff", "staff_sessions", "audit_entries", *desk)
    gifts = ("gift_items", "gift_tastes", "gift_plans", "gift_lines")
    calendar = ("care_periods", "absences", "capacities", "planned_visits", "visit_conflicts")
    results = ("visit_outcomes", "problems", "promises", "hiring_plans")
    new = (
        "claims",
        "activity_runs",
        "transfers",
        "renewals",
        "targets",
        "site_reads",
        "site_items",
        *tiers,
        *gifts,
        *matching,
        *calendar,
        *results,
        *wecom,
        *desks,
    )
    value["tables"] = [table for table in value["tables"] if table["name"] not in new]
    later = {
        "members": _LATER_OF_MEMBERS,
        "contacts": _LATER_OF_CONTACTS,
        "postings": (
            "parent_category", "negotiable", "duties_length", "education", "experience", "deadline", "audit", "views",
            "urgent", "told_at", "gone_at",
        ),
        "messages": ("due_at", "ask_at", "claim_id", "obstacles"),
        "wechat_followers": ("heard_at", "mass_month", "mass_used"),
        "touches": ("by",),
        "visits": ("closed_by",),
        "seekers": ("mobile", "email", "consent", "consent_at", "consent_by", "read_job"),
    }  # fmt: skip
    for table in value["tables"]:
        columns = later.get(table["name"], ())
        table["columns"] = [column for column in table["columns"] if column["name"] not in columns]
    return json.dumps(value).encode()


def _release_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the next release would: one more step in the schema's history."""
    package = folder / "release_after_this"
    shutil.copytree(Path(campaigns.migrations.__path__[0]), package)
    (package / "0999_nickname.py").write_text(_ADD_NICKNAME.format(known_migrations()[-1]), encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.startswith(package.name)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(database_module, "MIGRATIONS", package.name)


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
    for table, sample in _SAMPLES.items():
        if not await models()[table].all().exists():
            await models()[table].create(**sample)


_SAMPLES: dict[str, dict[str, Any]] = {
    "claims": {"occurrence_id": 1, "channel": "sms", "lease_until": NOW, "message_ids": [1, 2]},
    "logins": {"member_id": 1, "at": NOW},
    "wechat_followers": {"openid": "o1", "window_until": NOW, "credits": {"t1": 2}},
    "channel_states": {"channel": "sms", "closed": True, "reason": _ODD},
    "wecom_customers": {"external_userid": "wm1", "desk": "wk1", "window_until": NOW, "window_left": 5},
    "wecom_desks": {"desk": "wk1", "cursor": _ODD, "called": 3},
    "staff": {
        "login": "lin",
        "name": _ODD,
        "role": "agent",
        "password": "$argon2id$",
        "grants": ["export"],
        "made_at": NOW,
    },
    "staff_sessions": {"digest": "d1", "staff_id": 1, "made_at": NOW, "seen_at": NOW},
    "audit_entries": {"at": NOW, "action": "exported", "subject": _ODD, "detail": {"rows": 3}},
    "file_edits": {"folder": "a", "file": "sms.toml", "text": _ODD, "by": "林", "at": NOW},
    "saved_segments": {"name": "n", "rule": _ODD, "at": NOW},
    "saved_views": {"staff_id": 1, "page": "members", "name": "n", "query": "q=1", "at": NOW},
    "approvals": {"campaign": "a", "version_id": 1, "asked_by": "林", "asked_at": NOW},
    "conversations": {"member_id": 1, "heard_at": NOW, "medium": "sms", "follow_up_on": NOW.date()},
    "seekers": {"no": "S1", "name": _ODD, "registered_at": NOW, "consent": "yes", "consent_at": NOW},
    "seeker_occupations": {"seeker_id": 1, "occupation": "焊工"},
    "introductions": {
        "member_id": 1,
        "seeker_id": 1,
        "state": "introduced",
        "grounds": [{"kind": "city", "figures": {"city": _ODD}}],
        "proposed_at": NOW,
        "seeker_words": _ODD,
    },
    "fairs": {"name": _ODD, "kind": "fair", "held_on": NOW.date(), "occupations": ["焊工", _ODD], "at": NOW},
    "fair_invitations": {"fair_id": 1, "member_id": 1, "invited_at": NOW, "touches": {"invited": 1}},
    "corrections": {"touch_id": 1, "text": _ODD, "was": "other", "now": "stop", "by": "林", "at": NOW},
    "canned_answers": {"title": "t", "text": _ODD, "at": NOW},
    "notes": {"member_id": 1, "text": _ODD, "by": "林", "at": NOW},
    "site_reads": {"site": _ODD, "source": "members", "last_id": 7, "at": NOW},
    "site_items": {"site": "74cms", "source": "follow_ups", "no": _ODD},
    "imports": {"folder": "f", "by": "林", "at": NOW, "columns": {"a": _ODD}},
    "custom_fields": {"name": "n", "shown": ["list"]},
    "tier_runs": {"at": NOW, "members": 3, "tiers": {"高端": 3}},
    "tier_overrides": {"member_id": 1, "tier": "高端", "reason": _ODD, "until": NOW.date(), "by": "林", "at": NOW},
    "gift_items": {"name": _ODD[:40], "value": 280, "stock": 5, "tastes": ["酒", _ODD]},
    "gift_tastes": {"member_id": 1, "likes": [_ODD]},
    "gift_plans": {
        "festival": "春节-2027",
        "day": NOW.date(),
        "rule": _ODD,
        "budget": 9,
        "levels": {"高端": 1},
        "at": NOW,
    },
    "gift_lines": {"plan_id": 1, "member_id": 1, "tier": "高端", "manner": "visit", "gifts": [1], "note": _ODD},
    "care_periods": {
        "member_id": 1,
        "starts_on": NOW.date(),
        "ends_on": NOW.date(),
        "reason": _ODD[:200],
        "at": NOW,
    },
    "absences": {"owner": "林", "starts_on": NOW.date(), "ends_on": NOW.date(), "reason": _ODD[:200], "at": NOW},
    "capacities": {"owner": "林", "a_day": 3},
    "planned_visits": {"member_id": 1, "owner": "林", "day": NOW.date(), "kind": "care", "due": NOW.date()},
    "visit_conflicts": {
        "member_id": 1,
        "owner": "林",
        "lost": "month",
        "won": "pin",
        "day": NOW.date(),
        "figures": {"gap": 4},
    },
    "api_tokens": {"name": "n", "digest": "d", "made_at": NOW},
    "api_answers": {"token_id": 1, "key": "k", "digest": "d", "status": 200, "body": _ODD, "made_at": NOW},
    "webhooks": {"url": "https://a.example/", "kinds": ["reply"], "note": _ODD, "made_at": NOW},
    "webhook_deliveries": {
        "webhook_id": 1,
        "event_id": "e",
        "kind": "reply",
        "body": _ODD,
        "made_at": NOW,
        "due_at": NOW,
    },
    "transfers": {"owner": _ODD, "before": {_ODD: [1]}, "moved": {"tasks": []}, "by": "林", "at": NOW},
    "renewals": {"member_id": 1, "until": NOW.date(), "at": NOW, "owner": _ODD[:64], "source": "seen"},
    "targets": {"month": "2026-11", "who": _ODD, "kind": "visits", "goal": 3, "by": "林", "at": NOW},
    "visit_outcomes": {
        "key": "k",
        "member_id": 1,
        "touch_id": 1,
        "at": NOW,
        "medium": "phone",
        "result": "talked",
        "by": _ODD,
    },
    "problems": {
        "member_id": 1,
        "category": "login",
        "cause": _ODD,
        "fault": "site",
        "opened_at": NOW,
        "opened_by": "林",
    },
    "promises": {"member_id": 1, "what": _ODD, "due_on": NOW.date(), "made_at": NOW},
    "hiring_plans": {"member_id": 1, "role": _ODD, "heads": 3, "month": NOW.date(), "told_at": NOW, "by": "林"},
    "bindings": {"digest": "d1", "channel": "wecom", "contact_id": 1, "expires_at": NOW},
    "notices": {"visit_id": 1, "member_id": 1, "made_at": NOW, "not_before": NOW},
    "mass_tasks": {"id": 1, "key": "k", "sender": "a", "text": _ODD, "made_at": NOW, "next_at": NOW},
    "mass_recipients": {"task_id": 1, "member_id": 1, "contact_id": 1, "external_userid": "wm1"},
}
