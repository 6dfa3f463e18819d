"""拜访 in the console: the month, a day of it, a visit moved by hand, what did not fit, care, absences."""

from datetime import timedelta

import httpx
import pytest

from bot.runtime import Runtime
from bot.visit_limits import usual_visits
from campaigns import touches, visit_calendar, visits
from campaigns.models import Member, PlannedVisit
from campaigns.rights import Role
from campaigns.terms import SHANGHAI, Direction, TouchKind
from campaigns.visit_planning import plan_calendar
from tests.web_cast import NOW, add_colleague, add_member, as_staff

TODAY = NOW.astimezone(SHANGHAI).date()
DAY = timedelta(days=1)
HOSTILE = "<script>alert(1)</script>"


async def plan(runtime: Runtime) -> None:
    await plan_calendar(
        runtime.rulebook.calendar, usual_visits(runtime.settings, runtime.rulebook.policy), runtime.clock()
    )


async def member(no: str = "Q1", owner: str = "程雪", days_ago: int = 10, **columns: object) -> Member:
    """Last visited so many days ago."""
    made = await add_member(no, f"{no}号商行", owner=owner, tier="优质", **columns)
    await touches.record_touch(
        made.id, at=NOW - days_ago * DAY, direction=Direction.OUT, kind=TouchKind.VISIT, medium="phone"
    )
    return made


async def its_visit(one: Member) -> int:
    return (await visit_calendar.entries_of(one.id, TODAY))[0].id


async def test_before_the_first_night_the_page_says_what_to_do(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/visits")).text
    assert "今天夜里第一次排" in page
    assert "先给会员分配负责人" in page


async def test_a_month_counts_each_day_against_what_fits_and_leads_to_the_list(
    browser: httpx.AsyncClient, runtime: Runtime
) -> None:
    for number in range(3):
        await member(f"Q{number}", days_ago=31)
    await plan(runtime)
    page = (await browser.get("/visits?month=2026-11")).text
    assert "3/4" in page
    assert f"/visits/days/{TODAY}" in page
    listed = (await browser.get(f"/visits/days/{TODAY}")).text
    assert listed.count('class="cut"') == 3
    assert "3家，能去4家" in listed
    assert (await browser.get("/visits/days/昨天")).status_code == 404
    assert (await browser.get("/visits?month=9999-99&whose=nobody")).status_code == 200


async def test_mine_and_my_department_s_are_told_apart_and_nobody_sees_beyond(runtime: Runtime) -> None:
    await add_colleague(Role.AGENT, name="李娜", department="一部")
    for no, owner in (("Q1", "程雪"), ("Q2", "李娜"), ("Q3", "外人")):
        await member(no, owner, days_ago=31)
    await plan(runtime)
    async with as_staff(runtime, Role.AGENT, name="程雪", department="一部") as agent:
        at = f"/visits/days/{TODAY}"
        found = {whose: (await agent.get(f"{at}?whose={whose}")).text for whose in ("mine", "department", "all")}
        stranger = await PlannedVisit.filter(owner="外人").order_by("id").first()
        assert stranger is not None
        assert (await agent.get(f"/visits/{stranger.id}")).status_code == 404
        assert (await agent.post(f"/visits/{stranger.id}/move", data={"day": "2026-11-25"})).status_code == 404
    assert ["Q2号商行" in found[whose] for whose in ("mine", "department", "all")] == [False, True, True]
    assert all("Q1号商行" in page and "Q3号商行" not in page for page in found.values())


async def test_what_a_day_breaks_is_told_before_it_is_chosen(browser: httpx.AsyncClient, runtime: Runtime) -> None:
    one = await member()
    await plan(runtime)
    at, chosen = f"/visits/{await its_visit(one)}", str(TODAY + 2 * DAY)
    asked = (await browser.get(f"{at}?day={chosen}")).text
    assert "违反：一个月最多几次" in asked
    assert "还是定在" in asked
    saturday = (await browser.get(f"{at}?day=2026-11-28")).text
    assert "违反：休息日不去" in saturday
    assert "这条谁也不能破" in saturday
    assert "还是定在" not in saturday
    unsure = await browser.post(f"{at}/move", data={"day": chosen})
    assert "违反：一个月最多几次" in unsure.text
    assert (await visit_calendar.entries_of(one.id, TODAY))[0].pinned_by == ""
    done = await browser.post(f"{at}/move", data={"day": chosen, "anyway": "1"})
    assert done.headers["location"] == f"{at}?done=moved"
    moved = (await visit_calendar.entries_of(one.id, TODAY))[0]
    assert (str(moved.day), bool(moved.pinned_by)) == (chosen, True)
    assert "改了日子" in (await browser.get("/audit")).text
    await browser.post(f"{at}/release")
    assert (await visit_calendar.entries_of(one.id, TODAY))[0].pinned_by == ""


@pytest.mark.parametrize("day", ["", "明天", HOSTILE, "2026-11-28", "2020-01-01", "2029-01-02"])
async def test_a_day_that_cannot_be_had_changes_nothing_and_is_said_beside_the_field(
    browser: httpx.AsyncClient, runtime: Runtime, day: str
) -> None:
    one = await member()
    await plan(runtime)
    before = await visit_calendar.entries_of(one.id, TODAY)
    answer = await browser.post(f"/visits/{before[0].id}/move", data={"day": day, "anyway": "1"})
    assert answer.status_code == 422
    assert 'id="day-e"' in answer.text
    assert "<script>alert" not in answer.text
    assert await visit_calendar.entries_of(one.id, TODAY) == before


async def test_what_does_not_fit_names_the_rule_that_lost_and_what_to_do(
    browser: httpx.AsyncClient, runtime: Runtime
) -> None:
    await visit_calendar.set_capacity("程雪", 0)
    one = await member(days_ago=100, plan_expires_on=TODAY + 20 * DAY)
    await plan(runtime)
    assert "有2处排不开" in (await browser.get("/visits")).text
    page = (await browser.get("/visits/conflicts?lost=renewal")).text
    assert "“续费前要去一次”没有做到，因为“一天能去几家”" in page
    assert "分给有空的同事" in page
    assert "“续费前要去一次”没有做到" in (await browser.get(f"/members/{one.no}")).text
    async with as_staff(runtime, Role.AGENT, name="李娜") as agent:
        assert "Q1号商行" not in (await agent.get("/visits/conflicts")).text


async def test_care_is_opened_on_the_page_of_a_member_and_closed_there(
    browser: httpx.AsyncClient, runtime: Runtime
) -> None:
    one = await member()
    for form, told in (
        ({"until": "", "why": "新开通"}, "选一个结束的日子"),
        ({"until": "2026-12-10", "why": " "}, "写明为什么"),
        ({"until": "2020-01-01", "why": "新开通"}, "写明为什么"),
    ):
        answer = await browser.post("/members/Q1/care", data=form)
        assert answer.status_code == 422
        assert answer.text.count(told) == 2
        assert all(f'value="{typed}"' in answer.text for typed in form.values() if typed.strip())
    await browser.post("/members/Q1/care", data={"until": "2026-12-10", "why": HOSTILE})
    await plan(runtime)
    page = (await browser.get("/members/Q1?done=care")).text
    assert "开始重点关注了" in page
    assert "<script>alert" not in page
    assert "2026年11月25日" in page
    again = await browser.post("/members/Q1/care", data={"until": "2026-12-10", "why": "又来"})
    assert "这几天已经在重点关注" in again.text
    [care] = await visit_calendar.care_of(one.id, TODAY)
    answer = await browser.post(f"/members/Q1/care/{care.id}/close")
    assert answer.headers["location"].endswith("care-over#main")
    assert await visit_calendar.care_of(one.id, TODAY) == []


async def test_an_agent_notes_absences_of_her_own_and_a_manager_those_of_others(runtime: Runtime) -> None:
    await member(owner="李娜")
    given = {"first": "2026-12-01", "last": "2026-12-04", "reason": "年假"}
    async with as_staff(runtime, Role.AGENT, name="程雪") as agent:
        refused = await agent.post("/visits/absences", data={**given, "owner": "李娜"})
        assert refused.status_code == 422
        assert 'value="年假"' in refused.text
        assert (await agent.post("/visits/absences", data=given)).status_code == 303
        assert "年假" in (await agent.get("/visits/absences")).text
    async with as_staff(runtime, Role.MANAGER, name="石磊") as manager:
        assert (await manager.post("/visits/absences", data={**given, "owner": "李娜"})).status_code == 303
        assert (await manager.post("/visits/capacity", data={"who": "李娜", "a_day": "7"})).status_code == 303
        wrong = await manager.post("/visits/capacity", data={"who": "李娜", "a_day": "很多"})
        assert (wrong.status_code, 'value="很多"' in wrong.text) == (422, True)
    assert dict(await visit_calendar.capacities()) == {"李娜": 7}
    [hers] = await visit_calendar.absences_from(TODAY, ["李娜"])
    async with as_staff(runtime, Role.AGENT, name="王芳") as other:
        assert (await other.post(f"/visits/absences/{hers.id}/remove")).status_code == 404
    async with as_staff(runtime, Role.MANAGER, name="何平") as manager:
        assert (await manager.post(f"/visits/absences/{hers.id}/remove")).status_code == 303
    assert await visit_calendar.absences_from(TODAY, ["李娜"]) == []


async def test_days_the_wrong_way_round_are_said_beside_the_field(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/visits/absences", data={"first": "2026-12-04", "last": "2026-12-01"})
    assert answer.status_code == 422
    assert 'id="last-e"' in answer.text
    assert 'value="2026-12-04"' in answer.text


async def test_a_visit_whose_day_came_leads_to_its_task(browser: httpx.AsyncClient, runtime: Runtime) -> None:
    one = await member(days_ago=31)
    await plan(runtime)
    [task] = await visits.visits_of(one.id)
    page = (await browser.get(f"/visits/{await its_visit(one)}")).text
    assert f"/tasks/{task.id}" in page
    assert "看这一天行不行" not in page


async def test_a_visit_nobody_made_says_so_on_its_day_and_its_task(
    browser: httpx.AsyncClient, runtime: Runtime
) -> None:
    one = await add_member("Q1", "Q1号商行", owner="程雪", tier="优质")
    await plan(runtime)
    [task] = await visits.visits_of(one.id)
    await visits.miss_visits([task.id], at=NOW + 30 * DAY)
    assert "没去成" in (await browser.get(f"/visits/days/{TODAY}")).text
    shown = (await browser.get(f"/tasks/{task.id}")).text
    assert "没去成" in shown
    assert "/visits/new?member=Q1" in shown
    assert "/outcome" not in shown
    assert "没去成" in (await browser.get("/members/Q1")).text
