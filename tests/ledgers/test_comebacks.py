"""Who came back, what presses, what is unknown: on both databases, and by whose members."""

from datetime import date, timedelta

import pytest

from campaigns import comebacks, conversations, reports, visit_lists, visits
from campaigns.members.browse import Sieve, browse_members
from campaigns.models import Contact, Conversation, Login, Member, Touch, Visit, WechatFollower
from campaigns.statements.returning import since_yesterday
from campaigns.visit_lists import Asker, Which
from tests.web_cast import NOW, add_contact, add_member

pytestmark = pytest.mark.usefixtures("database")


async def came(member: Member, ago: timedelta, direction: str = "in") -> None:
    await Touch.create(member_id=member.id, at=NOW - ago, direction=direction, kind="return", medium="web")


async def test_members_who_came_back_count_once_a_day_and_by_their_owner() -> None:
    mine, others = await add_member("Q1", owner="林"), await add_member("Q2", owner="赵")
    for member, hours in ((mine, 1), (mine, 2), (others, 3), (others, 30)):
        await came(member, timedelta(hours=hours))
    since = NOW - timedelta(days=2)
    assert [one.no for one in await comebacks.latest_comebacks(since, None, 8)] == ["Q1", "Q2"]
    assert await comebacks.count_comebacks(since, None) == 2
    assert await comebacks.count_comebacks(since, {"林"}) == 1
    assert await comebacks.count_comebacks(since, set()) == 0
    assert await comebacks.comebacks_by_day(since, None) == {date(2026, 11, 23): 2, date(2026, 11, 22): 1}


async def logged_in(member: Member, *ago: timedelta) -> None:
    for one in ago:
        await Login.create(member_id=member.id, at=NOW - one)
    await Member.filter(id=member.id).update(last_login_at=NOW - min(ago))


async def test_who_logs_in_after_a_month_without_came_back_of_own_accord() -> None:
    hour, day = timedelta(hours=1), timedelta(days=1)
    long_ago = NOW - 400 * day
    back, others, often, new, by_link = [
        await add_member(f"Q{number}", owner="林" if number else "赵", registered_at=long_ago) for number in range(5)
    ]
    await logged_in(back, hour, 3 * hour, 60 * day)
    await logged_in(others, 2 * hour, 31 * day + 20 * hour)
    await logged_in(often, hour, 12 * day)
    await logged_in(new, hour)
    await Member.filter(id=new.id).update(registered_at=NOW - 3 * day)
    await logged_in(by_link, hour, 60 * day)
    await came(by_link, hour)
    since = since_yesterday(NOW)
    found = await comebacks.latest_logins(since, None, 8)
    assert [(one.no, one.at) for one in found] == [("Q0", NOW - 3 * hour), ("Q1", NOW - 2 * hour)]
    assert await comebacks.count_logins(since, None) == 2
    assert await comebacks.count_logins(since, {"赵"}) == 1
    listed = await browse_members(Sieve(inbound="login", now=NOW), 1)
    assert [one.no for one in listed.lines] == ["Q0", "Q1"]


async def test_where_log_ins_are_known_for_a_few_days_only_nobody_is_said_to_have_come_back() -> None:
    member = await add_member("Q1", registered_at=NOW - timedelta(days=400))
    await logged_in(member, timedelta(hours=1))
    assert await comebacks.count_logins(since_yesterday(NOW), None) == 0


async def test_the_window_that_closes_next_presses_most_and_a_closed_one_not() -> None:
    for no, hours in (("Q1", -1), ("Q2", 30), ("Q3", 1)):
        member = await add_member(no, owner="林")
        contact: Contact = await add_contact(member, openid=f"o{no}")
        until = NOW + timedelta(hours=hours)
        await WechatFollower.create(openid=f"o{no}", window_until=until, window_left=5)
        await Conversation.create(member_id=member.id, heard_at=NOW, medium="wechat", contact_id=contact.id)
    assert [one.no for one in await conversations.pressing(NOW, None, 8)] == ["Q3", "Q2", "Q1"]
    assert [one.no for one in await conversations.pressing(NOW, None, 1)] == ["Q3"]
    assert await conversations.pressing(NOW, frozenset({"赵"}), 8) == []
    soon = NOW + timedelta(hours=2)
    assert await conversations.count_closing(NOW, soon, None) == 1
    assert await conversations.count_closing(NOW, soon, frozenset({"赵"})) == 0


async def test_a_task_is_due_until_the_end_of_its_day_and_late_after_its_moment() -> None:
    member = await add_member("Q1", owner="林")
    for number, hours in enumerate((-1, 3, 40)):
        due = NOW + timedelta(hours=hours)
        await visits.open_visit(member.id, category="call_me", cause=f"t:{number}", opened_at=NOW, due_at=due)
    assert await visit_lists.count_due(None, NOW) == (2, 1)
    assert await visit_lists.count_due(frozenset({"赵"}), NOW) == (0, 0)


async def test_every_list_of_tasks_counts_what_it_shows() -> None:
    mine, others = await add_member("Q1", owner="林"), await add_member("Q2", owner="赵")
    for number, (member, owner, hours) in enumerate(
        ((mine, "", -1), (mine, "赵", 40), (others, "", 3), (others, "林", 3), (others, "钱", 50))
    ):
        due = NOW + timedelta(hours=hours)
        task = {"category": "call_me", "cause": f"t:{number}", "opened_at": NOW, "due_at": due}
        await visits.open_visit(member.id, **task)
        await Visit.filter(cause=f"t:{number}").update(owner=owner)
    await Visit.filter(cause="t:4").update(state="done", closed_at=NOW)
    shown = {Which.DUE: "023", Which.LATE: "0", Which.MINE: "03", Which.DEPARTMENT: "0123", Which.ALL: "0123"}
    shown |= {Which.DONE: "4"}
    for owners, seen in ((None, "01234"), (frozenset({"林"}), "01")):
        asker = Asker("林", owners, frozenset({"林", "赵"}))
        counts = await visit_lists.count_tasks(asker, NOW)
        for which, numbers in shown.items():
            lines = await visit_lists.browse_tasks(which, asker, NOW)
            causes = {row.cause[2:] for row in await Visit.filter(id__in=[line.id for line in lines])}
            assert (which, causes) == (which, set(numbers) & set(seen))
            assert (which, counts[which]) == (which, len(lines))


async def test_an_answer_without_a_window_presses_after_those_with_one() -> None:
    for number, medium in enumerate(("email", "wechat", "sms")):
        member = await add_member(f"Q{number}", owner="林")
        contact: Contact = await add_contact(member, openid=f"o{number}")
        await WechatFollower.create(openid=f"o{number}", window_until=NOW + timedelta(hours=1), window_left=5)
        heard = NOW - timedelta(hours=9 - number)
        await Conversation.create(member_id=member.id, heard_at=heard, medium=medium, contact_id=contact.id)
    assert [one.no for one in await conversations.pressing(NOW, None, 8)] == ["Q1", "Q0", "Q2"]
    assert [one.no for one in await conversations.pressing(NOW, None, 2)] == ["Q1", "Q0"]


async def test_nothing_unknown_is_nothing_for_anybody() -> None:
    assert await reports.unknown_by_channel() == {}
    assert await reports.unknown_by_channel({"林"}) == {}
    assert await reports.queued_by_channel() == {}
