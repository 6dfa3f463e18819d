"""设置: its frame, tokens and departments."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import cast

import httpx

from bot.channels.base import Channel
from bot.clock import ProductClock
from bot.providers import SandboxEndpoints
from bot.runtime import Runtime, open_runtime
from bot.settings import Settings
from campaigns import api_tokens, outbox
from campaigns.models import ApiToken, AuditEntry
from campaigns.rights import Right, Role
from campaigns.terms import ChannelName
from tests.fleet import sandbox_of
from tests.web_cast import NOW, add_colleague, add_contact, add_member, as_staff

HOSTILE = "<script>alert(1)</script>\"'" + "长" * 37


async def test_the_frame_shows_the_tabs_one_may_open(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/settings")).text
    for place in ("/settings/tokens", "/settings/departments", "/staff", "/audit"):
        assert f'href="{place}"' in page
    async with as_staff(runtime, Role.MANAGER) as manager:
        page = (await manager.get("/audit")).text
        assert 'href="/audit" aria-current="page"' in page
        assert "/settings/tokens" not in page


async def test_a_token_is_shown_once(browser: httpx.AsyncClient) -> None:
    made = (await browser.post("/settings/tokens", data={"name": "招聘网站", "right": ["see", "staff"]})).text
    secret = re.search(r"hf_[\w-]+", made)
    assert secret
    found = await api_tokens.find(secret[0], NOW)
    assert found is not None
    assert found.rights == {Right.SEE}
    page = (await browser.get("/settings/tokens")).text
    assert secret[0] not in page
    assert f"…{secret[0][-4:]}" in page
    await browser.post(f"/settings/tokens/{found.id}/revoke")
    assert await api_tokens.find(secret[0], NOW) is None
    assert {"key_made", "key_revoked"} <= {entry.action for entry in await AuditEntry.all()}
    assert secret[0] not in str([dict(entry) for entry in await AuditEntry.all()])


async def test_a_token_form_keeps_what_was_typed_and_says_what_is_wrong(browser: httpx.AsyncClient) -> None:
    for data, words in (
        ({"name": HOSTILE}, "至少给一项权限"),
        ({"name": "", "right": "see"}, "名字写1到64个字"),
        ({"name": "x" * 300, "right": "see"}, "名字写1到64个字"),
    ):
        answer = await browser.post("/settings/tokens", data=data)
        assert answer.status_code == 422
        assert words in answer.text
        assert "<script>alert" not in answer.text
    assert await ApiToken.all().count() == 0
    assert (await browser.post("/settings/tokens/99999999999999/revoke")).status_code == 404


async def test_a_token_of_one_department_with_its_own_limit_is_made_on_the_page(browser: httpx.AsyncClient) -> None:
    await add_colleague(Role.AGENT, name="甲", department="东区")
    given = {"name": "报表", "right": "see", "department": "东区", "per_minute": "90"}
    assert (await browser.post("/settings/tokens", data=given)).status_code == 200
    [made] = await api_tokens.list_tokens()
    assert (made.department, made.per_minute) == ("东区", 90)
    page = (await browser.get("/settings/tokens")).text
    assert "每分钟90次" in page
    assert "东区</span> ·" in page
    [entry] = await AuditEntry.filter(action="key_made")
    assert (entry.detail["department"], entry.detail["per_minute"]) == ("东区", 90)


async def test_bounds_of_a_token_that_do_not_fit_are_said_beside_their_fields(browser: httpx.AsyncClient) -> None:
    await add_colleague(Role.AGENT, name="甲", department="东区")
    good = {"name": "报表", "right": ["see"], "department": "东区", "per_minute": "90"}
    for wrong, field, words in (
        ({"department": "西区"}, "department", "没有这个部门"),
        ({"right": ["see", "import"]}, "department", "只看一个部门的令牌不能写"),
        *(({"per_minute": n}, "per_minute", "写1到60,000的整数") for n in ("0", "60001", "-5", "x", "", "9" * 40)),
    ):
        answer = await browser.post("/settings/tokens", data=good | wrong)
        assert answer.status_code == 422
        assert words in answer.text.partition(f'id="{field}-e"')[2][:400]
        assert 'value="报表"' in answer.text
    assert '<option value="东区" selected' in answer.text
    assert await ApiToken.all().count() == 0


async def test_a_hostile_token_name_is_text(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/settings/tokens", data={"name": HOSTILE, "right": "see"})
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text + (await browser.get("/settings/tokens")).text


async def test_departments_are_listed_with_their_people_and_members(browser: httpx.AsyncClient) -> None:
    assert "还没有部门" in (await browser.get("/settings/departments")).text
    await add_colleague(Role.AGENT, name="甲", department="东区")
    await add_colleague(Role.AGENT, name="乙", department="东区")
    for number in range(3):
        await add_member(f"Q{number}", owner="甲")
    page = (await browser.get("/settings/departments")).text
    assert "甲</span>、<span>乙" in page
    assert "3家" in page


async def test_a_closed_channel_says_why_and_what_to_do_and_is_opened(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await outbox.close_channel("email", "535 5.7.8 <script>alert(1)</script>")
    await outbox.close_channel("sms_tencent", "余额不足", until=NOW + timedelta(hours=3))
    page = (await browser.get("/settings/channels")).text
    assert "换授权码" in page
    assert "<script>alert" not in page
    assert "充值" in page
    assert "12:30自己打开" in page
    for name in ("email", "nonsense", "sms_tencent"):
        await browser.post("/settings/channels/open", data={"channel": name})
    assert await outbox.list_closures(NOW) == []
    assert await AuditEntry.filter(action="channel_opened").count() == 2


async def test_a_test_needs_a_channel_and_an_address(browser: httpx.AsyncClient) -> None:
    for channel in ("email", "", "<script>alert(1)</script>"):
        answer = await browser.post("/settings/channels/test", data={"channel": channel, "to": HOSTILE})
        assert answer.status_code == 422
        assert "<script>alert" not in answer.text


async def test_a_test_goes_to_no_customer(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await add_contact(await add_member("Q1"), email="boss@west.example")
    sent = replace(runtime, channels={ChannelName.EMAIL: cast(Channel, object())})  # would fail if it were asked
    async with as_staff(sent, login="other") as client:
        answer = await client.post("/settings/channels/test", data={"channel": "email", "to": "Boss@West.example"})
    assert answer.status_code == 422
    assert "试发只能发给自己" in answer.text


async def test_a_test_goes_out_to_the_stand_in(sqlite_database: Settings) -> None:
    """Really over SMTP, to the sandbox; what it said of a bad address is told in words."""
    clock = ProductClock()
    clock.set(NOW)
    async with (
        sandbox_of(sqlite_database, clock) as sandbox,
        open_runtime(sqlite_database, clock=clock, sandbox=SandboxEndpoints(**sandbox.endpoints())) as runtime,
        as_staff(runtime) as client,
    ):
        answer = await client.post("/settings/channels/test", data={"channel": "email", "to": "lin@datong.example"})
        assert answer.status_code == 200, answer.text
        assert "发给l***@datong.example" in answer.text
        answer = await client.post("/settings/channels/test", data={"channel": "sms", "to": "15483503031"})
        assert answer.status_code == 200, answer.text
        answer = await client.post("/settings/channels/test", data={"channel": "sms", "to": "12"})
        assert "这个地址不对" in answer.text
        assert 'value="12"' in answer.text
