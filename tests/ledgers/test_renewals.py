"""On both databases: a month's renewals and returns are whose the members were then, whoever has them now."""

from datetime import date, datetime, timedelta

import pytest

from campaigns import targets, transfers
from campaigns.calendar import WorkCalendar
from campaigns.members.browse import Sieve
from campaigns.members.owners import owners_at
from campaigns.members.renewals import TOLD, Renewed, keep_renewals
from campaigns.members.staging import keep_stages
from campaigns.members.told import record_renewals
from campaigns.models import Member, Renewal, Touch
from campaigns.rights import Role
from campaigns.targets import Kind
from campaigns.terms import SHANGHAI
from tests.web_cast import NOW, add_colleague, add_member

pytestmark = pytest.mark.usefixtures("database")
_DAY = timedelta(days=1)


async def _settle() -> Member:
    for name, department in (("甲", "东区"), ("乙", "西区"), ("主管", "东区")):
        await add_colleague(Role.MANAGER if name == "主管" else Role.AGENT, name=name, department=department)
    return await add_member("Q1", owner="甲", plan_expires_on=NOW.date())


async def _done(kind: Kind, month: str = "2026-11") -> dict[str, int]:
    found = await targets.read_progress(targets.month_of(NOW, WorkCalendar(), month))
    return {one.who: one.done for one in found if one.kind is kind and one.done}


async def _give(member: Member, to: str, at: datetime) -> int:
    made = await transfers.transfer(Sieve(ids=(member.id,)), to, by="主管", now=at)
    assert made
    return made.id


async def test_a_renewal_stays_with_whose_the_member_was_and_a_second_takes_nothing_from_the_first() -> None:
    member = await _settle()
    await keep_stages(NOW)
    await Member.all().update(plan_expires_on=date(2027, 11, 23))
    await keep_stages(NOW + _DAY)
    await _give(member, "乙", NOW + 2 * _DAY)
    assert await _done(Kind.RENEWALS) == {"甲": 1, "东区": 1}
    await Member.all().update(plan_expires_on=date(2028, 11, 23))
    await keep_stages(NOW + timedelta(days=20))
    assert await _done(Kind.RENEWALS) == {"甲": 1, "东区": 1}
    assert await _done(Kind.RENEWALS, "2026-12") == {"乙": 1, "西区": 1}


async def test_a_renewal_counts_in_the_month_the_site_tells_and_once_however_often_it_is_told() -> None:
    member = await _settle()
    await keep_stages(NOW)
    told = datetime(2026, 11, 30, 23, 30, tzinfo=SHANGHAI)
    await _give(member, "乙", told + timedelta(minutes=10))
    until = date(2027, 11, 30)
    for _ in range(2):
        await record_renewals([("Q1", until, told), ("Q404", until, told)])
    await Member.all().update(plan_expires_on=until)
    await keep_stages(told + timedelta(hours=3))
    assert await Renewal.all().values_list("owner", "department", "source") == [("甲", "东区", "told")]
    assert await _done(Kind.RENEWALS) == {"甲": 1, "东区": 1}
    assert await _done(Kind.RENEWALS, "2026-12") == {}


async def test_a_department_keeps_the_renewals_of_who_was_in_it_and_its_own() -> None:
    member = await _settle()
    await keep_renewals([Renewed(member.id, date(2027, 1, n), NOW, who) for n, who in ((1, "甲"), (2, "东区"))], TOLD)
    await targets.staff.StaffAccount.filter(name="甲").update(department="西区")
    assert await _done(Kind.RENEWALS) == {"甲": 1, "东区": 2}


async def test_a_return_counts_for_who_had_the_member_when_it_came_back() -> None:
    member = await _settle()
    for n in (0, 1):
        await Touch.create(
            member_id=member.id, direction="in", kind="return", medium="site", at=NOW + n * timedelta(hours=1)
        )
    assert await _done(Kind.RETURNS) == {"甲": 1, "东区": 1}
    made = await _give(member, "乙", NOW + _DAY)
    assert await _done(Kind.RETURNS) == {"甲": 1, "东区": 1}
    await transfers.take_back(made, now=NOW + 2 * _DAY)
    assert await _done(Kind.RETURNS) == {"甲": 1, "东区": 1}


async def test_who_had_a_member_is_found_through_all_that_was_handed_over_and_taken_back() -> None:
    member = await _settle()
    first = await _give(member, "乙", NOW)
    await _give(member, "东区", NOW + _DAY)
    await transfers.take_back(first, now=NOW + 2 * _DAY)  # it had gone on: nothing comes back
    last = await _give(member, "乙", NOW + 3 * _DAY)
    await transfers.take_back(last, now=NOW + 4 * _DAY)
    asked = {n: (member.id, NOW + n * _DAY + timedelta(hours=1)) for n in range(-1, 5)}
    found = await owners_at(asked.values())
    assert [found[one] for one in asked.values()] == ["甲", "乙", "东区", "东区", "乙", "东区"]
    assert await owners_at([(member.id + 1, NOW)]) == {(member.id + 1, NOW): ""}
