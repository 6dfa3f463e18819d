"""Tiers: what moves the score, where the cuts fall, and what is said about it."""

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.terms import SHANGHAI, Tier
from campaigns.tier_rules import TierRules
from campaigns.tiers import Assigned, TierSignals, assign_tiers, explain_tier, score_members
from campaigns.tiers.cuts import cut_scores, place

NOW = datetime(2026, 11, 21, 9, tzinfo=SHANGHAI)
DAY = timedelta(days=1)

STRONG = TierSignals(
    member_id=1,
    plan="包年",
    plan_expires_on=date(2027, 6, 14),
    login_count=120,
    last_login_at=NOW - 2 * DAY,
    registered_at=NOW - 200 * DAY,
    open_heads=60,
    postings_90d=12,
    size="1000人以上",
    nature="国企",
    viewed_share=0.9,
    median_view_hours=6.0,
)
WEAK = TierSignals(
    member_id=2,
    plan="免费",
    plan_expires_on=None,
    login_count=0,
    last_login_at=None,
    registered_at=NOW - 300 * DAY,
    open_heads=0,
    postings_90d=0,
    size="1-20人",
    nature="个体",
    viewed_share=0.0,
    median_view_hours=None,
)


def _score(signals: TierSignals) -> float:
    return score_members([signals], NOW)[0].score


def _crowd(count: int, **changes: Any) -> list[TierSignals]:
    """Members who differ in nothing but their last login, the latest first: member_id is the rank."""
    return [
        STRONG._replace(member_id=rank, last_login_at=NOW - rank * timedelta(hours=1), **changes)
        for rank in range(count)
    ]


def _tiers(assigned: list[Assigned]) -> list[Tier]:
    return [one.tier for one in assigned]


def test_the_strong_stand_high_and_the_weak_low() -> None:
    assert _score(STRONG) > 85
    assert _score(WEAK) < 10


@pytest.mark.parametrize(
    "changes",
    [
        {"plan": "包季"},
        {"plan": "包月"},
        {"plan": "免费"},
        {"plan_expires_on": date(2026, 10, 1)},
        {"login_count": 10},
        {"last_login_at": NOW - 60 * DAY},
        {"last_login_at": None},
        {"open_heads": 5},
        {"postings_90d": 1},
        {"size": "1-20人"},
        {"nature": "个体"},
        {"viewed_share": 0.2},
        {"median_view_hours": 100.0},
    ],
)
def test_every_signal_that_gets_worse_lowers_the_score(changes: dict[str, Any]) -> None:
    assert _score(STRONG._replace(**changes)) < _score(STRONG) - 0.5


def test_an_expired_plan_loses_its_worth_within_a_year() -> None:
    scores = [_score(STRONG._replace(plan_expires_on=NOW.date() - n * DAY)) for n in (-30, 0, 90, 300, 365, 900)]
    assert scores[0] == scores[1] > scores[2] > scores[3] > scores[4] == scores[5]
    assert scores[5] == _score(STRONG._replace(plan="免费"))


@pytest.mark.parametrize("signals", [STRONG, WEAK])
def test_points_are_out_of_their_weights_and_the_score_out_of_100(signals: TierSignals) -> None:
    (scored,) = score_members([signals], NOW)
    assert [p for p in scored.points if p is not None and 0 <= p <= 30] == list(scored.points)
    assert scored.score == pytest.approx(sum(p or 0 for p in scored.points))


def test_a_missing_part_is_left_out_and_the_others_count_for_more() -> None:
    (whole,) = score_members([STRONG], NOW)
    (part,) = score_members([STRONG._replace(viewed_share=None)], NOW)
    assert part.points == (*whole.points[:4], None)
    assert part.score == pytest.approx(sum(p or 0 for p in part.points) / 90 * 100)


def test_every_missing_part_is_said() -> None:
    unknown = STRONG._replace(plan="", size="", nature="", viewed_share=None)
    (assigned,) = assign_tiers([unknown], NOW)
    assert assigned.reasons[-1] == "缺少付费、规模性质、响应数据，按其余各项折算"
    assert "no data on payments, size and nature, response" in explain_tier(assigned, "en")


def test_a_plan_or_nature_nobody_knows_is_missing_and_not_worthless() -> None:
    (scored,) = score_members([STRONG._replace(plan="钻石", nature="火星", size="很大")], NOW)
    assert [points is None for points in scored.points] == [True, False, False, True, False]


def test_half_of_size_and_nature_stands_for_both() -> None:
    (scored,) = score_members([STRONG._replace(nature="")], NOW)
    assert scored.points[3] == 15


def test_small_is_small_however_it_is_written() -> None:
    scores = {_score(WEAK._replace(size=size)) for size in ("1-20人", "少于20人", "20人以下")}
    assert len(scores) == 1
    assert _score(WEAK._replace(size="20-99人")) > scores.pop()


def test_a_member_who_never_logged_in_has_no_activity() -> None:
    (scored,) = score_members([STRONG._replace(last_login_at=None, login_count=0)], NOW)
    assert scored.points[1] == 0


def test_a_clock_ahead_of_ours_does_no_harm() -> None:
    ahead = STRONG._replace(registered_at=NOW + DAY, last_login_at=NOW + DAY)
    assert score_members([ahead], NOW)[0].points[1] == 25


def test_the_cuts_are_5_15_50_and_30_percent() -> None:
    counts = Counter(_tiers(assign_tiers(_crowd(1000), NOW)))
    assert counts == {Tier.TOP: 50, Tier.GOOD: 150, Tier.STANDARD: 500, Tier.LOW: 300}


def test_the_best_are_in_the_best_tier_whatever_the_order_given() -> None:
    crowd = _crowd(200)
    assert _tiers(assign_tiers(crowd, NOW)) == (
        [Tier.TOP] * 10 + [Tier.GOOD] * 30 + [Tier.STANDARD] * 100 + [Tier.LOW] * 60
    )
    backwards = assign_tiers(crowd[::-1], NOW)
    assert backwards[::-1] == assign_tiers(crowd, NOW)


@pytest.mark.parametrize(
    ("scores", "tiers"),
    [
        ([0.0] * 100, [2] * 70 + [3] * 30),  # nothing is known of anybody
        ([50.0] + [0.0] * 99, [0] + [2] * 69 + [3] * 30),
        ([50.0] * 70 + [0.0] * 30, [0] * 5 + [1] * 15 + [2] * 50 + [3] * 30),
        ([0.0], [2]),
    ],
)
def test_who_has_no_point_is_served_one_to_one_by_nobody(scores: list[float], tiers: list[int]) -> None:
    assert _places(scores, [-1] * len(scores), [False] * len(scores), TierRules()) == tiers


def test_equal_scores_at_a_cut_are_told_apart_by_member_id() -> None:
    same = [WEAK._replace(member_id=n) for n in range(20)]
    assert _tiers(assign_tiers(same, NOW)).count(Tier.TOP) == 1
    assert [a.member_id for a in assign_tiers(same[::-1], NOW) if a.tier is Tier.TOP] == [0]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_a_handful_of_members_is_no_problem(count: int) -> None:
    assert len(assign_tiers(_crowd(count), NOW)) == count


LONG_AGO = NOW - 31 * DAY


def _with_previous(crowd: list[TierSignals], rank: int, previous: Tier, since: datetime | None) -> Tier:
    crowd = list(crowd)
    crowd[rank] = crowd[rank]._replace(previous=previous, previous_since=since)
    return assign_tiers(crowd, NOW)[rank].tier


def test_a_member_just_across_a_cut_stays_where_it_was() -> None:
    crowd = _crowd(100)
    assert _with_previous(crowd, 5, Tier.TOP, LONG_AGO) is Tier.TOP
    assert _with_previous(crowd, 4, Tier.GOOD, LONG_AGO) is Tier.GOOD


def test_a_member_clearly_across_a_cut_moves() -> None:
    crowd = [*_crowd(100), WEAK._replace(member_id=100)]
    assert _with_previous(crowd, 100, Tier.TOP, LONG_AGO) is Tier.LOW
    crowd = [STRONG._replace(member_id=0), *(WEAK._replace(member_id=n) for n in range(1, 100))]
    assert _with_previous(crowd, 0, Tier.LOW, LONG_AGO) is not Tier.LOW


def test_a_fall_stops_at_the_tier_it_is_not_clearly_below() -> None:
    # By rank it is 一般; it is clearly below 优质, but not clearly below the cut of 一般.
    crowd = [
        *(STRONG._replace(member_id=n) for n in range(20)),
        *(WEAK._replace(member_id=n) for n in range(20, 100)),
    ]
    assert _with_previous(crowd, 99, Tier.TOP, LONG_AGO) is Tier.STANDARD
    assert _tiers(assign_tiers(crowd, NOW))[99] is Tier.LOW


def test_nobody_moves_within_30_days() -> None:
    crowd = [*_crowd(100), WEAK._replace(member_id=100)]
    assert _with_previous(crowd, 100, Tier.TOP, NOW - 29 * DAY) is Tier.TOP
    assert _with_previous(crowd, 100, Tier.TOP, NOW - 30 * DAY) is Tier.LOW
    assert _with_previous(crowd, 100, Tier.TOP, None) is Tier.LOW


def test_the_upper_tiers_are_explained_by_what_carries_them() -> None:
    crowd = [STRONG, *(WEAK._replace(member_id=n) for n in range(2, 21))]
    best = assign_tiers(crowd, NOW)[0]
    assert best.tier is Tier.TOP
    assert best.reasons == (
        "包年会员，2027-06-14到期（付费30.0/30）",
        "最近登录在2天前，共登录120次（活跃23.4/25）",
        "在招60人，近90天发布12个职位（招聘17.3/20）",
    )


def test_the_lower_tiers_are_explained_by_what_holds_them_down() -> None:
    crowd = [*_crowd(19), WEAK._replace(member_id=19)]
    worst = assign_tiers(crowd, NOW)[19]
    assert worst.tier is Tier.LOW
    assert worst.reasons == (
        "免费会员，没有付费（付费0.0/30）",
        "注册后从未登录（活跃0.0/25）",
        "在招0人，近90天发布0个职位（招聘0.0/20）",
    )


def test_a_tier_is_explained_in_both_languages() -> None:
    (assigned,) = assign_tiers([STRONG], NOW)
    assert explain_tier(assigned) == f"一般（{assigned.score:.1f}分）：" + "；".join(assigned.reasons)
    english = explain_tier(assigned, "en")
    assert english.startswith(f"standard ({assigned.score:.1f} points): ")
    assert "(response " in english


def test_the_same_signals_give_the_same_answer() -> None:
    crowd = _crowd(50) + [WEAK._replace(member_id=n) for n in range(50, 90)]
    assert assign_tiers(crowd, NOW) == assign_tiers(list(crowd), NOW)


_SCORES = st.lists(
    st.sampled_from([0.0, 3.0, 20.0, 40.0, 44.9, 45.0, 50.0, 55.0, 80.0, 100.0]), min_size=1, max_size=60
)
_RULES = st.builds(
    TierRules,
    shares=st.lists(st.integers(0, 100), min_size=3, max_size=3).map(lambda cuts: tuple(sorted(cuts))),
    margin_points=st.integers(0, 30),
)


def _places(scores: list[float], previous: list[int], fresh: list[bool], rules: TierRules) -> list[int]:
    placed = place(np.arange(len(scores)), np.array(scores), np.array(previous), np.array(fresh), rules)
    return [int(one) for one in placed]


@given(_SCORES, _RULES)
def test_by_rank_nobody_stands_above_a_better_one_and_the_shares_are_kept(
    scores: list[float], rules: TierRules
) -> None:
    placed = _places(scores, [-1] * len(scores), [False] * len(scores), rules)
    best_first = [tier for _, tier in sorted(zip(scores, placed, strict=True), key=lambda one: (-one[0], one[1]))]
    assert best_first == sorted(best_first)
    with_points = sum(score > 0 for score in scores)
    for tier, share in enumerate(rules.shares):
        rank = round(share * len(scores) / 100)
        assert sum(one <= tier for one in placed) == (rank if tier == 2 else min(rank, with_points))


@given(_SCORES, _RULES, st.data())
def test_hysteresis_moves_nobody_against_its_rank_and_nobody_within_the_margins(
    scores: list[float], rules: TierRules, data: st.DataObject
) -> None:
    previous = data.draw(st.lists(st.integers(0, 3), min_size=len(scores), max_size=len(scores)))
    fresh = data.draw(st.lists(st.booleans(), min_size=len(scores), max_size=len(scores)))
    placed = _places(scores, previous, fresh, rules)
    lines = cut_scores(np.array(scores), rules)
    for score, was, new, tier in zip(scores, previous, fresh, placed, strict=True):
        if new:
            assert tier == was
        elif tier < was:  # up: clearly beyond the line of the tier it came to
            assert score >= lines[tier] + rules.margin_points
        elif tier > was:  # down: clearly below the line of every tier it fell out of
            assert all(score < line - rules.margin_points for line in lines[was:tier])


@given(_SCORES, _RULES)
def test_a_second_run_on_the_same_scores_moves_nobody(scores: list[float], rules: TierRules) -> None:
    none = [False] * len(scores)
    first = _places(scores, [-1] * len(scores), none, rules)
    assert _places(scores, first, none, rules) == _places(scores, _places(scores, first, none, rules), none, rules)


@pytest.mark.parametrize(("beyond", "tier"), [(4.99, 1), (5.0, 0), (5.01, 0)])
def test_the_margin_itself_is_enough_to_rise(beyond: float, tier: int) -> None:
    scores = [50 + beyond, 50.0, *[10.0] * 38]
    assert _places(scores, [1, 0, *[3] * 38], [False] * 40, TierRules())[0] == tier


@pytest.mark.parametrize(("below", "tier"), [(4.99, 0), (5.0, 0), (5.01, 1)])
def test_only_beyond_the_margin_is_a_fall(below: float, tier: int) -> None:
    scores = [50 - below, 50.0, 50.0, *[10.0] * 37]
    assert _places(scores, [0, 0, 0, *[3] * 37], [False] * 40, TierRules())[0] == tier


def test_payments_count_on_a_log_scale_and_stand_before_the_plan() -> None:
    points = [score_members([STRONG._replace(plan="免费", paid=paid)], NOW)[0].points[0] for paid in (0, 99, 10_000)]
    assert points == [0, pytest.approx(15, abs=0.01), 30]
    assert score_members([STRONG._replace(paid=1e9)], NOW)[0].points[0] == 30


def test_a_part_that_weighs_nothing_is_neither_told_nor_missed() -> None:
    rules = TierRules(weights=(0, 25, 50, 15, 10))
    (assigned,) = assign_tiers([STRONG._replace(plan="", viewed_share=None)], NOW, rules)
    assert not any("付费" in reason for reason in assigned.reasons)
    assert assigned.reasons[-1] == "缺少响应数据，按其余各项折算"


def test_who_knows_nothing_of_anybody_scores_nothing() -> None:
    rules = TierRules(weights=(100, 0, 0, 0, 0))
    (scored,) = score_members([STRONG._replace(plan="")], NOW, rules)
    assert (scored.score, scored.points[0]) == (0, None)
