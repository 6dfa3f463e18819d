"""礼品 in the console: the store, a plan reckoned, approved and handed over, the sheet, what a member likes."""

import httpx

from bot.runtime import Runtime
from campaigns import gift_ledger, gift_store, visits
from campaigns.rights import Role
from campaigns.terms import Tier
from tests.web_cast import add_contact, add_member, as_staff

WISH = {
    "festival": "春节", "budget": "1000", "rule": "all",
    "level.TOP": "300", "level.GOOD": "150", "level.STANDARD": "50", "level.LOW": "0",
    "manner.TOP": "visit", "manner.GOOD": "visit", "manner.STANDARD": "call", "manner.LOW": "message",
}  # fmt: skip
HOSTILE = "<script>alert(1)</script>"


async def filled(browser: httpx.AsyncClient, owner: str = "程雪") -> int:
    """The id of a plan for one member of the highest tier."""
    member = await add_member("Q1", "大同机械", tier=str(Tier.TOP), owner=owner)
    await add_contact(member, no="C1", name="张晓燕", mobile="15483503030")
    await browser.post("/gifts/store", data={"name": "汾酒", "value": "280", "stock": "5", "tastes": "酒、白酒"})
    answer = await browser.post("/gifts/new", data=WISH)
    assert answer.status_code == 303, answer.text
    return int(answer.headers["location"].partition("?")[0].rpartition("/")[2])


async def test_an_empty_place_says_what_comes_first(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/gifts")).text
    assert "先在旁边添几样礼品" in page
    assert "/gifts/new" not in page


async def test_a_gift_that_is_none_is_said_beside_its_field_and_what_was_typed_stays(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.post("/gifts/store", data={"name": HOSTILE, "value": "很贵", "stock": "5"})
    assert answer.status_code == 422
    assert 'id="value-e"' in answer.text
    assert 'value="很贵"' in answer.text
    assert "<script>alert" not in answer.text
    assert await gift_store.list_items() == []


async def test_a_plan_is_reckoned_looked_at_approved_and_handed_over(browser: httpx.AsyncClient) -> None:
    number = await filled(browser)
    page = (await browser.get(f"/gifts/{number}")).text
    assert "合计280元，预算1,000元" in page
    assert "汾酒" in page
    assert "没送过" in page
    assert "排出1个任务" in page
    await browser.post(f"/gifts/{number}/approve")
    (line,) = await gift_ledger.lines_of(number)
    assert "送到了" in (await browser.get(f"/gifts/{number}")).text
    answer = await browser.post(f"/gifts/lines/{line.id}/hand", data={"note": "前台签收"})
    assert answer.headers["location"] == f"/gifts/{number}?done=handed"
    assert "前台签收" in (await browser.get(f"/gifts/{number}")).text
    assert "前台签收" in (await browser.get("/members/Q1")).text
    assert [task.state for task in await visits.visits_of(line.member_id)] == ["done"]


async def test_a_second_hand_over_is_refused_in_words(browser: httpx.AsyncClient) -> None:
    number = await filled(browser)
    await browser.post(f"/gifts/{number}/approve")
    (line,) = await gift_ledger.lines_of(number)
    at = f"/gifts/lines/{line.id}/hand"
    await browser.post(at)
    answer = await browser.post(at)
    assert answer.status_code == 409
    assert "刚被别人改过" in answer.text


async def test_what_is_wrong_with_a_wish_stands_in_the_form(browser: httpx.AsyncClient) -> None:
    await filled(browser)
    for change in ({"rule": "没有这个字段 = 1"}, {"budget": "很多"}, {"rule": " "}, {"level.TOP": ""}):
        answer = await browser.post("/gifts/new", data=WISH | change)
        assert answer.status_code == 422, change
        assert 'class="err"' in answer.text


async def test_the_sheet_masks_numbers_for_who_may_not_see_them_and_the_file_is_for_who_may_export(
    browser: httpx.AsyncClient, runtime: Runtime
) -> None:
    number = await filled(browser)
    assert "15483503030" in (await browser.get(f"/gifts/{number}/sheet")).text
    table = await browser.get(f"/gifts/{number}.csv")
    assert "大同机械" in table.content.decode("utf-8-sig")
    async with as_staff(runtime, Role.AGENT, name="程雪") as agent:
        sheet = (await agent.get(f"/gifts/{number}/sheet")).text
        assert "154****3030" in sheet
        assert "15483503030" not in sheet
        assert (await agent.get(f"/gifts/{number}.csv")).status_code == 403


async def test_somebody_elses_member_is_neither_seen_nor_handed_anything(
    browser: httpx.AsyncClient, runtime: Runtime
) -> None:
    number = await filled(browser, owner="李娜")
    await browser.post(f"/gifts/{number}/approve")
    (line,) = await gift_ledger.lines_of(number)
    async with as_staff(runtime, Role.AGENT, name="程雪") as agent:
        assert "大同机械" not in (await agent.get(f"/gifts/{number}")).text
        assert "大同机械" not in (await agent.get(f"/gifts/{number}/sheet")).text
        assert (await agent.post(f"/gifts/lines/{line.id}/hand")).status_code == 404
        assert (await agent.get("/gifts/tastes/Q1")).status_code == 404


async def test_what_a_member_likes_is_kept_and_used(browser: httpx.AsyncClient) -> None:
    number = await filled(browser)
    answer = await browser.post("/gifts/tastes/Q1", data={"likes": "茶, 文具", "dislikes": "酒"})
    assert answer.status_code == 303
    assert 'value="文具、茶"' in (await browser.get("/gifts/tastes/Q1")).text
    await browser.post("/gifts/new", data=WISH)
    (line,) = await gift_ledger.lines_of(number)
    assert line.gifts == ()


async def test_a_member_is_taken_out_only_with_a_reason(browser: httpx.AsyncClient) -> None:
    number = await filled(browser)
    (line,) = await gift_ledger.lines_of(number)
    at = f"/gifts/lines/{line.id}/drop"
    assert (await browser.post(at, data={"note": ""})).status_code == 409
    assert (await browser.post(at, data={"note": "老板换人了"})).status_code == 303
    assert "老板换人了" in (await browser.get(f"/gifts/{number}")).text


async def test_who_was_taken_out_is_taken_back_by_a_button(browser: httpx.AsyncClient) -> None:
    number = await filled(browser)
    (line,) = await gift_ledger.lines_of(number)
    await browser.post(f"/gifts/lines/{line.id}/drop", data={"note": "老板换人了"})
    await browser.post("/gifts/new", data=WISH | {"budget": "900"})
    (line,) = await gift_ledger.lines_of(number)
    assert f"/gifts/lines/{line.id}/take-back" in (await browser.get(f"/gifts/{number}")).text
    answer = await browser.post(f"/gifts/lines/{line.id}/take-back")
    assert answer.headers["location"] == f"/gifts/{number}?done=taken_back"
    assert [one.state for one in await gift_ledger.lines_of(number)] == ["planned"]


async def test_who_bounds_a_line_is_named_with_the_reason(browser: httpx.AsyncClient) -> None:
    least = await add_member("Q0", "云州贸易", tier=str(Tier.TOP), owner="程雪")
    await gift_store.save_taste(least.id, [], ["酒"], takes_none=False)
    await browser.post("/gifts/store", data={"name": "台灯", "value": "30", "stock": "5"})
    await browser.post("/gifts/store", data={"name": "坚果", "value": "100", "stock": "5", "tastes": "酒"})
    await add_member("Q2", "左云农业", tier=str(Tier.GOOD), owner="程雪")
    page = (await browser.get(f"/gifts/{await filled(browser)}")).text
    assert "不能高过上一级" in page
    assert "（30元）" in page


async def test_a_greeting_by_message_is_left_to_its_campaign(browser: httpx.AsyncClient) -> None:
    await add_member("Q2", "左云农业", tier=str(Tier.LOW), owner="程雪")
    number = await filled(browser)
    await browser.post(f"/gifts/{number}/approve")
    page = (await browser.get(f"/gifts/{number}")).text
    assert page.count("没有收</button>") == 1
    assert "/campaigns/festival_greeting" in page


async def test_a_department_sees_its_own_sum_and_no_budget(browser: httpx.AsyncClient, runtime: Runtime) -> None:
    await add_member("Q2", "左云农业", tier=str(Tier.TOP), owner="李娜")
    number = await filled(browser)
    assert "合计560元，预算1,000元" in (await browser.get(f"/gifts/{number}")).text
    async with as_staff(runtime, Role.AGENT, name="程雪") as agent:
        for page in (f"/gifts/{number}", "/gifts"):
            seen = (await agent.get(page)).text
            assert "280" in seen
            assert "560" not in seen
            assert "1,000" not in seen


async def test_the_task_of_a_gift_leads_to_its_plan(browser: httpx.AsyncClient) -> None:
    number = await filled(browser)
    await browser.post(f"/gifts/{number}/approve")
    (line,) = await gift_ledger.lines_of(number)
    (task,) = await visits.visits_of(line.member_id)
    assert f'href="/gifts/{number}"' in (await browser.get(f"/tasks/{task.id}")).text


async def test_a_plan_called_off_is_made_anew_from_its_page(browser: httpx.AsyncClient) -> None:
    number = await filled(browser)
    await browser.post(f"/gifts/{number}/approve")
    await browser.post(f"/gifts/{number}/call-off")
    assert "/gifts/new?festival=" in (await browser.get(f"/gifts/{number}")).text
    assert (await browser.post("/gifts/new", data=WISH)).headers["location"].startswith(f"/gifts/{number}?")
