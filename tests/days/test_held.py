"""Until a person releases it, a restored copy says everywhere that it waits, and starts nothing."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.clock import ProductClock
from bot.database import open_database
from bot.providers import SandboxEndpoints
from bot.runtime import CLOCK_MARK, open_runtime
from bot.settings import Settings, load_settings
from bot.worker import drain, plan, recover, ring_due
from campaigns import marks, restored
from campaigns.models import Claim, Message, Occurrence
from campaigns.restored import Uncertain
from tests.cast import NOW, claim, crowd, depart, run_tiny, states
from tests.days.conftest import Call

_WORD = "huifang release"
_NOBODY = SandboxEndpoints(
    smtp={"host": "127.0.0.1", "submission_port": 9, "username": "x", "password": "x"},
    aliyun_sms={"endpoint": "127.0.0.1:9", "access_key_id": "x", "access_key_secret": "x"},
    side="http://127.0.0.1:9",
)


@pytest.fixture
def held(call: Call, tmp_path: Path) -> Callable[..., Any]:
    """The same commands on a copy restored from the backup of a database with one campaign of eight companies."""
    _at(tmp_path / "var", lambda settings: _eight_to_write_to(tmp_path))
    assert call("backup", "b.zip", "--json").code == 0

    def run(*words: str, **settings: str) -> Any:
        return call(*words, HUIFANG_VAR=str(tmp_path / "copy"), **settings)

    return run


def test_a_backup_and_its_restore_answer_with_one_document_each(held: Call, call: Call) -> None:
    again = call("backup", "b.zip", "--json")
    assert again.code == 1
    assert "--force" in again.found["error"]
    saved = call("backup", "b.zip", "--force", "--json").found
    assert saved["rows"]["messages"] == 8
    assert saved["holds_secret"]
    found = held("restore", "b.zip", "--json").found
    assert found["rows"] == saved["rows"]
    assert (found["would_send"], found["cannot_know"], found["secret"]) == (0, 8, "placed")
    assert [one["campaign"] for one in found["campaigns"]] == ["tiny"]
    listed = held("release", "--list", "--json").found
    assert listed == {name: value for name, value in found.items() if name not in ("rows", "secret")}
    assert held("release", "--json").found == {"again": 0, "unknown": 8, "half_planned": 0}
    refused = held("release")
    assert (refused.code, refused.out) == (1, "")
    assert "nothing to release" in refused.err


def test_people_read_what_is_in_the_file_and_what_it_would_send(held: Call, call: Call) -> None:
    assert "签名密钥" in call("backup", "c.zip").out
    shown = held("restore", "b.zip").out
    for word in ("tiny", "说不清 8 条", _WORD, "member refuse", "签名密钥一起恢复了"):
        assert word in shown
    assert "说不清 8 条" in held("release", "--list").out
    assert "记为不确定 8 条" in held("release", "--uncertain", "none").out


def test_a_wrong_word_is_wrong_usage(held: Call) -> None:
    assert held("release", "--uncertain", "some").code == 2
    assert held("restore").code == 2
    assert held("backup").code == 2


def test_a_campaign_does_not_start_and_up_does_not_wait_for_an_end_that_cannot_come(held: Call) -> None:
    held("restore", "b.zip")
    refused = held("campaign", "start", "tiny", "--as-of", "2026-11-24")
    assert (refused.code, refused.out) == (1, "")
    assert _WORD in refused.err
    ended = held("up", "--exit")
    assert ended.code == 1
    assert _WORD in ended.err


def test_the_doctor_names_the_way_on(held: Call) -> None:
    held("restore", "b.zip")
    before, _ = held("doctor", "--json"), held("release")
    assert [check["ok"] for check in before.found["checks"] if check["name"] == "restored"] == [False]
    assert before.code == 1
    assert _WORD in before.out
    after = held("doctor", "--json").found
    assert [check["ok"] for check in after["checks"] if check["name"] == "restored"] == [True]


async def test_a_worker_plans_rings_sends_and_recovers_nothing_of_it(sqlite_database: Settings, tmp_path: Path) -> None:
    occurrence_id = await _eight_to_write_to(tmp_path)
    assert await depart(await claim(occurrence_id, limit=3))
    await Message.all().update(facts=None)
    await Claim.all().update(lease_until=NOW - timedelta(days=1000))
    unplanned = await Occurrence.create(campaign_id=1, version_id=1, key="half", at=NOW)
    await restored.hold(made_at=NOW, now=NOW)
    before = await states(occurrence_id)
    async with open_runtime(sqlite_database, sandbox=_NOBODY) as runtime:
        ctx = {"runtime": runtime, "stopping": asyncio.Event(), "asking": asyncio.Lock()}

        async def work() -> None:
            await plan(runtime)
            await ring_due(runtime)
            await drain(ctx, occurrence_id, "sms")
            await recover(ctx)

        await work()
        assert await runtime.redis.keys("*drain*") == []
        assert await states(occurrence_id) == before
        assert (await Occurrence.get(id=unplanned.id)).planned_at is None
        await restored.release(Uncertain.ALL, now=NOW)
        await work()
        assert await runtime.redis.keys("*drain*") != []
        assert (await Occurrence.get(id=unplanned.id)).planned_at is not None
        assert (await states(occurrence_id))["unknown"] == 3


async def _eight_to_write_to(folder: Path) -> int:
    clock = ProductClock()
    clock.set(NOW)
    await marks.write_mark(CLOCK_MARK, clock.to_mark())
    await crowd(8)
    return await run_tiny(folder / "campaigns")


def _at(var: Path, work: Callable[[Settings], Coroutine[Any, Any, object]]) -> None:
    async def run() -> None:
        settings = load_settings(env_file=None, huifang_var=var)
        async with open_database(settings):
            await work(settings)

    asyncio.run(run())
