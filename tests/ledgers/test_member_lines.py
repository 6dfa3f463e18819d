"""What one member's page asks of the ledgers, on both databases: a page of history, applications, notes, an owner."""

from datetime import timedelta

import pytest

from campaigns import remarks, saved_views, touches, transfers
from campaigns.members import consent, find
from campaigns.members.browse import Sieve
from campaigns.models import Application, Member, Note, Suppression
from campaigns.terms import Direction, TouchKind
from tests.web_cast import NOW, add_member, add_unread

pytestmark = pytest.mark.usefixtures("database")


async def test_a_page_of_the_history_is_of_one_member_newest_first() -> None:
    one, other = await add_member("Q1"), await add_member("Q2")
    for n in range(5):
        for member in (one, other):
            await touches.record_touch(
                member.id, at=NOW - timedelta(hours=n), direction=Direction.IN, kind=TouchKind.REPLY, medium="email"
            )
    whole = [("touch", row.id) for row in await touches.timeline(one.id)]
    assert await touches.line_page(one.id, limit=10) == whole
    assert await touches.line_page(one.id, limit=2, skip=3) == whole[3:]
    assert {row.id for row in await touches.read_touches([key for _, key in whole[:2]])} == {
        key for _, key in whole[:2]
    }
    assert await touches.count_of(one.id) == 5


async def test_applications_of_a_posting_are_counted_with_the_oldest_that_waits() -> None:
    member = await add_member("Q1")
    posting = await add_unread(member, "J1", 3)
    await add_unread(await add_member("Q2"), "J2", 1)
    await Application.filter(no="J1-0").update(applied_at=NOW - timedelta(days=9), first_viewed_at=NOW)
    await Application.filter(no="J1-1").update(applied_at=NOW - timedelta(days=4))
    assert await find.waiting_by_posting(member.id) == {posting.id: find.Waiting(3, 1, NOW - timedelta(days=4))}
    await Application.all().update(first_viewed_at=NOW)
    assert (await find.waiting_by_posting(member.id))[posting.id].oldest is None


async def test_the_last_note_that_was_deleted_comes_back() -> None:
    member = await add_member("Q1")
    made = await remarks.add_remark(member.id, "只在上午打", by="林", now=NOW)
    assert not await remarks.delete_remark(made, member.id, by="王")
    assert await remarks.delete_remark(made, member.id, by="林")
    assert await remarks.remarks_of(member.id) == []
    assert not await remarks.restore_remark(made, member.id, by="王")
    assert await remarks.restore_remark(made, member.id, by="林")
    assert [one.text for one in await remarks.remarks_of(member.id)] == ["只在上午打"]
    assert await Note.all().count() == 1


async def test_a_member_is_not_given_on_where_somebody_was_quicker() -> None:
    await add_member("Q1", owner="林")
    asked = Sieve(owner="林")
    assert await transfers.transfer(asked, "王", by="主管", now=NOW)
    assert not await transfers.transfer(asked, "赵", by="主管", now=NOW)
    assert (await Member.get()).owner == "王"


async def test_only_what_staff_paused_is_ended_early() -> None:
    member, other = await add_member("Q1"), await add_member("Q2")
    for one in (member, other):
        await consent.pause_member(one.id, at=NOW, source="staff:林:国庆", lasting=timedelta(days=9))
    await consent.pause_member(member.id, at=NOW, source="touch:1")
    await consent.record_opt_out(member.id, at=NOW, source="staff:林")
    assert await consent.end_pause(member.id, at=NOW, source="staff:王")
    assert not await consent.end_pause(member.id, at=NOW, source="staff:王")
    standing = await Suppression.filter(lifted_at=None).order_by("id").values_list("member_id", "reason", "source")
    assert standing == [(other.id, "in_doubt", "staff:林:国庆"), (member.id, "in_doubt", "touch:1"),
                        (member.id, "refused", "staff:林")]  # fmt: skip


async def test_of_ones_views_one_is_begun_with_until_it_is_chosen_again_or_gone() -> None:
    mine = await saved_views.save_view(1, "members", "大同的", "city=大同", now=NOW)
    assert await saved_views.default_view(1, "members") is None
    assert not await saved_views.choose_default(mine.id, 2, "members")
    assert await saved_views.choose_default(mine.id, 1, "members")
    assert await saved_views.default_view(1, "members") == mine
    assert await saved_views.default_view(2, "members") is None
    assert await saved_views.choose_default(mine.id, 1, "members")
    assert await saved_views.default_view(1, "members") is None
    await saved_views.choose_default(mine.id, 1, "members")
    await saved_views.delete_view(mine.id, 1)
    assert await saved_views.default_view(1, "members") is None


async def test_a_history_is_narrowed_to_a_channel_and_to_who_spoke() -> None:
    member = await add_member("Q1")
    for medium, direction in (("email", Direction.IN), ("email", Direction.OUT), ("sms", Direction.IN)):
        await touches.record_touch(member.id, at=NOW, direction=direction, kind=TouchKind.REPLY, medium=medium)
    theirs = await touches.line_page(member.id, limit=9, only=touches.LineFilter(direction="in"))
    mails = await touches.line_page(member.id, limit=9, only=touches.LineFilter(medium="email"))
    assert (len(theirs), len(mails), len(set(theirs) & set(mails))) == (2, 2, 1)
    assert await touches.line_page(member.id, limit=9, only=touches.LineFilter(campaign="none")) == []
    assert await touches.line_choices(member.id) == (["email", "sms"], [])
