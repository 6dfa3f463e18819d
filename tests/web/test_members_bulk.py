"""Many members at once: given to a colleague and taken back; views kept; columns chosen."""

import csv
import io
import re

import httpx
import pytest

from bot.runtime import Runtime
from campaigns import custom_fields
from campaigns.models import AuditEntry, Mark, Member, SavedView
from campaigns.rights import Role
from tests.web_cast import add_colleague, add_contact, add_member, as_staff

HOSTILE = "<script>alert(1)</script>\"'" + "长" * 220


async def owners() -> dict[str, str]:
    return dict(await Member.all().values_list("no", "owner"))


def seen(page: str) -> str:
    return re.findall(r'name="seen" value="(\d+)"', page)[0]


async def test_marked_members_are_given_away_after_a_question_with_numbers_and_come_back(
    browser: httpx.AsyncClient,
) -> None:
    await add_colleague(Role.AGENT, login="lin", name="林晓芸")
    ids = [(await add_member(f"Q{n}", owner=owner)).id for n, owner in enumerate(("王", "", "林晓芸", "王"))]
    asked = {"which": "picked", "id": [str(one) for one in ids[:3]], "tier": "一般"}
    question = await browser.post("/members/assign", data=asked)
    assert "把3家会员分配给谁" in question.text
    assert "改2家，1家已经是" in question.text
    assert set((await owners()).values()) == {"王", "", "林晓芸"}
    done = await browser.post("/members/assign", data={**asked, "to": "林晓芸", "seen": seen(question.text)})
    assert done.headers["location"] == "/members?tier=%E4%B8%80%E8%88%AC&done=assigned"
    assert await owners() == {"Q0": "林晓芸", "Q1": "林晓芸", "Q2": "林晓芸", "Q3": "王"}
    assert "把2家会员分配给了林晓芸" in (await browser.get(done.headers["location"])).text
    entry = await AuditEntry.filter(action="members_assigned").get()
    assert entry.detail == {"count": 2, "to": "林晓芸", "before": {"王": 1, "-": 1}}
    await Member.filter(no="Q1").update(owner="赵")
    assert (await browser.post("/members/assign/undo")).headers["location"] == "/members?all=1&done=undone"
    assert await owners() == {"Q0": "王", "Q1": "赵", "Q2": "林晓芸", "Q3": "王"}
    assert (await browser.post("/members/assign/undo")).headers["location"] == "/members?all=1&done=none"
    assert not await Mark.filter(key__startswith="assigned").exists()


async def test_all_that_meet_the_conditions_are_given_away_and_no_others(browser: httpx.AsyncClient) -> None:
    await add_colleague(Role.AGENT, login="lin", name="林晓芸")
    for n in range(60):
        await add_member(f"Q{n}", city="大同" if n < 55 else "朔州", owner="-" if n == 58 else "")
    asked = {"which": "all", "city": "大同", "to": "林晓芸"}
    assert (await browser.post("/members/assign", data={**asked, "seen": "54"})).status_code == 422
    assert set((await owners()).values()) == {"", "-"}
    assert (await browser.post("/members/assign", data={**asked, "seen": "55"})).status_code == 303
    assert sum(owner == "林晓芸" for owner in (await owners()).values()) == 55


async def test_nobody_gives_away_what_he_does_not_see_nor_to_whom_he_does_not_see(runtime: Runtime) -> None:
    await add_colleague(Role.AGENT, login="a2", name="乙", department="东区")
    await add_colleague(Role.AGENT, login="b1", name="丙", department="西区")
    ids = [(await add_member(f"Q{n}", owner=owner)).id for n, owner in enumerate(("甲", "丙", ""))]
    async with as_staff(runtime, Role.AGENT, name="甲", department="东区", grants=["assign"]) as client:
        data = {"which": "picked", "id": [str(one) for one in ids]}
        question = (await client.post("/members/assign", data=data)).text
        assert "把1家会员分配给谁" in question
        assert "丙" not in question
        assert (await client.post("/members/assign", data={**data, "seen": "1", "to": "丙"})).status_code == 422
        assert (await client.post("/members/assign", data={**data, "seen": "1", "to": "-"})).status_code == 422
        everything = {"which": "all", "seen": "1", "to": "乙"}
        assert (await client.post("/members/assign", data=everything)).status_code == 303
    assert await owners() == {"Q0": "乙", "Q1": "丙", "Q2": ""}
    async with as_staff(runtime, Role.AGENT, name="甲二", department="东区") as client:
        page = (await client.get("/members")).text
        assert 'name="id"' not in page
        assert "/imports" not in page


@pytest.mark.parametrize("odd", [{}, {"which": "picked"}, {"which": "picked", "id": ["x", "-1", "9" * 30, "1' OR 1"]}])
async def test_nothing_marked_is_said_and_changes_nothing(browser: httpx.AsyncClient, odd: dict[str, object]) -> None:
    await add_member("Q1", owner="王")
    answer = await browser.post("/members/assign", data=odd)
    assert "没有选会员" in answer.text
    assert await owners() == {"Q1": "王"}


async def test_without_script_a_link_marks_the_whole_page(browser: httpx.AsyncClient) -> None:
    await add_member("Q1")
    assert 'value="1" aria-label="选择大同机械有限公司" checked' in (await browser.get("/members?marked=all")).text


async def test_a_view_is_kept_by_its_owner_alone(runtime: Runtime) -> None:
    async with as_staff(runtime, name="甲") as one, as_staff(runtime, Role.AGENT, name="乙") as other:
        saved = await one.post("/members/views", data={"name": f" {HOSTILE[:20]} ", "city": "大同", "sort": "login"})
        assert saved.headers["location"] == "/members?city=%E5%A4%A7%E5%90%8C&sort=login"
        page = (await one.get(saved.headers["location"])).text
        assert "&lt;script&gt;alert(1)&lt;/" in page
        assert "<script>alert" not in page
        assert "存为视图</a>" not in page
        again = await one.post("/members/views", data={"name": HOSTILE[:20], "tier": "高端"})
        assert "已经有一个叫" in (await one.get(again.headers["location"])).text
        assert "view_fault=" in (await one.post("/members/views", data={"name": " "})).headers["location"]
        view = await SavedView.get()
        for act in ({"act": "delete"}, {"name": "我的"}):
            assert (await other.post(f"/members/views/{view.id}", data=act)).status_code == 404
        assert "alert(1)" not in (await other.get("/members")).text
        await one.post(f"/members/views/{view.id}", data={"name": "大同的"})
        assert "大同的" in (await one.get("/members")).text
        assert (await one.post("/members/views/99999999999999999", data={"act": "delete"})).status_code == 404
        await one.post(f"/members/views/{view.id}", data={"act": "delete"})
    assert not await SavedView.exists()


async def test_columns_are_chosen_for_a_browser_and_the_export_has_them_too(runtime: Runtime) -> None:
    member = await add_member("Q1", "大同", size="50人", attrs={"园区.A": HOSTILE, "藏起来的": "秘密"})
    await add_contact(member)
    await custom_fields.save_field("藏起来的", "", "text", [])
    await custom_fields.save_field("园区.A", "所在园区", "text", ["list"])
    asked = "/members?city=&columns=1&column=size&column=attr.园区.A&column=phones&column=attr.藏起来的&column=nonsense"
    async with as_staff(runtime, Role.MANAGER) as client:
        chosen = await client.get(asked)
        assert chosen.headers["location"] == "/members?all=1"
        page = (await client.get("/members")).text
        assert "50人" in page
        assert "所在园区" in page
        assert "<script>alert" not in page
        assert "秘密" not in page
        assert "15483503031" not in page
        rows = list(csv.reader(io.StringIO((await client.get("/members.csv")).content.decode("utf-8-sig"))))
        assert rows[0] == ["会员编号", "企业名称", "规模", "手机号", "所在园区"]
        assert rows[1] == ["Q1", "大同", "50人", "15483503031", HOSTILE]
        kept = client.cookies["huifang_columns"]
    entry = await AuditEntry.filter(action="members_exported").get()
    assert entry.detail["phones"] is True
    async with as_staff(runtime, Role.VIEWER, grants=["export"]) as client:
        client.cookies["huifang_columns"] = kept
        assert "15483503031" not in (await client.get("/members.csv")).text
        client.cookies["huifang_columns"] = "%00.%FF..'"
        assert (await client.get("/members")).status_code == 200


async def test_who_chose_a_view_begins_with_it_and_still_reaches_all(runtime: Runtime) -> None:
    await add_member("Q1", city="大同")
    await add_member("Q2", city="朔州")
    async with as_staff(runtime, name="甲") as one, as_staff(runtime, Role.AGENT, name="乙") as other:
        await one.post("/members/views", data={"name": "大同的", "city": "大同"})
        view = await SavedView.get()
        assert (await other.post(f"/members/views/{view.id}", data={"act": "default"})).status_code == 404
        assert (await one.get("/members")).status_code == 200
        await one.post(f"/members/views/{view.id}", data={"act": "default"})
        assert (await one.get("/members")).headers["location"] == "/members?city=%E5%A4%A7%E5%90%8C"
        assert (await other.get("/members")).status_code == 200
        page = (await one.get("/members?city=大同")).text
        assert "不再默认" in page
        assert 'href="/members?all=1"' in page
        assert "Q2" in (await one.get("/members?all=1")).text
        await one.post(f"/members/views/{view.id}", data={"act": "default"})
        assert (await one.get("/members")).status_code == 200
        await one.post(f"/members/views/{view.id}", data={"act": "default"})
        await one.post(f"/members/views/{view.id}", data={"act": "delete"})
        assert (await one.get("/members")).status_code == 200
