"""Today: what waits for a person, by whom it is seen, what is done first, what is sent, who came back."""

import re
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest

from bot.runtime import Runtime
from campaigns import approvals, definitions, outbox, saved_segments, visits
from campaigns.models import Contact, Conversation, Member, Message, Touch, WechatFollower
from campaigns.rights import Role
from campaigns.terms import ChannelName
from tests.web_cast import NOW, add_contact, add_member, add_message, approved, as_staff, settle_some

HOSTILE = "<script>alert(1)</script>\"'" + "名" * 200


def number(page: httpx.Response, label: str) -> tuple[int, str, str]:
    """(the number, its reason, its address) under that label."""
    found = re.search(
        rf'href="([^"]*)"><span class="k">{label}</span><div class="v">([\d,]+)</div><div class="([^"]*)">([^<]*)',
        page.text,
    )
    assert found, label
    return int(found[2].replace(",", "")), found[4], found[1]


def first_names(page: httpx.Response) -> list[str]:
    return re.findall(r'<div class="name"><a class="cut" href="[^"]*" title="([^"]*)"', page.text)


async def an_answer(
    member: Member, text: str = "简历怎么看", *, until: datetime | None = None, at: datetime = NOW
) -> None:
    """Words of theirs that wait; with a WeChat window that is open until then."""
    contact = await add_contact(member, openid=f"o-{member.no}" if until else None)
    if until:
        await WechatFollower.create(openid=f"o-{member.no}", window_until=until, window_left=5)
    medium = "wechat" if until else "sms"
    touch = await Touch.create(
        member_id=member.id, contact_id=contact.id, at=at, direction="in", kind="reply", medium=medium, text=text
    )
    await Conversation.create(
        member_id=member.id, heard_at=at, medium=medium, contact_id=contact.id, touch_id=touch.id, intent="unknown"
    )


async def a_task(member: Member, due: datetime = NOW) -> None:
    await visits.open_visit(member.id, category="call_me", cause=f"t:{member.no}", opened_at=NOW, due_at=due)


async def came_back(member: Member, message_id: int | None, at: datetime = NOW) -> None:
    await Touch.create(member_id=member.id, at=at, direction="in", kind="return", medium="web", message_id=message_id)


async def test_an_empty_house_says_what_to_do_first(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/")
    assert "还没有企业会员" in page.text
    steps = re.findall(r'<div class="name"><a href="([^"]+)"', page.text[page.text.index("从这里开始") :])
    assert steps[0] == "/imports"
    assert steps[-3:] == ["/segments/new", "/campaigns/new", "/campaigns/auto_replies/make/check"]
    assert "现在没有开，客户回了话只等同事来答" in page.text
    assert page.text.count('aria-current="step"') == 1
    for label in ("等你回复", "到期任务", "等你审批", "停了的通道", "结果未知"):
        assert number(page, label)[0] == 0
    assert "没有等着你的事" in page.text


async def test_the_first_steps_go_on_with_what_is_done_and_go_once_a_campaign_began(runtime: Runtime) -> None:
    await add_member("Q1")
    async with as_staff(replace(runtime, sandboxed=frozenset({ChannelName.SMS}))) as client:
        assert await _next_step(client) == "/segments/new"
        await saved_segments.save_segment("老客户", "idle_days >= 90", by="程雪", now=NOW)
        assert await _next_step(client) == "/campaigns/new"
        await settle_some(runtime)
        await definitions.start("unread_resumes", now=NOW)
        assert "从这里开始" not in (await client.get("/")).text


async def _next_step(browser: httpx.AsyncClient) -> str:
    page = (await browser.get("/")).text
    return re.findall(r'<li aria-current="step">.*?<a href="([^"]+)"', page, re.DOTALL)[0]


async def test_who_may_not_import_is_told_whom_to_ask(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.AGENT) as client:
        page = (await client.get("/")).text
    assert "请管理员导入" in page
    assert 'href="/imports"' not in page


async def test_each_number_says_why_and_leads_to_its_list(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await an_answer(await add_member("Q1"), until=NOW + timedelta(hours=1))
    await an_answer(await add_member("Q2"), until=NOW + timedelta(hours=30))
    await a_task(await add_member("Q3"), NOW - timedelta(days=1, minutes=5))
    await a_task(await add_member("Q4"), NOW + timedelta(hours=1))
    member = await add_member("Q5")
    campaign = await approved(runtime, "unread_resumes")
    message = await add_message(campaign, member, await add_contact(member), state="unknown")
    assert message
    folder = await definitions.load_campaign(runtime.settings.huifang_templates, "unread_resumes")
    asked = await approvals.submit(folder, 3412, by="林晓芸", now=NOW)
    page = await browser.get("/")
    assert number(page, "等你回复") == (2, "1个窗口在2小时内关闭", "/inbox")
    assert number(page, "到期任务") == (2, "1个已超期", "/tasks")
    assert number(page, "等你审批") == (1, "共3,412家，批了才发", f"/campaigns/approvals/{asked.id}")
    assert number(page, "结果未知") == (1, "邮件1条，正在问通道", "/members?fate=unknown")
    assert "批了才排进来" in page.text
    assert page.text.count(f'href="/campaigns/approvals/{asked.id}"') == 2


async def test_what_closes_soon_comes_first_then_what_is_late(browser: httpx.AsyncClient) -> None:
    await an_answer(await add_member("Q1", "窗口还长"), until=NOW + timedelta(hours=30), at=NOW - timedelta(hours=18))
    await an_answer(await add_member("Q2", "快关窗"), until=NOW + timedelta(minutes=67), at=NOW - timedelta(hours=46))
    await an_answer(await add_member("Q3", "没有窗口"), at=NOW - timedelta(hours=3))
    await a_task(await add_member("Q4", "超期的"), NOW - timedelta(days=1))
    await a_task(await add_member("Q5", "今天的"), NOW + timedelta(hours=2))
    page = await browser.get("/")
    assert first_names(page) == ["快关窗", "超期的", "没有窗口", "今天的", "窗口还长"]
    assert re.search('<b class="warn">剩1小时0[67]分</b>', page.text)
    assert '<b class="bad">已超1天</b>' in page.text
    assert "“简历怎么看”" in page.text


async def test_a_window_that_is_closed_is_not_counted_down(browser: httpx.AsyncClient) -> None:
    await an_answer(await add_member("Q1"), until=NOW - timedelta(minutes=1), at=NOW - timedelta(hours=49))
    page = await browser.get("/")
    assert number(page, "等你回复") == (1, "没有快关的窗口", "/inbox")
    assert "剩" not in page.text


async def test_no_more_than_eight_come_first_and_the_closing_window_is_among_them(browser: httpx.AsyncClient) -> None:
    for n in range(12):
        await an_answer(await add_member(f"Q{n}"), at=NOW - timedelta(days=3))
    await an_answer(await add_member("Q99", "快关窗"), until=NOW + timedelta(hours=1))
    names = first_names(await browser.get("/"))
    assert len(names) == 8
    assert names[0] == "快关窗"


@pytest.mark.parametrize(
    ("role", "seen"), [(Role.ADMIN, 2), (Role.MANAGER, 2), (Role.VIEWER, 2), (Role.MARKETER, 1), (Role.AGENT, 1)]
)
async def test_everybody_counts_the_members_they_see(runtime: Runtime, role: Role, seen: int) -> None:
    campaign = await approved(runtime, "unread_resumes")
    for no, owner in (("Q1", "丁"), ("Q2", "丙")):
        member = await add_member(no, f"{owner}的企业", owner=owner)
        await an_answer(member, until=NOW + timedelta(hours=1))
        await a_task(member, NOW - timedelta(hours=1))
        message = await add_message(campaign, member, await Contact.get(member_id=member.id), state="unknown")
        await Message.filter(id=message).update(ask_at=NOW)  # as the sender leaves one whose outcome nobody knows
        await came_back(member, message)
    async with as_staff(runtime, role, name="丁") as client:
        page = await client.get("/")
    assert number(page, "等你回复")[:2] == (seen, f"{seen}个窗口在2小时内关闭")
    assert number(page, "到期任务")[:2] == (seen, f"{seen}个已超期")
    assert number(page, "结果未知")[0] == seen
    assert f"昨天起{seen}家点链接回来" in page.text
    assert ("丙的企业" in page.text) is (seen == 2)
    assert "丁的企业" in page.text
    assert ("新建活动" in page.text) is (role not in (Role.VIEWER, Role.AGENT))


async def test_a_stopped_channel_says_why_and_what_to_do(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    member = await add_member("Q1")
    await add_message(await approved(runtime, "unread_resumes"), member, await add_contact(member), state="queued")
    await outbox.close_channel(ChannelName.EMAIL, "535 auth failed <b>")
    page = await browser.get("/")
    assert number(page, "停了的通道") == (1, "邮件停了，压着1条", "/#channels")
    assert 'id="channels"' in page.text
    assert "535 auth failed &lt;b&gt;" in page.text
    assert "换授权码" in page.text
    assert 'href="/settings/channels">去处理' in page.text
    async with as_staff(runtime, Role.AGENT, name="别人") as client:
        others = await client.get("/")
    assert number(others, "停了的通道") == (1, "邮件停了", "/#channels")
    assert "/settings/channels" not in others.text


async def test_a_channel_stopped_at_one_provider_until_a_moment_says_until_when(browser: httpx.AsyncClient) -> None:
    await outbox.close_channel("sms_aliyun", "daily limit", until=NOW + timedelta(hours=14))
    page = await browser.get("/")
    assert number(page, "停了的通道")[:2] == (1, "短信停了")
    assert "到11-23 23:30" in page.text
    assert "sms_aliyun" in page.text


async def test_what_goes_out_today_shows_how_far_it_is(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    campaign = await approved(runtime, "unread_resumes")
    for n, state in enumerate(("sent", "delivered", "queued")):
        member = await add_member(f"Q{n}")
        await add_message(campaign, member, await add_contact(member), state=state)
    page = await browser.get("/")
    assert "3条，发了2条" in page.text
    assert '<progress class="bar" max="3" value="2"' in page.text
    assert campaign.definition.title in page.text


async def test_who_came_back_is_shown_once_with_what_they_had_received(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    campaign, member = await approved(runtime, "unread_resumes"), await add_member("Q1", "方山电缆")
    message = await add_message(campaign, member, await add_contact(member), sent_at=NOW - timedelta(minutes=43))
    await came_back(member, message, NOW - timedelta(minutes=5))
    await came_back(member, message)
    await came_back(await add_member("Q2", "前天来的"), None, NOW - timedelta(days=2))
    page = await browser.get("/")
    assert page.text.count("方山电缆</a>") == 1
    assert ">43分<" in page.text
    assert "昨天起1家点链接回来" in page.text
    assert "前天来的" not in page.text
    assert "最多一天1家，今天1家" in page.text


async def test_hostile_words_stand_as_words(runtime: Runtime) -> None:
    member = await add_member("Q1", HOSTILE, owner=HOSTILE[:60])
    await an_answer(member, HOSTILE, until=NOW + timedelta(hours=1))
    await a_task(member, NOW - timedelta(hours=1))
    await came_back(member, None)
    async with as_staff(runtime) as client:
        page = await client.get("/")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
