"""Two SMS clouds at once, from the ledger to the wire and back: shared out, told apart, and no refusal got round."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import sender
from bot.channels.base import InboundRequest
from bot.clock import ProductClock
from bot.inbox import Inbox
from bot.runtime import Runtime, open_runtime
from bot.sandbox.aliyun_sms import AliyunSmsSandbox
from bot.sandbox.stage import Stage
from bot.settings import Settings
from campaigns.models import Contact, Message, Suppression
from campaigns.outbox import Batch
from campaigns.terms import ChannelName
from tests.cast import NOW, TEMPLATES, crowd, run_tiny
from tests.channels.strict_tencent import APP_ID, SECRET_ID, SECRET_KEY, StrictTencent

SIGN = "古城人才网"
SHARE = "[share]\naliyun = 50\ntencent = 50\n"


@dataclass
class House:
    settings: Settings
    clock: ProductClock
    aliyun: AliyunSmsSandbox
    tencent: StrictTencent
    occurrence_id: int = 0

    @asynccontextmanager
    async def opened(self, rules: str = SHARE) -> AsyncIterator[Runtime]:
        (self.settings.huifang_templates / "sms_providers.toml").write_text(rules, encoding="utf-8")
        async with open_runtime(self.settings, clock=self.clock) as runtime:
            yield runtime

    async def drain(self, runtime: Runtime) -> int:
        batch = Batch(self.occurrence_id, ChannelName.SMS)
        return await sender.drain(runtime, batch, seconds=30, stopping=asyncio.Event())

    @property
    def by_aliyun(self) -> set[str]:
        return {row.to for row in self.aliyun.stage.ledger}

    @property
    def by_tencent(self) -> set[str]:
        return {row["number"].removeprefix("+86") for row in self.tencent.taken}


@pytest.fixture
async def house(sqlite_database: Settings, tmp_path: Path) -> AsyncIterator[House]:
    """Twenty members with résumés they have not read, each to be told by SMS."""
    folder = tmp_path / "templates"
    folder.mkdir()
    for name in ("policy.toml", "pacing.toml", "site.toml", "calendar.toml"):
        shutil.copy(TEMPLATES / name, folder)
    clock = ProductClock()
    clock.set(NOW)
    aliyun = AliyunSmsSandbox(
        Stage(clock, seed=1),
        access_key_id="id",
        access_key_secret="secret",
        signs=[SIGN],
        templates={"SMS_210000001": _text_of("unread_resumes")},
    )
    async with AsyncExitStack() as stack:
        await aliyun.start()
        stack.push_async_callback(aliyun.stop)
        tencent = await stack.enter_async_context(StrictTencent(clock, sign=SIGN, templates={"2100001": 3}).serving())
        settings = sqlite_database.model_copy(
            update={
                "huifang_templates": folder,
                "aliyun_sms_endpoint": f"http://{aliyun.endpoint}",
                "aliyun_sms_access_key_id": "id",
                "aliyun_sms_access_key_secret": "secret",
                "tencent_sms_endpoint": tencent.endpoint,
                "tencent_sms_secret_id": SECRET_ID,
                "tencent_sms_secret_key": SECRET_KEY,
                "tencent_sms_sdk_app_id": APP_ID,
            }
        )
        await crowd(20, unread=4)
        occurrence_id = await run_tiny(folder, channels=["sms"])
        yield House(settings, clock, aliyun, tencent, occurrence_id)


def _text_of(campaign: str) -> str:
    lines = (TEMPLATES / campaign / "sms.toml").read_text(encoding="utf-8").splitlines()
    return next(line.partition('"')[2].rpartition('"')[0] for line in lines if line.startswith("text"))


async def test_each_message_goes_by_one_of_them_and_the_ledger_says_by_which(house: House) -> None:
    async with house.opened() as runtime:
        assert await house.drain(runtime) == 20
    assert len(house.by_aliyun) + len(house.by_tencent) == 20
    assert house.by_aliyun
    assert house.by_tencent
    known = dict(await Message.filter(state="sent").values_list("address", "provider_id"))
    assert {address for address, name in known.items() if name.startswith("tencent.")} == house.by_tencent
    assert not house.by_aliyun & house.by_tencent


async def test_a_receipt_is_matched_with_what_its_own_provider_sent(house: House) -> None:
    async with house.opened() as runtime:
        await house.drain(runtime)
        sms, inbox = runtime.channels[ChannelName.SMS], Inbox(runtime)
        items = [
            {"mobile": row["number"][3:], "nationcode": "86", "report_status": "SUCCESS", "errmsg": "DELIVRD"}
            | {"sid": row["serial"], "user_receive_time": "2026-11-23 10:00:00"}
            for row in house.tencent.taken
        ]
        stranger = items[0] | {"mobile": sorted(house.by_aliyun)[0]}
        request = InboundRequest("POST", "tencent-status", body=json.dumps([*items, stranger, items[0]]).encode())
        sms.verify(request)
        taken = await inbox.take(sms.parse(request))
    assert [one.outcome for one in taken[-2:]] == ["unmatched", "repeat"]
    delivered = set(await Message.filter(state="delivered").values_list("address", flat=True))
    assert delivered == house.by_tencent


async def test_what_may_have_gone_by_one_is_asked_for_there_and_never_sent_by_the_other(house: House) -> None:
    house.tencent.faults = ["after"] * 20
    async with house.opened() as runtime:
        await house.drain(runtime)
    unknown = set(await Message.filter(state="unknown").values_list("address", flat=True))
    assert house.by_tencent <= unknown != set()
    gone = len(house.by_aliyun)
    house.tencent.faults.clear()
    async with house.opened(rules='default = "aliyun"') as runtime:
        await sender.reconcile(runtime)
        await house.drain(runtime)
    assert await Message.filter(state="unknown", address__in=list(house.by_tencent)).count() == 0
    assert len(house.by_aliyun & unknown) == 0
    assert len(house.by_aliyun) >= gone


async def test_who_is_on_the_blacklist_of_one_is_closed_for_both(house: House) -> None:
    numbers = await Contact.all().values_list("mobile", flat=True)
    house.tencent.codes = {f"+86{number}": "FailedOperation.PhoneNumberInBlacklist" for number in numbers}
    async with house.opened() as runtime:
        await house.drain(runtime)
    refused = set(await Message.filter(state="failed").values_list("address", flat=True))
    assert refused
    assert not refused & house.by_aliyun
    assert set(await Suppression.filter(channel="sms").values_list("address", flat=True)) == refused
    async with house.opened(rules='default = "aliyun"') as runtime:
        await house.drain(runtime)
    assert not refused & house.by_aliyun


async def test_an_account_without_money_stops_its_provider_and_the_other_carries_the_rest(house: House) -> None:
    house.tencent.refuse = "FailedOperation.InsufficientBalanceInSmsPackage"
    async with house.opened() as runtime:
        for _ in range(4):
            await house.drain(runtime)
        runtime.clock.set(NOW.replace(hour=NOW.hour + 1))
        await house.drain(runtime)
    assert house.by_tencent == set()
    assert len(house.by_aliyun) == 20
    assert await Message.filter(state="sent").count() == 20


async def test_a_message_is_paced_by_the_limits_of_its_own_provider(house: House) -> None:
    pacing = '[sms_tencent]\nper_day = 2\n[sms_aliyun]\nrate = "1000/s"\n'
    (house.settings.huifang_templates / "pacing.toml").write_text(pacing, encoding="utf-8")
    async with house.opened() as runtime:
        await house.drain(runtime)
    assert len(house.by_tencent) == 2
    assert len(house.by_aliyun) > 4
    waiting = await Message.filter(state="queued", reason="paced").count()
    assert waiting == 20 - 2 - len(house.by_aliyun)
