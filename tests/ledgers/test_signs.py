"""What a diagnosis goes by is read from the ledgers, on both databases, in as many queries for one as for many."""

from datetime import date, timedelta
from typing import Any

import pytest

from campaigns import statements
from campaigns.diagnosis import Code, Part, diagnose
from campaigns.members.signs import held_parts, load_market, signs_of
from campaigns.models import Application, Message, Posting, Touch
from tests.cast import NOW, add_member, crowd

pytestmark = pytest.mark.usefixtures("database")

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def add_posting(member_id: int, no: str, **columns: Any) -> int:
    given = {"title": "电焊工", "category": "焊工", "city": "昆山", "published_at": NOW - 20 * DAY, **columns}
    return int((await Posting.create(no=no, member_id=member_id, **given)).id)


async def add_applications(posting_id: int, *waits: timedelta | None, applied: timedelta = 30 * DAY) -> None:
    """None: not read yet; else how long it took until it was."""
    for number, waited in enumerate(waits):
        at = NOW - applied + number * HOUR
        read_at = at + waited if waited is not None else None
        await Application.create(
            no=f"A{posting_id}-{number}", posting_id=posting_id, applied_at=at, first_viewed_at=read_at
        )


async def test_what_is_not_told_stays_unknown() -> None:
    member_id = await add_member("Q1")
    await add_posting(member_id, "P1")
    (signs,) = (await signs_of([member_id, 999], NOW)).values()
    (post,) = signs.postings
    assert (post.views, post.deadline, post.negotiable, post.duties_length, post.waits_since) == (None,) * 5
    assert (post.applications, post.seen, signs.last_visited_at, list(signs.read_after)) == (0, 0, None, [])


async def test_what_a_site_tells_is_read() -> None:
    member_id = await add_member("Q1", plan_expires_on=date(2026, 12, 8))
    await add_posting(
        member_id, "P1", views=7, deadline=date(2026, 12, 1), negotiable=True, duties_length=12, urgent=True,
        audit="pending", parent_category="技工", pay_min=5000, pay_max=7000,
    )  # fmt: skip
    signs = (await signs_of([member_id], NOW))[member_id]
    (post,) = signs.postings
    assert (post.views, post.deadline, post.negotiable, post.duties_length) == (7, date(2026, 12, 1), True, 12)
    assert (post.waits_since, post.parent_category, post.midpoint) == (NOW - 20 * DAY, "技工", 6000)
    assert (signs.hires_urgently, signs.plan_expires_on) == (True, date(2026, 12, 8))


async def test_applications_are_counted_also_of_what_stands_no_more() -> None:
    member_id = await add_member("Q1")
    gone = await add_posting(member_id, "P1", state="expired")
    live = await add_posting(member_id, "P2")
    await add_applications(gone, None, None)
    await add_applications(live, 5 * HOUR, None, applied=3 * DAY)
    signs = (await signs_of([member_id], NOW))[member_id]
    assert (signs.applications, signs.seen, signs.oldest_unread_at) == (4, 1, NOW - 30 * DAY)
    assert [(post.applications, post.seen, post.recent, post.live) for post in signs.postings] == [
        (2, 0, 0, False),
        (2, 1, 2, True),
    ]


async def test_the_last_ten_read_are_those_read_last() -> None:
    member_id = await add_member("Q1")
    posting_id = await add_posting(member_id, "P1")
    await add_applications(posting_id, *[500 * HOUR] * 2, *[number * HOUR for number in range(12)])
    signs = (await signs_of([member_id], NOW))[member_id]
    assert [wait / HOUR for wait in signs.read_after] == [500, 500, *range(11, 3, -1)]


async def test_visits_trouble_with_logging_in_and_failures_are_heard() -> None:
    member_id = await add_member("Q1", last_login_at=NOW - 9 * DAY)
    for at, kind, intent in (
        (NOW - 40 * DAY, "visit", ""), (NOW - 12 * DAY, "visit", ""), (NOW + DAY, "visit", ""),
        (NOW - 10 * DAY, "reply", "problem_login"),  # has logged in since
        (NOW - 8 * DAY, "reply", "problem_login"), (NOW - 31 * DAY, "reply", "problem_login"),
    ):  # fmt: skip
        await Touch.create(member_id=member_id, at=at, direction="in", kind=kind, medium="phone", intent=intent)
    for number, (state, kind, channel, ago) in enumerate(
        [("failed", "service", "sms", 1), ("bounced", "service", "email", 2), ("bounced", "marketing", "email", 3),
         ("failed", "service", "sms", 31), ("sent", "service", "sms", 1)]
    ):  # fmt: skip
        await Message.create(
            occurrence_id=number + 1, member_id=member_id, message_class=kind, channel=channel, state=state,
            not_before=NOW, settled_at=NOW - ago * DAY,
        )  # fmt: skip
    signs = (await signs_of([member_id], NOW))[member_id]
    assert signs.last_visited_at == NOW - 12 * DAY
    assert (signs.login_errors, signs.notify_failures, signs.mail_bounces) == (1, 2, 2)


async def test_a_column_none_of_twenty_postings_fills_is_not_held() -> None:
    members = await crowd(20)
    for member_id in members[:19]:
        await add_posting(member_id, f"P{member_id}", pay_min=0)
    assert await held_parts() == frozenset(Part)
    await add_posting(members[19], "P-last")
    assert await held_parts() == {Part.PLACE}
    await Posting.filter(no="P-last").update(hours="8点", contact_phone="0512", duties_length=0, pay_max=1)
    assert await held_parts() == frozenset(Part)


async def test_the_market_is_of_live_postings_of_90_days() -> None:
    members = await crowd(17)
    for place, member_id in enumerate(members[:16]):
        await add_posting(member_id, f"P{member_id}", pay_min=8000, pay_max=10000, views=50, hours="8点",
                          contact_phone="0512", refreshed_at=NOW - (90 * DAY if place else 91 * DAY))  # fmt: skip
    await add_posting(members[0], "P-gone", pay_min=1, pay_max=1, state="offline")
    ours = await add_posting(
        members[16], "P-ours", pay_min=5000, pay_max=7000, views=49, hours="8点", contact_phone="0512"
    )
    signs = (await signs_of([members[16]], NOW))[members[16]]
    found = {one.code: one.figures for one in diagnose(signs, await load_market(NOW), NOW).findings}
    assert found[Code.PAY_LOW]["peers"] == 15
    assert found[Code.PAY_LOW]["p25"] == 9000
    assert Code.LOW_VIEW not in found  # it is stale, and that comes first
    await Posting.filter(id=ours).update(refreshed_at=NOW)
    signs = (await signs_of([members[16]], NOW))[members[16]]
    found = {one.code: one.figures for one in diagnose(signs, await load_market(NOW), NOW).findings}
    assert found[Code.LOW_VIEW]["p25"] == 50


async def test_many_members_cost_as_many_queries_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    members = await crowd(30, unread=2)
    asked: list[str] = []
    plain = statements.dialects.fetch

    async def fetch(sql: str, *params: Any) -> Any:
        asked.append(sql)
        return await plain(sql, *params)

    monkeypatch.setattr(statements.dialects, "fetch", fetch)
    assert len(await signs_of(members[:1], NOW)) == 1
    for_one = len(asked)
    assert len(await signs_of(members, NOW)) == 30
    assert len(asked) == 2 * for_one == 10
