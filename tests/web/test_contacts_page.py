"""The people of a member: the tree, what colleagues write down, who is added, and who may."""

import re

import httpx
import pytest
from tortoise import connections

from bot.runtime import Runtime
from campaigns.models import AuditEntry, Contact, Member, StaffAccount
from campaigns.rights import Role
from tests.web_cast import NOW, add_contact, add_member, as_staff

AT = "/members/Q1/contacts"
HOSTILE = "<script>alert(1)</script>\"'"


@pytest.fixture
async def member(runtime: Runtime) -> Member:
    """佟总 above 李会计, who is above 小王; 老周 left."""
    made = await add_member("Q1", "大同机械有限公司", owner="林")
    for no, name, title, above in (
        ("C1", "佟佳", "总经理", ""),
        ("C2", "李敏", "会计", "C1"),
        ("C3", "王强", "电工", "C2"),
        ("C4", "周平", "厂长", ""),
    ):  # fmt: skip
        await add_contact(
            made, no, name=name, title=title, parent_no=above, is_primary=no == "C1", active=no != "C4",
            mobile=f"1548350303{no[1]}", email=None,
        )  # fmt: skip
    return made


async def number(no: str) -> int:
    return (await Contact.get(no=no)).id


async def details(action: str = "contact_changed") -> list[dict[str, object]]:
    return [one.detail for one in await AuditEntry.filter(action=action, subject="member/Q1").order_by("id")]


@pytest.mark.usefixtures("member")
async def test_the_tree_shows_who_reports_to_whom_and_says_what_is_guessed(browser: httpx.AsyncClient) -> None:
    await Contact.filter(no="C2").update(role="pays", influence=3, interests="钓鱼、孩子高考")
    await Contact.filter(no="C3").update(consent=True, consent_at=NOW, consent_source="注册表单")
    page = (await browser.get(AT)).text
    tree = page[page.index('class="tree') :]
    assert re.search(r"佟佳.*<ul>.*李敏.*<ul>.*王强.*</ul>.*</ul>.*周平", tree, re.S)
    assert "可能是拍板人" in tree
    assert "按职务看可能是佟佳拍板，问一句再记下" in page
    for words in (
        ">付款人<",
        "影响大",
        "钓鱼、孩子高考",
        "角色没写",
        "注册表单",
        "没有问过同不同意接收营销",
        "不在了，不再发",
    ):
        assert words in tree, words
    assert "154****3031" in page
    assert "15483503031" not in page
    assert {"what": "contacts"} in await details("member_seen")


async def test_a_member_without_people_says_what_to_do_first(runtime: Runtime) -> None:
    await add_member("Q1", owner="林")
    async with as_staff(runtime, Role.AGENT, name="林") as lin, as_staff(runtime, Role.VIEWER) as viewer:
        assert "见过这家的人，就加上" in (await lin.get(AT)).text
        page = (await viewer.get(AT)).text
    assert "没有联系人" in page
    assert "edit=new" not in page


@pytest.mark.usefixtures("member")
async def test_what_is_written_down_stands_on_both_pages_and_in_the_audit_log(runtime: Runtime) -> None:
    first = await number("C1")
    typed = {"title": "总经理", "role": "decides", "influence": "3", "interests": "钓鱼,茶", "parent_no": ""}
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        form = (await lin.get(AT, params={"edit": first})).text
        assert "按职务看可能是拍板人，问清楚了再选" in form
        assert not re.search(r'<option value="C[123]"', form)  # himself and who reports to him
        done = await lin.post(f"{AT}/{first}", data=typed)
        assert (done.status_code, done.headers["location"]) == (303, f"{AT}?done=described")
        again = await lin.post(f"{AT}/{first}", data=typed)
        assert again.status_code == 303
        page = (await lin.get(done.headers["location"])).text
        assert "佟佳拍板" in page
        assert "钓鱼、茶" in (await lin.get("/members/Q1")).text
    [told] = await details()
    assert told == {
        "contact": first,
        "role": {"was": "", "now": "decides"},
        "influence": {"was": "", "now": 3},
        "interests": {"was": "", "now": "钓鱼、茶"},
    }
    async with as_staff(runtime) as boss:
        log = (await boss.get("/audit?action=contact_changed")).text
    for words in ("改联系人", "角色", "— → 拍板人", "影响力", "兴趣"):
        assert words in log


@pytest.mark.usefixtures("member")
async def test_what_does_not_fit_is_said_beside_the_field_and_what_was_typed_stays(runtime: Runtime) -> None:
    first = await number("C1")
    await add_contact(await add_member("Q2"), "C9")
    typed = {"title": HOSTILE, "role": "decides", "influence": "2", "interests": "长" * 256}
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        for superior, words in (("C3", "绕成圈了"), ("C1", "绕成圈了"), ("C9", "这家企业没有这位联系人")):
            answer = await lin.post(f"{AT}/{first}", data={**typed, "parent_no": superior})
            assert answer.status_code == 422
            assert re.search(rf'id="parent_no-e">.*?{words}', answer.text, re.S)
            assert re.search(r'id="interests-e">.*?最多255个字', answer.text, re.S)
            assert "长" * 256 in answer.text
            assert "&lt;script&gt;alert(1)" in answer.text
            assert HOSTILE not in answer.text
            assert '<option value="decides" selected>' in answer.text
    row = await Contact.get(no="C1")
    assert (row.title, row.role, row.parent_no) == ("总经理", None, "")
    assert await details() == []


@pytest.mark.usefixtures("member")
async def test_somebody_is_added_with_no_consent_and_a_wrong_number_is_said(runtime: Runtime) -> None:
    typed = {"name": "丁一", "mobile": "154-8350-3099", "email": "Ding@example.com", "title": "店长", "parent_no": "C1"}
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert 'name="mobile"' in (await lin.get(AT, params={"edit": "new"})).text
        wrong = await lin.post(AT, data={**typed, "name": "", "mobile": "12345"})
        assert wrong.status_code == 422
        assert re.search(r'id="name-e">.*?写上姓名', wrong.text, re.S)
        assert re.search(r'id="mobile-e">.*?不是手机号', wrong.text, re.S)
        assert 'value="12345"' in wrong.text
        same = await lin.post(AT, data={**typed, "mobile": "15483503032"})
        assert "这家已经有这一位：李敏" in same.text
        done = await lin.post(AT, data=typed)
        assert (done.status_code, done.headers["location"]) == (303, f"{AT}?done=added")
        page = (await lin.get(done.headers["location"])).text
    assert "没有记同意" in page
    row = await Contact.get(name="丁一")
    assert (row.mobile, row.email, row.consent, row.consent_source) == ("15483503099", "ding@example.com", None, "")
    assert await details() == [{"what": "contact-new", "contact": row.id}]
    assert await Contact.all().count() == 5


@pytest.mark.usefixtures("member")
async def test_another_becomes_the_primary_contact_and_one_who_left_does_not(runtime: Runtime) -> None:
    second, gone = await number("C2"), await number("C4")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.post(f"{AT}/{second}/primary")).headers["location"].endswith("done=primary")
        for one in (second, gone, 2**40):
            assert (await lin.post(f"{AT}/{one}/primary")).headers["location"].endswith("done=fault-contact")
    assert await Contact.filter(is_primary=True).values_list("no", flat=True) == ["C2"]
    assert await details() == [{"what": "contact-primary", "contact": second}]


@pytest.mark.usefixtures("member")
async def test_who_left_is_marked_here_and_taken_back_here(runtime: Runtime) -> None:
    second = await number("C2")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        done = await lin.post(f"{AT}/{second}/left", data={"to": "contacts"})
        assert done.headers["location"] == f"{AT}?done=left&id={second}#main"
        page = (await lin.get(done.headers["location"])).text
        assert f'action="{AT}/{second}/back"' in page
        assert not (await Contact.get(id=second)).active
        back = await lin.post(f"{AT}/{second}/back", data={"to": "contacts"})
        assert back.headers["location"] == f"{AT}?done=contact-back#main"
        elsewhere = await lin.post(f"{AT}/{second}/left", data={"to": "https://evil.example"})
        assert elsewhere.headers["location"].startswith("/members/Q1?done=left")
    assert not (await Contact.get(id=second)).active


@pytest.mark.usefixtures("member")
async def test_only_who_may_write_does_and_only_of_members_in_sight(runtime: Runtime) -> None:
    first = await number("C1")
    other = await add_contact(await add_member("Q2", owner="别人"), "C9")
    asked = (AT, f"{AT}/{first}", f"{AT}/{first}/primary")
    async with as_staff(runtime, Role.VIEWER) as viewer:
        page = (await viewer.get(AT, params={"edit": first})).text
        assert "佟佳" in page
        assert '<form class="card-body form"' not in page
        for path in asked:
            assert (await viewer.post(path, data={"name": "丁"})).status_code == 403
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        assert (await lin.get("/members/Q2/contacts")).status_code == 404
        for path in asked:
            assert (await lin.post(path.replace("Q1", "Q2"), data={"name": "丁"})).status_code == 404
        stranger = await lin.post(f"{AT}/{other.id}", data={"role": "decides"})
        assert stranger.headers["location"].endswith("done=fault-contact")
        assert (await lin.get("/members/Q404/contacts")).status_code == 404
    assert await Contact.all().count() == 5
    assert (await Contact.get(id=other.id)).role is None


@pytest.mark.usefixtures("member")
async def test_an_address_that_names_nobody_shows_the_tree_alone(browser: httpx.AsyncClient) -> None:
    for asked in ("999999", "x", "0", "99999999999999999999", "-1"):
        page = await browser.get(AT, params={"edit": asked, "done": "nothing"})
        assert page.status_code == 200
        assert 'id="sheet"' not in page.text


@pytest.mark.usefixtures("member")
async def test_the_page_speaks_english(runtime: Runtime) -> None:
    first = await number("C1")
    async with as_staff(runtime, Role.AGENT, name="林") as lin:
        await StaffAccount.filter(name="林").update(language="en")
        page = (await lin.get(AT, params={"edit": first})).text
        wrong = (await lin.post(f"{AT}/{first}", data={"parent_no": "C3"})).text
    for words in ("Who reports to whom", "Probably: Decides", "Little influence", "Reports to"):
        assert words in page, words
    assert "a circle" in wrong


async def test_many_people_cost_as_many_questions_as_few(
    runtime: Runtime, browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    few, many = await add_member("Q1"), await add_member("Q2")
    for made, count in ((few, 2), (many, 40)):
        for place in range(count):
            await add_contact(made, f"{made.no}-{place}", parent_no=f"{made.no}-{place - 1}")
    asked: list[int] = []
    db = type(connections.get("default"))
    plain = db.execute_query

    async def counted(self: object, *given: object, **named: object) -> object:
        asked[-1] += 1
        return await plain(self, *given, **named)

    await browser.get(AT)
    monkeypatch.setattr(db, "execute_query", counted)
    for no in ("Q1", "Q2"):
        asked.append(0)
        assert (await browser.get(f"/members/{no}/contacts")).status_code == 200
    assert asked[0] == asked[1] > 5
