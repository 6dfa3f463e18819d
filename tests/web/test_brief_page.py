"""访前检查 of one member on one page: what is on it, who sees it, what a stopped or an empty member shows."""

from datetime import timedelta

import httpx
import pytest

from bot.runtime import Runtime
from campaigns.models import Application, AuditEntry, Contact, Member, Posting, Promise, Suppression, Touch, Visit
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, add_unread, as_staff

AT = "/members/Q1/brief"
HOSTILE = "<script>alert(1)</script>\"'"
DAY = timedelta(days=1)


@pytest.fixture
async def member(runtime: Runtime) -> Member:
    """An 优质 member of 林 with unread résumés for a posting that pays less than the five others in its city."""
    made = await add_member("Q1", "大同机械有限公司", owner="林", tier="优质", plan="包年")
    await add_contact(made, "C1", name="佟佳", title="人事经理")
    await add_contact(made, "C2", name="周平", title="总经理", mobile="15483503032", is_primary=False)
    posting = await add_unread(made, "P1", 3)
    await Posting.filter(id=posting.id).update(category="焊工", city="大同", pay_min=3000, pay_max=4000)
    for number in range(15):
        other = await add_member(f"R{number}", f"别家{number}")
        await Posting.create(
            no=f"R{number}", member_id=other.id, title="氩弧焊工（二保焊）", category="焊工", city="大同", state="live",
            pay_min=6000 + 100 * number, pay_max=8000 + 100 * number, published_at=NOW - DAY, education="高中",
            experience="3-5年",
        )  # fmt: skip
    return made


async def test_the_page_tells_what_to_know_and_what_to_say(runtime: Runtime, member: Member) -> None:
    await Promise.create(
        member_id=member.id, what="发一份薪资表", due_on=(NOW - 3 * DAY).date(), owner="林", made_at=NOW - 9 * DAY
    )
    await Promise.create(
        member_id=member.id, what="置顶一周", due_on=(NOW - 3 * DAY).date(), owner="林", made_at=NOW - 8 * DAY,
        state="kept", settled_at=NOW - 5 * DAY,
    )  # fmt: skip
    await Touch.create(
        member_id=member.id,
        at=NOW - 9 * DAY,
        direction="out",
        kind="visit",
        medium="visit",
        text="上门谈了招人",
        by="林",
    )
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        page = (await lin.get(AT)).text
    for words in (
        "未读3份",
        "按职务看可能是周平拍板，问一句再记下",
        "一半在7,350–8,050元，中位7,700元",
        "高中 100%（15个写了的）",
        "3-5年 100%",
        "氩弧焊工",
        "薪资偏低",
        "过了2026年11月20日还没做，先道歉再给",
        "2026年11月18日做了",
        "上门谈了招人",
        "话术",
        "佟经理您好",
        "答应您“发一份薪资表”",
        '<svg class="fig fig-desk"',
    ):
        assert words in page, words
    assert page.index("答应您“发一份薪资表”") < page.index("大同同类一半的职位在7,350–8,050元")


@pytest.mark.usefixtures("member")
async def test_numbers_are_masked_and_who_looked_is_written_down(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        page = (await lin.get(AT)).text
    assert "154****3031" in page
    assert "15483503031" not in page
    [seen] = await AuditEntry.filter(action="member_seen", subject="member/Q1")
    assert (seen.who, seen.detail) == ("林", {"what": "brief"})


@pytest.mark.usefixtures("member")
async def test_who_may_see_numbers_prints_them_whole_and_that_is_written_down(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.MANAGER, name="赵") as manager:
        assert "印上完整号码" not in (await manager.get(AT)).text
        assert "印上完整号码" in (await manager.get(f"{AT}?print=1")).text
        sheet = await manager.post(f"{AT}/numbers", data={})
    assert ("15483503031" in sheet.text, "print.js" in sheet.text, "印上完整号码" in sheet.text) == (True, True, False)
    [seen] = await AuditEntry.filter(action="numbers_seen", subject="member/Q1")
    assert (seen.who, seen.detail) == ("赵", {"what": "brief"})
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert "印上完整号码" not in (await lin.get(f"{AT}?print=1")).text
        assert (await lin.post(f"{AT}/numbers", data={})).status_code == 403
    async with as_staff(runtime, Role.AGENT, name="石", grants=["addresses"]) as other:
        assert (await other.post(f"{AT}/numbers", data={})).status_code == 404


@pytest.mark.usefixtures("member")
async def test_only_who_sees_the_member_sees_its_brief_and_only_who_speaks_to_it_the_words(runtime: Runtime) -> None:
    async with as_staff(runtime, Role.AGENT, name="石") as other:
        refused = await other.get(AT)
    async with as_staff(runtime, Role.VIEWER) as viewer:
        page = (await viewer.get(AT)).text
    assert (refused.status_code, "未读3份" in refused.text) == (404, False)
    assert "薪资偏低" in page
    assert "话术" not in page
    assert "记结果" not in page
    assert await AuditEntry.filter(action="member_seen").count() == 1


async def test_a_member_that_is_stopped_has_no_words_to_say(
    runtime: Runtime, browser: httpx.AsyncClient, member: Member
) -> None:
    await Suppression.create(member_id=member.id, reason="refused", source="staff:1", at=NOW)
    page = (await browser.get(AT)).text
    assert "已经停止联系，没有话术" in page
    assert "您好" not in page
    assert "不要打" in page


async def test_an_empty_member_says_what_is_not_known(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    await add_member("Q1", "")
    found = await browser.get(AT)
    assert found.status_code == 200
    for words in (
        "没有联系人",
        "还不知道谁拍板",
        "没有答应过什么",
        "没有未读",
        "没有在招的职位",
        "没有回访过",
        "您现在没有在招的职位",
    ):
        assert words in found.text, words
    assert "{" not in found.text[found.text.index("<article") :]


async def test_what_people_wrote_is_shown_as_it_is(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    made = await add_member("Q1", HOSTILE, trade=HOSTILE)
    await add_contact(made, name=HOSTILE, title=HOSTILE)
    await Contact.all().update(interests=HOSTILE)
    posting = await add_unread(made, "P1", 1, title=HOSTILE)
    await Posting.filter(id=posting.id).update(category=HOSTILE, city="{0}")
    await Promise.create(member_id=made.id, what=HOSTILE, due_on=NOW.date(), owner=HOSTILE, made_at=NOW)
    await Touch.create(member_id=made.id, at=NOW, direction="in", kind="reply", medium="sms", text=HOSTILE)
    page = (await browser.get(AT)).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


async def test_it_is_printed_from_a_page_of_its_own_without_the_console_around_it(
    browser: httpx.AsyncClient, member: Member
) -> None:
    task = await Visit.create(
        member_id=member.id, category="return_visit", cause="tests", opened_at=NOW, due_at=NOW, note="看看简历"
    )
    page = (await browser.get(AT)).text
    assert f"{AT}?print=1&amp;task={task.id}" in page
    assert f"/tasks/{task.id}#done" in page
    plain = (await browser.get(f"{AT}?print=1&task={task.id}")).text
    assert "看看简历" in plain
    assert "/static/print.js" in plain
    assert 'class="side"' not in plain


@pytest.mark.parametrize("task", ["x", "99999999999999", "-1", "0", "１"])
@pytest.mark.usefixtures("member")
async def test_a_task_that_is_none_of_the_member_is_not_asked_for(browser: httpx.AsyncClient, task: str) -> None:
    assert (await browser.get(AT, params={"task": task})).status_code == 200


async def test_the_brief_is_linked_where_a_visit_begins(browser: httpx.AsyncClient, member: Member) -> None:
    task = await Visit.create(
        member_id=member.id, category="return_visit", cause="tests", opened_at=NOW, due_at=NOW, note=""
    )
    assert f'href="{AT}"' in (await browser.get("/members/Q1")).text
    assert f'href="{AT}?task={task.id}"' in (await browser.get(f"/tasks/{task.id}")).text


async def test_eight_postings_are_shown_the_gravest_first_and_the_others_are_a_link(
    browser: httpx.AsyncClient, member: Member
) -> None:
    await Application.all().update(applied_at=NOW - 9 * DAY)
    for number in range(12):
        await add_unread(member, f"P9{number}", 0, title=f"职位{number}")
    page = (await browser.get(AT)).text
    assert page.count('<td class="title"') == 8
    assert page.index("<b>电焊工</b>") < page.index("<b>职位0</b>")
    assert "还有5个职位" in page


async def test_in_english_the_words_to_say_stay_chinese_and_are_explained(runtime: Runtime, member: Member) -> None:
    async with as_staff(runtime, Role.ADMIN) as admin:
        await admin.post("/me/language", data={"language": "en"})
        page = (await admin.get(AT)).text
    assert '<html lang="en">' in page
    assert "Whom do you need in the next three months" in page
    assert "往后三个月还要招什么人" in page
