"""The seekers of a member: proposed with reasons, introduced with the numbers first, and what comes of it."""

import re
from datetime import timedelta

import pytest

from bot.runtime import Runtime
from bot.sender.following import follow_up
from campaigns import touches
from campaigns.members import seekers
from campaigns.models import AuditEntry, Contact, Introduction, Member, Message, Occurrence, Posting, Seeker, Visit
from campaigns.rights import Role
from campaigns.terms import Direction, TouchKind
from tests.web_cast import NOW, add_contact, add_member, as_staff

AT = "/members/Q1/seekers"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def member(runtime: Runtime) -> Member:
    made = await add_member("Q1", "大同机械有限公司", owner="林", city="大同", tier="优质")
    await add_contact(made, consent=True)
    await Posting.create(
        no="P1", member_id=made.id, title="电焊工", state="live", published_at=NOW, pay_min=3000, pay_max=6000
    )
    return made


async def a_seeker(number: int = 1, **columns: object) -> int:
    given = {
        "no": f"S{number}", "name": f"求职者{number}", "wanted_job": "电焊工", "wanted_city": "大同", "pay": 4000,
        "years": 3, "registered_at": NOW - timedelta(days=number), "recommend": True, **columns,
    }  # fmt: skip
    made = await Seeker.create(**given)
    await seekers.fill_occupations()
    return int(made.id)


@pytest.mark.usefixtures("member")
async def test_proposals_show_reasons_points_and_the_video_in_a_tab_of_its_own(runtime: Runtime) -> None:
    await a_seeker(1, video_url="https://video.example.com/1")
    await a_seeker(2, video_url="javascript:alert(1)", name=HOSTILE)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        answer = await lin.get(AT)
    assert answer.status_code == 200
    pay = "期望月薪4,000元，你们开3,000–6,000元"
    for words in ("想做的就是电焊工", "想在大同上班", pay, "1天前注册", "<b>100</b>"):
        assert words in answer.text
    [link] = re.findall(r'<a[^>]+href="https://video[^>]+>', answer.text)
    assert 'target="_blank"' in link
    assert 'rel="noopener noreferrer"' in link
    assert "javascript:" not in answer.text
    assert HOSTILE not in answer.text
    assert await AuditEntry.filter(action="seekers_seen", subject="member/Q1").exists()


@pytest.mark.usefixtures("member")
async def test_introducing_shows_the_numbers_first_and_sends_one_message(runtime: Runtime) -> None:
    ids = [await a_seeker(1, mobile="15483503099"), await a_seeker(2)]
    pick = {"pick": [str(one) for one in ids]}
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        asked = (await lin.get(f"{AT}/check", params=pick)).text
        assert "把2位求职者介绍给大同机械有限公司？" in asked
        assert "最近30天已经0次，最多4次" in asked
        assert await Message.all().count() == 0
        done = await lin.post(f"{AT}/introduce", data=pick)
        assert done.status_code == 303
        page = (await lin.get(done.headers["location"])).text
        again = await lin.post(f"{AT}/introduce", data=pick)
        after = (await lin.get(f"{AT}/check", params={"pick": str(await a_seeker(3))})).text
    assert "介绍了2位" in page
    assert "154****3099" in page
    assert "15483503099" not in page
    assert again.status_code == 422
    message = await Message.get()
    assert (message.channel, message.state, message.message_class) == ("email", "queued", "marketing")
    told = (await Occurrence.get()).extra["seekers"]
    assert [one["name"] for one in told] == ["求职者1", "求职者2"]
    assert "15483503099" not in str(told)
    rows = await Introduction.all().order_by("seeker_id")
    assert [(row.state, row.message_id, row.by) for row in rows] == [("introduced", message.id, "林")] * 2
    assert all("大同机械有限公司" in row.seeker_words for row in rows)
    assert await Visit.all().count() == 0  # nobody is told before the company's message has left
    assert "已经1次" in after
    assert "才发" in after  # 72 hours between two
    assert await AuditEntry.filter(action="seeker_introduced").count() == 1


@pytest.mark.usefixtures("member")
async def test_without_the_seekers_consent_nobody_is_introduced(runtime: Runtime) -> None:
    one = await a_seeker(1, recommend=False)
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert "还不知道本人愿不愿意" in (await lin.get(AT)).text
        refused = await lin.post(f"{AT}/introduce", data={"pick": str(one)})
        assert refused.status_code == 422
        assert (await lin.post(f"{AT}/{one}/ask")).status_code == 303
        assert (await Visit.get()).category == "ask_seeker"
        assert (await lin.post(f"{AT}/{one}/consent", data={"said": "yes"})).status_code == 303
        assert (await lin.post(f"{AT}/introduce", data={"pick": str(one)})).status_code == 303
    assert (await Seeker.get(id=one)).consent_by == "林"
    assert (await Introduction.get()).state == "introduced"


@pytest.mark.parametrize(("column", "value", "said"), [("consent", False, "没有同意"), ("active", False, "没有联系人")])
async def test_without_the_companys_consent_nothing_goes_out(
    runtime: Runtime, member: Member, column: str, value: bool, said: str
) -> None:
    one = await a_seeker()
    await Contact.filter(member_id=member.id).update(**{column: value})
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert said in (await lin.get(f"{AT}/check", params={"pick": str(one)})).text
        answer = await lin.post(f"{AT}/introduce", data={"pick": str(one)})
    assert answer.status_code == 422
    assert said in answer.text
    assert await Message.all().count() == await Introduction.all().count() == 0


@pytest.mark.usefixtures("member")
async def test_what_comes_of_it_is_written_down_once(runtime: Runtime) -> None:
    one = await a_seeker(mobile="15483503099")
    async with as_staff(runtime, Role.MANAGER, name="主管") as staff:
        await staff.post(f"{AT}/introduce", data={"pick": str(one)})
        row = await Introduction.get()
        at = f"/members/Q1/introductions/{row.id}"
        assert "15483503099" in (await staff.post(f"{AT}/numbers")).text
        assert (await staff.post(at, data={"what": "told"})).status_code == 303
        assert (await staff.post(at, data={"what": "told"})).status_code == 409
        assert (await staff.post(at, data={"what": "refused", "reason": "太远"})).status_code == 303
        assert (await staff.post(at, data={"what": "withdrawn"})).status_code == 409
        assert (await staff.post(at, data={"what": "nonsense"})).status_code == 422
        assert (await staff.post("/members/Q1/introductions/999", data={"what": "told"})).status_code == 422
    row = await Introduction.get()
    assert (row.state, row.reason, row.told_at is not None) == ("refused", "太远", True)
    assert await AuditEntry.filter(action="numbers_seen").exists()


@pytest.mark.usefixtures("member")
async def test_nothing_picked_or_strange_numbers_are_said_in_words(runtime: Runtime) -> None:
    async with as_staff(runtime) as staff:
        for picked in (["x"], ["99999999999999999999"], [str(n) for n in range(1, 12)]):
            answer = await staff.get(f"{AT}/check", params={"pick": picked})
            assert (answer.status_code, "选1到10位求职者" in answer.text) == (422, True)
        nothing = await staff.get(f"{AT}/check")
        assert (nothing.status_code, "选1到10位求职者" in nothing.text) == (200, True)
        gone = await staff.get(f"{AT}/check", params={"pick": ["999"]})
        assert "已经介绍过，或者不再合适" in gone.text


@pytest.mark.usefixtures("member")
async def test_another_departments_member_is_not_there(runtime: Runtime) -> None:
    one = await a_seeker()
    async with as_staff(runtime, Role.AGENT, name="王") as wang:
        assert (await wang.get(AT)).status_code == 404
        assert (await wang.post(f"{AT}/introduce", data={"pick": str(one)})).status_code == 404
        assert (await wang.post(f"{AT}/{one}/consent", data={"said": "yes"})).status_code == 404


async def test_an_empty_page_says_what_to_do_first(runtime: Runtime, member: Member) -> None:
    async with as_staff(runtime) as staff:
        assert "现在没有合适的新求职者" in (await staff.get(AT)).text
        await Posting.filter(member_id=member.id).update(state="expired")
        assert "没有在招的职位" in (await staff.get(AT)).text


async def test_after_a_visit_seekers_are_named_in_a_task_that_leads_here(runtime: Runtime, member: Member) -> None:
    await a_seeker()
    task = await Visit.create(
        member_id=member.id, category="return_visit", cause="tests:1", opened_at=NOW, due_at=NOW, owner="林"
    )
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.post(f"/tasks/{task.id}/outcome", data={"result": "talked"})).status_code == 303
        made = await Visit.get(category="introduce")
        page = (await lin.get(f"/tasks/{made.id}")).text
    assert "求职者1（电焊工，100分）" in page
    assert f'href="{AT}"' in page
    assert (await Introduction.get()).state == "proposed"


@pytest.mark.usefixtures("member")
async def test_the_seekers_are_told_once_the_companys_message_has_left(runtime: Runtime) -> None:
    ids = [await a_seeker(1, mobile="15483503099"), await a_seeker(2)]
    async with as_staff(runtime, Role.MANAGER, name="主管") as staff:
        await staff.post(f"{AT}/introduce", data={"pick": [str(one) for one in ids]})
        await follow_up(runtime)
        assert await Visit.all().count() == 0
        await Message.all().update(state="sent", due_at=None)
        await follow_up(runtime)
        await follow_up(runtime)
        tasks = await Visit.all().order_by("id")
        assert [(one.category, one.state, one.owner) for one in tasks] == [("tell_seeker", "open", "主管")] * 2
        assert "打电话或发短信告诉求职者求职者1" in tasks[0].note
        assert "没有留号码" in tasks[1].note
        row = await Introduction.get(seeker_id=ids[0])
        await staff.post(f"/members/Q1/introductions/{row.id}", data={"what": "told"})
    assert [one.state for one in await Visit.all().order_by("id")] == ["done", "open"]


@pytest.mark.usefixtures("member")
async def test_seekers_whose_message_never_arrived_can_be_introduced_again(runtime: Runtime) -> None:
    one = await a_seeker(1)
    async with as_staff(runtime, Role.MANAGER, name="主管") as staff:
        await staff.post(f"{AT}/introduce", data={"pick": str(one)})
        await Message.all().update(state="bounced", due_at=None)
        await follow_up(runtime)
        row = await Introduction.get()
        assert (row.state, row.introduced_at, row.message_id) == ("proposed", None, None)
        task = await Visit.get()
        assert "介绍求职者1的消息没有发到" in task.note
        assert (await staff.post(f"{AT}/introduce", data={"pick": str(one)})).status_code == 303
    assert (await Introduction.get()).state == "introduced"
    assert await Message.all().count() == 2


async def test_what_would_wait_longer_than_the_introduction_is_worth_is_refused_before(
    runtime: Runtime, member: Member
) -> None:
    one = await a_seeker(1)
    for days in (2, 5, 9, 13):  # four contacts of thirty days are all that its tier has
        await touches.record_touch(
            member.id, at=NOW - timedelta(days=days), direction=Direction.OUT, kind=TouchKind.VISIT, medium="phone"
        )
    async with as_staff(runtime, Role.MANAGER, name="主管") as staff:
        refused = await staff.post(f"{AT}/introduce", data={"pick": str(one)})
    assert refused.status_code == 422
    assert "频次上限" in refused.text
    assert await Introduction.filter(state="introduced").count() == await Message.all().count() == 0
