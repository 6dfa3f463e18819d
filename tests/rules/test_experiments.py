"""Hold-out: the right share, always the same company."""

import pytest

from campaigns.errors import InputError
from campaigns.experiments import is_held_out

SECRET = b"a secret of this site"
MEMBERS = [f"Q{100000 + n}" for n in range(10_000)]
# Written down once: a change of these would write to companies held out so far.
HELD = ["Q100005", "Q100007", "Q100009", "Q100022"]


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


def test_another_secret_holds_out_others() -> None:
    one = {no for no in MEMBERS if is_held_out(SECRET, no, 0.1)}
    two = {no for no in MEMBERS if is_held_out(b"another", no, 0.1)}
    assert len(one & two) < 0.2 * len(one)


@pytest.mark.parametrize("share", [-0.1, 1.01, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(InputError, match="对照组比例"):
        is_held_out(SECRET, "Q1", share)
