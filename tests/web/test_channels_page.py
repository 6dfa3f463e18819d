"""通道: today's messages beside the day's limit, why it stopped before, and a test of each channel, WeCom too."""

import httpx
import pytest

from bot.clock import ProductClock
from bot.console.settings.causes import CURES, OTHERWISE, cure
from bot.language import translations
from bot.providers import SandboxEndpoints
from bot.runtime import open_runtime
from bot.settings import Settings
from campaigns import outbox
from campaigns.models import AuditEntry, Message
from campaigns.terms import ChannelName
from tests.fleet import sandbox_of
from tests.web_cast import NOW, add_contact, add_member, add_message, approved, as_staff

AT = "/settings/channels"
HOSTILE = "<script>alert(1)</script>\"'"


async def test_todays_messages_stand_beside_the_days_limit(sqlite_database: Settings) -> None:
    clock = ProductClock()
    clock.set(NOW)
    async with (
        sandbox_of(sqlite_database, clock) as sandbox,
        open_runtime(sqlite_database, clock=clock, sandbox=SandboxEndpoints(**sandbox.endpoints())) as runtime,
        as_staff(runtime) as client,
    ):
        assert "没有试过" in (page := (await client.get(AT)).text)
        assert page.count("在演练环境试发1条") == len(ChannelName)  # each says where it goes before it is pressed
        assert page.count("这里接的是演练环境，不会真的发出") == len(ChannelName)
        campaign = await approved(runtime, "unread_resumes")
        for number in range(2):
            member = await add_member(f"Q{number}")
            contact = await add_contact(member, openid=f"o{number}")
            await add_message(campaign, member, contact, channel=ChannelName.WECHAT)
        page = (await client.get(AT)).text
        assert "今天交出去2条" in page
        assert "2 / 每天100,000条" in page
        await Message.all().update(sent_at=NOW.replace(day=22))
        assert "今天交出去2条" not in (await client.get(AT)).text


async def test_wecom_is_tried_with_a_card_to_a_colleague_in_the_sandbox(sqlite_database: Settings) -> None:
    clock = ProductClock()
    clock.set(NOW)
    async with (
        sandbox_of(sqlite_database, clock) as sandbox,
        open_runtime(sqlite_database, clock=clock, sandbox=SandboxEndpoints(**sandbox.endpoints())) as runtime,
        as_staff(runtime) as client,
    ):
        nobody = await client.post(f"{AT}/test", data={"channel": "wecom", "to": "nobody"})
        assert nobody.status_code == 502
        assert 'value="nobody"' in nobody.text
        somebody = next(iter(sandbox.wecom.people.staff))
        answer = await client.post(f"{AT}/test", data={"channel": "wecom", "to": somebody})
        assert answer.status_code == 200, answer.text
        assert "没有真的发出" in answer.text
        assert "服务商收下了" in answer.text
        for data in ({"channel": "wecom", "to": HOSTILE}, {"channel": "wecom", "to": "长" * 300}):
            answer = await client.post(f"{AT}/test", data=data)
            assert answer.status_code in (422, 502)
            assert "<script>alert" not in answer.text


async def test_why_a_channel_stopped_is_still_told_when_it_is_open_again(sqlite_database: Settings) -> None:
    clock = ProductClock()
    clock.set(NOW)
    async with (
        sandbox_of(sqlite_database, clock) as sandbox,
        open_runtime(sqlite_database, clock=clock, sandbox=SandboxEndpoints(**sandbox.endpoints())) as runtime,
        as_staff(runtime) as client,
    ):
        await outbox.close_channel("email", f"535 {HOSTILE}")
        await client.post(f"{AT}/open", data={"channel": "email"})
        page = (await client.get(AT)).text
        assert "535 &lt;script&gt;" in page
        assert "账号或密码不对" in page
        assert "<script>alert" not in page
        assert (await AuditEntry.get(action="channel_opened")).detail["reason"].startswith("535")


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("渠道停了：48001 api unauthorized", "没有开通这项接口"),
        ("渠道停了：40164 invalid ip 1.2.3.4", "白名单"),
        ("550 the recipient is unknown, description follows", OTHERWISE),
        ("535 5.7.8 authentication failed", "账号或密码不对"),
        ("今天的额度用完：45009", "额度用完"),
        ("isv.AMOUNT_NOT_ENOUGH", "充值"),
        ("ConnectTimeout: timed out", "连不上"),
        ("慢一点：429", "嫌快"),
    ],
)
def test_a_reason_has_a_meaning_and_a_cure(reason: str, words: str) -> None:
    assert words in cure(reason)


def test_every_cure_has_english() -> None:
    assert {words for _, words in CURES} | {OTHERWISE} <= set(dict(translations("en")))


async def test_a_channel_that_is_not_connected_says_what_to_do(browser: httpx.AsyncClient) -> None:
    page = (await browser.get(AT)).text
    assert page.count("没有填账号") == len(ChannelName)
    assert "试发1条" not in page
