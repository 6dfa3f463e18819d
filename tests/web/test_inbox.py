"""会话: who sees which, what is done with one, how the parts renew themselves, and writing by hand from the page."""

import re
from datetime import timedelta

import httpx
import pytest

from bot.clock import ProductClock
from bot.inbox import Inbox
from bot.keyword_table import table_in_force
from bot.runtime import Runtime
from campaigns import conversations
from campaigns.models import (
    AuditEntry,
    Contact,
    Conversation,
    Correction,
    Member,
    Message,
    Occurrence,
    Suppression,
    Touch,
)
from campaigns.replies import strangers
from campaigns.replies.taking import take_event
from campaigns.rights import Role
from campaigns.terms import ChannelName, Direction, ReachChange, Reply, TouchKind
from campaigns.touches import record_touch
from tests.web_cast import NOW, add_contact, add_member, approved, as_staff

NONCE = re.compile(r'name="nonce" value="([^"]+)"')
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
WECHAT = "o" + "7" * 27


async def talking(
    runtime: Runtime, no: str = "Q200001", text: str = "点了，手机收不到验证码", **columns: object
) -> Contact:
    """A member whose contact follows us and has just said this by WeChat."""
    member = await add_member(no, **columns)
    openid = f"{WECHAT[:-7]}{no[1:]:0>7}"
    contact = await add_contact(member, openid=openid, email=f"{no.lower()}@datong.example", mobile=None)
    await says(runtime, contact, text, f"first-{no}")
    return contact


async def says(runtime: Runtime, contact: Contact, text: str, name: str) -> None:
    at = runtime.clock()
    opened = ReachChange(
        f"reach-{name}", ChannelName.WECHAT, at, contact.openid or "", True, at + timedelta(hours=48), 5
    )
    await Inbox(runtime).take([opened, Reply(name, ChannelName.WECHAT, at, contact.openid or "", text)])


async def nonce(client: httpx.AsyncClient, path: str = "/inbox/Q200001") -> str:
    found = NONCE.search((await client.get(path)).text)
    assert found
    return found[1]


async def written(client: httpx.AsyncClient, contact: Contact, text: str, **fields: str) -> httpx.Response:
    given = {"way": f"{contact.id}:wechat", "text": text, "back": "/inbox/Q200001", **fields}
    return await client.post("/members/Q200001/write", data=given)


async def test_who_waits_is_listed_and_his_words_stand_beside_what_is_known(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    await talking(runtime)
    page = (await browser.get("/inbox")).text
    assert "点了，手机收不到验证码" in page
    assert "剩47小时" in page
    assert '会话<span class="n n--hot">1</span>' in page
    one = (await browser.get("/inbox/Q200001")).text
    assert "点了，手机收不到验证码" in one
    assert "听成" in one
    assert "还可回<b>5</b>条" in one
    assert "短信</span>" not in one.partition('class="ways"')[2].partition("</fieldset>")[0].partition("个不能用")[0]
    assert "q***@datong.example" in one
    assert (await browser.get("/inbox/Q9")).status_code == 404
    assert (await AuditEntry.get(action="member_seen")).subject == "member/Q200001"


async def test_an_empty_inbox_says_what_to_do_first(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/inbox")).text
    assert "没有会话" in page
    assert "没有人在等回复" in page


@pytest.mark.parametrize(("role", "seen"), [(Role.AGENT, False), (Role.MARKETER, False), (Role.VIEWER, True)])
async def test_conversations_are_seen_counted_and_answered_by_their_owners(
    runtime: Runtime, role: Role, seen: bool
) -> None:
    contact = await talking(runtime, owner="别人")
    await talking(runtime, "Q200002", "我的客户密码忘了", owner="丁", name="丁的企业")
    async with as_staff(runtime, role, name="丁") as client:
        page = (await client.get("/inbox")).text
        assert ("验证码" in page) is seen
        assert "我的客户" in page
        assert f'会话<span class="n n--hot">{2 if seen else 1}</span>' in page
        for path in ("/inbox/Q200001", "/inbox/parts/thread/Q200001", "/inbox/parts/window/Q200001"):
            assert ((await client.get(path)).status_code == 200) is seen
        own = (await client.get("/inbox/Q200002")).text
        assert ("<textarea" in own) is (role is not Role.VIEWER)
        assert "q200002@" not in own
        touch = await Touch.get(member_id=contact.member_id, kind="reply")
        posts = [f"/inbox/Q200001/{act}" for act in ("take", "give", "close", "reopen", "put-off")]
        for path in [*posts, f"/inbox/heard/{touch.id}", "/members/Q200001/write"]:
            answer = await client.post(path, data={"intent": "stop", "to": "丁", "way": f"{contact.id}:wechat"})
            assert answer.status_code == (403 if role is Role.VIEWER else 404)
    assert (await Conversation.get(member_id=contact.member_id)).assigned == ""
    assert not await Message.all().exists()
    assert not await Suppression.all().exists()


async def test_one_takes_it_gives_it_on_puts_it_off_closes_it_and_opens_it_again(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    contact = await talking(runtime)
    async with as_staff(runtime, Role.AGENT, name="王", login="wang"):
        await browser.post("/inbox/Q200001/take")
        talk = await Conversation.get()
        assert talk.assigned == "员工0"
        assert "员工0接手，自动回复已停" in (await browser.get("/inbox/Q200001?tab=mine")).text
        await browser.post("/inbox/Q200001/give", data={"to": "王"})
        assert (await Conversation.get()).assigned == "员工0"  # he sees only his own members
        await Member.filter(id=contact.member_id).update(owner="王")
        moved = await browser.post("/inbox/Q200001/give", data={"to": "王", "back": "/inbox/Q200001?tab=all"})
        assert moved.headers["location"] == "/inbox/Q200001?tab=all"
        assert (await Conversation.get()).assigned == "王"
    for wrong in ("2020-01-01", "9999-12-31", "x", "2026-11-23"):
        await browser.post("/inbox/Q200001/put-off", data={"on": wrong})
        assert (await Conversation.get()).follow_up_on is None
    await browser.post("/inbox/Q200001/put-off", data={"on": "2026-11-27"})
    assert "没有人在等回复" in (await browser.get("/inbox")).text
    assert "11月27日再跟" in (await browser.get("/inbox?tab=all")).text
    await browser.post("/inbox/Q200001/close")
    assert (await Conversation.get()).state == "closed"
    assert "重新打开" in (await browser.get("/inbox/Q200001")).text
    await browser.post("/inbox/Q200001/reopen", data={"back": "https://evil.example/"})
    assert (await Conversation.get()).state == "waiting"
    kinds = await AuditEntry.filter(action="conversation_changed").order_by("id").values_list("detail", flat=True)
    assert kinds == [
        {"to": "员工0"}, {"to": "王"}, {"on": "2026-11-27"}, {"state": "closed"}, {"state": "waiting"}
    ]  # fmt: skip


async def test_a_double_click_sends_once_and_the_page_shows_what_became_of_it(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    contact = await talking(runtime)
    key = await nonce(browser)
    for _ in range(2):
        done = await written(browser, contact, f"您好，{HOSTILE}", nonce=key)
        assert (done.status_code, done.headers["location"]) == (303, "/inbox/Q200001")
    message = await Message.get()
    assert (message.state, message.message_class, message.channel) == ("queued", "answer", "wechat")
    page = (await browser.get("/inbox/Q200001")).text
    assert "等发" in page
    assert "员工0" in page
    assert "<script>alert" not in page
    assert "onerror=alert" not in page.replace("onerror=alert(2)&gt;", "")
    assert (await Conversation.get()).state == "answered"
    assert set(await AuditEntry.filter(action="written_by_hand").values_list("subject", flat=True)) == {
        "member/Q200001"
    }
    again = await written(browser, contact, "又想起一件事", nonce=key)
    assert again.status_code == 303
    assert await Message.all().count() == 2


async def test_a_form_that_is_not_from_our_page_sends_nothing(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    contact = await talking(runtime)
    key = await nonce(browser)
    del browser.headers["x-form-key"]
    assert (await written(browser, contact, "您好", nonce=key)).status_code == 403
    assert (await browser.post("/inbox/Q200001/close")).status_code == 403
    assert not await Message.all().exists()


async def test_what_cannot_go_is_said_and_stays_as_it_was_typed(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    contact = await talking(runtime)
    key = await nonce(browser)
    clock = runtime.clock
    assert isinstance(clock, ProductClock)
    clock.set(NOW + timedelta(hours=49))
    late = await written(browser, contact, f"晚了的话{HOSTILE}", nonce=key)
    assert late.status_code == 422
    assert "没有发：会话窗口已关" in late.text
    assert "晚了的话&lt;script&gt;" in late.text
    assert key in late.text
    for way in ("", "x", f"{contact.id}:fax", "99999999999:wechat", "7:email"):
        assert (await written(browser, contact, "您好", nonce=key, way=way)).status_code == 422
    assert (await written(browser, contact, "", nonce=key, way=f"{contact.id}:email")).status_code == 422
    outside = await written(browser, contact, "您好", nonce=key, way=f"{contact.id}:email", back="//evil.example")
    assert outside.headers["location"] == "/inbox/Q200001"
    assert await Message.all().count() == 1


async def test_a_refused_company_has_no_box_and_it_says_why(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    contact = await talking(runtime, text="退订")
    page = (await browser.get("/inbox/Q200001")).text
    assert "已退订" in page
    assert "<textarea" not in page
    assert "已停发" in (await browser.get("/inbox?tab=all")).text
    refused = await written(browser, contact, "求您了", nonce="nonce-0001")
    assert refused.status_code == 422
    assert "求您了" in refused.text
    assert not await Message.all().exists()


async def test_an_answer_that_comes_while_the_page_is_open_comes_by_itself(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    contact = await talking(runtime)
    page = (await browser.get("/inbox/Q200001")).text
    parts = [one.replace("&amp;", "&") for one in re.findall(r'hx-get="([^"]+seen=[^"]+)"', page)]
    assert len(parts) == 2
    for part in parts:
        quiet = await browser.get(part)
        assert (quiet.status_code, quiet.content) == (204, b"")
    await says(runtime, contact, "还在吗", "second")
    for part in parts:
        fresh = await browser.get(part)
        assert fresh.status_code == 200
        assert "还在吗" in fresh.text
        assert "<textarea" not in fresh.text
        assert "<html" not in fresh.text
        following = re.search(r'hx-get="([^"]+)"', fresh.text)
        assert following
        assert (await browser.get(following[1].replace("&amp;", "&"))).status_code == 204


async def test_a_meaning_is_put_right_and_a_refusal_nobody_heard_stops_the_company(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    contact = await talking(runtime, text="哎呀这个嘛")
    touch = await Touch.get(kind="reply")
    await browser.post(f"/inbox/heard/{touch.id}", data={"intent": "call_me"})
    page = (await browser.get("/inbox/Q200001")).text
    assert "要回电" in page
    assert "员工0改的" in page
    assert not await Suppression.all().exists()
    await browser.post(f"/inbox/heard/{touch.id}", data={"intent": "nonsense"})
    assert (await Correction.get()).now == "call_me"
    await browser.post(f"/inbox/heard/{touch.id}", data={"intent": "stop"})
    assert (await Suppression.get()).member_id == contact.member_id
    assert (await Conversation.get()).state == "closed"
    assert (await browser.post("/inbox/heard/999999", data={"intent": "stop"})).status_code == 404


async def test_hostile_words_and_names_are_only_ever_shown(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    contact = await talking(runtime, text=HOSTILE, name=HOSTILE + "长" * 180)
    await Contact.filter(id=contact.id).update(name=HOSTILE[:60])
    html = '<iframe src="https://evil.example"></iframe><b>粗</b>'
    await record_touch(
        contact.member_id,
        at=runtime.clock(),
        direction=Direction.IN,
        kind=TouchKind.REPLY,
        medium="email",
        contact_id=contact.id,
        text=html,
        intent="unknown",
    )
    await conversations.save_canned(None, title=HOSTILE[:64], text=HOSTILE, by="x", now=NOW)
    for path in ("/inbox", "/inbox/Q200001", "/inbox/parts/list", "/inbox/parts/thread/Q200001", "/inbox/canned"):
        page = (await browser.get(path)).text
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "<iframe" not in page
    asked = {"find": HOSTILE, "tab": HOSTILE, "page": "-1"}
    assert "<script>alert" not in (await browser.get("/inbox", params=asked)).text
    for number in ("0", "99999999999999", "x", "²"):
        assert (await browser.get("/inbox", params={"page": number})).status_code == 200
        assert (await browser.get("/inbox/Q200001", params={"skip": number})).status_code == 200


async def test_answers_kept_ready_are_filled_for_this_member(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    contact = await talking(runtime)
    bad = await browser.post("/inbox/canned", data={"title": "登录", "text": "{没有的}"})
    assert bad.status_code == 422
    assert "{没有的}" in bad.text
    text = "{联系人}您好，{企业简称}有{未读数}份未读，点{登录链接}"
    assert (await browser.post("/inbox/canned", data={"title": "登录", "text": text})).status_code == 303
    [canned] = await conversations.list_canned()
    page = (await browser.get(f"/inbox/Q200001?canned={canned.id}")).text
    assert "张晓燕您好，大同机械有0份未读，点{登录链接}" in page.partition("<textarea")[2]
    await written(browser, contact, text, nonce=await nonce(browser))
    message = await Message.get()
    assert runtime.links(message.id)["way_in"] in (await Occurrence.get()).extra["written"][0]
    page = (await browser.get("/inbox/Q200001")).text
    assert f"{runtime.public_url}/in/" in page
    assert runtime.links(message.id)["way_in"] not in page  # a colleague must not come back as the customer
    changed = {"title": "登录", "text": "换了"}
    assert (await browser.post(f"/inbox/canned/{canned.id}", data=changed)).status_code == 303
    assert "换了" in (await browser.get("/inbox/canned")).text
    await browser.post(f"/inbox/canned/{canned.id}", data={"delete": "1"})
    assert await conversations.list_canned() == []
    assert (await browser.post(f"/inbox/canned/{canned.id}", data=changed)).status_code == 404


async def test_the_list_has_fifty_a_page_and_is_searched(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    for number in range(52):
        member = await add_member(f"Q{300000 + number}", f"第{number}商行")
        await Conversation.create(
            member_id=member.id, heard_at=NOW - timedelta(minutes=number), medium="sms", intent="unknown"
        )
    first, second = (await browser.get("/inbox")).text, (await browser.get("/inbox?page=2")).text
    assert first.count('class="conv conv--new"') == 50
    assert second.count('class="conv conv--new"') == 2
    assert "第51商行" in first  # who waits longest comes first
    assert "第2页，共2页" in second
    assert (await browser.get("/inbox", params={"find": "q300007"})).text.count('class="conv conv--new"') == 1


async def test_who_is_not_known_is_listed_linked_by_name_and_counted_today(
    runtime: Runtime, browser: httpx.AsyncClient
) -> None:
    member = await add_member("Q200009", "阳泉铸造厂")
    table = await table_in_force(runtime.settings.huifang_templates)
    said = Reply("up-1", ChannelName.SMS, NOW, "15400009999", HOSTILE)
    await take_event(said, message_id=None, now=NOW, table=table)
    [one] = await strangers.list_unknown()
    assert 'href="/inbox/unknown"' in (await browser.get("/")).text
    assert "认不出是谁" in (await browser.get("/inbox")).text
    page = (await browser.get("/inbox/unknown")).text
    assert "15400009999" in page
    assert "<script>alert" not in page
    async with as_staff(runtime, Role.VIEWER, login="viewer") as viewer:
        page = (await viewer.get("/inbox/unknown")).text
        assert "15400009999" not in page
        assert "归到这家" not in page
    async with as_staff(runtime, Role.MARKETER, login="market", department="东区") as marketer:
        assert (await marketer.get("/inbox/unknown")).status_code == 404
        assert (await marketer.post(f"/inbox/unknown/{one.id}/away")).status_code == 404
    path = f"/inbox/unknown/{one.id}/link"
    answer = await browser.post(path, data={"member": "没有的"})
    assert (answer.status_code, "没有这个编号或名字" in answer.text) == (422, True)
    answer = await browser.post(path, data={"member": "阳泉"})
    assert (answer.status_code, 'name="member" value="Q200009"' in answer.text) == (422, True)
    assert (await browser.post(path, data={"member": "Q200009"})).headers["location"] == "/inbox/unknown?done=linked"
    assert (await browser.post(path, data={"member": "Q200009"})).headers["location"] == "/inbox/unknown?done=gone"
    found = await conversations.find(member.id)
    assert found
    assert "没有认不出的" in (await browser.get("/inbox/unknown")).text


async def test_numbers_are_masked_until_they_are_asked_for(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await talking(runtime)
    page = (await browser.get("/inbox/Q200001")).text
    assert "q200001@datong.example" not in page
    assert not await AuditEntry.filter(action="numbers_seen").exists()
    assert "q200001@datong.example" in (await browser.post("/inbox/Q200001/numbers")).text
    assert (await AuditEntry.get(action="numbers_seen")).subject == "member/Q200001"
    async with as_staff(runtime, Role.AGENT, name="林", login="agent") as agent:
        assert (await agent.post("/inbox/Q200001/numbers")).status_code == 403


async def test_an_sms_is_shown_as_it_goes_to_each_contact(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await approved(runtime, "unread_resumes")
    member = await add_member("Q200007")
    first = await add_contact(member, "C1", mobile="15483503041", email=None, name="刘总")
    second = await add_contact(member, "C2", mobile="15483503042", email=None, name="王会计", is_primary=False)
    page = (await browser.get("/inbox/Q200007")).text
    for one in (first, second):
        assert f'value="{one.id}/unread_resumes"' in page
        assert f"{one.name} · " in page
    form = {"way": f"{second.id}:sms", "nonce": "nonce-0007", "back": "/inbox/Q200007"}
    answer = await browser.post("/members/Q200007/write", data={**form, "sms": f"{first.id}/unread_resumes"})
    assert (answer.status_code, "写给另一位联系人的" in answer.text) == (422, True)
    assert await Message.all().count() == 0
    sent = await browser.post("/members/Q200007/write", data={**form, "sms": f"{second.id}/unread_resumes"})
    assert sent.status_code == 303, sent.text
    assert (await Message.get()).address == "15483503042"
