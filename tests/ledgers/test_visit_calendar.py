"""The visit calendar from members to tasks, on both databases: planned, kept, moved, opened."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from campaigns import (
    planned_lists,
    touches,
    transfers,
    visit_calendar,
    visit_moves,
    visits,
)
from campaigns.calendar import WorkCalendar
from campaigns.errors import InputError, StateError
from campaigns.members import consent
from campaigns.members.browse import Sieve
from campaigns.models import Member, PlannedVisit, Posting, Touch, Visit, VisitConflict
from campaigns.replies.results import record_visit_result
from campaigns.results import Medium, Result, VisitResult
from campaigns.rights import Role
from campaigns.terms import Direction, Tier, TouchKind
from campaigns.visit_calendar import Entry
from campaigns.visit_facts import CATEGORY, Usual
from campaigns.visit_planning import Outcome, plan_calendar
from campaigns.visiting import Rule
from tests.web_cast import add_colleague, add_member

CALENDAR = WorkCalendar()
USUAL = Usual(a_day=2)
MONDAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 22, 20, 30, tzinfo=UTC)  # half past four on Monday in Shanghai
DAY = timedelta(days=1)
pytestmark = pytest.mark.usefixtures("database")


async def member(no: str, tier: Tier = Tier.GOOD, owner: str = "程雪", **columns: Any) -> Member:
    return await add_member(no, f"{no}公司", tier=str(tier), owner=owner, **columns)


async def planned(now: datetime = NOW, usual: Usual = USUAL) -> Outcome:
    return await plan_calendar(CALENDAR, usual, now)


async def days_of(one: Member) -> list[date]:
    return [entry.day for entry in await visit_calendar.entries_of(one.id, MONDAY)]


async def been(one: Member, at: datetime) -> None:
    await touches.record_touch(one.id, at=at, direction=Direction.OUT, kind=TouchKind.VISIT, medium="phone", by="程雪")


async def next_entry(one: Member) -> Entry:
    return next(entry for entry in await visit_calendar.entries_of(one.id, MONDAY) if entry.task_id is None)


async def test_a_night_plans_who_has_an_owner_and_opens_the_tasks_of_the_day() -> None:
    ours, nobodys = await member("Q1"), await member("Q2", owner="")
    found = await planned()
    assert (found.members, found.opened) == (1, 1)
    assert (await days_of(ours))[:2] == [MONDAY, date(2026, 12, 24)]
    assert await days_of(nobodys) == []
    [task] = await visits.visits_of(ours.id)
    assert (task.category, task.state, task.due_at.hour) == (CATEGORY, "open", 10)


async def test_planned_twice_on_a_day_nothing_is_doubled_and_nothing_moves() -> None:
    for number in range(7):
        await member(f"Q{number}", list(Tier)[number % 4])
    first = await planned()
    before = await PlannedVisit.all().order_by("id").values_list("id", "member_id", "day")
    again = await planned(NOW + timedelta(hours=9))
    assert await PlannedVisit.all().order_by("id").values_list("id", "member_id", "day") == before
    assert (first.opened, again.opened, again.change.added, again.change.removed) == (2, 0, 0, 0)
    assert await Visit.all().count() == 2


async def test_from_night_to_night_what_was_planned_stays() -> None:
    everybody = [await member(f"Q{number}", list(Tier)[number % 4]) for number in range(12)]
    await planned()
    before = {one.no: set(await days_of(one)) for one in everybody}
    for night in range(1, 6):
        found = await planned(NOW + night * DAY)
        assert found.change.removed == 0
    after = {one.no: set(await days_of(one)) for one in everybody}
    assert all(before[no] <= after[no] for no in before)


async def test_a_task_still_open_is_not_doubled_and_counts_as_the_visit_of_its_month() -> None:
    one = await member("Q1")
    await planned()
    await planned(NOW + 20 * DAY)
    assert len(await visits.visits_of(one.id)) == 1
    assert (await days_of(one))[1] == date(2026, 12, 24)


async def test_nights_that_were_missed_are_made_up_for() -> None:
    one = await member("Q1")
    await planned()
    await been(one, NOW)
    await Visit.all().update(state="done")
    await planned(datetime(2026, 12, 29, 20, 30, tzinfo=UTC))
    assert len(await visits.visits_of(one.id)) == 2
    assert (await visits.visits_of(one.id))[0].due_at.date() >= date(2026, 12, 24)
    assert await PlannedVisit.filter(day__lt=date(2026, 12, 30), task_id=None).count() == 0


async def test_a_call_made_without_a_plan_puts_the_next_visit_off() -> None:
    one = await member("Q1")
    await been(one, NOW - 3 * DAY)
    await planned()
    assert (await days_of(one))[0] == date(2026, 12, 21)


async def test_who_hires_urgently_is_seen_twice_a_month() -> None:
    one = await member("Q1")
    await Posting.create(no="P1", member_id=one.id, title="电焊工", state="live", urgent=True)
    await planned()
    assert (await days_of(one))[:2] == [MONDAY, date(2026, 12, 9)]


async def test_care_is_opened_with_a_reason_and_an_end_and_closed_again() -> None:
    one = await member("Q1", Tier.LOW)
    await been(one, NOW - 3 * DAY)
    given = (one.id, MONDAY, MONDAY + 11 * DAY)
    for reason in ("", "x" * 256):
        with pytest.raises(InputError):
            await visit_calendar.open_care(*given, reason, by="程雪", now=NOW)
    for last in (MONDAY - DAY, MONDAY + 92 * DAY):
        with pytest.raises(InputError):
            await visit_calendar.open_care(one.id, MONDAY, last, "新开通", by="程雪", now=NOW)
    care_id = await visit_calendar.open_care(*given, "新开通", by="程雪", now=NOW)
    with pytest.raises(StateError, match="已经在重点关注"):
        await visit_calendar.open_care(*given, "又来", by="程雪", now=NOW)
    await planned()
    assert [day.day for day in (await days_of(one))[:3]] == [25, 27, 30]
    await visit_calendar.close_care(care_id, one.id, MONDAY, by="程雪", now=NOW)
    with pytest.raises(StateError):
        await visit_calendar.close_care(care_id, one.id, MONDAY, by="程雪", now=NOW)
    await planned()
    assert await days_of(one) == []


async def test_an_absence_moves_visits_away_and_one_that_is_gone_lets_them_be() -> None:
    one = await member("Q1")
    await been(one, NOW - 29 * DAY)  # due on Wednesday
    absence = await visit_calendar.add_absence("程雪", MONDAY, MONDAY + 4 * DAY, "年假", by="程雪", now=NOW)
    await planned()
    assert (await days_of(one))[0] == MONDAY + 7 * DAY
    assert not await visit_calendar.remove_absence(absence, "李娜")
    assert await visit_calendar.remove_absence(absence, "程雪")
    with pytest.raises(InputError):
        await visit_calendar.add_absence("程雪", MONDAY, MONDAY - DAY, "", by="程雪", now=NOW)
    with pytest.raises(InputError):
        await visit_calendar.add_absence("", MONDAY, MONDAY, "", by="程雪", now=NOW)


async def test_a_capacity_of_one_s_own_counts_and_a_day_is_never_fuller() -> None:
    for number in range(9):
        await member(f"Q{number}")
    await visit_calendar.set_capacity("程雪", 3)
    await planned()
    counted = await planned_lists.count_planned(MONDAY, MONDAY + 30 * DAY, None)
    assert {day: dict(load)["程雪"] for day, load in counted.items()} == {MONDAY + n * DAY: 3 for n in range(3)}
    with pytest.raises(InputError):
        await visit_calendar.set_capacity("程雪", 51)


async def test_a_tier_that_nobody_calls_by_hand_has_no_regular_visits() -> None:
    low, renewing = await member("Q1", Tier.LOW), await member("Q2", Tier.LOW, plan_expires_on=MONDAY + 30 * DAY)
    await planned()
    assert await days_of(low) == []
    assert len(await days_of(renewing)) == 1


@pytest.mark.parametrize("medium", ["phone", "visit", "gift"])
async def test_whatever_door_a_visit_was_written_down_at_it_took_place(medium: str) -> None:
    one = await member("Q1")
    await touches.record_touch(
        one.id, at=NOW - DAY, direction=Direction.OUT, kind=TouchKind.VISIT, medium=medium, by="程雪"
    )
    await planned()
    assert (await days_of(one))[0] == date(2026, 12, 23)


async def test_a_letter_and_an_answer_to_an_invitation_are_no_visits() -> None:
    one = await member("Q1")
    for direction, medium in ((Direction.OUT, "post"), (Direction.IN, "phone"), (Direction.IN, "fair")):
        await touches.record_touch(one.id, at=NOW, direction=direction, kind=TouchKind.VISIT, medium=medium)
    await planned()
    assert (await days_of(one))[0] == MONDAY


async def test_a_task_that_is_done_is_the_visit_also_where_nothing_was_written_down() -> None:
    one = await member("Q1")
    await planned()
    [task] = await visits.visits_of(one.id)
    await visits.close_visit(task.id, outcome={}, at=NOW + 9 * DAY)
    await planned(NOW + 10 * DAY)
    assert (await days_of(one))[1] == date(2027, 1, 4)


@pytest.mark.parametrize(
    ("result", "medium", "made"),
    [
        (Result.TALKED, Medium.PHONE, True),
        (Result.TALKED, Medium.QQ, True),
        (Result.WRONG_NUMBER, Medium.PHONE, False),
        (Result.LATER, Medium.PHONE, False),
        (Result.NO_ANSWER, Medium.PHONE, False),
    ],
)
async def test_only_who_was_talked_to_was_visited(result: Result, medium: Medium, made: bool) -> None:
    one = await member("Q1")
    await planned()
    [task] = await visits.visits_of(one.id)
    heard = VisitResult(result, medium, next_on=MONDAY + DAY if result is Result.LATER else None)
    await record_visit_result(one.id, heard, key="k", by="程雪", now=NOW, calendar=CALENDAR, task=task)
    await Visit.all().update(state="done", closed_at=NOW)  # also where it was put off first
    await planned(NOW + DAY)
    assert (await days_of(one))[1] == (date(2026, 12, 24) if made else MONDAY + DAY)


async def test_a_contact_put_off_that_was_once_kept_as_a_visit_is_none() -> None:
    one = await member("Q1")
    await record_visit_result(
        one.id, VisitResult(Result.LATER, next_on=MONDAY + DAY), key="k", by="程雪", now=NOW, calendar=CALENDAR
    )
    assert (await Touch.get()).kind == TouchKind.TRIED
    await Touch.all().update(kind=TouchKind.VISIT)
    await planned()
    assert (await days_of(one))[0] == MONDAY


async def test_the_task_before_a_renewal_that_a_campaign_opened_is_the_visit() -> None:
    one = await member("Q1", Tier.LOW, plan_expires_on=MONDAY + 14 * DAY)
    await visits.open_visit(one.id, category="renewal", cause="x", opened_at=NOW, due_at=NOW + 2 * DAY)
    found = await planned()
    assert (found.visits, found.conflicts, await days_of(one)) == (0, 0, [])


async def test_who_refused_is_not_planned_and_loses_no_task_nor_is_given_one() -> None:
    one, other = await member("Q1"), await member("Q2")
    await been(one, NOW - 30 * DAY)  # due on Tuesday
    await planned()
    assert (await days_of(one))[0] == MONDAY + DAY
    await consent.record_opt_out(one.id, at=NOW, source="test")
    found = await planned(NOW + 3 * DAY)  # a night was missed: Tuesday's is not made up for
    assert (await days_of(one), await visits.visits_of(one.id), found.conflicts) == ([], [], 0)
    assert await days_of(other)
    await consent.lift_opt_out(one.id, at=NOW, source="test")
    await planned(NOW + 3 * DAY)
    assert await days_of(one)


async def test_a_pause_is_waited_out_and_a_day_in_it_cannot_be_chosen() -> None:
    one = await member("Q1")
    await been(one, NOW - 29 * DAY)  # due on Wednesday
    await planned()
    await consent.pause_member(one.id, at=NOW, source="staff:程雪", lasting=10 * DAY)
    await planned()
    assert (await days_of(one))[0] == date(2026, 12, 4)
    entry = await next_entry(one)
    assert Rule.QUIET in await visit_moves.check_move(entry, MONDAY + 3 * DAY, CALENDAR, USUAL, NOW)
    await consent.record_opt_out(one.id, at=NOW, source="test")
    assert Rule.QUIET in await visit_moves.check_move(entry, MONDAY + 30 * DAY, CALENDAR, USUAL, NOW)


async def test_a_member_without_an_owner_that_is_owed_a_visit_is_named() -> None:
    await member("Q1", owner="")
    await member("Q2", Tier.LOW, owner="")
    await member("Q3", Tier.LOW, owner="", plan_expires_on=MONDAY + 20 * DAY)
    found = await planned()
    assert (found.members, found.visits, found.conflicts) == (0, 0, 2)
    told = {one.no: (one.lost, one.won) for one in await planned_lists.browse_conflicts(None)}
    assert told == {"Q1": ("service", "owner"), "Q3": ("renewal", "owner")}


async def test_a_transfer_takes_the_planned_visits_along_at_once_and_back() -> None:
    for name in ("程雪", "李娜"):
        await add_colleague(Role.AGENT, name=name, department="东区")
    one = await member("Q1")
    await been(one, NOW - 10 * DAY)
    await planned()
    entry = await next_entry(one)
    await visit_moves.move_visit(entry, MONDAY + 3 * DAY, CALENDAR, USUAL, by="林晓芸", now=NOW)
    given = await transfers.transfer(Sieve(ids=(one.id,)), "李娜", by="林晓芸", now=NOW)
    assert given is not None
    coming = await visit_calendar.entries_of(one.id, MONDAY)
    assert ({each.owner for each in coming}, given.moved.visits) == ({"李娜"}, len(coming))
    [told] = [task for task in await visits.visits_of(one.id) if task.category == visits.HANDOVER]
    assert told.note.endswith(f"{len(coming)}次排好的拜访")
    await planned(NOW + DAY)
    kept = await next_entry(one)
    assert (kept.id, kept.day, kept.pinned_by, kept.owner) == (entry.id, MONDAY + 3 * DAY, "林晓芸", "李娜")
    assert await transfers.take_back(given.id, now=NOW + DAY)
    assert {each.owner for each in await visit_calendar.entries_of(one.id, MONDAY)} == {"程雪"}


async def test_a_chosen_day_outlives_a_time_in_which_nobody_is_in_charge() -> None:
    one = await member("Q1")
    await been(one, NOW - 10 * DAY)
    await planned()
    entry = await next_entry(one)
    await visit_moves.move_visit(entry, MONDAY + 10 * DAY, CALENDAR, USUAL, by="林晓芸", now=NOW)
    await Member.filter(id=one.id).update(owner="")
    await planned(NOW + DAY)
    assert [(each.day, each.owner) for each in await visit_calendar.entries_of(one.id, MONDAY)] == [
        (MONDAY + 10 * DAY, "")
    ]
    await Member.filter(id=one.id).update(owner="李娜")
    await planned(NOW + 2 * DAY)
    kept = await next_entry(one)
    assert (kept.id, kept.owner, kept.pinned_by) == (entry.id, "李娜", "林晓芸")


async def test_who_may_not_log_in_any_more_visits_nobody_and_it_is_said() -> None:
    await member("Q1")
    await add_colleague(Role.AGENT, name="程雪", active=False)
    found = await planned()
    assert (found.visits, found.conflicts) == (0, 1)
    [lost] = await planned_lists.browse_conflicts(None)
    assert (lost.lost, lost.won, lost.no) == ("service", "owner", "Q1")


async def test_a_renewal_without_room_names_the_rule_that_lost_and_the_numbers() -> None:
    for number in range(30):
        await member(f"Q{number:02}", Tier.LOW, plan_expires_on=MONDAY + 14 * DAY)
    await planned(usual=Usual(a_day=2))
    assert await planned_lists.count_conflicts(None) == {("renewal", "capacity"): 20}
    assert (await planned_lists.browse_conflicts(frozenset({"程雪"})))[0].figures == {
        "worked_days": 5, "capacity": 10, "taken": 10,
    }  # fmt: skip
    assert await planned_lists.browse_conflicts(frozenset({"李娜"})) == []
    await planned(usual=Usual(a_day=20))
    assert await VisitConflict.all().count() == 0


async def test_a_visit_moved_by_hand_tells_what_it_breaks_and_stays_there() -> None:
    one = await member("Q1")
    await been(one, NOW - 10 * DAY)
    await planned()
    entry, now = await next_entry(one), NOW + timedelta(hours=6)
    chosen = MONDAY + 3 * DAY
    assert await visit_moves.check_move(entry, chosen, CALENDAR, USUAL, now) == [Rule.MONTH]
    for day in (MONDAY - DAY, MONDAY + 5 * DAY):  # gone, a Saturday
        with pytest.raises(StateError, match="排不了"):
            await visit_moves.move_visit(entry, day, CALENDAR, USUAL, by="林晓芸", now=now)
    with pytest.raises(InputError):
        await visit_moves.move_visit(entry, MONDAY + 200 * DAY, CALENDAR, USUAL, by="林晓芸", now=now)
    await visit_moves.move_visit(entry, chosen, CALENDAR, USUAL, by="林晓芸", now=now)
    await planned(NOW + DAY)
    kept = await next_entry(one)
    assert (kept.id, kept.day, kept.pinned_by) == (entry.id, chosen, "林晓芸")
    assert [(c.lost, c.won) for c in await visit_calendar.conflicts_of(one.id)] == [(Rule.MONTH, Rule.PIN)]
    with pytest.raises(StateError, match="刚被改过"):
        await visit_calendar.pin_entry(entry.id, MONDAY, was=entry.day, by="林晓芸")


async def test_a_visit_given_back_to_the_plan_is_placed_by_the_rules_again() -> None:
    one = await member("Q1")
    await been(one, NOW - 10 * DAY)
    await planned()
    entry = await next_entry(one)
    await visit_moves.move_visit(entry, MONDAY + 3 * DAY, CALENDAR, USUAL, by="林晓芸", now=NOW)
    await visit_calendar.pin_entry(entry.id, MONDAY + 3 * DAY, was=MONDAY + 3 * DAY, by="")
    await planned()
    assert (await next_entry(one)).day == entry.day


async def test_moved_to_today_it_is_a_task_at_once() -> None:
    one = await member("Q1")
    await been(one, NOW - 10 * DAY)
    await planned()
    await visit_moves.move_visit(await next_entry(one), MONDAY, CALENDAR, USUAL, by="林晓芸", now=NOW)
    assert [task.state for task in await visits.visits_of(one.id)] == ["open"]


async def test_a_pinned_visit_that_an_absence_forbids_is_planned_elsewhere_and_said() -> None:
    one = await member("Q1")
    await been(one, NOW - 29 * DAY)
    await planned()
    entry = await next_entry(one)
    await visit_moves.move_visit(entry, MONDAY + 3 * DAY, CALENDAR, USUAL, by="林晓芸", now=NOW)
    await visit_calendar.add_absence("程雪", MONDAY + 3 * DAY, MONDAY + 3 * DAY, "", by="程雪", now=NOW)
    await planned()
    assert [(c.lost, c.won) for c in await visit_calendar.conflicts_of(one.id)] == [(Rule.PIN, Rule.ABSENCE)]
    assert (await days_of(one))[0] != MONDAY + 3 * DAY


async def test_another_owner_takes_the_visits_with_the_member() -> None:
    one = await member("Q1")
    await planned(usual=replace(USUAL, a_day=1))
    await Member.filter(id=one.id).update(owner="李娜")
    await planned(usual=replace(USUAL, a_day=1))
    assert {entry.owner for entry in await visit_calendar.entries_of(one.id, MONDAY + DAY)} == {"李娜"}
    assert [line.no for line in await planned_lists.browse_planned(MONDAY, MONDAY, frozenset({"李娜"}))] == ["Q1"]
    assert await planned_lists.browse_planned(MONDAY, MONDAY, frozenset({"程雪"})) == []


async def test_a_visit_nobody_made_for_a_week_is_missed_and_planned_anew() -> None:
    one = await member("Q1")
    await planned()
    for night in range(1, 8):
        assert (await planned(NOW + night * DAY)).missed == 0
    found = await planned(NOW + 8 * DAY)
    tasks = await visits.visits_of(one.id)
    assert (found.missed, found.opened) == (1, 1)
    assert sorted((task.state, task.category) for task in tasks) == [("missed", CATEGORY), ("open", CATEGORY)]
    assert [line.state for line in await planned_lists.browse_planned(MONDAY, MONDAY, None)] == ["missed"]


async def in_care(one: Member, last: date = date(2026, 12, 31)) -> None:
    await visit_calendar.open_care(one.id, MONDAY, last, "新开通", by="程雪", now=NOW)


async def test_in_care_a_visit_that_nobody_made_is_named_the_next_night_and_planned_for_that_day() -> None:
    one = await member("Q1")
    await in_care(one)
    for night, lost in enumerate([[], [], [], [(Rule.TODAY, 4)], [(Rule.TODAY, 5)]]):
        await planned(NOW + night * DAY)
        told = await visit_calendar.conflicts_of(one.id)
        assert [(each.won, each.figures["gap"]) for each in told if each.lost is Rule.CARE_GAP] == lost
        assert (MONDAY + night * DAY in await days_of(one)) is (night >= 2)
    assert len(await visits.visits_of(one.id)) == 1


async def test_in_care_a_task_that_was_put_off_is_no_visit_and_is_brought_forward() -> None:
    one = await member("Q1")
    await planned()
    [task] = await visits.visits_of(one.id)
    await visits.postpone_visit(task.id, NOW + 40 * DAY)
    await PlannedVisit.all().delete()
    await in_care(one)
    await planned(NOW + DAY)
    assert (await days_of(one))[0] == MONDAY + 2 * DAY
    await planned(NOW + 2 * DAY)
    [task] = await visits.visits_of(one.id)
    assert task.due_at == datetime(2026, 11, 25, 10, tzinfo=UTC)


async def test_planned_again_on_the_evening_on_which_a_task_is_missed_nothing_is_planned_twice() -> None:
    one = await member("Q1")
    await in_care(one)
    for night in range(10):
        await planned(NOW + night * DAY)
    assert (await planned(datetime(2026, 12, 2, 11, 30, tzinfo=UTC))).missed == 1
    [again] = [task for task in await visits.visits_of(one.id) if task.state == "open"]
    assert again.id in await PlannedVisit.filter(task_id__isnull=False).values_list("task_id", flat=True)


@pytest.mark.parametrize("state", ["open", "done"])
async def test_a_visit_of_today_that_is_a_task_already_is_not_planned_again(state: str) -> None:
    one = await member("Q1")
    await in_care(one)
    due = NOW - 2 * DAY
    task = await visits.open_visit(one.id, category=CATEGORY, cause="x", opened_at=due, due_at=due)
    await PlannedVisit.create(member_id=one.id, owner="程雪", day=MONDAY, kind="care", due=MONDAY, task_id=task)
    await Visit.all().update(state=state, closed_at=due if state == "done" else None)
    await visit_calendar.add_absence("程雪", MONDAY + DAY, MONDAY + 3 * DAY, "", by="程雪", now=NOW)
    await planned()
    assert (await days_of(one)).count(MONDAY) == 1


async def test_two_that_plan_at_once_leave_one_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The night's and a colleague's: who read the calendar before the other wrote plans again."""
    one = await member("Q1")
    read = visit_calendar.plan_number
    times: list[str] = []

    async def overtaken() -> str:
        times.append(number := await read())
        if len(times) == 1:
            await planned()
        return number

    monkeypatch.setattr(visit_calendar, "plan_number", overtaken)
    found = await planned()
    assert times == ["0", "0", "1"]
    assert (found.change.added, found.change.removed) == (0, 0)
    assert (await days_of(one))[:2] == [MONDAY, date(2026, 12, 24)]


async def test_a_day_that_was_chosen_while_somebody_planned_stays_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await member("Q1")
    await been(one, NOW)
    await planned()
    entry = await next_entry(one)
    read = visit_calendar.plan_number
    times: list[str] = []

    async def chosen_meanwhile() -> str:
        times.append(number := await read())
        if len(times) == 1:
            await visit_calendar.pin_entry(entry.id, entry.day + 4 * DAY, was=entry.day, by="程雪")
        return number

    monkeypatch.setattr(visit_calendar, "plan_number", chosen_meanwhile)
    await planned()
    assert len(times) == 2
    assert (await next_entry(one)).day == entry.day + 4 * DAY
    assert (await next_entry(one)).pinned_by == "程雪"


async def test_where_planning_fails_nothing_is_missed_either(monkeypatch: pytest.MonkeyPatch) -> None:
    one = await member("Q1")
    await planned()

    async def broken(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(visit_calendar, "write_plan", broken)
    with pytest.raises(OSError, match="full"):
        await planned(NOW + 8 * DAY)
    assert [task.state for task in await visits.visits_of(one.id)] == ["open"]


async def test_a_visit_put_off_and_a_task_that_is_not_the_calendars_are_not_missed() -> None:
    one = await member("Q1")
    await planned()
    [task] = await visits.visits_of(one.id)
    await visits.postpone_visit(task.id, NOW + 5 * DAY)
    await visits.open_visit(one.id, category="reply", cause="touch:1", opened_at=NOW, due_at=NOW)
    assert (await planned(NOW + 9 * DAY)).missed == 0
    assert {task.state for task in await visits.visits_of(one.id)} == {"open"}
