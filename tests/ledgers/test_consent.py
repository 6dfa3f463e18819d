"""Refusals, closed addresses, and what a follower lets us send."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tortoise.transactions import in_transaction

from bot.commands.importing import import_paths
from bot.settings import Settings
from campaigns.members import consent, reach
from campaigns.members.facts import facts_for
from campaigns.members.reach import Use
from campaigns.models import Contact, Suppression, WechatFollower
from campaigns.reach import mass_left
from campaigns.terms import ChannelName, Facts, ReachChange, Reason
from tests.cast import NOW, Player, datong, jinbei, yungang

pytestmark = pytest.mark.usefixtures("database")

SMS, WECHAT = ChannelName.SMS, ChannelName.WECHAT


async def test_only_a_recorded_yes_is_consent() -> None:
    player = await datong()
    for stored, counts in ((True, True), (False, False), (None, False)):
        await Contact.filter(id=player.contact_id).update(consent=stored)
        assert (await _facts(player)).contacts[0].consent is counts


async def test_a_refusal_is_the_company_s_and_stands_until_it_is_lifted() -> None:
    player, other = await datong(), await jinbei()
    for _ in range(2):
        await consent.record_opt_out(player.member_id, at=NOW, source="touch:1")
    assert await Suppression.all().count() == 1
    assert ((await _facts(player)).refused, (await _facts(other)).refused) == (True, False)
    await consent.lift_opt_out(player.member_id, at=NOW, source="staff")
    assert not (await _facts(player)).refused
    assert await Suppression.all().count() == 1  # never deleted
    await consent.record_opt_out(player.member_id, at=NOW, source="touch:2")
    assert (await _facts(player)).refused


async def test_a_pause_ends_after_a_day_and_is_no_refusal() -> None:
    player = await datong()
    await consent.pause_member(player.member_id, at=NOW, source="touch:1")
    await consent.pause_member(player.member_id, at=NOW + timedelta(hours=2), source="touch:2")
    facts = await _facts(player)
    assert (facts.refused, facts.paused_until) == (False, NOW + timedelta(hours=26))
    later = (await facts_for([player.member_id], NOW + timedelta(hours=26)))[player.member_id]
    assert later.paused_until is None


async def test_a_refusal_after_a_pause_is_recorded() -> None:
    player = await datong()
    await consent.pause_member(player.member_id, at=NOW, source="touch:1")
    await consent.record_opt_out(player.member_id, at=NOW, source="touch:2")
    assert (await _facts(player)).refused


async def test_a_closed_address_is_closed_on_its_channel_for_all_who_share_it() -> None:
    player, other = await yungang(), await datong()
    await Contact.filter(id=other.contact_id).update(mobile=player.mobile)
    for one in (player, other):
        facts = await _facts(one)
        assert facts.contacts[0].blocked == {SMS: Reason.OPTED_OUT}
        assert not facts.refused
    await consent.suppress_address(SMS, player.mobile, at=NOW, reason="again", source="")
    assert await Suppression.all().count() == 1


async def test_a_contact_that_is_the_wrong_person_is_none() -> None:
    player = await datong()
    await consent.deactivate_contact(player.contact_id)
    assert (await _facts(player)).contacts == ()


async def test_importing_again_brings_back_neither_consent_nor_contact(database: Settings, tmp_path: Path) -> None:
    player = await datong()
    await consent.record_opt_out(player.member_id, at=NOW, source="touch:1")
    await consent.deactivate_contact(player.contact_id)
    path = tmp_path / "contacts.csv"
    path.write_text(f"联系人编号,会员编号,姓名,手机,同意接收营销\nC1,{player.no},张晓燕,{player.mobile},是\n", "utf-8")
    await import_paths(database, [path], NOW, lambda *_: None)
    facts = await _facts(player)
    assert (facts.refused, facts.contacts) == (True, ())


# ---- WeChat -------------------------------------------------------------------------------------------------------


async def test_of_a_follower_without_events_nothing_is_known() -> None:
    assert (await _facts(await datong())).contacts[0].wechat is None


async def test_a_window_and_credits_are_kept_and_used_up() -> None:
    player = await datong()
    until = NOW + timedelta(hours=48)
    await _reach(player, window_until=until, window_left=2, credits={"SUB": 2})
    await _reach(player, credits={"SUB": 1, "OTHER": 1})
    assert await _spend(_window(player), _notice(player)) == {1: until, 2: until}
    known = (await _facts(player)).contacts[0].wechat
    assert known is not None
    assert (known.window_until, known.window_left, dict(known.credits)) == (until, 1, {"SUB": 2, "OTHER": 1})


async def test_of_more_messages_than_are_left_the_first_get_them_and_nothing_falls_below_zero() -> None:
    player = await datong()
    await _reach(player, window_until=NOW + timedelta(hours=1), window_left=2, credits={"SUB": 1})
    assert set(await _spend(*[_window(player)] * 3, *[_notice(player)] * 3)) == {1, 2, 4}
    assert await _spend(_window(player), Use(WECHAT, "o-nobody")) == {}
    follower = await WechatFollower.get()
    assert (follower.window_left, follower.credits) == (0, {"SUB": 0})


async def test_a_window_that_is_over_or_of_somebody_who_left_gives_nothing() -> None:
    player = await datong()
    await _reach(player, window_until=NOW, window_left=5)
    assert await _spend(_window(player)) == {}
    await _reach(player, window_until=NOW + timedelta(hours=1), window_left=5)
    await _reach(player, followed=False)
    assert await _spend(_window(player)) == {}


async def test_what_was_not_sent_is_given_back_unless_a_new_window_has_been_opened() -> None:
    player = await datong()
    first, second = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    await _reach(player, window_until=first, window_left=5, credits={"SUB": 1})
    await _spend(_window(player), _notice(player))
    await reach.give_back([(_window(player), first), (_notice(player), first)])
    follower = await WechatFollower.get()
    assert (follower.window_left, follower.credits) == (5, {"SUB": 1})
    await _spend(_window(player))
    await _reach(player, window_until=second, window_left=5)
    await reach.give_back([(_window(player), first)])
    assert (await WechatFollower.get()).window_left == 5


async def test_of_events_that_come_in_the_wrong_order_the_latest_counts() -> None:
    """The customer clicked a minute after writing, and left: WeChat tells of it backwards."""
    player = await datong()
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    await _reach(player, at=NOW + 2 * minute, followed=False)
    await _reach(player, at=NOW + minute, window_until=NOW + 2 * minute, window_left=3)
    await _reach(player, at=NOW, followed=True, window_until=NOW + 48 * hour, window_left=5)
    follower = await WechatFollower.get()
    assert (follower.followed, follower.window_until) == (False, None)
    assert (await _facts(player)).contacts[0].blocked == {WECHAT: Reason.NOT_FOLLOWER}


async def test_a_follower_gets_four_mass_messages_a_month() -> None:
    player, other = await datong(), await jinbei()
    for left in (3, 2, 1, 0):
        await consent.use_mass([player.openid], NOW)
        assert mass_left((await _facts(player)).contacts[0].wechat, NOW) == left
    assert mass_left((await _facts(player)).contacts[0].wechat, NOW + timedelta(days=10)) == 4
    assert mass_left((await _facts(other)).contacts[0].wechat, NOW) == 4


async def test_a_credit_that_is_cleared_is_gone() -> None:
    player = await datong()
    await _reach(player, credits={"SUB": 3})
    await _reach(player, credits={"SUB": 0})
    assert (await WechatFollower.get(openid=player.openid)).credits == {"SUB": 0}


async def test_the_provider_is_believed_that_there_is_no_window() -> None:
    player = await datong()
    await _reach(player, window_until=NOW + timedelta(hours=1), window_left=5, credits={"SUB": 3})
    assert await reach.spend({}, NOW, closed=[_window(player), _notice(player)]) == {}
    follower = await WechatFollower.get(openid=player.openid)
    assert (follower.window_left, follower.credits) == (0, {"SUB": 0})


async def test_following_again_lifts_the_unfollow_but_no_refusal_and_no_preference() -> None:
    player = await datong()
    await consent.record_opt_out(player.member_id, at=NOW, source="touch:1")
    await _reach(player, followed=False)
    assert (await _facts(player)).contacts[0].blocked == {WECHAT: Reason.NOT_FOLLOWER}
    await _reach(player, followed=True)
    facts = await _facts(player)
    assert (facts.refused, facts.contacts[0].blocked) == (True, {})

    await consent.suppress_address(WECHAT, player.openid, at=NOW, reason="preference", source="link:1")
    await _reach(player, followed=True)
    assert (await _facts(player)).contacts[0].blocked == {WECHAT: Reason.OPTED_OUT}


async def _facts(player: Player) -> Facts:
    return (await facts_for([player.member_id], NOW))[player.member_id]


async def _reach(player: Player, at: datetime = NOW, **told: object) -> None:
    await consent.record_reach(ReachChange("event", WECHAT, at, player.openid, **told))  # type: ignore[arg-type]


async def _spend(*uses: Use) -> dict[int, datetime | None]:
    """For messages 1, 2, 3 …"""
    async with in_transaction():
        return await reach.spend(dict(enumerate(uses, start=1)), NOW)


def _window(player: Player) -> Use:
    return Use(WECHAT, player.openid)


def _notice(player: Player) -> Use:
    return Use(WECHAT, player.openid, "SUB")
