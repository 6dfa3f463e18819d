"""Hold-out and variants: the right share, always the same company."""

from collections import Counter

import pytest

from campaigns.errors import InputError
from campaigns.experiments import choose_variant, is_held_out

SECRET = b"a secret of this site"
MEMBERS = [f"Q{100000 + n}" for n in range(10_000)]
WORDS = ("plain", "figures", "question")
# Written down once: a change of these would tear a running experiment apart.
HELD = ["Q100005", "Q100007", "Q100009", "Q100022"]
CHOSEN = ["plain", "plain", "plain", "plain", "figures", "plain"]


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2, 0.5])
def test_the_hold_out_has_the_share_asked_for(share: float) -> None:
    held = sum(is_held_out(SECRET, no, share) for no in MEMBERS)
    assert held / len(MEMBERS) == pytest.approx(share, abs=0.012)


def test_no_share_holds_nobody_and_a_full_one_everybody() -> None:
    assert not any(is_held_out(SECRET, no, 0) for no in MEMBERS)
    assert all(is_held_out(SECRET, no, 1) for no in MEMBERS)


def test_a_larger_share_keeps_everybody_already_held_out() -> None:
    small = {no for no in MEMBERS if is_held_out(SECRET, no, 0.05)}
    assert small < {no for no in MEMBERS if is_held_out(SECRET, no, 0.2)}


def test_the_choice_is_the_same_on_every_machine_and_day() -> None:
    assert [no for no in MEMBERS[:60] if is_held_out(SECRET, no, 0.1)] == HELD
    assert [choose_variant(SECRET, no, "tips", WORDS) for no in MEMBERS[:6]] == CHOSEN


def test_another_secret_holds_out_others() -> None:
    one = {no for no in MEMBERS if is_held_out(SECRET, no, 0.1)}
    two = {no for no in MEMBERS if is_held_out(b"another", no, 0.1)}
    assert len(one & two) < 0.2 * len(one)


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="hold-out share"):
        is_held_out(SECRET, "Q1", share)


def test_variants_are_spread_evenly() -> None:
    counts = Counter(choose_variant(SECRET, no, "tips", WORDS) for no in MEMBERS)
    assert set(counts) == set(WORDS)
    assert all(count == pytest.approx(len(MEMBERS) / 3, rel=0.06) for count in counts.values())


def test_the_order_of_variants_does_not_matter() -> None:
    for no in MEMBERS[:200]:
        assert choose_variant(SECRET, no, "tips", WORDS) == choose_variant(SECRET, no, "tips", WORDS[::-1])


def test_a_new_variant_moves_only_those_it_takes_over() -> None:
    before = {no: choose_variant(SECRET, no, "tips", WORDS) for no in MEMBERS}
    after = {no: choose_variant(SECRET, no, "tips", (*WORDS, "new")) for no in MEMBERS}
    assert {after[no] for no in MEMBERS if after[no] != before[no]} == {"new"}


def test_variants_of_two_campaigns_and_the_hold_out_are_independent() -> None:
    together = Counter(
        (choose_variant(SECRET, no, "a", ("x", "y")), choose_variant(SECRET, no, "b", ("x", "y"))) for no in MEMBERS
    )
    assert all(count == pytest.approx(len(MEMBERS) / 4, rel=0.08) for count in together.values())
    held = Counter(choose_variant(SECRET, no, "a", ("x", "y")) for no in MEMBERS if is_held_out(SECRET, no, 0.5))
    assert held["x"] == pytest.approx(held["y"], rel=0.1)


def test_a_single_variant_is_the_choice_and_none_is_refused() -> None:
    assert choose_variant(SECRET, "Q1", "tips", ("only",)) == "only"
    with pytest.raises(InputError, match="tips"):
        choose_variant(SECRET, "Q1", "tips", ())
