"""On both databases: stages are told of all members, the day of a change is kept, a renewal is seen when it happens."""

from datetime import timedelta

import pytest

from campaigns import statements
from campaigns.members.find import count_audience
from campaigns.members.staging import count_by, keep_stages, read_funnel
from campaigns.models import Application, Member, Renewal
from campaigns.segments import parse_segment
from campaigns.stages import Stage
from tests.web_cast import NOW, add_member, add_unread

pytestmark = pytest.mark.usefixtures("database")


async def _settle() -> None:
    await add_member("Q1", owner="甲", tier="高端")
    await add_member("Q2", owner="甲", login_count=2)
    three = await add_member("Q3", owner="乙", plan_expires_on=(NOW + timedelta(days=5)).date())
    await add_unread(three, "P", 2)


async def test_every_member_has_a_stage_and_a_change_has_its_day() -> None:
    await _settle()
    assert await keep_stages(NOW) == 0
    assert await Member.all().order_by("no").values_list("stage", "stage_since") == [
        ("registered", None), ("activated", None), ("receiving", None),
    ]  # fmt: skip
    await Application.all().update(first_viewed_at=NOW, outcome="已录用")
    await statements.recount_members()
    later = NOW + timedelta(days=4)
    assert await keep_stages(later) == 1
    three = await Member.get(no="Q3")
    assert (three.stage, three.stage_since) == ("renewing", later)
    assert await keep_stages(later + timedelta(days=2)) == 1, "its plan ran out"
    assert await count_audience(parse_segment("stage in (registered, hiring)"), NOW) == 2


async def test_a_plan_that_runs_longer_than_it_did_was_renewed() -> None:
    await _settle()
    await keep_stages(NOW)
    assert not await Renewal.exists()
    until = (NOW + timedelta(days=370)).date()
    await Member.filter(no__in=["Q1", "Q3"]).update(plan_expires_on=until)
    await keep_stages(NOW + timedelta(days=1))
    await keep_stages(NOW + timedelta(days=2))
    three = await Member.get(no="Q3")
    assert await Renewal.all().values_list("member_id", "until", "at", "owner", "source") == [
        (three.id, until, NOW + timedelta(days=1), "乙", "seen")
    ]


async def test_the_funnel_counts_who_came_so_far_among_whom_one_sees() -> None:
    await _settle()
    await keep_stages(NOW)
    await Member.filter(no="Q2").update(stage_since=NOW - timedelta(days=3))
    funnel = {one.stage: (one.standing, one.reached, one.days) for one in await read_funnel(NOW)}
    assert funnel[Stage.REGISTERED] == (1, 3, None)
    assert funnel[Stage.ACTIVATED] == (1, 2, 3.0)
    assert funnel[Stage.RECEIVING] == (1, 1, None)
    assert funnel[Stage.READING] == (0, 0, None)
    assert [one.reached for one in await read_funnel(NOW, narrowed={"tier": "高端"})][:2] == [1, 0]
    assert (await read_funnel(NOW, owners=["乙"]))[0].reached == 1
    assert (await read_funnel(NOW, owners=[]))[0].reached == 0
    assert await count_by("owner") == {"甲": {"registered": 1, "activated": 1}, "乙": {"receiving": 1}}
