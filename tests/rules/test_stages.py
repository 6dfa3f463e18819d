"""The stage of a member is the furthest its facts tell of."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from campaigns.stages import Stage, StageSigns, stage_of

TODAY = date(2026, 11, 23)
NOTHING = StageSigns(logins=0, postings=0, applications=0, read=0, hired=0, plan_expires_on=None)


@pytest.mark.parametrize(
    ("facts", "stage"),
    [
        ({}, Stage.REGISTERED),
        ({"logins": 1}, Stage.ACTIVATED),
        ({"postings": 1}, Stage.POSTING),
        ({"logins": 3, "postings": 1, "applications": 2}, Stage.RECEIVING),
        ({"postings": 1, "applications": 2, "read": 1}, Stage.READING),
        ({"applications": 2, "read": 1, "hired": 1}, Stage.HIRING),
        ({"hired": 1, "plan_expires_on": TODAY + timedelta(days=60)}, Stage.RENEWING),
        ({"hired": 1, "plan_expires_on": TODAY + timedelta(days=61)}, Stage.HIRING),
        ({"hired": 1, "plan_expires_on": TODAY - timedelta(days=1)}, Stage.HIRING),
        ({"read": 1, "plan_expires_on": TODAY}, Stage.READING),
        ({"read": 1, "plan_expires_on": TODAY, "tells_hires": False}, Stage.RENEWING),
    ],
)
def test_a_member_stands_in_the_furthest_stage_it_came_to(facts: dict[str, object], stage: Stage) -> None:
    assert stage_of(replace(NOTHING, **facts), TODAY) is stage  # type: ignore[arg-type]
