"""The reachability ledger: kept for what was not sent, spent once however many send, shown for each contact."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tortoise.transactions import in_transaction

from bot.settings import Settings
from campaigns import definitions, outbox, planner
from campaigns.members import consent, reach
from campaigns.members.reach import Use
from campaigns.models import Contact, Message, WechatFollower
from campaigns.planner import CAN, reach_of
from campaigns.terms import ChannelName, Defer, ReachChange, Reason, Suppress
from tests.cast import (
    NOW,
    Player,
    add_contact,
    add_member,
    claim,
    crowd,
    datong,
    jinbei,
    recheck,
    rulebook,
    run_tiny,
    write_tiny,
)

EMAIL, SMS, WECHAT = ChannelName.EMAIL, ChannelName.SMS, ChannelName.WECHAT


async def test_two_senders_cannot_both_spend_the_last_of_a_window(database: Settings) -> None:
    player = await datong()
    await _hear(player, window_until=NOW + timedelta(hours=1), window_left=3, credits={"SUB": 1})

    async def send(message_id: int, template: str) -> int:
        async with in_transaction():
            return len(await reach.spend({message_id: Use(WECHAT, player.openid, template)}, NOW))

    got = await asyncio.gather(*(send(n, "SUB" if n % 2 else "") for n in range(12)))
    assert sum(got) == 4
    follower = await WechatFollower.get()
    assert (follower.window_left, follower.credits) == (0, {"SUB": 0})


async def test_an_event_and_a_sender_at_the_same_time_lose_nothing(database: Settings) -> None:
    player = await datong()
    await _hear(player, credits={"SUB": 5})

    async def send(message_id: int) -> None:
        async with in_transaction():
            await reach.spend({message_id: Use(WECHAT, player.openid, "SUB")}, NOW)

    async def accept() -> None:
        async with in_transaction():
            await _hear(player, credits={"SUB": 1})

    await asyncio.gather(*(send(n) for n in range(5)), *(accept() for _ in range(5)))
    assert (await WechatFollower.get()).credits == {"SUB": 5}


async def test_what_was_sent_before_we_heard_of_the_window_is_taken_off_it(database: Settings, tmp_path: Path) -> None:
    """The customer writes, our message goes in the window before, and only then WeChat tells of the new one."""
    player = await datong()
    await run_tiny(tmp_path, channels=["sms"])
    await Message.all().update(
        channel="wechat", address=player.openid, wechat_mode="custom", state="sent", sent_at=NOW + timedelta(seconds=1)
    )
    await _hear(player, window_until=NOW + timedelta(hours=48), window_left=5)
    assert (await WechatFollower.get()).window_left == 4


async def test_a_message_by_no_channel_keeps_the_reasons_of_all(database: Settings, tmp_path: Path) -> None:
    player = await datong()
    await Contact.filter(id=player.contact_id).update(mobile=None)
    await consent.suppress_address(EMAIL, player.email, at=NOW, reason="bounced", source="test")
    await run_tiny(tmp_path, channels=["sms", "email"])
    row = await Message.get()
    assert (row.state, row.reason, row.obstacles) == ("suppressed", "unreachable", "sms:no_address email:unreachable")


async def test_the_preview_counts_for_each_channel_who_can_and_why_not(database: Settings, tmp_path: Path) -> None:
    members = await crowd(5)
    await Contact.filter(member_id__in=members[:2]).update(mobile=None)
    await Contact.filter(member_id=members[0]).update(email=None)
    await consent.suppress_address(SMS, (await Contact.get(member_id=members[2])).mobile or "", at=NOW,
                                   reason="isv.CUSTOMER_REFUSED", source="test")  # fmt: skip
    await consent.record_opt_out(members[4], at=NOW, source="test")
    await add_contact(await add_member("Y9"), 9, consent=False)
    await add_member("Y8")
    write_tiny(tmp_path, **{"class": "marketing", "channels": ["sms", "email"]})
    found = await planner.preview(await definitions.load_campaign(tmp_path, "tiny"), NOW, rulebook())
    shared = {"refused": 1, "no_consent": 1, "no_contact": 1}
    assert found.reach == {
        SMS: {CAN: 1, "no_address": 2, "opted_out": 1, **shared},
        EMAIL: {CAN: 3, "no_address": 1, **shared},
    }
    assert found.unreachable == {"no_address": 1, **shared}
    assert sum(found.channels.values()) == 3


async def test_a_way_that_closed_since_planning_gives_way_to_the_next_before_any_call(
    database: Settings, tmp_path: Path
) -> None:
    player, other = await datong(), await jinbei()
    await Contact.filter(id=other.contact_id).update(email=None)
    occurrence_id = await run_tiny(tmp_path, channels=["sms", "email"])
    for one in (player, other):
        await consent.suppress_address(SMS, one.mobile, at=NOW, reason="MK:0001", source="test")
    verdicts = [one.verdict for one in await recheck((await claim(occurrence_id)).messages)]
    assert verdicts == [
        Defer(player.contact_id, EMAIL, player.email, NOW, Reason.OTHER_WAY),
        Suppress(Reason.UNREACHABLE),
    ]


async def test_a_channel_stopped_for_long_is_planned_around_and_one_that_rests_a_minute_is_not(
    database: Settings, tmp_path: Path
) -> None:
    await datong()
    await outbox.close_channel(SMS, "test", until=NOW + timedelta(minutes=1))
    await run_tiny(tmp_path, channels=["sms", "email"])
    await outbox.close_channel(SMS, "test", until=NOW + timedelta(hours=12))
    await run_tiny(tmp_path, "second", channels=["sms", "email"])
    await run_tiny(tmp_path, "third", channels=["sms"])
    rows = await Message.all().order_by("id").values_list("channel", "reason")
    assert list(rows) == [("sms", ""), ("email", ""), ("sms", "channel_closed")]


@pytest.mark.parametrize("channel", [SMS, EMAIL, WECHAT])
async def test_a_member_s_page_says_of_each_contact_and_channel_whether_it_can(
    database: Settings, channel: ChannelName
) -> None:
    player = await datong()
    until = NOW + timedelta(hours=1)
    await _hear(player, window_until=until, window_left=2, credits={"SUB": 1})
    await consent.use_mass([player.openid], NOW)
    ways = {way.channel: way for way in await reach_of(player.member_id, NOW)}
    assert {way.service for way in ways.values()} == {None, Reason.NO_ADDRESS}  # WeCom knows nobody here
    wechat = ways[WECHAT]
    assert (wechat.window_left, wechat.window_until, wechat.credits, wechat.month_left) == (2, until, {"SUB": 1}, 3)
    await outbox.close_channel(channel, "test")
    stopped = {way.channel: way.service for way in await reach_of(player.member_id, NOW)}
    assert stopped[channel] is Reason.CHANNEL_CLOSED
    assert await reach_of(0, NOW) == []


async def _hear(player: Player, **told: object) -> None:
    await consent.record_reach(ReachChange("event", WECHAT, NOW, player.openid, **told))  # type: ignore[arg-type]
