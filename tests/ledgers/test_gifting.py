"""A plan of gifts from the store to the hand-over, on both databases."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from campaigns import gift_ledger as ledger
from campaigns import gift_store, gifting, touches, visits
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError, StateError
from campaigns.gift_ledger import Plan, PlanLine
from campaigns.gifting import Wish
from campaigns.members.consent import record_opt_out
from campaigns.models import GiftLine, Member
from campaigns.replies.results import record_visit_result
from campaigns.results import Medium, Result, VisitResult
from campaigns.terms import SHANGHAI, Tier
from tests.web_cast import add_contact, add_member

NOW = datetime(2027, 1, 12, 1, 30, tzinfo=UTC)
CALENDAR = WorkCalendar()
pytestmark = pytest.mark.usefixtures("database")


async def store() -> dict[str, int]:
    """Names → ids."""
    await gift_store.save_item("汾酒", 280, 10, ["酒"], house=False)
    await gift_store.save_item("胡麻油", 120, 50, [], house=False)
    await gift_store.save_item("台历", 20, 100, [], house=True)
    return {item.name: item.id for item in await gift_store.list_items()}


def wish(**changes: object) -> Wish:
    return replace(replace(gifting.default_wish("春节"), rule="all"), **changes)  # type: ignore[arg-type]


async def draft(**changes: object) -> Plan:
    return (await gifting.reckon_plan(wish(**changes), CALENDAR, by="林晓芸", now=NOW)).plan


async def only_line(plan: Plan) -> PlanLine:
    (line,) = await ledger.lines_of(plan.id)
    return line


async def member(no: str, tier: Tier = Tier.TOP, **columns: object) -> Member:
    made = await add_member(no, tier=str(tier), **columns)
    await add_contact(made, no=f"C{no}", name="张晓燕", mobile="15483503030")
    return made


async def approved(**changes: object) -> Plan:
    plan = await draft(**changes)
    await gifting.approve_plan(plan.id, CALENDAR, by="石磊", now=NOW)
    return plan


async def been_there(one: Member) -> None:
    await touches.record_touch(one.id, at=NOW, direction="out", kind="visit", medium="visit")  # type: ignore[arg-type]


async def test_what_is_offered_first_selects_the_higher_tiers_and_who_renews_soon() -> None:
    await store()
    top, _ = await add_member("Q1", tier=Tier.TOP), await add_member("Q2", tier=Tier.LOW)
    made = await gifting.reckon_plan(gifting.default_wish("春节"), CALENDAR, by="林", now=NOW)
    assert [line.member_id for line in await ledger.lines_of(made.plan.id)] == [top.id]


async def test_a_plan_is_of_the_next_festival_of_that_name_and_gives_a_first_visit_the_house_gift() -> None:
    ids = await store()
    known, new = await member("Q1"), await member("Q2")
    await been_there(known)
    plan = await draft()
    assert (plan.festival, plan.rules.day, plan.state) == ("春节-2027", date(2027, 2, 6), "draft")
    lines = {line.member_id: line for line in await ledger.lines_of(plan.id)}
    assert lines[known.id].gifts == (ids["汾酒"],)
    assert lines[new.id].gifts == (ids["台历"], ids["汾酒"])
    assert lines[new.id].why == ("house", "new")


async def test_reckoned_anew_a_draft_is_replaced_and_an_approved_plan_is_not() -> None:
    await store()
    await member("Q1")
    first, again = await draft(), await draft(budget=0)
    assert first.id == again.id
    assert (await only_line(again)).obstacle == "budget"
    await gifting.approve_plan(again.id, CALENDAR, by="石磊", now=NOW)
    with pytest.raises(StateError, match="已经批准"):
        await draft()


async def test_what_another_approved_plan_owes_them_counts_as_had() -> None:
    ids = await store()
    await been_there(await member("Q1"))
    await approved(festival="元宵")
    assert (await only_line(await draft())).gifts == (ids["胡麻油"],)


async def test_an_approval_names_who_would_get_the_same_twice_and_approves_nothing() -> None:
    await store()
    one = await member("Q1", name="大同机械")
    await been_there(one)
    first, second = await draft(), await draft(festival="元宵")
    await gifting.approve_plan(first.id, CALENDAR, by="石磊", now=NOW)
    with pytest.raises(StateError, match="大同机械"):
        await gifting.approve_plan(second.id, CALENDAR, by="石磊", now=NOW)
    found = await ledger.find_plan(second.id)
    assert found
    assert found.state == "draft"
    assert len(await visits.visits_of(one.id)) == 1


@pytest.mark.parametrize(
    ("result", "medium", "state", "left"),
    [
        (Result.TALKED, Medium.GIFT, "handed", 9),
        (Result.RECEIVED, Medium.GIFT, "handed", 9),
        (Result.SENT, Medium.POST, "handed", 9),
        (Result.RETURNED, Medium.GIFT, "refused", 10),
        (Result.TALKED, Medium.VISIT, "handed", 9),
        (Result.TALKED, Medium.PHONE, "planned", 10),
        (Result.REFUSED, Medium.VISIT, "refused", 10),
        (Result.NO_ANSWER, Medium.PHONE, "planned", 10),
    ],
)
async def test_an_outcome_of_its_task_ends_the_line_where_the_gift_was_brought(
    result: Result, medium: Medium, state: str, left: int
) -> None:
    await store()
    one = await member("Q1")
    await been_there(one)
    plan = await approved()
    (task,) = await visits.visits_of(one.id)
    await record_visit_result(
        one.id, VisitResult(result, medium, text="收下了"), key="k", by="程雪", now=NOW, calendar=CALENDAR, task=task
    )
    line = await only_line(plan)
    assert line.state == state
    assert {item.name: item.stock for item in await gift_store.list_items()}["汾酒"] == left


async def test_a_hand_over_after_the_outcome_of_its_task_is_no_second_touch() -> None:
    await store()
    one = await member("Q1")
    plan = await approved()
    (task,) = await visits.visits_of(one.id)
    talked = VisitResult(Result.TALKED, Medium.PHONE, text="说好明天来拿")
    await record_visit_result(one.id, talked, key="k", by="程雪", now=NOW, calendar=CALENDAR, task=task)
    told = len(await touches.timeline(one.id))
    await gifting.hand_over((await only_line(plan)).id, "", taken=True, by="程雪", now=NOW)
    assert (await only_line(plan)).state == "handed"
    assert len(await touches.timeline(one.id)) == told


async def test_a_plan_called_off_is_a_draft_anew_and_keeps_what_was_handed_over_and_its_money() -> None:
    ids = await store()
    first, second = await member("Q1"), await member("Q2")
    for one in (first, second):
        await been_there(one)
    plan = await approved()
    lines = {line.member_id: line for line in await ledger.lines_of(plan.id)}
    await gifting.hand_over(lines[first.id].id, "张总收的", taken=True, by="程雪", now=NOW)
    await gifting.call_off(plan.id, by="石磊", now=NOW)
    anew = await draft(budget=400)
    assert (anew.id, anew.state, anew.approved_by) == (plan.id, "draft", "")
    lines = {line.member_id: line for line in await ledger.lines_of(plan.id)}
    assert (lines[first.id].state, lines[first.id].note) == ("handed", "张总收的")
    assert lines[second.id].gifts == (ids["胡麻油"],)
    assert await gifting.approve_plan(plan.id, CALENDAR, by="石磊", now=NOW) == 1
    assert [task.state for task in await visits.visits_of(second.id)].count("open") == 1


async def test_who_was_taken_out_stays_out_when_the_draft_is_reckoned_anew_until_taken_back() -> None:
    ids = await store()
    await been_there(await member("Q1"))
    line = await only_line(await draft())
    await gifting.drop_line(line.id, "老板换人了", by="林晓芸", now=NOW)
    stays = await only_line(await draft(budget=200))
    assert (stays.state, stays.note) == ("dropped", "老板换人了")
    await gifting.take_back(stays.id, by="林晓芸", now=NOW)
    back = await only_line(await draft(budget=200))
    assert (back.state, back.note, back.gifts) == ("planned", "", (ids["胡麻油"],))


async def test_who_bounds_a_line_is_kept_with_it() -> None:
    await store()
    least = await member("Q1")
    await gift_store.save_taste(least.id, [], ["酒"], takes_none=False)
    await gift_store.save_item("台灯", 30, 9, [], house=False)
    await gift_store.save_item("胡麻油", 120, 0, [], house=False, active=False)
    await been_there(least)
    below = await member("Q2", Tier.GOOD)
    await been_there(below)
    await gift_store.save_item("坚果", 100, 9, ["酒"], house=False)
    lines = {line.member_id: line for line in await ledger.lines_of((await draft()).id)}
    assert (lines[below.id].obstacle, lines[below.id].held_by) == ("higher", least.id)


async def test_a_greeting_by_message_is_not_handed_over() -> None:
    await store()
    await member("Q1", Tier.LOW)
    plan = await approved()
    line = await only_line(plan)
    assert (line.gifts, line.obstacle) == ((), "manner")
    with pytest.raises(StateError, match="节日问候"):
        await gifting.hand_over(line.id, "", taken=True, by="程雪", now=NOW)


async def test_who_takes_nothing_or_has_refused_is_left_out_and_counted() -> None:
    await store()
    strict, gone, _ = await member("Q1"), await member("Q2"), await member("Q3")
    await gift_store.save_taste(strict.id, [], [], takes_none=True)
    await record_opt_out(gone.id, source="test", at=NOW)
    found = await gifting.reckon_plan(wish(), CALENDAR, by="林晓芸", now=NOW)
    assert (found.takes_none, found.refused) == (1, 1)
    await only_line(found.plan)


async def test_what_they_like_decides_and_what_they_had_waits_two_years() -> None:
    ids = await store()
    one = await member("Q1")
    await been_there(one)
    await gift_store.save_taste(one.id, ["酒"], [], takes_none=False)
    plan = await approved()
    line = await only_line(plan)
    assert line.gifts == (ids["汾酒"],)
    await gifting.hand_over(line.id, "", taken=True, by="程雪", now=NOW)
    later = await gifting.reckon_plan(wish(festival="中秋"), CALENDAR, by="林晓芸", now=NOW)
    assert (await only_line(later.plan)).gifts == (ids["胡麻油"],)


async def test_approved_each_visit_and_call_is_a_task_before_the_festival_on_a_worked_day() -> None:
    await store()
    top, standard = await member("Q1"), await member("Q2", Tier.STANDARD)
    await member("Q3", Tier.LOW)
    plan = await approved()
    due = {}
    for one in (top, standard):
        (task,) = await visits.visits_of(one.id)
        due[one.id] = task.due_at.astimezone(SHANGHAI).date()
        assert task.category == "gift"
    assert due[top.id] < due[standard.id] < plan.rules.day
    assert all(CALENDAR.is_workday(day) for day in due.values())


async def test_pieces_promised_by_one_plan_are_not_there_for_another() -> None:
    ids = await store()
    await gift_store.save_item("汾酒", 280, 1, ["酒"], house=False)
    await been_there(await member("Q1"))
    await approved()
    assert {item.name: item.free for item in await gift_store.list_items()}["汾酒"] == 0
    later = await gifting.reckon_plan(wish(festival="中秋"), CALENDAR, by="林晓芸", now=NOW)
    assert (await only_line(later.plan)).gifts == (ids["胡麻油"],)


async def test_a_store_that_shrank_since_is_named_and_nothing_is_approved() -> None:
    await store()
    one = await member("Q1")
    plan = await draft()
    await gift_store.save_item("汾酒", 280, 0, ["酒"], house=False)
    with pytest.raises(StateError, match="汾酒"):
        await gifting.approve_plan(plan.id, CALENDAR, by="石磊", now=NOW)
    assert await visits.visits_of(one.id) == []
    found = await ledger.find_plan(plan.id)
    assert found
    assert found.state == "draft"


@pytest.mark.parametrize(("taken", "state", "left"), [(True, "handed", 9), (False, "refused", 10)])
async def test_brought_it_is_a_touch_and_the_task_is_done(taken: bool, state: str, left: int) -> None:
    await store()
    one = await member("Q1")
    await been_there(one)
    plan = await approved()
    line = await gifting.hand_over((await only_line(plan)).id, "张总收的", taken=taken, by="程雪", now=NOW)
    assert (await only_line(plan)).state == line.state == state
    newest = (await touches.timeline(one.id))[0]
    assert (newest.medium, newest.by) == ("gift", "程雪")
    assert "汾酒" in newest.text
    assert [task.state for task in await visits.visits_of(one.id)] == ["done"]
    assert {item.name: item.stock for item in await gift_store.list_items()}["汾酒"] == left
    with pytest.raises(StateError):
        await gifting.hand_over(line.id, "", taken=True, by="程雪", now=NOW)


async def test_a_member_is_taken_out_of_a_draft_with_a_reason_and_stays_in_an_approved_one() -> None:
    await store()
    await member("Q1")
    plan = await draft()
    line = await only_line(plan)
    with pytest.raises(InputError):
        await gifting.drop_line(line.id, " ", by="林晓芸", now=NOW)
    await gifting.drop_line(line.id, "老板换人了", by="林晓芸", now=NOW)
    assert (await only_line(plan)).note == "老板换人了"
    assert await gifting.approve_plan(plan.id, CALENDAR, by="石磊", now=NOW) == 0
    with pytest.raises(StateError):
        await gifting.drop_line(line.id, "还是不送", by="林晓芸", now=NOW)


async def test_called_off_a_plan_owes_nothing_and_its_tasks_are_closed() -> None:
    await store()
    one = await member("Q1")
    plan = await approved()
    await gifting.call_off(plan.id, by="石磊", now=NOW)
    assert [task.state for task in await visits.visits_of(one.id)] == ["done"]
    assert all(item.promised == 0 for item in await gift_store.list_items())
    with pytest.raises(StateError):
        await gifting.call_off(plan.id, by="石磊", now=NOW)


@pytest.mark.parametrize(
    "changes", [{"festival": "没有的节"}, {"rule": "no = Q999"}, {"budget": -1}, {"budget": 10**9}]
)
async def test_a_wish_that_cannot_be_writes_nothing(changes: dict[str, object]) -> None:
    await store()
    await member("Q1")
    with pytest.raises(InputError):
        await draft(**changes)
    assert await ledger.list_plans() == []
    assert await GiftLine.all().count() == 0


async def test_without_gifts_in_store_there_is_no_plan() -> None:
    await member("Q1")
    with pytest.raises(InputError, match="礼品库是空的"):
        await draft()


@pytest.mark.parametrize(
    ("name", "value", "stock", "tastes"),
    [(" ", 10, 1, []), ("长" * 65, 10, 1, []), ("茶", 0, 1, []), ("茶", 10, -1, []), ("茶", 10, 1, ["长" * 17])],
)
async def test_a_gift_has_a_name_a_value_and_a_stock(name: str, value: int, stock: int, tastes: list[str]) -> None:
    with pytest.raises(InputError):
        await gift_store.save_item(name, value, stock, tastes, house=False)
    assert await gift_store.list_items() == []


async def test_the_sheet_names_who_brings_what_to_whom_and_only_of_ones_own() -> None:
    await store()
    await member("Q1", owner="程雪")
    await member("Q2", owner="李娜")
    plan = await draft()
    (mine,) = await gifting.bearers(plan.id, {"程雪"})
    assert (mine.no, mine.contact, mine.mobile) == ("Q1", "张晓燕", "15483503030")
    assert len(await gifting.bearers(plan.id)) == 2
