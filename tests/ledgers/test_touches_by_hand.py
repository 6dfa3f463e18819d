"""A touch by hand that is no call: what came of it, whether it weighs, and that it is no visit."""

from datetime import timedelta

import pytest

from campaigns import targets
from campaigns.calendar import WorkCalendar
from campaigns.members.facts import facts_for
from campaigns.models import Touch
from campaigns.replies.results import record_visit_result
from campaigns.results import Medium, Result, VisitResult
from tests.cast import NOW, datong
from tests.web_cast import add_colleague

CALENDAR = WorkCalendar()
pytestmark = pytest.mark.usefixtures("database")


@pytest.mark.parametrize(
    ("medium", "result", "weighs"),
    [
        (Medium.POST, Result.SENT, True),
        (Medium.GIFT, Result.RECEIVED, True),
        (Medium.GIFT, Result.RETURNED, False),
        (Medium.EVENT, Result.CAME, True),
        (Medium.EVENT, Result.ABSENT, False),
        (Medium.QQ, Result.TALKED, True),
        (Medium.QQ, Result.NO_ANSWER, False),
    ],
)
async def test_what_reached_them_weighs_as_a_message_does_and_nothing_of_it_is_a_visit(
    medium: Medium, result: Result, *, weighs: bool
) -> None:
    await add_colleague(name="林")
    member = (await datong()).member_id
    await record_visit_result(member, VisitResult(result, medium), key="k", by="林", now=NOW, calendar=CALENDAR)
    facts = (await facts_for([member], NOW + timedelta(days=1)))[member]
    assert facts.marketing_at == ((NOW,) if weighs else ())
    assert (await Touch.get()).medium == medium
    found = await targets.read_progress(targets.month_of(NOW, CALENDAR), {"林"})
    assert {one.kind: one.done for one in found}[targets.Kind.VISITS] == 0
