"""A seeker and a posting fit by occupation, place, pay, years and freshness, and every pair says why."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from campaigns.matching import GroundKind, LivePosting, SeekerFacts, Weights, best_pairs, occupations_of, score
from campaigns.terms import SHANGHAI

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=SHANGHAI)
WEIGHTS = Weights()
POSTING = LivePosting(1, "P1", "仓库管理员", "仓管", "大同", 3000, 5000, 2, "1-3年")
SEEKER = SeekerFacts(1, "S1", "徐芳", "仓库管理员", "大同", 4000, 5, NOW - timedelta(days=9))


def kinds(seeker: SeekerFacts, posting: LivePosting = POSTING) -> set[GroundKind] | None:
    pair = score(seeker, posting, NOW, WEIGHTS)
    return {one.kind for one in pair.grounds} if pair else None


def test_who_fits_in_everything_has_almost_all_points_and_says_of_what() -> None:
    pair = score(SEEKER, POSTING, NOW, WEIGHTS)
    assert pair is not None
    assert [(one.kind, one.points) for one in pair.grounds] == [
        ("title", 50), ("city", 20), ("pay", 15), ("years", 5), ("fresh", 9),
    ]  # fmt: skip
    assert pair.points == 99
    assert pair.grounds[2].figures == {"wanted": 4000, "low": 3000, "high": 5000}


@pytest.mark.parametrize(
    "change",
    [
        {"wanted_job": "护士"},
        {"wanted_job": ""},
        {"wanted_city": "朔州"},
        {"pay": 6000},
        {"registered_at": NOW - timedelta(days=91)},
        {"registered_at": None},
    ],
)
def test_who_wants_something_else_or_is_not_new_does_not_fit(change: dict[str, object]) -> None:
    assert score(replace(SEEKER, **change), POSTING, NOW, WEIGHTS) is None  # type: ignore[arg-type]


def test_other_words_for_the_same_occupation_meet() -> None:
    assert GroundKind.OCCUPATION in (kinds(replace(SEEKER, wanted_job="库管、文员")) or ())
    assert GroundKind.TITLE in (kinds(replace(SEEKER, wanted_job="文员、急招仓库管理员(双休)")) or ())


def test_a_title_of_nobodys_list_meets_the_same_title_alone() -> None:
    odd = replace(POSTING, title="熏香师", category="")
    assert kinds(replace(SEEKER, wanted_job="熏香师"), odd) is not None
    assert kinds(replace(SEEKER, wanted_job="调香师"), odd) is None


def test_a_city_in_other_spellings_is_the_same_and_no_city_is_half_as_good() -> None:
    assert GroundKind.CITY in (kinds(replace(SEEKER, wanted_city="朔州、大同市")) or ())
    assert GroundKind.CITY in (kinds(replace(SEEKER, wanted_city="山西大同")) or ())
    assert GroundKind.ANYWHERE in (kinds(replace(SEEKER, wanted_city="不限")) or ())


def test_a_little_more_pay_than_offered_is_near_and_no_pay_is_unknown() -> None:
    assert GroundKind.PAY_NEAR in (kinds(replace(SEEKER, pay=5500)) or ())
    assert GroundKind.PAY_UNKNOWN in (kinds(replace(SEEKER, pay=None)) or ())


def test_fewer_years_than_asked_bring_nothing_and_are_no_obstacle() -> None:
    assert GroundKind.YEARS not in (kinds(replace(SEEKER, years=0)) or {GroundKind.YEARS})
    assert GroundKind.YEARS in (kinds(replace(SEEKER, years=0), replace(POSTING, experience="不限")) or ())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("叉车司机", ("叉车司机",)),
        ("货车司机", ("货车司机",)),
        ("Python工程师", ("软件开发",)),
        ("前台文员", ("前台", "文员")),
        ("电焊工/氩弧焊", ("焊工",)),
        ("急招 会计(双休)", ("会计",)),
        ("", ()),
        ("！！！", ()),
    ],
)
def test_a_title_is_read_into_occupations(text: str, found: tuple[str, ...]) -> None:
    assert occupations_of(text) == found


def test_each_seeker_comes_once_with_the_posting_that_fits_best_and_the_best_pair_first() -> None:
    kin = replace(POSTING, id=2, no="P2", title="库管", category="")
    better = replace(SEEKER, id=2, no="S2", wanted_job="库管")
    pairs = best_pairs([replace(SEEKER, wanted_job="仓管员"), better], [POSTING, kin], NOW)
    assert [(pair.seeker.no, pair.posting.no) for pair in pairs] == [("S2", "P2"), ("S1", "P1")]


def test_of_equals_the_one_with_a_video_comes_first() -> None:
    seen = replace(SEEKER, id=2, no="S2", video_url="https://v.example.com/2")
    assert [pair.seeker.no for pair in best_pairs([SEEKER, seen], [POSTING], NOW)] == ["S2", "S1"]
