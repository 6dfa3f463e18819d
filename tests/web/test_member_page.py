"""One member's page: whose it is, masked numbers, who left, what to mend, a long history, and each way back."""

from dataclasses import asdict, replace
from datetime import timedelta

import httpx
import pytest
from tortoise import connections

from bot.console.member.reaching import ways_of
from bot.runtime import Runtime
from campaigns import custom_fields, remarks, touches
from campaigns.members import consent
from campaigns.models import (
    Application,
    AuditEntry,
    Contact,
    Member,
    Message,
    Note,
    Posting,
    Suppression,
    Touch,
    WechatFollower,
)
from campaigns.planner import Reachable
from campaigns.rights import Role
from campaigns.terms import ChannelName, Direction, Reason, TouchKind
from tests.web_cast import NOW, add_colleague, add_contact, add_member, add_message, add_unread, approved, as_staff

HOSTILE = ["<script>alert(1)</script>\"'", "名" * 255]
POSTS = ["owner", "numbers", "contacts/1/left", "contacts/1/back", "notes", "notes/1", "notes/1/back", "pause",
         "resume", "stop", "lift"]  # fmt: skip


def shown(answer: httpx.Response) -> str:
    assert answer.status_code == 200
    return answer.text


async def follow(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    """What is seen after a click: where it leads, or the page again that says why not."""
    if answer.status_code == 422:
        return answer.text
    assert answer.status_code == 303
    return shown(await client.get(answer.headers["location"]))


# ---- who may --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", POSTS)
@pytest.mark.parametrize("role", [Role.MARKETER, Role.AGENT])
async def test_nothing_is_done_to_another_departments_member(runtime: Runtime, what: str, role: Role) -> None:
    member = await add_member("Q1", owner="王")
    contact = await add_contact(member)
    path = f"/members/Q1/{what.replace('/1', f'/{contact.id}', 1) if 'contacts' in what else what}"
    data = {"text": "x", "days": "7", "reason": "x", "owner": "林"}
    async with as_staff(runtime, role, name="林", grants=["assign", "addresses"]) as lin:
        answer = await lin.post(path, data=data)
    assert answer.status_code == (403 if what == "lift" else 404)
    assert await Suppression.all().count() == await Note.all().count() == await AuditEntry.all().count() == 0
    assert (await Member.get()).owner == "王"
    assert (await Contact.get()).active


@pytest.mark.parametrize("what", POSTS)
async def test_who_only_looks_changes_nothing_and_is_shown_no_button(runtime: Runtime, what: str) -> None:
    await add_contact(await add_member("Q1"))
    async with as_staff(runtime, Role.VIEWER) as viewer:
        assert (await viewer.post(f"/members/Q1/{what}", data={"owner": "x"})).status_code == 403
        assert f'action="/members/Q1/{what}"' not in shown(await viewer.get("/members/Q1"))


# ---- whose it is ----------------------------------------------------------------------------------------------------


async def test_a_member_is_given_to_a_colleague_and_taken_back(runtime: Runtime) -> None:
    await add_member("Q1", owner="从前的人")
    await add_colleague(Role.AGENT, login="lin", name="林")
    await add_colleague(Role.VIEWER, login="eye", name="只看的")
    async with as_staff(runtime, Role.MANAGER, login="boss") as boss:
        for nobody in ("只看的", "没这个人", "", "<b>"):
            page = await follow(boss, await boss.post("/members/Q1/owner", data={"owner": nobody}))
            assert "没有换" in page
        page = await follow(boss, await boss.post("/members/Q1/owner", data={"owner": "林"}))
        assert (await Member.get()).owner == "林"
        assert 'name="owner" value="从前的人"' in page
        assert "撤销" in page
        await boss.post("/members/Q1/owner", data={"owner": "从前的人"})
    assert (await Member.get()).owner == "从前的人"
    found = await AuditEntry.filter(action="owner_changed").order_by("id")
    assert [(one.detail["was"], one.detail["now"]) for one in found] == [("从前的人", "林"), ("林", "从前的人")]


async def test_who_sees_one_department_gives_to_it_alone(runtime: Runtime) -> None:
    await add_member("Q1", owner="林")
    await add_colleague(Role.AGENT, login="wang", name="王", department="西区")
    await add_colleague(Role.AGENT, login="zhao", name="赵", department="东区")
    async with as_staff(runtime, Role.AGENT, name="林", department="东区", grants=["assign"]) as lin:
        page = shown(await lin.get("/members/Q1"))
        assert '<option value="赵">' in page
        assert '<option value="王">' not in page
        await lin.post("/members/Q1/owner", data={"owner": "王"})
        assert (await Member.get()).owner == "林"


# ---- numbers and contacts -------------------------------------------------------------------------------------------


async def test_numbers_are_masked_until_they_are_asked_for_and_that_is_written_down(runtime: Runtime) -> None:
    await add_contact(await add_member("Q1"), openid="o-zhang-yan")
    sandboxed = replace(runtime, sandboxed=frozenset(ChannelName))
    async with as_staff(sandboxed) as admin:
        page = shown(await admin.get("/members/Q1"))
        assert "154****3031" in page
        for secret in ("15483503031", "zhang@datong", "o-zhang-yan"):
            assert secret not in page
        assert await AuditEntry.filter(action="numbers_seen").count() == 0
        assert "15483503031" in shown(await admin.post("/members/Q1/numbers"))
    assert await AuditEntry.filter(action="numbers_seen", subject="member/Q1").count() == 1
    async with as_staff(runtime, Role.AGENT, login="a", name="") as agent:
        assert (await agent.post("/members/Q1/numbers")).status_code == 403


async def test_a_contact_who_left_is_not_written_to_and_can_be_brought_back(runtime: Runtime) -> None:
    contact = await add_contact(await add_member("Q1"))
    async with as_staff(runtime, Role.MANAGER) as boss:
        assert f'id="left-{contact.id}"' in shown(await boss.get("/members/Q1"))
        page = await follow(boss, await boss.post(f"/members/Q1/contacts/{contact.id}/left"))
        assert not (await Contact.get()).active
        assert f'action="/members/Q1/contacts/{contact.id}/back"' in page
        assert "没有改" in await follow(boss, await boss.post(f"/members/Q1/contacts/{contact.id}/left"))
        await boss.post(f"/members/Q1/contacts/{contact.id}/back")
        assert (await Contact.get()).active


async def test_who_said_himself_that_he_is_the_wrong_person_stays_away(runtime: Runtime) -> None:
    contact = await add_contact(await add_member("Q1"))
    await consent.deactivate_contact(contact.id)
    async with as_staff(runtime) as admin:
        page = await follow(admin, await admin.post(f"/members/Q1/contacts/{contact.id}/back"))
    assert "没有改" in page
    assert not (await Contact.get()).active


async def test_a_contact_of_another_member_is_not_touched(runtime: Runtime) -> None:
    await add_member("Q1")
    other = await add_contact(await add_member("Q2"))
    async with as_staff(runtime) as admin:
        for number in (other.id, 10**18 - 1):
            assert "没有改" in await follow(admin, await admin.post(f"/members/Q1/contacts/{number}/left"))
    assert (await Contact.get()).active


# ---- notes, a pause, a stop -----------------------------------------------------------------------------------------


async def test_a_deleted_note_comes_back_by_its_writer_until_the_next_is_deleted(runtime: Runtime) -> None:
    member = await add_member("Q1")
    async with as_staff(runtime, login="lin", name="林") as lin, as_staff(runtime, login="wang", name="王") as wang:
        for text in ("第一条", "第二条"):
            await lin.post("/members/Q1/notes", data={"text": text})
        first, second = [one.id for one in await Note.all().order_by("id")]
        page = await follow(lin, await lin.post(f"/members/Q1/notes/{first}"))
        assert f'action="/members/Q1/notes/{first}/back"' in page
        assert "第一条" not in page
        await wang.post(f"/members/Q1/notes/{first}/back")
        assert [one.text for one in await remarks.remarks_of(member.id)] == ["第二条"]
        assert "第一条" in await follow(lin, await lin.post(f"/members/Q1/notes/{first}/back"))
        await lin.post(f"/members/Q1/notes/{first}")
        await lin.post(f"/members/Q1/notes/{second}")
        assert "放不回来" in await follow(lin, await lin.post(f"/members/Q1/notes/{first}/back"))
    assert await Note.all().count() == 1


async def test_a_pause_needs_a_reason_which_stands_on_the_page_and_can_be_lifted(runtime: Runtime) -> None:
    await add_contact(await add_member("Q1"))
    async with as_staff(runtime, name="林<b>") as lin:
        assert "为什么暂停" in await follow(lin, await lin.post("/members/Q1/pause", data={"days": "9"}))
        assert await Suppression.all().count() == 0
        page = await follow(lin, await lin.post("/members/Q1/pause", data={"days": "9", "reason": "国庆<i>"}))
        assert "林&lt;b&gt;暂停了联系" in page
        assert "原因：国庆&lt;i&gt;" in page
        assert abs((await Suppression.get()).until - NOW - timedelta(days=9)) < timedelta(minutes=5)
        assert "暂停了联系：" not in await follow(lin, await lin.post("/members/Q1/lift", data={"reason": "办完了"}))


async def test_the_question_before_a_stop_says_how_many_messages_will_not_go(runtime: Runtime) -> None:
    member = await add_member("Q1")
    message_id = await add_message(await approved(runtime, "unread_resumes"), member, await add_contact(member))
    async with as_staff(runtime) as admin:
        assert "停掉，停发0条" in shown(await admin.get("/members/Q1"))
        await Message.filter(id=message_id).update(state="queued")
        page = shown(await admin.get("/members/Q1"))
        assert "停掉，停发1条" in page
        assert "暂停，停发1条" in page
        await admin.post("/members/Q1/stop")
        page = shown(await admin.get("/members/Q1"))
        assert 'id="stop"' not in page
        assert "退订全部：这家企业的所有通道都不发" in page


async def test_who_paused_can_still_be_told_to_stop(runtime: Runtime) -> None:
    member = await add_member("Q1")
    await consent.pause_member(member.id, at=NOW, source="touch:1")
    async with as_staff(runtime) as admin:
        assert 'id="stop"' in shown(await admin.get("/members/Q1"))


# ---- what to mend ---------------------------------------------------------------------------------------------------


async def test_a_posting_says_what_is_to_be_mended(runtime: Runtime) -> None:
    member = await add_member("Q1")
    await add_contact(member, name="孙经理", active=False)
    posting = await add_unread(member, "J1", 2, title="厨师长")
    old = NOW - timedelta(days=86)
    await Posting.filter(id=posting.id).update(published_at=old, contact_name="孙经理", pay_min=3000, pay_max=12000)
    await Application.filter(no="J1-0").update(applied_at=NOW - timedelta(days=9))
    async with as_staff(runtime) as admin:
        page = shown(await admin.get("/members/Q1"))
        for words in ("收到2份简历，一份也没看过", "最早一份未读等了9天", "联系人“孙经理”已离开", "86天没刷新",
                      "薪资写得太宽：3,000–12,000元", "没写上班时间、招几个人、在哪里上班"):  # fmt: skip
            assert words in page
        await Application.filter(no="J1-0").update(first_viewed_at=NOW)
        good = {
            "refreshed_at": NOW,
            "hours": "8点到17点",
            "heads": 2,
            "city": "大同",
            "pay_max": 5000,
            "contact_name": "",
            "contact_phone": "15483503031",
        }
        await Posting.filter(id=posting.id).update(**good)
        page = shown(await admin.get("/members/Q1"))
        assert "处要改" in page  # one is still unread
        await Application.all().update(first_viewed_at=NOW)
        assert "处要改" not in shown(await admin.get("/members/Q1"))
        await Posting.filter(id=posting.id).update(state="offline", pay_min=None)
        assert "薪资没写清" not in shown(await admin.get("/members/Q1"))


# ---- a long history -------------------------------------------------------------------------------------------------


async def _queries(client: httpx.AsyncClient, path: str, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int, str]:
    """How many statements a page asks, how many rows they give, and the page."""
    db = connections.get("default")
    asked: list[int] = []
    plain = type(db).execute_query

    async def counted(self: object, *given: object, **named: object) -> object:
        answer = await plain(self, *given, **named)
        asked.append(len(answer[1]))
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(type(db), "execute_query", counted)
        page = shown(await client.get(path))
    return len(asked), sum(asked), page


async def test_five_thousand_touches_cost_no_more_than_fifty(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = await add_member("Q1"), await add_member("Q2")
    for member, count in ((few, 60), (many, 5_000)):
        given = {"direction": Direction.IN, "kind": TouchKind.REPLY, "medium": "email", "member_id": member.id}
        rows = [Touch(at=NOW - timedelta(hours=n), text=f"第{n}句", **given) for n in range(count)]
        await Touch.bulk_create(rows, batch_size=500)
    async with as_staff(runtime) as admin:
        await admin.get("/members/Q1")
        small = await _queries(admin, "/members/Q1", monkeypatch)
        large = await _queries(admin, "/members/Q2", monkeypatch)
        assert large[:2] == small[:2]
        assert small[0] > 5  # they were counted
        assert small[1] < 200
        assert "5,000次" in large[2]
        assert "第49句" in large[2]
        assert "第50句" not in large[2]
        deep = (await _queries(admin, "/members/Q2?skip=4980", monkeypatch))[2]
        assert "第4999句" in deep
        assert "再看更早的" not in deep
        assert "没有更早的了" in shown(await admin.get("/members/Q2?skip=999999"))
        for nonsense in ("x", "-1", "9" * 40):
            assert "第0句" in shown(await admin.get(f"/members/Q2?skip={nonsense}"))


async def test_what_was_not_sent_is_paged_among_the_touches(runtime: Runtime) -> None:
    member = await add_member("Q1")
    sent = await add_message(
        await approved(runtime, "unread_resumes"), member, await add_contact(member), state="failed"
    )
    await Message.filter(id=sent).update(settled_at=NOW - timedelta(hours=60, minutes=30), reason="provider_refused")
    for n in range(70):
        await touches.record_touch(
            member.id,
            at=NOW - timedelta(hours=n),
            direction=Direction.IN,
            kind=TouchKind.REPLY,
            medium="email",
            text=f"第{n}句。",
        )
    async with as_staff(runtime) as admin:
        assert "失败：渠道拒绝" not in shown(await admin.get("/members/Q1"))
        page = shown(await admin.get("/members/Q1?skip=50"))
    assert page.index("第60句。") < page.index("失败：渠道拒绝") < page.index("第61句。")
    assert "第69句。" in page


async def test_what_was_noted_of_a_call_stands_in_the_history_with_its_caller(runtime: Runtime) -> None:
    member = await add_member("Q1")
    await touches.record_touch(
        member.id,
        at=NOW,
        direction=Direction.OUT,
        kind=TouchKind.VISIT,
        medium="phone",
        text="想招厨师<b>",
        by="赵启明",
    )
    async with as_staff(runtime) as admin:
        page = shown(await admin.get("/members/Q1"))
    assert "<b>赵启明</b>回访" in page
    assert "想招厨师&lt;b&gt;" in page


# ---- as it looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_words_stand_literally(runtime: Runtime, name: str) -> None:
    member = await add_member("Q1", name, attrs={name: name}, tier_reasons=[name], owner=name[:60])
    await add_contact(member, name=name[:120], title=name[:120])
    posting = await add_unread(member, "J1", 1, title=name)
    await Posting.filter(id=posting.id).update(contact_name=name[:120])
    await remarks.add_remark(member.id, name, by=name[:60], now=NOW)
    async with as_staff(runtime) as admin:
        for language in ("zh", "en"):
            await admin.post("/me/language", data={"language": language})
            page = shown(await admin.get("/members/Q1?done=<script>&id=1"))
            assert "<script>alert" not in page
            assert name in page or "&lt;script&gt;alert(1)" in page


async def test_the_box_to_write_and_its_button_are_there_for_who_may_answer(runtime: Runtime) -> None:
    await add_contact(await add_member("Q1"))
    async with as_staff(runtime) as admin, as_staff(runtime, Role.VIEWER, login="eye") as viewer:
        page = shown(await admin.get("/members/Q1"))
        assert 'id="write"' in page
        assert 'href="#write"' in page
        assert 'href="/tasks/new?member=Q1"' in page
        assert 'href="#write"' not in shown(await viewer.get("/members/Q1"))


async def test_the_icons_say_in_words_whether_each_contact_can_be_reached(runtime: Runtime) -> None:
    member = await add_member("Q1")
    given = {"is_primary": False, "mobile": None, "email": None}
    await add_contact(member, email=None, consent=True)
    await add_contact(member, "C2", **{**given, "openid": "o-ma"})
    await add_contact(member, "C3", **{**given, "email": "gone@datong.example"})
    await WechatFollower.create(openid="o-ma", followed=True, window_until=NOW - timedelta(hours=1))
    async with as_staff(runtime) as admin:
        page = shown(await admin.get("/members/Q1"))
        for words in ("短信：能发", "邮件：现在发不了（没有地址）", "邮件：服务能发，营销不能（没有同意）",
                      "公众号：服务能发，营销不能（没有同意），本月群发还有4次"):  # fmt: skip
            assert words in page, words
        assert "邮件：地址无效" not in page
        await consent.suppress_address(
            ChannelName.EMAIL, "gone@datong.example", at=NOW, reason="hard_bounce", source="x"
        )
        page = shown(await admin.get("/members/Q1"))
        assert 'class="way-shut" title="邮件：现在发不了（地址无效）"' in page
        assert '<span class="ph bad">邮件：地址无效</span>' in page
        await consent.record_opt_out(member.id, at=NOW, source="touch:1")
        page = shown(await admin.get("/members/Q1"))
        assert 'title="短信：现在发不了（已退订）"' in page
        assert '<span class="ph bad">' not in page


async def test_the_sites_own_columns_stand_where_they_are_said_to(runtime: Runtime) -> None:
    await add_member("Q1", attrs={"contract": "HT-1", "secret": "藏着的", "plain": "没说过的"})
    await custom_fields.save_field("contract", "合同号", "text", ["member"])
    await custom_fields.save_field("secret", "", "text", ["list"])
    async with as_staff(runtime) as admin:
        page = shown(await admin.get("/members/Q1"))
    assert "<dt>合同号</dt><dd>HT-1</dd>" in page
    assert "<dt>plain</dt><dd>没说过的</dd>" in page
    assert "藏着的" not in page


async def test_who_was_marked_as_gone_has_a_way_back_on_the_page_for_good(runtime: Runtime) -> None:
    member = await add_member("Q1")
    marked, wrong = await add_contact(member, "C1"), await add_contact(member, "C2", is_primary=False)
    await consent.deactivate_contact(wrong.id)
    async with as_staff(runtime) as admin:
        await admin.post(f"/members/Q1/contacts/{marked.id}/left")
        page = shown(await admin.get("/members/Q1"))
    assert f'action="/members/Q1/contacts/{marked.id}/back"' in page
    assert f'action="/members/Q1/contacts/{wrong.id}/back"' not in page


async def test_a_colleagues_pause_ends_by_a_button_and_a_refusal_does_not(runtime: Runtime) -> None:
    member = await add_member("Q1", owner="林")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        page = await follow(lin, await lin.post("/members/Q1/pause", data={"days": "9", "reason": "国庆"}))
        assert page.count('action="/members/Q1/resume"') == 3  # what was just done, what stands, the card
        assert "恢复了" in await follow(lin, await lin.post("/members/Q1/resume"))
        assert await Suppression.filter(lifted_at=None).count() == 0
        await lin.post("/members/Q1/pause", data={"days": "9", "reason": "国庆"})
        await consent.record_opt_out(member.id, at=NOW, source="touch:1")
        assert 'action="/members/Q1/resume"' not in shown(await lin.get("/members/Q1"))
        await lin.post("/members/Q1/resume")
        assert "没有恢复" in await follow(lin, await lin.post("/members/Q1/resume"))
    assert [one.reason for one in await Suppression.filter(lifted_at=None)] == ["refused"]


@pytest.mark.parametrize(
    ("service", "marketing", "mark", "words"),
    [
        (None, None, "can", "企业微信：能发"),
        (Reason.NO_WINDOW, Reason.NO_WINDOW, "later", "企业微信：现在发不了（会话窗口已关）"),
        (Reason.NO_WINDOW, None, "can", "企业微信：营销能发，服务不能（会话窗口已关）"),
        (Reason.PAUSED, Reason.PAUSED, "later", "企业微信：现在发不了（暂停联系中）"),
        (Reason.OPTED_OUT, Reason.OPTED_OUT, "shut", "企业微信：现在发不了（本人停了这个渠道）"),
        (Reason.CHANNEL_CLOSED, Reason.CHANNEL_CLOSED, "shut", "企业微信：现在发不了（渠道停了）"),
        (Reason.NO_ADDRESS, Reason.NO_ADDRESS, "none", "企业微信：现在发不了（没有地址）"),
    ],
)
def test_each_reason_has_its_mark_and_its_words(
    service: Reason | None, marketing: Reason | None, mark: str, words: str
) -> None:
    [way] = ways_of([asdict(Reachable("C1", 1, ChannelName.WECOM, service, marketing))])[1]
    assert (way.mark, way.said) == (mark, words)
