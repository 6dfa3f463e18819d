"""A brief is put together from the ledgers on both databases: it finds what the night finds, in as many queries."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest
from tortoise import connections

from campaigns import fairs, promises
from campaigns.advice import Why
from campaigns.brief import Brief, brief_of
from campaigns.briefing import Standing
from campaigns.caring import advise_member
from campaigns.diagnosis import diagnose
from campaigns.fairs import Kind
from campaigns.members.peers import keep_site, market_around, market_of
from campaigns.members.signs import load_market, signs_of
from campaigns.models import Application, Login, Member, Posting, Promise, Suppression, Touch, Visit
from campaigns.results import NewPromise
from tests.cast import NOW, add_contact, add_member, crowd

pytestmark = pytest.mark.usefixtures("database")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def brief(no: str = "Q1", **given: Any) -> Brief:
    found = await brief_of(no, NOW, **given)
    assert found
    return found


async def town(size: int = 60) -> list[int]:
    """Members with some postings each of three occupations in two cities, paid, seen and applied to at random."""
    dice = Random(11)
    spread = (0, 1000, 9000)
    members = await crowd(size)
    for number in range(size * 3):
        trade = dice.randrange(3)
        low = dice.choice((0, 3000, 4000, 5000, 6000))
        posting = await Posting.create(
            no=f"P{number}", member_id=dice.choice(members), title=dice.choice(("氩弧焊工", "学徒", "夜班")),
            category=("焊工", "钳工", "")[trade], parent_category=("技工", "技工", None)[trade],
            city=dice.choice(("大同", "太原")), state=dice.choice(("live", "live", "live", "expired")),
            pay_min=low, pay_max=low and low + dice.choice(spread), negotiable=dice.choice((None, False, True)),
            views=dice.choice((None, 0, 5, 50, 500)), education=dice.choice((None, "高中", "大专")),
            published_at=NOW - dice.randrange(120) * DAY, refreshed_at=NOW - dice.randrange(100) * DAY,
        )  # fmt: skip
        for place in range(dice.randrange(4)):
            applied = NOW - dice.randrange(1, 60) * DAY
            viewed = dice.choice((None, applied + dice.randrange(100) * HOUR))
            await Application.create(
                no=f"A{number}-{place}", posting_id=posting.id, applied_at=applied, first_viewed_at=viewed
            )
    return members


async def test_it_finds_what_the_market_of_the_whole_site_finds() -> None:
    members = await town()
    market = await load_market(NOW)
    compared = 0
    for member_id, signs in (await signs_of(members, NOW)).items():
        around = (await market_around(signs, NOW)).market
        assert diagnose(signs, around, NOW).findings == diagnose(signs, market, NOW).findings
        assert diagnose(signs, await market_of(signs, NOW), NOW).findings == diagnose(signs, market, NOW).findings
        for post in signs.postings:
            if post.live:
                assert around.pay(post, member_id) == market.pay(post, member_id)
                compared += around.pay(post, member_id) is not None
    assert compared > 20


async def test_pay_and_demands_are_of_others_postings_of_the_same_occupation_and_city() -> None:
    members = await crowd(16)
    await add_member("Q1", tier="优质")
    mine = (await Member.get(no="Q1")).id
    for number, member_id in enumerate([*members, mine]):
        await Posting.create(
            no=f"P{number}", member_id=member_id, title="二保焊", category="焊工", city="大同", education="高中",
            pay_min=4000 + 200 * number, pay_max=6000 + 200 * number, published_at=NOW - DAY,
        )  # fmt: skip
    found = await brief()
    [demand] = found.demands.values()
    assert demand.pay
    assert (demand.pay.p25, demand.pay.p50, demand.pay.p75, demand.pay.peers) == (5750, 6500, 7250, 16)
    assert [(one.word, one.postings, one.among) for one in demand.education] == [("高中", 16, 16)]
    assert [(one.word, one.postings) for one in demand.skills] == [("二保焊", 16)]


async def test_the_next_best_action_sees_pay_below_that_of_the_place() -> None:
    members = await crowd(16)
    await add_member("Q1")
    mine = (await Member.get(no="Q1")).id
    for number, member_id in enumerate([*members, mine]):
        low = 2000 if member_id == mine else 8000 + 100 * number
        await Posting.create(
            no=f"P{number}", member_id=member_id, title="二保焊", category="焊工", city="大同", pay_min=low,
            pay_max=low + 1000, published_at=NOW - DAY, refreshed_at=NOW - DAY, education="高中", views=100,
            hours="8:00-17:00", contact_phone="0512-00000000", duties_length=60, experience="1年",
        )  # fmt: skip
    assert Why.POSTING_WEAK in [one.why for one in await advise_member(mine, NOW)]
    await Posting.filter(member_id=mine).update(pay_min=9000, pay_max=10000)
    assert Why.POSTING_WEAK not in [one.why for one in await advise_member(mine, NOW)]


async def test_a_stranger_has_no_brief_and_a_newcomer_an_empty_one() -> None:
    assert await brief_of("nobody", NOW) is None
    await add_member("Q1")
    found = await brief()
    assert (found.people, found.postings, found.promises, found.unread) == ([], [], [], 0)
    assert (found.task, found.stopped, found.speaks_to, found.last_visit, found.last_heard) == (None,) * 5
    assert (found.latency.reads, found.about.months) == (0, (0, 0, 0))


async def test_what_is_unread_how_long_reading_takes_and_how_often_they_come() -> None:
    member_id = await add_member("Q1", p_active=0.61, activity_state="active")
    post = await Posting.create(no="P1", member_id=member_id, category="焊工", city="大同", published_at=NOW - 30 * DAY)
    for number, waited in enumerate((2, 10, 30, None, None)):
        applied = NOW - (20 - number) * DAY
        viewed = applied + waited * HOUR if waited else None
        await Application.create(no=f"A{number}", posting_id=post.id, applied_at=applied, first_viewed_at=viewed)
    await Application.create(  # read long ago
        no="A9", posting_id=post.id, applied_at=NOW - 200 * DAY, first_viewed_at=NOW - 100 * DAY
    )
    for days in (1, 2, 40, 70, 80, 89, 91):
        await Login.create(member_id=member_id, at=NOW - days * DAY)
    await keep_site(NOW)
    found = await brief()
    assert (found.unread, found.oldest_unread_at) == (2, NOW - 17 * DAY)
    assert (found.latency.reads, found.latency.median, found.latency.worst, found.latency.site_median) == (
        3,
        10,
        30,
        10,
    )
    assert (found.about.months, found.about.activity) == ((2, 1, 3), "active")


async def test_promises_come_open_first_with_what_became_of_them() -> None:
    member_id = await add_member("Q1", owner="程雪")
    for number, (what, due) in enumerate((("薪资表", -3), ("置顶", -3), ("候选人", 4), ("收据", -9))):
        promise = NewPromise(what, NOW.date() + timedelta(days=due))
        await promises.add_promise(
            member_id, promise, outcome_id=None, visit_id=None, owner="", now=NOW - 20 * DAY + number * HOUR
        )
    await Promise.filter(what="置顶").update(state="kept", settled_at=NOW - 2 * DAY)
    await Promise.filter(what="收据").update(state="broken", settled_at=NOW - 9 * DAY)
    told = [(one.what, one.standing, one.by) for one in (await brief()).promises]
    assert told == [
        ("候选人", Standing.OPEN, "程雪"),
        ("薪资表", Standing.LATE, "程雪"),
        ("收据", Standing.BROKEN, "程雪"),
        ("置顶", Standing.KEPT_LATE, "程雪"),
    ]


async def test_the_task_asked_for_else_the_next_open_one_a_promise_last() -> None:
    member_id, other = await add_member("Q1"), await add_member("Q2")
    contact = await add_contact(member_id, 7)
    await add_contact(member_id, 8, is_primary=True)

    async def task(of: int, due: timedelta, **given: Any) -> int:
        cause = f"tests:{await Visit.all().count()}"
        given = {"category": "renewal", "cause": cause, "opened_at": NOW, "note": "", **given}
        return int((await Visit.create(member_id=of, due_at=NOW + due, **given)).id)

    await task(member_id, -DAY, category="promise")
    late = await task(member_id, DAY, contact_id=contact)
    done, theirs = await task(member_id, HOUR, state="done"), await task(other, HOUR)
    found = await brief()
    assert found.task
    assert found.speaks_to
    assert (found.task.id, found.speaks_to.id) == (late, contact)
    for asked, shown in ((done, done), (theirs, late)):
        task = (await brief(task_id=asked)).task
        assert task
        assert task.id == shown


async def test_a_refusal_is_told_before_a_pause_and_a_pause_that_is_over_is_none() -> None:
    member_id = await add_member("Q1")
    await Suppression.create(member_id=member_id, reason="paused", at=NOW - DAY, until=NOW)
    assert (await brief()).stopped is None
    await Suppression.create(member_id=member_id, reason="paused", at=NOW - DAY, until=NOW + DAY)
    assert (await brief()).stopped == ("paused", NOW + DAY)
    await Suppression.create(member_id=member_id, reason="refused", at=NOW - DAY)
    assert (await brief()).stopped == ("refused", None)


async def test_the_last_visit_and_the_last_words_of_the_member() -> None:
    member_id = await add_member("Q1")
    contact = await add_contact(member_id, 7, name="佟佳")
    given = {"member_id": member_id, "medium": "phone"}
    for days, direction, kind, text in (
        (9, "out", "visit", "谈了加薪"), (30, "out", "visit", "老早"), (3, "in", "reply", "嫌贵"),
        (1, "in", "reply", ""), (2, "out", "message", "您好"),
    ):  # fmt: skip
        await Touch.create(
            at=NOW - days * DAY, direction=direction, kind=kind, text=text, by="程雪" if kind == "visit" else "",
            contact_id=contact, **given,
        )  # fmt: skip
    found = await brief()
    assert found.last_visit
    assert found.last_heard
    assert (found.last_visit.text, found.last_visit.who) == ("谈了加薪", "程雪")
    assert (found.last_heard.text, found.last_heard.who) == ("嫌贵", "佟佳")


async def test_only_a_call_or_a_visit_of_ours_is_the_last_visit() -> None:
    member_id = await add_member("Q1")
    fair = await fairs.make_fair(
        "春季招聘会", kind=Kind.FAIR, held_on=(NOW + 9 * DAY).date(), place="", occupations=[], capacity=None,
        by="林", now=NOW,
    )  # fmt: skip
    await fairs.invite(fair, [member_id], by="林", now=NOW)
    for medium, direction in (("gift", "out"), ("post", "out"), ("event", "out"), ("visit", "in")):
        await Touch.create(
            member_id=member_id, at=NOW - HOUR, direction=direction, kind="visit", medium=medium, text=medium
        )
    assert (await brief()).last_visit is None
    for days, medium in ((30, "phone"), (20, "visit")):
        await Touch.create(
            member_id=member_id, at=NOW - days * DAY, direction="out", kind="visit", medium=medium, text=medium
        )
    found = (await brief()).last_visit
    assert found
    assert found.text == "visit"


async def test_as_many_queries_for_a_large_member_as_for_a_small_one(monkeypatch: pytest.MonkeyPatch) -> None:
    members = await town(20)
    small, large = await add_member("Q1"), await add_member("Q2")
    for member_id, count in ((small, 1), (large, 40)):
        for number in range(count):
            await Posting.create(
                no=f"P{member_id}-{number}", member_id=member_id, title="学徒", category="焊工", city="大同",
                published_at=NOW - DAY, pay_min=3000, pay_max=4000,
            )  # fmt: skip
            await add_contact(member_id, 500 + member_id * 100 + number)
    await Posting.filter(member_id=members[0]).update(city="吕梁")
    await keep_site(NOW)
    counted = [await _queries(no, monkeypatch) for no in ("Q1", "Q2")]
    assert counted[0] == counted[1]
    assert 3 < counted[0] < 25  # of PostgreSQL only what goes through the models is heard


async def _queries(no: str, monkeypatch: pytest.MonkeyPatch) -> int:
    db = connections.get("default")
    asked: list[str] = []
    plain = type(db).execute_query

    async def heard(self: object, query: str, *given: object, **named: object) -> object:
        asked.append(query)
        return await plain(self, query, *given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(type(db), "execute_query", heard)
        await brief(no)
    return len(asked)
