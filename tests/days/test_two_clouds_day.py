"""Two SMS clouds and their stand-ins through the worker: shared out, told of, asked about, and no refusal got round."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from bot import sender
from bot.clock import ProductClock
from bot.commands.serving import House, house
from bot.conductor import Conductor
from bot.sandbox.sms_carrier import Quirks
from bot.sandbox.stage import Accepted
from bot.sandbox.tencent_sms import TencentSmsSandbox
from bot.settings import Settings
from campaigns import marks
from campaigns.models import Contact, Message, Suppression, Touch
from campaigns.planner import start_campaign
from campaigns.terms import ChannelName
from tests.cast import NOW, TEMPLATES, approve_tiny, crowd, run_tiny
from tests.fleet import HOLDOUT_SECRET

CALM = Quirks(empty_share=0, failure_share=0, duplicate_share=0, reply_duplicate_share=0)
BY_TENCENT = 'default = "tencent"\n'
SHARED = "[share]\naliyun = 50\ntencent = 50\n"


@dataclass(slots=True)
class Day:
    home: House
    templates: Path
    occurrence_id: int = 0

    @property
    def tencent(self) -> TencentSmsSandbox:
        assert self.home.sandbox is not None
        return self.home.sandbox.tencent_sms

    @property
    def conductor(self) -> Conductor:
        return Conductor(self.home.runtime, self.home.sandbox)

    @property
    def rows(self) -> list[Accepted]:
        return self.tencent.stage.ledger.rows(ChannelName.SMS)

    def by_tencent(self) -> list[str]:
        return [row.to for row in self.rows if self.tencent.sent(row)]

    def by_aliyun(self) -> list[str]:
        return [row.to for row in self.rows if not self.tencent.sent(row)]


@pytest.fixture
def rules() -> str:
    return BY_TENCENT


@pytest.fixture
async def day(sqlite_database: Settings, tmp_path: Path, rules: str) -> AsyncIterator[Day]:
    templates = tmp_path / "templates"
    shutil.copytree(TEMPLATES, templates)
    (templates / "sms_providers.toml").write_text(rules, encoding="utf-8")
    await marks.write_mark_once("holdout_secret", HOLDOUT_SECRET.hex())
    clock = ProductClock()
    clock.set(NOW)
    changes = {"web_port": 0, "mail_door_port": 0, "huifang_templates": templates}
    async with house(sqlite_database.model_copy(update=changes), clock) as running:
        assert running.sandbox is not None
        running.sandbox.stage.listeners.clear()
        running.sandbox.wechat.callbacks.door.answer_seconds = 60  # ours may be slow on a busy machine
        running.sandbox.tencent_sms.carrier.quirks = running.sandbox.sms.carrier.quirks = CALM
        yield Day(running, templates)


async def states() -> dict[str, int]:
    found: dict[str, int] = {}
    for (state,) in await Message.all().values_list("state"):
        found[state] = found.get(state, 0) + 1
    return found


async def test_what_went_out_is_delivered_when_its_carrier_says_so(day: Day) -> None:
    await crowd(30, unread=4)
    await run_tiny(day.templates, channels=["sms"])
    await day.conductor.until_done()
    assert (len(day.by_tencent()), day.by_aliyun()) == (30, [])
    assert await states() == {"delivered": 30}
    assert await Touch.filter(direction="out", medium="sms").count() == 30


@pytest.mark.timeout(300)  # hours of a day, receipt by receipt
async def test_receipts_that_come_late_twice_and_of_strangers_move_each_message_once(day: Day) -> None:
    day.tencent.carrier.quirks = Quirks(
        empty_share=0, failure_share=0.3, late_share=0.3, duplicate_share=0.5, unknown_share=0.5, largest_batch=7
    )
    await crowd(40, unread=4)
    occurrence_id = await run_tiny(day.templates, channels=["sms"])
    await day.conductor.until_done()
    ends = {
        f"tencent.{row.provider_id}": "delivered" if day.tencent.fate_of(row).delivered else "bounced"
        for row in day.rows
    }
    found = dict(await Message.filter(occurrence_id=occurrence_id).values_list("provider_id", "state"))
    expected = {name: ends[name] for name in found}
    assert len(found) == 40
    assert found == expected
    assert set(expected.values()) == {"delivered", "bounced"}


async def test_of_many_numbers_in_a_call_each_has_its_own_end(day: Day) -> None:
    ids = await crowd(12, unread=4)
    await Contact.filter(member_id__in=ids).update(name="店长")
    refused = str((await Contact.filter(member_id=ids[3]).first()).mobile)  # type: ignore[union-attr]
    day.tencent.account.blocked.update((sign, refused) for sign in day.tencent.account.signs)
    await run_tiny(day.templates, channels=["sms"])
    await day.conductor.until_done()
    assert await states() == {"delivered": 11, "failed": 1}
    assert (await Suppression.get(channel="sms")).address == refused


async def test_an_answer_that_was_lost_is_asked_for_and_nothing_goes_twice(day: Day) -> None:
    """Nothing can be said before a carrier has spoken; no push comes here, so only asking can tell."""
    day.tencent.connect(None, None)
    day.tencent.faults.shares(reset_after=1.0)
    await crowd(5, unread=4)
    await run_tiny(day.templates, channels=["sms"])
    await day.conductor.settle()
    assert await states() == {"unknown": 5}
    day.home.runtime.clock.set(NOW + timedelta(minutes=5))
    day.tencent.faults.shares()
    await sender.reconcile(day.home.runtime)
    assert await states() == {"sent": 5}
    assert sorted(day.by_tencent()) == sorted(set(day.by_tencent()))


@pytest.mark.parametrize("rules", [SHARED])
async def test_who_refuses_at_one_is_never_written_to_by_the_other(day: Day) -> None:
    """The refusal's push may be lost: the provider's own list tells it, and the other must not be tried."""
    await crowd(20, unread=4)
    await run_tiny(day.templates, channels=["sms"])
    await day.conductor.until_done()
    by_tencent, by_aliyun = day.by_tencent(), day.by_aliyun()
    assert by_tencent
    assert by_aliyun
    day.home.runtime.planning_held = True  # no slots of their own on the way
    heard, unheard = by_tencent[:2]
    assert await day.tencent.say(heard, "TD")
    day.tencent.account.blocked.update((sign, unheard) for sign in day.tencent.account.signs)
    before = len(day.rows)
    for week, key in enumerate(("again", "and_again"), start=1):
        moment = NOW + timedelta(days=7 * week)
        day.home.runtime.clock.set(moment)
        await approve_tiny(day.templates, key, channels=["sms"])
        await start_campaign(key, moment, day.home.runtime.rulebook)
        await day.conductor.until_done()
    after = [row.to for row in day.rows[before:]]
    assert not {heard, unheard} & set(after)
    assert len(after) == 2 * 18
    assert set(await Suppression.filter(channel="sms").values_list("address", flat=True)) == {unheard}
