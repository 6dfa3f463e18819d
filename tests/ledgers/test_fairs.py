"""A fair invites each company once; answers and attendance are touches; plans become tasks with a day."""

from datetime import date, datetime, timedelta

import pytest

from bot.settings import Settings
from campaigns import fairs, hiring, hiring_plans
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError, StateError
from campaigns.fairs import Answer, Kind
from campaigns.hiring_plans import PlanState
from campaigns.models import FairInvitation, Posting, Touch, Visit
from campaigns.results import NewPlan
from campaigns.terms import SHANGHAI
from tests.cast import NOW, add_member

THE_DAY = datetime(2027, 3, 6, 9, tzinfo=SHANGHAI)


async def a_fair(capacity: int | None = None) -> int:
    return await fairs.make_fair(
        "春季招聘会", kind=Kind.FAIR, held_on=date(2027, 3, 6), place="体育馆", occupations=["厨师", "厨师", ""],
        capacity=capacity, by="林", now=NOW,
    )  # fmt: skip


async def test_a_company_is_invited_once_and_what_comes_of_it_is_a_touch(database: Settings) -> None:
    members = [await add_member(f"Q{number}") for number in range(3)]
    fair = await a_fair()
    assert await fairs.invite(fair, members[:2], by="林", now=NOW) == 2
    assert await fairs.invite(fair, members, by="王", now=NOW, messages={members[2]: 77}) == 1
    first, second, third = await fairs.invitations_to(fair)
    assert [one.message_id for one in (first, second, third)] == [None, None, 77]
    await fairs.record_answer(first.id, Answer.MAYBE, by="林", now=NOW + timedelta(days=1))
    await fairs.record_answer(first.id, Answer.YES, note="来三个人", by="林", now=NOW + timedelta(days=2))
    with pytest.raises(StateError, match="到那天再记"):
        await fairs.record_attendance(first.id, Answer.ATTENDED, by="林", now=THE_DAY - timedelta(days=1))
    await fairs.record_attendance(first.id, Answer.ATTENDED, by="林", now=THE_DAY)
    await fairs.record_attendance(second.id, Answer.ABSENT, by="林", now=THE_DAY)
    for end in (fairs.record_attendance, fairs.record_answer):
        with pytest.raises((StateError, InputError)):
            await end(first.id, Answer.ATTENDED, by="王", now=THE_DAY)
    assert await fairs.count_invitations([fair]) == {fair: {"attended": 1, "absent": 1, "invited": 1}}
    told = await Touch.filter(member_id=members[0]).order_by("id")
    assert [(one.direction, one.medium, one.by) for one in told] == [
        ("out", "fair", "林"), ("in", "fair", "林"), ("in", "fair", "林"), ("in", "fair", "林"),
    ]  # fmt: skip
    assert told[2].text == "春季招聘会：来。来三个人"
    row = await FairInvitation.get(id=first.id)
    assert row.touches == {"invited": told[0].id, "answered": told[2].id, "attended": told[3].id}
    assert await Touch.filter(member_id=members[2]).count() == 0  # its message makes one when it goes out


async def test_no_more_are_invited_than_there_is_room_nor_to_what_is_over(database: Settings) -> None:
    members = [await add_member(f"Q{number}") for number in range(3)]
    fair = await a_fair(capacity=2)
    with pytest.raises(InputError, match="只能来2家"):
        await fairs.invite(fair, members, by="林", now=NOW)
    assert await fairs.invitations_to(fair) == []
    assert await fairs.invite(fair, members[:2], by="林", now=NOW) == 2
    with pytest.raises(InputError, match="已经请了2家"):
        await fairs.invite(fair, members[2:], by="林", now=NOW)
    first, _ = await fairs.invitations_to(fair)
    await fairs.record_answer(first.id, Answer.NO, by="林", now=NOW)  # who stays away leaves room
    assert await fairs.invite(fair, members[2:], by="林", now=NOW) == 1
    await fairs.end_fair(fair, "called_off", NOW)
    with pytest.raises(StateError):
        await fairs.end_fair(fair, "held", THE_DAY)
    for act, said in ((fairs.record_answer, Answer.YES), (fairs.record_attendance, Answer.ATTENDED)):
        with pytest.raises(StateError, match="已经结束或取消"):
            await act(first.id, said, by="林", now=THE_DAY)


async def test_nobody_is_invited_when_the_day_is_over_and_it_is_not_held_before_its_day(database: Settings) -> None:
    member, fair = await add_member("Q1"), await a_fair()
    with pytest.raises(StateError, match="到那天再记"):
        await fairs.end_fair(fair, "held", NOW)
    with pytest.raises(StateError, match="日子已经过了"):
        await fairs.invite(fair, [member], by="林", now=THE_DAY + timedelta(days=1))
    await fairs.end_fair(fair, "held", THE_DAY)
    with pytest.raises(StateError):
        await fairs.invite(fair, [member], by="林", now=THE_DAY)


@pytest.mark.parametrize("change", [{"name": "  "}, {"name": "会" * 129}, {"capacity": 0}, {"place": "x" * 129}])
async def test_a_fair_without_a_name_or_with_too_much_is_refused(database: Settings, change: dict[str, object]) -> None:
    given = {"kind": Kind.JOINT, "held_on": date(2027, 3, 6), "place": "", "occupations": [], "capacity": None}
    name, rest = str(change.get("name", "会")), {key: value for key, value in change.items() if key != "name"}
    with pytest.raises(InputError):
        await fairs.make_fair(name, **{**given, **rest}, by="林", now=NOW)  # type: ignore[arg-type]


async def test_live_postings_and_plans_make_groups(database: Settings) -> None:
    members = [await add_member(f"Q{number}", trade="餐饮酒店", city="大同", owner="林") for number in range(4)]
    for number, member in enumerate(members[:2]):
        await Posting.create(no=f"P{number}", member_id=member, title="厨师", heads=3, state="live")
    await Posting.create(no="P9", member_id=members[2], title="厨师", state="expired")
    assert await hiring.clusters_now(NOW.date()) == []
    plan = NewPlan("炒锅", 4, date(2027, 3, 1))
    await hiring_plans.add_plan(members[2], plan, outcome_id=None, by="林", now=NOW)
    await hiring_plans.add_plan(999, plan, outcome_id=None, by="林", now=NOW)
    [found] = await hiring.clusters_now(NOW.date())
    assert (found.key, found.members, found.heads, found.planned) == ("餐饮酒店|大同|厨师", tuple(members[:3]), 10, 4)
    assert await hiring.clusters_now(NOW.date(), owners=["王"]) == []
    assert await hiring.who_needs(["厨师"]) == await hiring.who_needs(["炒锅"]) == members[:2]  # another word for it


async def test_what_is_planned_feeds_groups_until_its_month_is_past_it_is_closed_or_it_is_advertised(
    database: Settings,
) -> None:
    members = [await add_member(f"Q{number}", trade="餐饮酒店", city="大同") for number in range(3)]
    plans = [
        await hiring_plans.add_plan(one, NewPlan("炒锅", 20, date(2027, 3, 1)), outcome_id=None, by="林", now=NOW)
        for one in members
    ]
    await hiring_plans.add_plan(
        members[0], NewPlan("厨师", 7, date(2026, 10, 1)), outcome_id=None, by="林", now=NOW
    )  # that month is past
    await Posting.create(no="P1", member_id=members[0], title="厨师", heads=3, state="live")
    [found] = await hiring.clusters_now(NOW.date())
    assert (len(found.members), found.heads, found.planned) == (3, 43, 40)
    assert await hiring.clusters_now(date(2027, 4, 1)) == []
    await hiring.settle_plan(plans[1], PlanState.DROPPED, by="林", now=NOW)
    assert await hiring.clusters_now(NOW.date()) == []


async def test_a_plan_of_two_trades_counts_until_both_are_advertised(database: Settings) -> None:
    members = [await add_member(f"Q{number}", trade="工厂", city="大同") for number in range(3)]
    for one in members:
        plan = NewPlan("焊工、钳工", 5, date(2027, 3, 1))
        await hiring_plans.add_plan(one, plan, outcome_id=None, by="林", now=NOW)
        await Posting.create(no=f"P{one}", member_id=one, title="焊工", heads=1, state="live")
    assert {one.occupation: one.planned for one in await hiring.clusters_now(NOW.date())} == {"焊工": 15, "钳工": 15}


async def test_a_plan_becomes_one_task_before_its_month_on_a_worked_day(database: Settings) -> None:
    member = await add_member("Q1")
    for plan in (NewPlan("厨师", 4, date(2027, 3, 1)), NewPlan("收银", 1, date(2026, 11, 1))) * 2:
        await hiring.tell_plan(member, plan, outcome_id=None, by="林", now=NOW, calendar=WorkCalendar())
    later, now = await Visit.all().order_by("id")
    due = later.due_at.astimezone(SHANGHAI)
    assert WorkCalendar().is_workday(due.date())
    assert datetime(2027, 2, 15, tzinfo=SHANGHAI) <= due < datetime(2027, 3, 1, tzinfo=SHANGHAI)
    assert now.due_at == NOW + timedelta(hours=1)
    assert "招厨师4人" in later.note
