"""The phone in the console: whom to play, the sandbox's page in a frame, only where it runs and numbers may be seen."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from bot.runtime import Runtime
from bot.sandbox import side
from campaigns.models import Touch
from campaigns.rights import Role
from campaigns.terms import ChannelName
from tests.web_cast import NOW, add_contact, add_member, as_staff

SANDBOX = "http://127.0.0.1:9"
HOSTILE = "<script>alert(1)</script>\"'" + "名" * 200


@pytest.fixture
def sandboxed(runtime: Runtime) -> Runtime:
    return replace(runtime, sandboxed=frozenset({ChannelName.SMS}), site_url=SANDBOX)


@pytest.fixture
async def player(sandboxed: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    async with as_staff(sandboxed) as client:
        yield client


async def test_addresses_lead_on_to_the_sandbox(player: httpx.AsyncClient) -> None:
    answer = await player.get("/phone?sms=15483503031")
    assert (answer.status_code, answer.headers["location"]) == (307, f"{SANDBOX}/phone?sms=15483503031")


async def test_without_a_sandbox_there_is_no_phone(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/phone")
    assert page.status_code == 404
    assert "演练环境没有开" in page.text
    assert f"frame-src 'self' {SANDBOX}" not in page.headers["content-security-policy"]


async def test_who_is_chosen_has_the_phone_in_a_frame_beside_the_facts(player: httpx.AsyncClient) -> None:
    member = await add_member("Q1/甲", "晋北餐饮", owner="林晓芸")
    await add_contact(member, openid="oZhang")
    choose = (await player.get("/phone?q=晋北")).text
    assert 'href="/phone?q=%E6%99%8B%E5%8C%97&amp;member=Q1%2F%E7%94%B2"' in choose
    assert "先选一家企业" in choose
    page = await player.get("/phone", params={"member": "Q1/甲"})
    query = "sms=15483503031&amp;email=zhang%40datong.example&amp;wechat=oZhang"
    assert f'<iframe class="phone-frame" src="{SANDBOX}/phone?{query}"' in page.text
    assert f"frame-src 'self' {SANDBOX};" in page.headers["content-security-policy"]
    assert 'href="/inbox/Q1%2F%E7%94%B2"' in page.text
    assert "林晓芸" in page.text


async def test_who_was_written_to_last_comes_first(player: httpx.AsyncClient) -> None:
    first, second, _ = [await add_member(f"Q{number}") for number in (1, 2, 3)]
    for member in (first, second):
        await Touch.create(member_id=member.id, at=NOW, direction="out", kind="message", medium="sms")
    assert re.findall(r'href="/phone\?member=(\w+)"', (await player.get("/phone")).text) == ["Q2", "Q1"]


async def test_another_contact_of_the_member_can_be_played(player: httpx.AsyncClient) -> None:
    member = await add_member("Q1")
    await add_contact(member)
    other = await add_contact(member, "C2", name="马工", mobile="15483509999", email=None, is_primary=False)
    page = (await player.get(f"/phone?member=Q1&contact={other.id}")).text
    assert f'src="{SANDBOX}/phone?sms=15483509999"' in page
    assert "15483503031" not in page


def test_the_sandbox_lets_the_console_of_this_machine_show_it() -> None:
    assert "frame-ancestors 'self' http://127.0.0.1:*" in side._HEADERS["content-security-policy"]


async def test_nobody_is_shown_numbers_or_members_they_may_not_see(sandboxed: Runtime) -> None:
    for no, owner in (("Q1", "丁"), ("Q2", "丙")):
        await add_contact(await add_member(no, f"{owner}的企业", owner=owner))
    async with as_staff(sandboxed, Role.AGENT, name="丁") as client:
        page = (await client.get("/phone?member=Q1")).text
        assert "丁的企业" in page
        assert "丙的企业" not in page
        assert "15483503031" not in page
        assert "<iframe" not in page
        assert (await client.get("/phone?member=Q2")).status_code == 404


@pytest.mark.parametrize("query", ["member=Q1&contact=999", "member=Q1&contact=x"])
async def test_a_contact_there_is_not_gives_the_main_one(player: httpx.AsyncClient, query: str) -> None:
    await add_contact(await add_member("Q1"))
    assert "<iframe" in (await player.get(f"/phone?{query}")).text


async def test_a_member_nobody_can_reach_has_no_phone(player: httpx.AsyncClient) -> None:
    await add_contact(await add_member("Q1"), mobile=None, email=None)
    page = await player.get("/phone?member=Q1")
    assert "这家没有可用的号码" in page.text
    assert "<iframe" not in page.text


async def test_hostile_words_stand_as_words(player: httpx.AsyncClient) -> None:
    await add_contact(await add_member("Q1", HOSTILE), name=HOSTILE[:40])
    for query in ({"member": "Q1"}, {"q": HOSTILE}, {"member": HOSTILE}):
        page = await player.get("/phone", params=query)
        assert page.status_code in (200, 404)
        assert "<script>alert" not in page.text
