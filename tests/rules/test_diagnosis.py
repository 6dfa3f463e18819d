"""The eleven rules of a diagnosis at their boundaries: what is a finding, what is just not one, what is not told."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.finding_words import finding_words
from campaigns.diagnosis import (
    Code,
    Group,
    Market,
    MemberSigns,
    Part,
    Peer,
    PostingSigns,
    Script,
    Thresholds,
    diagnose,
    quartiles,
)

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
HOUR, DAY, MOMENT = timedelta(hours=1), timedelta(days=1), timedelta(microseconds=1)

FINE = PostingSigns(
    no="P1",
    title="电焊工",
    category="焊工",
    parent_category="技工",
    city="昆山",
    phone="0512-00000000",
    hours="8:00-17:00",
    duties_length=60,
    pay_min=6000,
    pay_max=8000,
    negotiable=False,
    published_at=NOW - 30 * DAY,
    refreshed_at=NOW - DAY,
    deadline=date(2026, 12, 31),
    views=100,
    applications=4,
    recent=1,
    seen=4,
)
WELL = MemberSigns(
    1, "Q1", (FINE,), applications=4, seen=4, notify_failures=0, mail_bounces=0, login_errors=0,
    plan_expires_on=date(2027, 6, 1),
)  # fmt: skip


def peers(
    count: int, *, category: str = "焊工", parent: str = "技工", pay: float | None = 7000, views: int | None = 100
) -> list[Peer]:
    return [Peer(100 + one, category, parent, "昆山", pay, views) for one in range(count)]


def codes(member: MemberSigns, market: Market | None = None) -> list[Code]:
    return [one.code for one in diagnose(member, market or Market(), NOW).findings]


def with_post(**changed: Any) -> MemberSigns:
    return replace(WELL, postings=(replace(FINE, **changed),))


def figures(member: MemberSigns, code: Code, market: Market | None = None) -> dict[str, Any]:
    found = [one for one in diagnose(member, market or Market(), NOW).findings if one.code is code]
    assert len(found) == 1
    return dict(found[0].figures)


def test_a_member_with_whom_all_is_well_has_no_finding() -> None:
    assert codes(WELL, Market(peers(40))) == []


def test_of_a_member_and_a_posting_nothing_is_known_of_nothing_is_said() -> None:
    bare = PostingSigns("P1", phone="1", hours="8", city="昆山", pay_min=1, pay_max=1)
    assert codes(MemberSigns(1, postings=(bare,))) == []


@pytest.mark.parametrize(
    ("unread", "waits", "found"),
    [
        (3, 72 * HOUR, False),
        (3, 72 * HOUR + MOMENT, True),
        (2, 500 * HOUR, False),
        (0, 500 * HOUR, False),
        (90, 73 * HOUR, True),
    ],
)
def test_three_unread_of_which_one_waits_longer_than_72_hours(unread: int, waits: timedelta, found: bool) -> None:
    of_post = with_post(applications=4 + unread, seen=4, oldest_unread_at=NOW - waits)
    of_all = replace(WELL, applications=4 + unread, oldest_unread_at=NOW - waits)
    assert (Code.UNREAD in codes(of_post)) is found
    assert (Code.UNREAD in codes(of_all)) is found


def test_unread_says_how_many_and_since_when() -> None:
    waiting = replace(WELL, applications=9, oldest_unread_at=NOW - 96 * HOUR)
    assert figures(waiting, Code.UNREAD) == {"unread": 5, "oldest_hours": 96.0}


def test_unread_without_a_time_is_no_finding() -> None:
    assert codes(replace(WELL, applications=9)) == []


@pytest.mark.parametrize(
    ("hours", "found"),
    [
        ([48] * 10, False),
        ([48] * 5 + [48.1] * 5, True),
        ([1] * 6 + [500] * 4, False),
        ([49] * 10 + [1] * 90, True),  # only the last ten count
        ([1] * 10 + [500] * 90, False),
        ([49, 49], False),  # a median of two says nothing
        ([49, 49, 1], True),
        ([], False),
    ],
)
def test_the_last_ten_read_waited_longer_than_48_hours_in_the_middle(hours: list[float], found: bool) -> None:
    assert (Code.UNREAD in codes(replace(WELL, read_after=[one * HOUR for one in hours]))) is found


def test_slow_reading_and_what_waits_are_one_finding_with_both_figures() -> None:
    both = replace(WELL, applications=7, oldest_unread_at=NOW - 96 * HOUR, read_after=[60 * HOUR] * 4)
    expected = {"unread": 3, "oldest_hours": 96.0, "read_after_hours": 60.0, "reads": 4}
    assert figures(both, Code.UNREAD) == expected


@pytest.mark.parametrize(("sent", "seen", "found"), [(4, 0, False), (5, 0, True), (5, 1, False), (0, 0, False)])
def test_five_came_and_none_was_ever_opened(sent: int, seen: int, found: bool) -> None:
    assert (Code.NEVER_LOOKED in codes(replace(WELL, applications=sent, seen=seen))) is found
    assert (Code.NEVER_LOOKED in codes(with_post(applications=sent, seen=seen))) is found


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"phone": ""}, (Part.PHONE,)),
        ({"phone": "  "}, (Part.PHONE,)),
        ({"pay_min": None, "pay_max": None}, (Part.PAY,)),
        ({"pay_min": None, "pay_max": None, "negotiable": True}, ()),  # 面议 is unclear, not left out
        ({"pay_max": None}, ()),  # half of it is unclear, not left out
        ({"hours": ""}, (Part.HOURS,)),
        ({"city": ""}, (Part.PLACE,)),
        ({"duties_length": 59}, (Part.DUTIES,)),
        ({"duties_length": 60}, ()),
        ({"duties_length": 0}, (Part.DUTIES,)),
        ({"duties_length": None}, ()),
        ({"hours": "", "phone": ""}, (Part.PHONE, Part.HOURS)),
    ],
)
def test_what_a_posting_does_not_say(changed: dict[str, Any], missing: tuple[Part, ...]) -> None:
    found = [one for one in diagnose(with_post(**changed), Market(), NOW).findings if one.code is Code.POST_INCOMPLETE]
    assert [one.figures["missing"] for one in found] == ([missing] if missing else [])


def test_a_column_the_site_does_not_have_is_nobodys_fault() -> None:
    lacking = Market(held=set(Part) - {Part.HOURS, Part.PAY})
    assert codes(with_post(hours="", pay_min=None, pay_max=None), lacking) == []
    assert codes(with_post(hours="", phone=""), lacking) == [Code.POST_INCOMPLETE]


@pytest.mark.parametrize(
    ("low", "high", "negotiable", "found"),
    [
        (4000, 10000, False, False),
        (4000, 10001, False, True),
        (4000, None, False, True),
        (None, 8000, None, True),
        (0, 8000, False, True),
        (4000, 5000, True, True),
        (4000, 5000, None, False),
    ],
)
def test_pay_is_unclear_beyond_two_and_a_half_times(
    low: int | None, high: int | None, negotiable: bool | None, found: bool
) -> None:
    assert (Code.PAY_UNCLEAR in codes(with_post(pay_min=low, pay_max=high, negotiable=negotiable))) is found


def test_pay_that_falls_is_unclear_and_compared_with_nothing() -> None:
    [found] = diagnose(with_post(pay_min=12_000, pay_max=8_000), Market(), NOW).findings
    assert found.code is Code.PAY_UNCLEAR
    assert found.figures == {"pay_min": 12_000, "pay_max": 8_000, "falls": True}
    assert finding_words(found) == "薪资写反了：12,000–8,000元"
    assert replace(FINE, pay_min=12_000, pay_max=8_000).midpoint is None


def test_no_pay_at_all_is_missing_and_unclear() -> None:
    assert codes(with_post(pay_min=None, pay_max=None)) == [Code.POST_INCOMPLETE, Code.PAY_UNCLEAR]


@pytest.mark.parametrize(
    ("count", "pay", "found"),
    [(15, 7000, False), (15, 7000.5, True), (14, 9000, False), (15, 6999, False)],
)
def test_pay_is_low_below_the_first_quartile_of_fifteen(count: int, pay: float, found: bool) -> None:
    market = Market(peers(count, parent="", pay=pay))
    assert (Code.PAY_LOW in codes(WELL, market)) is found


def test_the_band_that_is_shown_is_the_quartiles() -> None:
    market = Market([Peer(100 + n, "焊工", "技工", "昆山", 8000 + 100 * n, None) for n in range(17)])
    assert figures(WELL, Code.PAY_LOW, market) == {
        "midpoint": 7000.0, "p25": 8400.0, "p50": 8800.0, "p75": 9200.0, "peers": 17,
        "category": "焊工", "city": "昆山",
    }  # fmt: skip


def test_with_few_peers_the_parent_category_speaks_and_else_nobody() -> None:
    relatives = peers(10, category="钳工", pay=9000)
    assert figures(WELL, Code.PAY_LOW, Market([*peers(5, pay=9000), *relatives]))["category"] == "技工"
    assert codes(WELL, Market([*peers(4, pay=9000), *relatives])) == []


def test_peers_in_another_city_are_none() -> None:
    far = [replace(one, city="北京") for one in peers(40, pay=20000)]
    assert codes(WELL, Market(far)) == []


def test_a_members_own_postings_are_not_its_market() -> None:
    own = [replace(one, member_id=1) for one in peers(40, pay=20000)]
    assert codes(WELL, Market([*own, *peers(14, pay=9000)])) == []
    pay = figures(WELL, Code.PAY_LOW, Market([*own, *peers(15, pay=9000)]))
    assert (pay["peers"], pay["p75"]) == (15, 9000)


@given(st.lists(st.integers(1000, 30000), min_size=1, max_size=60))
def test_quartiles_are_those_of_numpy(values: list[int]) -> None:
    found = quartiles(sorted(values))
    expected = np.percentile(values, [25, 50, 75])
    np.testing.assert_allclose([found.p25, found.p50, found.p75], expected)


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"refreshed_at": NOW - 14 * DAY}, False),
        ({"refreshed_at": NOW - 14 * DAY - MOMENT}, True),
        ({"refreshed_at": None, "published_at": NOW - 15 * DAY}, True),
        ({"refreshed_at": NOW - 20 * DAY, "published_at": NOW - DAY}, False),
        ({"refreshed_at": None, "published_at": None}, False),
        ({"deadline": date(2026, 11, 23)}, False),  # its last day
        ({"deadline": date(2026, 11, 22)}, True),
        ({"deadline": None}, False),
    ],
)
def test_a_posting_is_stale_after_a_fortnight_or_its_deadline(changed: dict[str, Any], found: bool) -> None:
    assert (Code.STALE in codes(with_post(**changed))) is found


def test_a_posting_that_is_over_is_said_where_no_other_stands() -> None:
    over = {"live": False, "expired": True, "deadline": date(2026, 11, 1), "refreshed_at": NOW - 40 * DAY}
    assert figures(with_post(**over), Code.STALE) == {"past_deadline_days": 22}  # nobody would refresh it
    assert figures(with_post(**{**over, "deadline": None}), Code.STALE) == {"expired": True}
    assert codes(with_post(**{**over, "expired": False})) == []  # taken offline
    member = with_post(**over)
    beside = replace(WELL.postings[0], no="P2")
    assert Code.STALE not in codes(replace(member, postings=[*member.postings, beside]))
    twice = replace(member, postings=[*member.postings, replace(member.postings[0], no="P2")])
    assert codes(twice) == [Code.STALE, Code.STALE]


def test_a_deadline_is_a_day_in_shanghai() -> None:
    late = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)  # midnight there
    found = diagnose(with_post(deadline=date(2026, 11, 22)), Market(), late).findings
    assert [one.figures for one in found] == [{"past_deadline_days": 1}]


@pytest.mark.parametrize(
    ("changed", "count", "found"),
    [
        ({"views": 99}, 15, True),
        ({"views": 100}, 15, False),
        ({"views": 0}, 14, False),
        ({"views": None}, 15, False),
        ({"views": 99, "hours": ""}, 15, False),
        ({"views": 99, "refreshed_at": NOW - 15 * DAY}, 15, False),
        ({"views": 99, "category": ""}, 15, False),
    ],
)
def test_few_views_are_ours_to_mend_only_where_the_posting_is_whole_and_fresh(
    changed: dict[str, Any], count: int, found: bool
) -> None:
    assert (Code.LOW_VIEW in codes(with_post(**changed), Market(peers(count, pay=None)))) is found


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"recent": 0}, True),
        ({"recent": 1}, False),
        ({"recent": 0, "views": 99}, False),
        ({"recent": 0, "views": None}, False),
        ({"recent": 0, "published_at": NOW - 14 * DAY}, True),
        ({"recent": 0, "published_at": NOW - 14 * DAY + MOMENT}, False),  # not there long enough to tell
        ({"recent": 0, "published_at": None}, False),
    ],
)
def test_looked_at_as_others_are_and_nobody_applies(changed: dict[str, Any], found: bool) -> None:
    assert (Code.VIEW_NO_APPLY in codes(with_post(**changed), Market(peers(15)))) is found


def groups(ours: float, others: int = 10) -> list[Group]:
    rest = [Group(f"工种{one}", "昆山", 10, 100 + one) for one in range(others)]
    return [Group("焊工", "昆山", 10, round(10 * ours)), *rest]


@pytest.mark.parametrize(
    ("changed", "ours", "found"),
    [
        ({}, 1, True),
        ({}, 10.2, False),
        ({"views": None}, 1, False),
        ({"views": 99}, 1, False),  # it is not seen: that comes first
        ({"recent": 0}, 1, False),
        ({"city": "北京"}, 1, False),
    ],
)
def test_an_occupation_is_scarce_in_the_lowest_tenth_of_applicants(
    changed: dict[str, Any], ours: float, found: bool
) -> None:
    assert (Code.SCARCE in codes(with_post(**changed), Market(peers(15), groups(ours)))) is found


def test_too_few_groups_or_postings_tell_nothing_of_scarcity() -> None:
    assert codes(WELL, Market(peers(15), groups(1, others=8))) == []
    small = [replace(groups(1)[0], postings=4), *groups(1)[1:]]
    assert codes(WELL, Market(peers(15), small)) == []
    level = [Group(f"工种{one}", "昆山", 10, 0) for one in range(12)]
    assert codes(WELL, Market(peers(15), [Group("焊工", "昆山", 10, 0), *level])) == []


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"notify_failures": 1}, False),
        ({"notify_failures": 2}, True),
        ({"mail_bounces": 1}, True),
        ({"login_errors": 1}, True),
        ({"notify_failures": None, "mail_bounces": None, "login_errors": None}, False),
    ],
)
def test_what_failed_on_our_side(changed: dict[str, Any], found: bool) -> None:
    diagnosis = diagnose(replace(WELL, **changed), Market(), NOW)
    assert [one.code for one in diagnosis.findings] == ([Code.SITE_FAULT] if found else [])
    assert diagnosis.promotes is not found


@pytest.mark.parametrize(("waits", "found"), [(24 * HOUR, False), (24 * HOUR + MOMENT, True)])
def test_a_review_longer_than_a_day_is_our_fault_and_all_that_is_said_of_what_does_not_stand(
    waits: timedelta, found: bool
) -> None:
    waiting = with_post(live=False, hours="", waits_since=NOW - waits)
    assert codes(waiting) == ([Code.SITE_FAULT] if found else [])


@pytest.mark.parametrize(
    ("days", "visited", "found"),
    [
        (9, None, False),
        (10, None, True),
        (20, None, True),
        (21, None, False),
        (15, 25 * DAY, True),
        (15, 25 * DAY - MOMENT, False),
    ],
)
def test_renewal_is_soon_ten_to_twenty_days_ahead_and_25_days_after_a_visit(
    days: int, visited: timedelta | None, found: bool
) -> None:
    due = replace(WELL, plan_expires_on=date(2026, 11, 23) + days * DAY)
    due = replace(due, last_visited_at=NOW - visited if visited else None)
    assert (Code.RENEW_SOON in codes(due)) is found


def test_who_hires_urgently_and_has_something_open_is_visited_again_before_renewal() -> None:
    due = replace(WELL, plan_expires_on=date(2026, 12, 8), last_visited_at=NOW - 5 * DAY, hires_urgently=True)
    assert codes(due) == []
    assert codes(replace(due, postings=(replace(FINE, hours=""),))) == [Code.POST_INCOMPLETE, Code.RENEW_SOON]


def test_findings_are_told_in_order_and_the_members_before_a_postings() -> None:
    bad = replace(
        FINE, hours="", pay_min=1000, pay_max=9000, refreshed_at=NOW - 20 * DAY, waits_since=NOW - 2 * DAY,
        applications=5, seen=0, oldest_unread_at=NOW - 9 * DAY, recent=0,
    )  # fmt: skip
    all_wrong = replace(
        WELL, postings=(bad,), applications=5, seen=0, oldest_unread_at=NOW - 9 * DAY, login_errors=1,
        plan_expires_on=date(2026, 12, 8),
    )  # fmt: skip
    found = diagnose(all_wrong, Market(peers(15)), NOW).findings
    assert [(one.code.value, one.posting) for one in found] == [
        ("site_fault", ""), ("site_fault", "P1"), ("unread", ""), ("unread", "P1"), ("never_looked", ""),
        ("never_looked", "P1"), ("post_incomplete", "P1"), ("pay_unclear", "P1"), ("pay_low", "P1"), ("stale", "P1"),
        ("view_no_apply", "P1"), ("renew_soon", ""),
    ]  # fmt: skip
    assert found[2].script is Script.OPEN_UNREAD
    assert found[-1].script is Script.EFFECT_REPORT


def test_thresholds_are_settings() -> None:
    strict = Thresholds(unread_at_least=1, unread_longer_than=HOUR, needed=(Part.PHONE,))
    market = Market(thresholds=strict)
    one_unread = replace(with_post(hours=""), applications=5, oldest_unread_at=NOW - 2 * HOUR)
    assert codes(one_unread, market) == [Code.UNREAD]
