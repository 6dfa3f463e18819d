"""The rules of a brief: similar postings' demands, waiting, promises, whom to speak to, and what to say."""

from datetime import date, datetime, timedelta

import pytest

from campaigns.briefing import (
    Asked,
    Line,
    Named,
    Person,
    ScriptBook,
    Share,
    Sheet,
    Situation,
    Standing,
    Topic,
    Unknown,
    Words,
    deciders,
    demand_of,
    in_order,
    latency_of,
    salutation,
    standing_of,
    talk_about,
)
from campaigns.diagnosis import Code, Quartiles
from campaigns.terms import SHANGHAI, ContactRole

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=SHANGHAI)
TODAY = NOW.date()
HOUR = timedelta(hours=1)
PAY = Quartiles(6000, 7000, 8000, 20)


# ---- demands --------------------------------------------------------------------------------------------------------


def test_what_similar_postings_ask_are_shares_of_those_that_say() -> None:
    asked = [
        Asked("焊工", "大同", "高中", "3-5年", 6),
        Asked("焊工", "大同", "高中", "", 2),
        Asked("焊工", "大同", "", "1-3年", 1),
        Asked("焊工", "大同", "大专", "3-5年", 2),
        Asked("焊工", "太原", "本科", "10年", 99),
        Asked("钳工", "大同", "本科", "10年", 99),
    ]
    found = demand_of("P1", "焊工", "大同", ("焊工", PAY), asked, [])
    assert found.peers == 11
    assert found.education == [Share("高中", 8, 10), Share("大专", 2, 10)]
    assert found.experience == [Share("3-5年", 8, 9), Share("1-3年", 1, 9)]
    assert (found.pay, found.paid_among, found.unknown) == (PAY, "焊工", [Unknown.SKILLS])


def test_too_few_that_say_are_called_nothing() -> None:
    found = demand_of("P1", "焊工", "大同", None, [Asked("焊工", "大同", "高中", "", 4)], [])
    assert (found.peers, found.education, found.pay) == (4, [], None)
    assert found.unknown == [Unknown.PAY, Unknown.EDUCATION, Unknown.EXPERIENCE, Unknown.SKILLS]
    assert demand_of("P1", "", "大同", None, [], []).unknown[0] is Unknown.PLACE


def test_a_skill_is_a_word_that_three_members_put_into_their_titles() -> None:
    named = [
        Named("焊工", "大同", "焊工（氩弧焊）", 5, 2),
        Named("焊工", "大同", "氩弧焊/二保焊", 2, 2),
        Named("焊工", "大同", "二保焊 包吃住", 9, 1),
        Named("焊工", "大同", "8000元急聘", 9, 9),
        Named("焊工", "太原", "电焊", 9, 9),
    ]
    assert demand_of("P1", "焊工", "大同", None, [], named).skills == [Share("二保焊", 11, 25), Share("氩弧焊", 7, 25)]


# ---- waiting, promises ----------------------------------------------------------------------------------------------


def test_waiting_is_told_beside_the_sites_and_a_clock_ahead_is_no_wait() -> None:
    found = latency_of([-HOUR, 10 * HOUR, 30 * HOUR], 24.0)
    assert (found.reads, found.median, found.worst, found.is_slower) == (3, 10.0, 30.0, False)
    assert latency_of([25 * HOUR], 24.0).is_slower
    assert latency_of([], 24.0).is_slower is None
    assert latency_of([HOUR], None).is_slower is None


@pytest.mark.parametrize(
    ("due", "settled", "kept", "standing"),
    [
        (0, None, True, Standing.OPEN),
        (-1, None, True, Standing.LATE),
        (0, 0, True, Standing.KEPT),
        (-1, 0, True, Standing.KEPT_LATE),
        (5, 0, False, Standing.BROKEN),
    ],
)
def test_a_promise_stands_by_its_day(due: int, settled: int | None, kept: bool, standing: Standing) -> None:
    due_on: date = TODAY + timedelta(days=due)
    settled_on = None if settled is None else TODAY + timedelta(days=settled)
    assert standing_of(due_on, settled_on, TODAY, kept=kept) is standing


# ---- people ---------------------------------------------------------------------------------------------------------


def _person(number: int, **given: object) -> Person:
    return Person(number, f"C{number}", f"第{number}", "", None, **given)  # type: ignore[arg-type]


def test_who_was_written_down_as_deciding_leaves_no_room_for_a_guess() -> None:
    guessed = _person(1, role=ContactRole.DECIDES, guessed=True)
    told = _person(2, role=ContactRole.DECIDES)
    gone = _person(3, role=ContactRole.DECIDES, active=False)
    assert deciders([guessed, told, gone]) == [told]
    assert deciders([guessed, gone]) == [guessed]
    assert [one.id for one in in_order([gone, _person(4), guessed, told])] == [1, 2, 4, 3]


@pytest.mark.parametrize(
    ("name", "title", "said"),
    [
        ("佟佳", "人事经理", "佟经理"),
        ("欧阳明", "总经理", "欧阳总"),
        ("周平", "总经理助理", "周平"),
        ("老王头家的儿子", "经理", "老王头家的儿子"),
        ("Anna", "HR", "Anna"),
        ("", "经理", ""),
    ],
)
def test_how_somebody_is_addressed(name: str, title: str, said: str) -> None:
    assert salutation(name, title) == said


# ---- what to say ----------------------------------------------------------------------------------------------------

BOOK = ScriptBook(
    opening={"every": [Words("{contact}您好", "Hello {contact}"), Words("您好", "Hello")]},
    closing={"高端": [Words("再见", "Bye")]},
    about={
        Code.STALE: {"every": Sheet([Words("“{posting}”{days}天没刷新", "{posting}: {days} days")])},
        Code.UNREAD: {
            "every": Sheet([Words("{unread}份没看", "{unread} unread")], [Words("发链接", "A link")]),
            "高端": Sheet([Words("我帮您筛", "I sift")]),
        },
        Situation.HIRING: {"every": Sheet([Words("还招谁", "Whom")])},
    },
)
COMMON = Topic(Situation.HIRING, {"contact": "佟经理"}, {"contact": "佟经理"})
UNREAD = Topic(Code.UNREAD, {"unread": "3"}, {"unread": "3"})


def _stale(number: int) -> Topic:
    told = {"posting": f"职位{number}", "days": "40"}
    return Topic(Code.STALE, told, told, f"P{number}")


def test_a_tier_has_its_own_words_and_else_those_of_all() -> None:
    talk = talk_about(BOOK, "高端", COMMON, [UNREAD])
    assert ([one.zh for one in talk.ask], list(talk.offer), [one.zh for one in talk.closing]) == (
        ["我帮您筛"],
        [],
        ["再见"],
    )
    talk = talk_about(BOOK, "一般", COMMON, [UNREAD])
    assert talk.ask == [Line("3份没看", "3 unread", "unread")]
    assert [one.zh for one in talk.offer] == ["发链接"]
    assert talk.closing == []


def test_a_line_with_a_figure_that_is_not_known_is_left_out() -> None:
    nobody = Topic(Situation.HIRING, {"contact": ""}, {"contact": ""})
    talk = talk_about(BOOK, "一般", nobody, [Topic(Code.UNREAD, {}, {})])
    assert [one.zh for one in talk.opening] == ["您好"]
    assert talk.ask == []


def test_of_many_postings_alike_two_are_asked_about_and_none_of_what_holds_for_all() -> None:
    talk = talk_about(BOOK, "一般", COMMON, [_stale(one) for one in range(5)])
    assert [one.posting for one in talk.ask] == ["P0", "P1"]
    beside = Topic(Code.UNREAD, {"unread": "1"}, {"unread": "1"}, "P1")
    assert [one.zh for one in talk_about(BOOK, "一般", COMMON, [UNREAD, beside]).ask] == ["3份没看"]
