"""Who gets which gift: by tier, history, taste and stock, within a budget."""

from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.gifts import Allotted, Candidate, Gift, GiftRules, Kept, Manner, Obstacle, Why, allot
from campaigns.gifts.allot import bounds, months_later
from campaigns.terms import Tier

DAY = date(2027, 2, 6)
HOUSE = Gift(1, "台历", 20, 500, house=True)
TEA = Gift(2, "茶叶", 200, 100, frozenset({"茶"}))
WINE = Gift(3, "汾酒", 280, 100, frozenset({"酒"}))
OIL = Gift(4, "胡麻油", 120, 100)
MUG = Gift(5, "保温杯", 45, 500)
SHELF = (HOUSE, TEA, WINE, OIL, MUG)
RULES = GiftRules(budget=100_000, day=DAY)


def plan(*candidates: Candidate, gifts: tuple[Gift, ...] = SHELF, rules: GiftRules = RULES) -> Allotted:
    return allot(candidates, gifts, rules)


def names(found: Allotted) -> dict[int, list[str]]:
    return {line.member_id: [gift.name for gift in line.gifts] for line in found.lines}


def test_each_tier_gets_the_best_its_level_and_those_above_allow() -> None:
    found = plan(*(Candidate(number, tier) for number, tier in enumerate(Tier)))
    assert names(found) == {0: ["汾酒"], 1: ["胡麻油"], 2: ["保温杯"], 3: []}
    assert found.total == 280 + 120 + 45
    assert found.lines[3].obstacle is Obstacle.LEVEL


def test_taste_comes_before_worth_and_what_is_not_taken_is_not_given() -> None:
    likes, dislikes = (
        Candidate(1, Tier.TOP, likes=frozenset({"茶"})),
        Candidate(2, Tier.TOP, dislikes=frozenset({"酒"})),
    )
    found = plan(likes, dislikes)
    assert names(found) == {1: ["茶叶"], 2: ["茶叶"]}
    assert found.lines[0].why == (Why.TASTE, Why.NEW)


def test_a_first_visit_brings_the_house_gift_beside_the_festival_one() -> None:
    found = plan(Candidate(1, Tier.TOP), Candidate(2, Tier.GOOD, visited=False))
    assert names(found)[2] == ["台历", "胡麻油"]
    assert found.lines[1].why == (Why.HOUSE, Why.NEW)
    assert names(plan(Candidate(3, Tier.LOW, visited=False))) == {3: ["台历"]}


def test_a_first_visit_for_which_no_house_gift_is_left_brings_the_others() -> None:
    gone = replace(HOUSE, stock=1)
    two = (Candidate(1, Tier.TOP, 2, visited=False), Candidate(2, Tier.TOP, 1, visited=False))
    first, second = plan(*two, gifts=(gone, WINE, TEA)).lines
    assert [gift.house for gift in first.gifts] == [True, False]
    assert [gift.house for gift in second.gifts] == [False]
    assert Why.HOUSE not in second.why


def test_a_gift_of_which_no_piece_is_left_is_no_step_down_for_the_money() -> None:
    gone, some = replace(TEA, value=39, stock=0), replace(WINE, value=100, stock=5)
    members = [Candidate(number, Tier.TOP) for number in range(5)]
    found = plan(*members, gifts=(gone, some), rules=replace(RULES, budget=300))
    assert [line.value for line in found.lines] == [100, 100, 100, 0, 0]


def test_the_same_gift_waits_two_years() -> None:
    had = {WINE.id: date(2025, 2, 7), TEA.id: date(2025, 2, 6)}
    found = plan(Candidate(1, Tier.TOP, had=had))
    assert names(found) == {1: ["胡麻油"]}
    assert names(plan(Candidate(1, Tier.TOP, had=had), gifts=(WINE, TEA))) == {1: ["茶叶"]}
    only_wine = plan(Candidate(1, Tier.TOP, had=had), gifts=(WINE,))
    assert only_wine.lines[0].obstacle is Obstacle.HISTORY


def test_a_new_gift_goes_before_one_they_had_long_ago() -> None:
    found = plan(Candidate(1, Tier.TOP, had={WINE.id: date(2020, 1, 1)}))
    assert names(found) == {1: ["茶叶"]}
    again = plan(Candidate(1, Tier.TOP, had={WINE.id: date(2020, 1, 1)}), gifts=(WINE,))
    assert again.lines[0].why == (Why.AGAIN,)


def test_where_the_money_does_not_go_round_a_tier_gets_cheaper_gifts_and_not_some_of_it_dear_ones() -> None:
    four = [Candidate(number, Tier.TOP) for number in range(4)]
    found = plan(*four, rules=replace(RULES, budget=500))
    assert set(map(tuple, names(found).values())) == {("胡麻油",)}
    assert {line.obstacle for line in found.lines} == {Obstacle.BUDGET}


def test_where_even_the_cheapest_does_not_go_round_the_first_by_rank_get_it_and_those_below_nothing() -> None:
    top = [Candidate(number, Tier.TOP, rank=number) for number in range(3)]
    found = plan(*top, Candidate(9, Tier.GOOD), gifts=(OIL, MUG), rules=replace(RULES, budget=100))
    assert names(found) == {2: ["保温杯"], 1: ["保温杯"], 0: [], 9: []}
    assert [line.obstacle for line in found.lines][2:] == [Obstacle.BUDGET, Obstacle.HIGHER]
    assert [line.held_by for line in found.lines] == [None, None, None, 0]


@pytest.mark.parametrize(
    "stuck",
    [
        Candidate(1, Tier.TOP, had={gift.id: date(2026, 2, 1) for gift in SHELF}),
        Candidate(1, Tier.TOP, had={OIL.id: date(2026, 2, 1), MUG.id: date(2026, 2, 1)}, dislikes=frozenset("茶酒")),
    ],
)
def test_a_member_for_whom_no_gift_comes_into_question_bounds_nobody(stuck: Candidate) -> None:
    found = plan(stuck, Candidate(2, Tier.GOOD))
    assert names(found) == {1: [], 2: ["胡麻油"]}


def test_a_member_for_whom_nothing_is_left_in_store_bounds_nobody() -> None:
    one, two = Candidate(1, Tier.TOP, 1), Candidate(2, Tier.TOP, had={OIL.id: date(2026, 2, 1)})
    found = plan(one, two, Candidate(3, Tier.GOOD), gifts=(replace(WINE, stock=1), OIL))
    assert names(found) == {1: ["汾酒"], 2: [], 3: ["胡麻油"]}


def test_who_bounds_a_lower_tier_is_named_with_the_line() -> None:
    least = Candidate(1, Tier.TOP, dislikes=frozenset("茶酒"), had={OIL.id: date(2026, 2, 1)})
    found = plan(least, Candidate(2, Tier.GOOD))
    assert names(found) == {1: ["保温杯"], 2: ["保温杯"]}
    assert (found.lines[1].obstacle, found.lines[1].held_by) == (Obstacle.HIGHER, 1)


def test_who_is_called_or_greeted_by_a_message_gets_no_house_gift_and_by_a_message_nothing() -> None:
    called = Candidate(1, Tier.TOP, visited=False, manner=Manner.CALL)
    assert names(plan(called)) == {1: ["汾酒"]}
    greeted = plan(Candidate(2, Tier.GOOD, visited=False, manner=Manner.MESSAGE)).lines[0]
    assert (greeted.gifts, greeted.obstacle) == ((), Obstacle.MANNER)


def test_where_the_house_gift_alone_is_out_of_reach_the_others_are_given_and_it_is_said_why() -> None:
    pillow, calendar = replace(HOUSE, value=45), replace(MUG, value=39)
    above = (Candidate(1, Tier.TOP), Candidate(2, Tier.STANDARD, visited=False))
    held = plan(*above, gifts=(pillow, calendar)).lines[1]
    assert (held.gifts, held.obstacle, held.held_by) == ((calendar,), Obstacle.HIGHER, 1)
    poor = plan(above[1], gifts=(pillow, calendar), rules=replace(RULES, budget=40)).lines[0]
    assert (poor.gifts, poor.obstacle) == ((calendar,), Obstacle.BUDGET)


def test_what_was_handed_over_before_is_paid_from_the_same_money_and_bounds_those_below() -> None:
    kept = [Kept(9, Tier.TOP, 60)]
    (line,) = allot([Candidate(1, Tier.GOOD)], SHELF, replace(RULES, budget=150), kept).lines
    assert (line.value, line.obstacle, line.held_by) == (45, Obstacle.HIGHER, 9)
    (line,) = allot([Candidate(1, Tier.TOP)], SHELF, replace(RULES, budget=150), kept).lines
    assert line.value == 45


def test_what_is_not_in_store_is_not_given() -> None:
    found = plan(Candidate(1, Tier.TOP), Candidate(2, Tier.TOP), gifts=(replace(WINE, stock=1),))
    assert names(found) == {1: ["汾酒"], 2: []}
    assert found.lines[1].obstacle is Obstacle.STOCK
    assert plan(Candidate(1, Tier.TOP), gifts=()).lines[0].obstacle is Obstacle.LEVEL


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2024, 2, 29), 24, date(2026, 2, 28)),
        (date(2025, 12, 31), 2, date(2026, 2, 28)),
        (date(2025, 1, 6), 24, date(2027, 1, 6)),
    ],
)
def test_a_month_later_is_the_same_day_or_the_last_one(day: date, months: int, later: date) -> None:
    assert months_later(day, months) == later


_KINDS = st.frozensets(st.sampled_from(["茶", "酒", "文具", "油"]), max_size=2)
_DAYS = st.dates(date(2023, 1, 1), date(2027, 1, 1))
_GIFTS = st.lists(
    st.tuples(st.integers(1, 300), st.integers(0, 6), _KINDS, st.booleans()), max_size=7
).map(lambda rows: tuple(Gift(number, str(number), *row) for number, row in enumerate(rows)))  # fmt: skip
_MEMBERS = st.lists(
    st.builds(
        Candidate,
        member_id=st.integers(0, 10**6),
        tier=st.sampled_from(list(Tier)),
        rank=st.integers(0, 3),
        visited=st.booleans(),
        manner=st.sampled_from(list(Manner)),
        likes=_KINDS,
        dislikes=_KINDS,
        had=st.dictionaries(st.integers(0, 6), _DAYS, max_size=4),
    ),
    max_size=20,
    unique_by=lambda one: one.member_id,
)
_KEPT = st.lists(
    st.builds(Kept, st.integers(10**7, 10**8), st.sampled_from(list(Tier)), st.integers(0, 300)), max_size=3
)
_LEVELS = st.tuples(*(st.integers(0, 300) for _ in Tier)).map(lambda levels: dict(zip(Tier, levels, strict=True)))


@settings(max_examples=400, deadline=None)
@given(_MEMBERS, _GIFTS, st.integers(-10, 3000), _LEVELS, _KEPT, st.randoms())
def test_whatever_is_given_in_no_rule_is_broken(members, gifts, budget, levels, kept, random) -> None:  # type: ignore[no-untyped-def]
    rules = GiftRules(budget=budget, day=DAY, levels=levels)
    found = allot(members, gifts, rules, kept)
    by_id = {one.member_id: one for one in members}
    given_away = Counter(gift.id for line in found.lines for gift in line.gifts)
    assert sorted(line.member_id for line in found.lines) == sorted(by_id)
    assert found.total == sum(line.value for line in found.lines)
    assert found.total <= max(budget - sum(one.value for one in kept), 0)
    assert all(given_away[gift.id] <= gift.stock for gift in gifts)
    for line in found.lines:
        one = by_id[line.member_id]
        assert all(months_later(one.had[gift.id], 24) <= DAY for gift in line.gifts if gift.id in one.had)
        assert not any(gift.tastes & one.dislikes for gift in line.gifts)
        assert [gift.house for gift in line.gifts] in ([], [False], [True], [True, False])
        assert not ((one.visited or one.manner is not Manner.VISIT) and any(gift.house for gift in line.gifts))
        assert not (one.manner is Manner.MESSAGE and line.gifts)
        assert (line.held_by is not None) == (line.obstacle is Obstacle.HIGHER)
        assert all(gift.house or gift.value <= levels[one.tier] for gift in line.gifts)
        assert bool(line.gifts) or line.obstacle is not None
    order = list(Tier)
    for higher in found.lines:
        for lower in found.lines:
            if order.index(higher.tier) < order.index(lower.tier) and bounds(higher):
                assert higher.value >= lower.value
        for one in kept:
            if order.index(one.tier) < order.index(higher.tier):
                assert one.value >= higher.value
    shuffled = list(members)
    random.shuffle(shuffled)
    assert allot(shuffled, gifts, rules, kept) == found
