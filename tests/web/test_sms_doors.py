"""Tencent's callbacks at our own doors: where they may come from, what they are answered, what they do."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns import outbox
from campaigns.models import Event, Suppression
from tests.web_cast import add_contact, add_member, as_staff, browse

THEIRS, OTHERS = "192.0.2.7", "198.51.100.1"
MOBILE = "15483500001"
REPLY = {"extend": "0", "mobile": MOBILE, "nationcode": "86", "sign": "签", "text": "R", "time": 1795396623}


@pytest.fixture
async def runtime(sqlite_database: Settings) -> AsyncIterator[Runtime]:
    settings = sqlite_database.model_copy(
        update={
            "tencent_sms_endpoint": "http://127.0.0.1:9",
            "tencent_sms_secret_id": "id",
            "tencent_sms_secret_key": "key",
            "tencent_sms_sdk_app_id": "1400006666",
            "tencent_sms_push_from": "192.0.2.0/24",
        }
    )
    async with open_runtime(settings) as opened:
        yield opened


async def push(
    runtime: Runtime, body: object, client: str = THEIRS, door: str = "reply", **headers: str
) -> httpx.Response:
    async with browse(runtime, client=client) as provider:
        url = f"/hooks/{runtime.hook_secret}/sms/tencent-{door}"
        return await provider.post(url, content=json.dumps(body), headers=headers)


async def test_a_refusal_is_in_force_before_the_provider_has_its_answer_and_counts_once(runtime: Runtime) -> None:
    member = await add_member("Q200001")
    await add_contact(member, mobile=MOBILE)
    answers = [await push(runtime, REPLY) for _ in range(3)]
    assert [answer.json() for answer in answers] == [{"result": 0, "errmsg": "OK"}] * 3
    assert await Event.all().count() == 1
    assert await Suppression.filter(member_id=member.id).exists()


async def test_nobody_else_gets_in(runtime: Runtime) -> None:
    assert (await push(runtime, REPLY, OTHERS)).status_code == 403
    assert (await push(runtime, REPLY, OTHERS, **{"x-forwarded-for": THEIRS})).status_code == 403
    assert await Event.all().count() == 0


async def test_behind_a_proxy_on_this_machine_its_last_word_counts(runtime: Runtime) -> None:
    forged = {"x-forwarded-for": f"{THEIRS}, {OTHERS}"}
    assert (await push(runtime, REPLY, "127.0.0.1", **forged)).status_code == 403
    honest = {"x-forwarded-for": f"{OTHERS}, {THEIRS}"}
    assert (await push(runtime, REPLY, "127.0.0.1", **honest)).status_code == 200


async def test_a_receipt_of_a_message_nobody_sent_changes_nothing(runtime: Runtime) -> None:
    item = {"mobile": MOBILE, "nationcode": "86", "report_status": "FAIL", "errmsg": "MBBLACK", "sid": "2433:1"}
    assert (await push(runtime, [item], door="status")).status_code == 200
    assert not await Suppression.all().exists()


async def test_aliyuns_doors_are_closed_where_it_has_no_account(runtime: Runtime) -> None:
    async with browse(runtime, client=THEIRS) as provider:
        assert (await provider.post(f"/hooks/{runtime.hook_secret}/sms/report", content="[]")).status_code == 403


async def test_staff_see_that_one_of_several_providers_is_closed_and_why(runtime: Runtime) -> None:
    await outbox.close_channel("sms_tencent", "渠道停了：余额不足")
    async with as_staff(runtime) as staff:
        page = (await staff.get("/members")).text
    assert "停了一家" in page
    assert "tencent：渠道停了：余额不足" in page
