"""分群: built in rows or in a line, counted, saved, used, deleted."""

import re
from typing import Any

import httpx
import pytest

from bot.runtime import Runtime
from campaigns import saved_segments
from campaigns.models import AuditEntry
from campaigns.rights import Role
from tests.web_cast import NOW, add_colleague, add_member, approved, as_staff

HOSTILE = "<script>alert(1)</script>\"'" + "长" * 30


def form(*rows: tuple[str, str, str], group: tuple[int, ...] = (), line: str = "", **more: Any) -> dict[str, Any]:
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return {
        "field": columns[0], "verb": columns[1], "value": columns[2],
        "group": [str(one) for one in (group or (0,) * len(rows))], "line": line, "was": line, **more,
    }  # fmt: skip


def line_of(page: str) -> str:
    found = re.search(r'<textarea[^>]*name="line"[^>]*>([^<]*)</textarea>', page)
    assert found
    return found[1].replace("&#34;", '"').replace("&gt;", ">").replace("&lt;", "<")


async def save(name: str, rule: str) -> int:
    return (await saved_segments.save_segment(name, rule, by="林", now=NOW)).id


@pytest.fixture
async def crowd(runtime: Runtime) -> None:
    for number, (owner, city, tier) in enumerate(
        [("甲", "大同", "优质"), ("甲", "朔州", "优质"), ("乙", "大同", "高端"), ("", "大同", "低端")]
    ):
        await add_member(f"Q{number}", f"{owner or '无主'}{city}{number}", owner=owner, city=city, tier=tier)


async def test_an_empty_list_says_what_to_do_first(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/segments")).text
    assert "还没有分群" in page
    assert 'href="/segments/new"' in page
    assert (await browser.get("/segments/new")).status_code == 200


@pytest.mark.usefixtures("crowd")
async def test_rows_become_a_rule_a_count_and_a_sample(browser: httpx.AsyncClient) -> None:
    rows = form(("city", "=", "大同"), ("tier", "in", "优质、高端"), join0="all")
    page = (await browser.post("/segments/look?by=all", data=rows)).text
    assert line_of(page) == "city = 大同 and tier in (优质, 高端)"
    assert "<b>2</b>" in page
    assert "地区是“大同”，并且客户分级是优质或高端" in page
    assert 'href="/members/Q0"' in page
    assert "Q1" not in page
    either = (await browser.post("/segments/look?by=rows", data={**rows, "join0": "any"})).text
    assert line_of(either) == "city = 大同 or tier in (优质, 高端)"


async def test_groups_stand_in_brackets(browser: httpx.AsyncClient) -> None:
    rows = form(
        ("consent", "yes", ""), ("tier", "=", "优质"), ("idle_days", ">=", "90"), group=(0, 1, 1),
        join0="all", join1="any",
    )  # fmt: skip
    page = (await browser.post("/segments/look", data={**rows, "do": "look"})).text
    assert line_of(page) == "consent and (tier = 优质 or idle_days >= 90)"


async def test_the_line_becomes_rows(browser: httpx.AsyncClient) -> None:
    data = form(("city", "=", "大同"), line="city = 大同")
    data["line"] = "tier = 优质 and (idle_days >= 90 or unread_resumes > 3)"
    page = (await browser.post("/segments/look?by=line", data=data)).text
    assert 'hx-swap-oob="true"' in page
    assert '<option value="idle_days" selected>' in page
    assert '<option value="unread_resumes" selected>' in page
    assert "一组条件" in page


async def test_a_rule_that_rows_cannot_show_is_edited_as_text_and_says_so(browser: httpx.AsyncClient) -> None:
    number = await save("深", "not (consent or tier = 优质)")
    page = (await browser.get(f"/segments/{number}")).text
    assert "这里列不出来" in page
    assert 'name="field"' not in page
    data = form(name="更深", line="not (consent or tier = 高端)", shown="0")
    assert (await browser.post(f"/segments/{number}", data=data)).status_code == 303
    (found,) = await saved_segments.list_segments()
    assert (found.name, found.rule) == ("更深", "not (consent or tier = 高端)")


async def test_a_mistake_in_the_line_names_its_place(browser: httpx.AsyncClient) -> None:
    data = {**form(), "line": "tier = 优质 and tire = 高端", "was": "", "name": "甲"}
    for path in ("/segments/look?by=line", "/segments"):
        answer = await browser.post(path, data=data)
        assert "第15个字符：没有叫 tire 的字段，可能想写 tier" in answer.text
        assert "<mark>tire" in answer.text
    assert answer.status_code == 422
    assert await saved_segments.list_segments() == []


async def test_a_row_that_is_wrong_or_empty_is_told_at_its_row(browser: httpx.AsyncClient) -> None:
    rows = form(("idle_days", ">=", "很久"), ("city", "=", ""), ("", "", ""), name="甲")
    answer = await browser.post("/segments", data=rows)
    assert answer.status_code == 422
    assert 'id="fault0"' in answer.text
    assert "idle_days 要和" in answer.text
    assert answer.text.count("写一个值") == 1
    assert "选一个字段</span>" in answer.text
    live = (await browser.post("/segments/look", data=form(("city", "=", ""), ("tier", "=", "优质")))).text
    assert "不填就不算这一条" in live
    assert line_of(live) == "tier = 优质"


async def test_a_list_cannot_leave_its_brackets(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/segments", data=form(("city", "in", "大同) or (all"), name="甲"))
    assert answer.status_code == 422
    assert await saved_segments.list_segments() == []


async def test_rows_and_groups_come_and_go_without_script(browser: httpx.AsyncClient) -> None:
    rows = form(("tier", "=", "优质"), ("city", "=", "大同"))
    assert (await browser.post("/segments", data={**rows, "do": "add-0"})).text.count('name="field"') == 3
    grouped = (await browser.post("/segments", data={**rows, "do": "group"})).text
    assert grouped.count('name="field"') == 3
    assert 'name="join1"' in grouped
    less = (await browser.post("/segments", data={**rows, "do": "remove-0"})).text
    assert less.count('name="field"') == 1
    assert line_of(less) == "city = 大同"
    assert (await browser.post("/segments", data={**rows, "do": "remove-99"})).text.count('name="field"') == 2
    assert await saved_segments.list_segments() == []


async def test_without_script_the_line_speaks_where_it_was_changed(browser: httpx.AsyncClient) -> None:
    data = {**form(("tier", "=", "优质"), name="甲"), "was": "tier = 优质", "line": "tier = 高端"}
    assert (await browser.post("/segments", data=data)).status_code == 303
    assert (await saved_segments.list_segments())[0].rule == "tier = 高端"


async def test_a_segment_is_saved_renamed_and_deleted(browser: httpx.AsyncClient) -> None:
    rows = form(("tier", "=", "优质"), name=" 优质的 ")
    saved = await browser.post("/segments", data=rows)
    assert "优质的”存好了" in (await browser.get(saved.headers["location"])).text
    (made,) = await saved_segments.list_segments()
    again = await browser.post("/segments", data=rows)
    assert again.status_code == 422
    assert "已经有一个叫优质的的分群" in again.text
    await browser.post(f"/segments/{made.id}", data={**rows, "name": "新名"})
    page = (await browser.get("/segments")).text
    assert "新名" in page
    assert "客户分级是优质" in page
    assert (await browser.post(f"/segments/{made.id}/delete")).status_code == 303
    assert await saved_segments.list_segments() == []
    assert {"segment_saved", "segment_deleted"} == {entry.action for entry in await AuditEntry.all()}


async def test_a_segment_that_a_campaign_uses_is_not_deleted(runtime: Runtime, browser: httpx.AsyncClient) -> None:
    row = await approved(runtime, "unread_resumes")
    number = await save("未读", row.definition.segment)
    assert row.definition.title in (await browser.get("/segments")).text
    answer = await browser.post(f"/segments/{number}/delete")
    assert answer.status_code == 409
    assert "用在1个活动里" in answer.text
    assert f"/campaigns/{row.key}" in answer.text
    assert await saved_segments.find_segment(number)


@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(
    ("role", "seen", "unseen"),
    [(Role.MARKETER, ["Q0", "Q1"], ["Q2", "Q3"]), (Role.MANAGER, ["Q0", "Q1", "Q2", "Q3"], [])],
)
async def test_who_sees_some_members_counts_and_samples_those(
    runtime: Runtime, role: Role, seen: list[str], unseen: list[str]
) -> None:
    number = await save("全部", "all")
    await add_colleague(Role.AGENT, name="甲", department="东区")
    async with as_staff(runtime, role, name="丁", department="东区") as client:
        assert (await client.get(f"/segments/{number}/count")).text == f"{len(seen)}家"
        page = (
            await client.post("/segments/look", data=form(("city", "=", "大同"), ("owner", "!=", "x"), join0="any"))
        ).text
        assert f"<b>{len(seen)}</b>" in page
        assert all(f"/members/{one}" in page for one in seen)
        assert not any(f"/members/{one}" in page for one in unseen)
        others = 'value="乙"' in page
        assert others is (role is Role.MANAGER)  # among the values to pick from


async def test_an_agent_reads_a_segment_and_changes_none(runtime: Runtime) -> None:
    number = await save("甲", "all")
    async with as_staff(runtime, Role.AGENT) as client:
        page = (await client.get(f"/segments/{number}")).text
        assert "存分群" not in page
        assert (await client.post(f"/segments/{number}/delete")).status_code == 403


@pytest.mark.usefixtures("crowd")
async def test_hostile_names_values_and_columns_are_text(browser: httpx.AsyncClient) -> None:
    await add_member("Q9", HOSTILE, city=HOSTILE, attrs={HOSTILE: HOSTILE, "园区": "开发区"})
    await save(HOSTILE[:64], "all")
    rows = form(("city", "=", HOSTILE), (f"attr.{HOSTILE}", "=", HOSTILE), name=HOSTILE[:64], join0="any")
    pages = [
        (await browser.get("/segments")).text,
        (await browser.post("/segments/look", data=rows)).text,
        (await browser.post("/segments", data=rows)).text,
    ]
    assert not any("<script>alert" in page for page in pages)
    assert "<b>1</b>" in pages[1]
    assert "attr.园区" in pages[1]


async def test_what_is_not_there_is_missed_in_words(browser: httpx.AsyncClient) -> None:
    for number in ("999", "9" * 18):
        assert "没有这个分群" in (await browser.get(f"/segments/{number}")).text
        assert (await browser.post(f"/segments/{number}", data=form(name="x"))).status_code == 404
        assert (await browser.post(f"/segments/{number}/delete")).status_code == 404
        assert (await browser.get(f"/segments/{number}/count")).status_code == 404


async def test_a_new_one_starts_with_one_empty_row(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/segments/new")).text
    assert page.count('name="field"') == 1
    assert " selected" not in page.partition('name="field"')[2].partition("</select>")[0]
    assert line_of(page) == "all"
    answer = await browser.post("/segments", data=form(("", "", ""), name="甲"))
    assert (answer.status_code, await saved_segments.list_segments()) == (422, [])
