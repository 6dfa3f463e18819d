"""A run that has grown beyond its approval waits for a person; what they say holds for this run."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from campaigns import approvals, definitions, planner
from campaigns.planner import Rulebook
from tests.cast import NOW, add_member, rulebook, write_tiny

pytestmark = pytest.mark.usefixtures("database")
DAY = timedelta(days=1)


def book(own_up_to: int = 2) -> Rulebook:
    return replace(rulebook(), policy=replace(rulebook().policy, own_up_to=own_up_to))


async def running(folder: Path, members: int) -> None:
    """Approved for two members, by another than who asked; since then it has grown."""
    schedule = 'kind = "recurring"\nevery = "day"\nat = "09:30"\ndays = "all"'
    write_tiny(folder, schedule=schedule)
    request = await approvals.submit(await definitions.load_campaign(folder, "tiny"), 2, by="林", now=NOW - DAY)
    await approvals.approve(request.id, by="程", now=NOW - DAY, own_up_to=2)
    await definitions.start("tiny", now=NOW)
    for number in range(members):
        await add_member(f"G{number}")


@pytest.mark.parametrize(("members", "own_up_to"), [(4, 2), (5, 5)])
async def test_a_run_within_its_size_is_planned(tmp_path: Path, members: int, own_up_to: int) -> None:
    await running(tmp_path, members)
    assert len(await planner.plan_due(NOW + DAY, book(own_up_to))) == 1
    assert await approvals.count_waiting() == 0


async def test_a_run_that_has_grown_waits_and_is_planned_once_it_is_approved(tmp_path: Path) -> None:
    await running(tmp_path, 5)
    for days in (1, 1, 2):  # looked at again and again, also when the next slot falls due
        assert await planner.plan_due(NOW + DAY * days, book()) == []
    [request] = await approvals.waiting_requests()
    assert (request.audience, request.asked_by, await approvals.grown_from(request)) == (5, "林", 2)
    assert not approvals.may_approve(request, "林", 2)
    await approvals.approve(request.id, by="程", now=NOW + DAY * 2, own_up_to=2)
    assert len(await planner.plan_due(NOW + DAY * 2, book())) == 1  # one for both slots
    assert await planner.plan_due(NOW + DAY * 2, book()) == []
    assert len(await planner.plan_due(NOW + DAY * 3, book())) == 1


async def test_a_run_that_is_refused_is_skipped_and_the_next_one_asks_anew(tmp_path: Path) -> None:
    await running(tmp_path, 5)
    await planner.plan_due(NOW + DAY, book())
    [request] = await approvals.waiting_requests()
    await approvals.refuse(request.id, by="程", now=NOW + DAY, reason="太多")
    assert await planner.plan_due(NOW + DAY, book()) == []
    assert await approvals.count_waiting() == 0
    assert await planner.plan_due(NOW + DAY * 2, book()) == []
    assert await approvals.count_waiting() == 1
