"""A fair is made from similar companies, they are invited with the numbers first, and answer, and come."""

import re
from datetime import datetime, timedelta

import pytest

from bot.runtime import Runtime
from bot.sender.following import follow_up
from campaigns import fairs
from campaigns.fairs import Answer
from campaigns.models import AuditEntry, Contact, Fair, FairInvitation, Member, Message, Occurrence, Posting, Touch
from campaigns.rights import Role
from campaigns.terms import SHANGHAI
from tests.web_cast import NOW, add_contact, add_member, as_staff


@pytest.fixture
async def members(runtime: Runtime) -> list[Member]:
    """Four who look for cooks; one of them has agreed to nothing."""
    made = []
    for number in range(4):
        one = await add_member(f"Q{number}", f"第{number}餐饮", owner="林", city="大同", trade="餐饮酒店", tier="优质")
        await add_contact(one, email=f"c{number}@datong.example", consent=number != 3)
        await Posting.create(no=f"P{number}", member_id=one.id, title="厨师", heads=2, state="live", published_at=NOW)
        made.append(one)
    return made


LATER = NOW + timedelta(hours=1)
FORM = {"name": "大同厨师联合招聘", "kind": "joint", "held_on": "2026-12-12", "source": "餐饮酒店|大同|厨师"}


async def test_a_group_becomes_a_fair_with_invitations_by_message_each_once(
    runtime: Runtime, members: list[Member]
) -> None:
    async with as_staff(runtime, Role.MARKETER, name="林") as lin:
        page = (await lin.get("/fairs")).text
        assert "餐饮酒店 · 大同 · 厨师：4家一共招8人" in page
        [link] = re.findall(r'href="(/fairs/new\?cluster=[^"]+)"', page)
        assert 'value="大同厨师联合招聘"' in (await lin.get(link)).text
        made = await lin.post("/fairs", data=FORM)
        assert made.status_code == 303
        at = made.headers["location"]
        pick = {"pick": [str(one.id) for one in members]}
        asked = (await lin.get(f"{at}/check", params=pick)).text
        assert "请3家来大同厨师联合招聘？" in asked
        assert "没有同意1家" in asked
        assert await Message.all().count() == 0
        assert (await lin.post(f"{at}/invite", data=pick)).status_code == 303
        assert (await lin.post(f"{at}/invite", data=pick)).status_code == 409
        assert (await lin.post(f"{at}/by-hand", data={"pick": str(members[3].id)})).status_code == 303
        shown = (await lin.get(at)).text
    assert await Message.filter(message_class="marketing", state="queued").count() == 3
    assert await FairInvitation.filter(message_id__isnull=False).count() == 3
    assert (await Touch.get()).member_id == members[3].id
    assert all(f"第{number}餐饮" in shown for number in range(4))
    assert await AuditEntry.filter(action="fair_changed").count() == 3


async def test_answers_and_attendance_are_written_down_as_touches(runtime: Runtime, members: list[Member]) -> None:
    async with as_staff(runtime, Role.MARKETER, name="林") as lin:
        at = (await lin.post("/fairs", data=FORM)).headers["location"]
        await lin.post(f"{at}/by-hand", data={"pick": [str(one.id) for one in members[:2]]})
        first, second = await FairInvitation.all().order_by("id")
        assert "来了</button>" not in (await lin.get(at)).text  # its day has not come
        early = await lin.post(f"/fairs/invitations/{first.id}", data={"said": "attended"})
        assert early.status_code == 409
        for said in ("maybe", "yes", "attended"):
            if said == "attended":
                await Fair.all().update(held_on=NOW.date())
            answer = await lin.post(f"/fairs/invitations/{first.id}", data={"said": said, "note": "两个人"})
            assert answer.status_code == 303
        assert (await lin.post(f"/fairs/invitations/{first.id}", data={"said": "absent"})).status_code == 409
        assert (await lin.post(f"/fairs/invitations/{second.id}", data={"said": "x"})).status_code == 422
        assert (await lin.post("/fairs/invitations/999", data={"said": "yes"})).status_code == 404
        page = (await lin.get(at)).text
    assert "来了 1" in page
    assert await Touch.filter(member_id=members[0].id, medium="fair").count() == 4


async def test_what_is_wrong_stands_beside_its_field_and_what_was_typed_stays(runtime: Runtime) -> None:
    async with as_staff(runtime) as staff:
        for change, field in (
            ({"held_on": "2026-11-01"}, "held_on"),
            ({"name": " "}, "name"),
            ({"capacity": "x"}, "capacity"),
        ):
            answer = await staff.post("/fairs", data={**FORM, "place": "体育馆", **change})
            assert answer.status_code == 422
            assert f'id="e-{field}"' in answer.text
            assert 'value="体育馆"' in answer.text
    assert await Fair.all().count() == 0


async def test_all_that_is_wrong_with_a_new_fair_is_said_at_once(runtime: Runtime) -> None:
    wrong = {"name": "", "place": "馆" * 129, "capacity": "0", "held_on": "", "kind": "fair"}
    async with as_staff(runtime) as staff:
        answer = await staff.post("/fairs", data=wrong)
    assert answer.status_code == 422
    assert re.findall(r'id="e-(\w+)"', answer.text) == ["name", "held_on", "place", "capacity"]


async def test_no_more_are_chosen_beforehand_than_there_is_room_and_those_who_fit_best(
    runtime: Runtime, members: list[Member]
) -> None:
    await Posting.filter(member_id=members[2].id).update(heads=9)
    async with as_staff(runtime) as staff:
        at = (await staff.post("/fairs", data={**FORM, "capacity": "2"})).headers["location"]
        page = (await staff.get(at)).text
        assert re.findall(r'value="(\d+)" checked', page) == [str(members[2].id), str(members[0].id)]
        assert "还能请2家，最合适的已经选上；另有2家没选，因为只能来2家。" in page
        pick = {"pick": [str(one.id) for one in members[:3]]}
        asked = (await staff.get(f"{at}/check", params=pick)).text
        assert "选了3家，只剩2家的位置：少选1家再请。" in asked
        assert f'action="{at}/invite"' not in asked
        assert f'action="{at}/by-hand"' not in asked


async def test_what_a_company_wrote_itself_stands_with_its_answer_and_yes_beyond_the_room_is_warned_of(
    runtime: Runtime, members: list[Member]
) -> None:
    async with as_staff(runtime) as staff:
        at = (await staff.post("/fairs", data={**FORM, "capacity": "2"})).headers["location"]
        await staff.post(f"{at}/by-hand", data={"pick": [str(one.id) for one in members[:2]]})
        heard = await fairs.hear_answer(members[0].id, Answer.YES, "我们来三个人", at=LATER, now=LATER)
        page = (await staff.get(at)).text
        assert heard
        assert "客户回复：“我们来三个人”" in page
        assert "家，只能来" not in page
        await fairs.hear_answer(members[1].id, Answer.YES, "来", at=LATER, now=LATER)
        await Fair.all().update(capacity=1)
        assert "说来的有2家，只能来1家" in (await staff.get(at)).text
        first = await FairInvitation.get(member_id=members[0].id)
        await staff.post(f"/fairs/invitations/{first.id}", data={"said": "no", "note": "打电话改了"})
        assert "我们来三个人" not in (await staff.get(at)).text


async def test_other_departments_companies_are_neither_offered_nor_invited(
    runtime: Runtime, members: list[Member]
) -> None:
    async with as_staff(runtime, Role.MARKETER, name="林") as lin:
        at = (await lin.post("/fairs", data=FORM)).headers["location"]
        await lin.post(f"{at}/by-hand", data={"pick": str(members[0].id)})
    invited = await FairInvitation.get()
    async with as_staff(runtime, Role.AGENT, name="王") as wang:
        assert "餐饮酒店 · 大同" not in (await wang.get("/fairs")).text
        assert "第0餐饮" not in (await wang.get(at)).text
        assert (await wang.post(f"{at}/by-hand", data={"pick": str(members[1].id)})).status_code == 422
        assert (await wang.post(f"/fairs/invitations/{invited.id}", data={"said": "no"})).status_code == 404


async def test_a_fair_that_is_over_invites_nobody(runtime: Runtime, members: list[Member]) -> None:
    async with as_staff(runtime) as staff:
        at = (await staff.post("/fairs", data=FORM)).headers["location"]
        assert (await staff.post(f"{at}/end", data={"state": "called_off"})).status_code == 303
        assert (await staff.post(f"{at}/end", data={"state": "held"})).status_code == 409
        answer = await staff.post(f"{at}/invite", data={"pick": str(members[0].id)})
        assert answer.status_code == 409
        assert (await staff.get("/fairs/999")).status_code == 404
    assert await Message.all().count() == 0
    assert await Contact.all().count() == 4


async def test_a_fair_called_off_stops_the_invitations_that_wait(runtime: Runtime, members: list[Member]) -> None:
    async with as_staff(runtime) as staff:
        at = (await staff.post("/fairs", data=FORM)).headers["location"]
        await staff.post(f"{at}/invite", data={"pick": [str(one.id) for one in members]})
        assert await Message.filter(state="queued").count() == 3
        await staff.post(f"{at}/end", data={"state": "called_off"})
    assert set(await Message.all().values_list("state", "reason")) == {("suppressed", "cancelled")}


async def test_an_invitation_is_there_before_the_day_of_the_fair_or_not_at_all(
    runtime: Runtime, members: list[Member]
) -> None:
    pick = {"pick": [str(one.id) for one in members]}
    async with as_staff(runtime) as staff:
        soon = (await staff.post("/fairs", data={**FORM, "held_on": "2026-11-26"})).headers["location"]
        await staff.post(f"{soon}/invite", data=pick)
        today = (await staff.post("/fairs", data={**FORM, "name": "另一场"})).headers["location"]
        await Fair.filter(name="另一场").update(held_on=NOW.date())
        assert (await staff.post(f"{today}/invite", data=pick)).status_code == 409
    assert (await Occurrence.get()).useless_at == datetime(2026, 11, 26, tzinfo=SHANGHAI)


async def test_an_invitation_that_never_arrived_is_none(runtime: Runtime, members: list[Member]) -> None:
    async with as_staff(runtime) as staff:
        at = (await staff.post("/fairs", data=FORM)).headers["location"]
        await staff.post(f"{at}/invite", data={"pick": [str(one.id) for one in members[:2]]})
        lost, answered = await FairInvitation.all().order_by("id")
        await Message.all().update(state="failed", due_at=None)
        await FairInvitation.filter(id=answered.id).update(state="yes")
        await follow_up(runtime)
        assert [one.id for one in await FairInvitation.all()] == [answered.id]
        assert (await staff.post(f"{at}/invite", data={"pick": str(members[0].id)})).status_code == 303
    assert await Message.filter(member_id=members[0].id).count() == 2
    assert lost.id not in [one.id for one in await FairInvitation.all()]
