"""One address at several companies: a refusal from it stops them all, what was said stays with the best match."""

from datetime import timedelta
from pathlib import Path

import pytest

from campaigns.intents import IntentTable, StopVerdict, load_table, read_intent
from campaigns.members.facts import facts_for
from campaigns.models import Message, Suppression, Touch, Visit
from campaigns.replies.refusals import record_refusal, record_staff_refusal
from campaigns.replies.taking import take_event
from campaigns.terms import Allow, ChannelName, Intent, Reason, Reply, Suppress, TouchKind
from tests.cast import (
    NOW,
    TEMPLATES,
    Player,
    add_contact,
    claim,
    datong,
    jinbei,
    recheck,
    run_tiny,
    send_one,
    sms_reply,
    xinping,
)

SMS, EMAIL, WECHAT = ChannelName.SMS, ChannelName.EMAIL, ChannelName.WECHAT
LATER = NOW + timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(scope="module")
def table() -> IntentTable:
    return load_table(TEMPLATES / "auto_replies")


@pytest.mark.parametrize("channel", [SMS, EMAIL, WECHAT])
async def test_a_refusal_stops_every_company_that_has_a_contact_with_the_address(
    table: IntentTable, tmp_path: Path, channel: ChannelName
) -> None:
    """Also where it is no primary contact's, also what is claimed already."""
    first, second, stranger = await datong(), await jinbei(), await xinping()
    address = {SMS: second.mobile, EMAIL: second.email, WECHAT: second.openid}[channel]
    column = {SMS: "mobile", EMAIL: "email", WECHAT: "openid"}[channel]
    await add_contact(first.member_id, 77, **{column: address})
    occurrence_id = await run_tiny(tmp_path, channels=["sms"])
    claimed = (await claim(occurrence_id)).messages

    await _take(Reply("up-1", channel, LATER, address, "退订"), table)

    assert [await _refused(one) for one in (first, second, stranger)] == [True, True, False]
    checked = {one.claimed.member_id: one.verdict for one in await recheck(claimed, LATER)}
    assert checked[first.member_id] == checked[second.member_id] == Suppress(Reason.REFUSED)
    assert isinstance(checked[stranger.member_id], Allow)
    touch = await Touch.get()
    assert (touch.member_id, touch.intent) == (second.member_id, Intent.STOP)
    assert set(await Suppression.all().values_list("source", flat=True)) == {f"touch:{touch.id}"}


async def test_doubt_pauses_all_of_them_for_a_day_and_the_task_names_the_others(table: IntentTable) -> None:
    first, second = await datong(), await jinbei()
    await add_contact(first.member_id, 77, mobile=second.mobile)
    text = next(text for text in ("不需要了", "可以不发吗") if read_intent(text, table).stop is StopVerdict.PAUSE)
    await _take(sms_reply(second, text), table)
    for one in (first, second):
        facts = (await facts_for([one.member_id], LATER))[one.member_id]
        assert (facts.refused, facts.paused_until) == (False, LATER + timedelta(hours=24))
    task = await Visit.get()
    assert (task.member_id, task.category) == (second.member_id, "check_stop")
    assert task.note.startswith(f"{text}\n")
    assert first.no in task.note
    assert second.no not in task.note


async def test_mail_addresses_are_the_same_in_any_case(table: IntentTable) -> None:
    first, second = await datong(), await jinbei()
    await add_contact(first.member_id, 77, email=second.email)
    await _take(Reply("up-1", EMAIL, LATER, second.email.title(), "退订"), table)
    assert [await _refused(one) for one in (first, second)] == [True, True]


async def test_an_answer_from_another_address_stops_who_has_it_and_who_shares_the_one_written_to(
    table: IntentTable, tmp_path: Path
) -> None:
    first, second, third = await datong(), await jinbei(), await xinping()
    await add_contact(second.member_id, 77, email=first.email)
    message_id = await send_one(tmp_path, first)
    forwarded = Reply("up-1", EMAIL, LATER, third.email, "退订")
    await take_event(forwarded, message_id=message_id, now=LATER, table=table)
    assert [await _refused(one) for one in (first, second, third)] == [True, True, True]
    assert (await Touch.get(kind=TouchKind.REPLY)).member_id == first.member_id


async def test_a_refusal_by_link_stops_all_of_them_and_one_of_a_channel_closes_the_address(tmp_path: Path) -> None:
    first, second = await datong(), await jinbei()
    await add_contact(first.member_id, 77, mobile=second.mobile)
    message_id = await send_one(tmp_path, second)
    await record_refusal(message_id, now=LATER, channel_only=True)
    assert [await _refused(one) for one in (first, second)] == [False, False]
    for _ in range(2):
        await record_refusal(message_id, now=LATER)
    assert [await _refused(one) for one in (first, second)] == [True, True]
    assert await Suppression.filter(member_id__not_isnull=True).count() == 2
    assert set(await Touch.filter(kind=TouchKind.OPT_OUT).values_list("member_id", flat=True)) == {second.member_id}


async def test_who_had_refused_before_is_left_as_it_was(table: IntentTable) -> None:
    first, second = await datong(), await jinbei()
    await add_contact(first.member_id, 77, mobile=second.mobile)
    await record_staff_refusal(first.member_id, now=NOW, by="李娜")
    assert not await _refused(second)  # staff name the company they mean
    for number in (1, 2):
        await _take(sms_reply(second, "退订", f"up-{number}"), table)
    rows = await Suppression.all().order_by("id").values_list("member_id", "at")
    assert rows == [(first.member_id, NOW), (second.member_id, LATER)]


async def test_a_message_of_a_contact_that_is_gone_stops_its_member(tmp_path: Path) -> None:
    player = await datong()
    message_id = await send_one(tmp_path, player)
    await Message.filter(id=message_id).update(contact_id=None, channel=None, address=None)
    await record_refusal(message_id, now=LATER)
    assert await _refused(player)


async def _take(reply: Reply, table: IntentTable) -> None:
    assert (await take_event(reply, message_id=None, now=LATER, table=table)).outcome == "applied"


async def _refused(player: Player) -> bool:
    return (await facts_for([player.member_id], LATER))[player.member_id].refused
