"""The next best thing to do: the most pressing reason first, and what forbids to go on ends the list."""

from dataclasses import replace

import pytest

from campaigns.advice import Act, CareSigns, Why, advise
from campaigns.diagnosis import Code, Diagnosis, Finding
from campaigns.policy import PolicySettings
from campaigns.policy_file import load_policy
from tests.cast import TEMPLATES


def _found(*codes: Code) -> Diagnosis:
    return Diagnosis(1, [Finding(code, {}) for code in codes])


QUIET = CareSigns(_found())


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        (QUIET, [Why.QUIET]),
        (replace(QUIET, refused=True, tasks_due=2), [Why.REFUSED]),
        (replace(QUIET, paused=True, answer_waits=True), [Why.PAUSED]),
        (replace(QUIET, answer_waits=True, touched_days=0), [Why.ANSWER_WAITS]),
        (replace(QUIET, touched_days=6, renewal_days=3), [Why.JUST_TOUCHED]),
        (replace(QUIET, touched_days=7, renewal_days=20), [Why.RENEWAL]),
        (replace(QUIET, renewal_days=21), [Why.QUIET]),
        (replace(QUIET, stage="posting"), [Why.NO_APPLICANTS]),
        (replace(QUIET, activity="dormant", stage="registered"), [Why.DORMANT, Why.NOTHING_POSTED]),
        (CareSigns(_found(Code.UNREAD, Code.STALE)), [Why.UNREAD, Why.POSTING_WEAK]),
        (CareSigns(_found(Code.SITE_FAULT, Code.UNREAD)), [Why.SITE_FAULT]),
        (replace(CareSigns(_found(Code.UNREAD)), promises_late=1), [Why.PROMISE_LATE, Why.UNREAD]),
        (replace(CareSigns(_found(Code.UNREAD)), site_problems=2), [Why.SITE_PROBLEM]),
    ],
)
def test_reasons_come_in_their_order(signs: CareSigns, expected: list[Why]) -> None:
    assert [one.why for one in advise(signs)] == expected


def test_the_days_of_rest_and_of_renewal_are_settings() -> None:
    signs = replace(QUIET, touched_days=7, renewal_days=30)
    assert [one.why for one in advise(signs)] == [Why.QUIET]
    assert [one.why for one in advise(signs, PolicySettings(renewal_to=30))] == [Why.RENEWAL]
    assert [one.why for one in advise(signs, PolicySettings(renewal_from=31, renewal_to=40))] == [Why.QUIET]
    [rests] = advise(signs, PolicySettings(rest_days=8, renewal_to=30))
    assert (rests.why, rests.figures["rest"]) == (Why.JUST_TOUCHED, 8)


@pytest.mark.parametrize(("days", "calls"), [(21, False), (20, True), (10, True), (9, False)])
def test_nobody_is_called_for_a_renewal_in_its_last_ten_days(days: int, calls: bool) -> None:
    shipped = load_policy(TEMPLATES / "policy.toml")
    for policy in (PolicySettings(), shipped):
        found = advise(replace(QUIET, renewal_days=days), policy)
        assert [one.why for one in found] == [Why.RENEWAL if calls else Why.QUIET]


def test_what_is_written_names_its_campaign_and_nothing_else_does() -> None:
    signs = replace(QUIET, activity="never_in", stage="registered", tasks_due=1)
    found = advise(signs)
    assert {one.act for one in found} == {Act.CALL, Act.MESSAGE}
    assert all(bool(one.campaign) == (one.act is Act.MESSAGE) for one in found)
