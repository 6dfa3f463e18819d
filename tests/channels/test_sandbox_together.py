"""All stand-ins together: each SMS cloud's messages are answered at its own doors, and all faults are by one seed."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.clock import ProductClock
from bot.sandbox.listening import Listener
from bot.sandbox.run import Doors, Sandbox
from campaigns.errors import ConfigError
from campaigns.terms import ChannelName

TEMPLATES = Path(__file__).parents[2] / "templates"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox(ProductClock(), templates=TEMPLATES)
    await made.start()
    yield made
    await made.stop()


async def test_a_port_there_is_not_is_told_by_the_name_of_its_own_option() -> None:
    made = Sandbox(ProductClock(), templates=TEMPLATES, side_port=99999)
    try:
        with pytest.raises(ConfigError, match=r"^--port: "):
            await made.start()
    finally:
        await made.stop()


async def test_a_customer_answers_by_the_cloud_that_wrote_at_that_clouds_doors(sandbox: Sandbox) -> None:
    heard: list[tuple[str, Any]] = []

    async def take(request: Request) -> Response:
        heard.append((request.url.path, await request.json()))
        return JSONResponse({"code": 0, "result": 0})

    hooks = Listener(Starlette(routes=[Route("/hooks/s/{rest:path}", take, methods=["POST"])]), "127.0.0.1", 0)
    sandbox.connect(Doors(f"http://127.0.0.1:{await hooks.start()}/hooks/s", "127.0.0.1", 1))
    by_aliyun = {"text": "您好", "template_code": "SMS_1", "sign": "云溪人才网", "params": {}}
    by_tencent = {"text": "您好", "template_id": "1", "sign": "云溪人才网", "params": []}
    for number, words in enumerate((by_aliyun, by_tencent)):
        row = sandbox.stage.accept(
            ChannelName.SMS, f"1540000000{number}", key="k", words=words, provider_id=f"p{number}"
        )
        answered = await _answer_on_the_phone(sandbox, len(sandbox.stage.ledger) - 1, row.to, "好的")
        assert answered == 303
    await hooks.stop()
    assert [path for path, _ in heard] == ["/hooks/s/sms/reply", "/hooks/s/sms/tencent-reply"]
    assert heard[0][1][0]["content"] == heard[1][1]["text"] == "好的"


async def _answer_on_the_phone(sandbox: Sandbox, message: int, phone: str, text: str) -> int:
    form = {"message": str(message), "text": text, "sms": phone}
    async with httpx.AsyncClient(trust_env=False) as browser:
        return (await browser.post(f"{sandbox.url}/phone/answer", data=form)).status_code


async def test_the_campaigns_own_templates_are_approved_at_both_clouds(sandbox: Sandbox) -> None:
    aliyun, tencent = sandbox.sms.account.templates, sandbox.tencent_sms.account.templates
    assert list(tencent) == [
        "2100022",
        "2100005",
        "2100002",
        "2100021",
        "2100023",
        "2100003",
        "2100001",
    ]  # as the folders' sms.toml name them
    assert [len(set(template.variables)) for template in aliyun.values()] == [
        template.variables for template in tencent.values()
    ]
    assert {template.is_marketing for template in tencent.values()} == {True, False}


async def test_one_seed_makes_all_of_them_misbehave_and_another_seed_otherwise(sandbox: Sandbox) -> None:
    first = sandbox.misbehave(5)
    carriers = sandbox.sms.carrier.quirks, sandbox.tencent_sms.carrier.quirks
    assert sandbox.misbehave(5) == first
    assert (sandbox.sms.carrier.quirks, sandbox.tencent_sms.carrier.quirks) == carriers
    assert sandbox.misbehave(6) != first
    wanted = {"delay", "bad_gateway", "reset_before", "reset_after", "truncate", "slow_body", "twice", "receipt_first"}
    for name in ("aliyun sms", "tencent sms", "wechat"):
        assert wanted <= set(first[name])
    for name in ("wechat token", "wecom", "wecom token"):
        assert wanted - {"receipt_first"} <= set(first[name])
    assert {"bye", "web_page", "reset_before", "reset_after", "truncate", "slow_body", "twice"} <= set(first["imap"])
    assert {plan.name for plan in sandbox.stage.fault_plans} == set(first)
    mail = {"busy", "greylist", "drop_before_data", "drop_after_dot", "truncate", "slow_answer", "twice", "web_page"}
    for name in ("smtp", "smtp mx"):
        assert mail <= set(first[name])
    assert {fault for shares in first.values() for fault in shares}.isdisjoint({"forget"})
    for quirks in (*carriers, sandbox._mail.quirks, sandbox.wechat.callbacks.quirks):
        assert min(quirks.missing_share, quirks.late_share, quirks.unknown_share, quirks.duplicate_share) > 0
    wecom = sandbox.wecom.callbacks.quirks
    assert min(wecom.missing_share, wecom.late_share, wecom.duplicate_share, wecom.empty_page_share) > 0
    assert sandbox.wecom.kf.quirks == wecom
    assert sandbox.wechat.mass.failure_share > 0
