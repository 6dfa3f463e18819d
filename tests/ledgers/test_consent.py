"""Refusals, closed addresses, and what a follower lets us send."""

from datetime import timedelta
from pathlib import Path

import pytest

from bot.commands.importing import import_paths
from bot.settings import Settings
from campaigns.members import consent
from campaigns.members.facts import facts_for
from campaigns.models import Contact, Suppression, WechatFollower
from campaigns.terms import ChannelName, Facts, ReachChange, WechatMode
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
        assert facts.contacts[0].blocked == {SMS}
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
    for mode, template in ((WechatMode.CUSTOM, ""), (WechatMode.SUBSCRIBE, "SUB"), (WechatMode.TEMPLATE, "T")):
        await consent.use_reach(player.openid, mode, template)
    reach = (await _facts(player)).contacts[0].wechat
    assert reach is not None
    assert (reach.window_until, reach.window_left, dict(reach.credits)) == (until, 1, {"SUB": 2, "OTHER": 1})


async def test_nothing_is_used_up_below_zero() -> None:
    player = await datong()
    await _reach(player, window_until=NOW, window_left=1)
    for _ in range(3):
        await consent.use_reach(player.openid, WechatMode.CUSTOM, "")
        await consent.use_reach(player.openid, WechatMode.SUBSCRIBE, "SUB")
    follower = await WechatFollower.get(openid=player.openid)
    assert (follower.window_left, follower.credits) == (0, {"SUB": 0})
    await consent.use_reach("o-nobody", WechatMode.CUSTOM, "")  # no follower, no effect
    assert await WechatFollower.all().count() == 1


async def test_a_credit_that_is_cleared_is_gone() -> None:
    player = await datong()
    await _reach(player, credits={"SUB": 3})
    await _reach(player, credits={"SUB": 0})
    assert (await WechatFollower.get(openid=player.openid)).credits == {"SUB": 0}


async def test_the_provider_is_believed_that_there_is_no_window() -> None:
    player = await datong()
    await _reach(player, window_until=NOW, window_left=5, credits={"SUB": 3})
    await consent.close_reach(player.openid, WechatMode.CUSTOM, "")
    await consent.close_reach(player.openid, WechatMode.SUBSCRIBE, "SUB")
    follower = await WechatFollower.get(openid=player.openid)
    assert (follower.window_left, follower.credits) == (0, {"SUB": 0})


async def test_following_again_lifts_the_unfollow_but_no_refusal_and_no_preference() -> None:
    player = await datong()
    await consent.record_opt_out(player.member_id, at=NOW, source="touch:1")
    await _reach(player, followed=False)
    assert (await _facts(player)).contacts[0].blocked == {WECHAT}
    await _reach(player, followed=True)
    facts = await _facts(player)
    assert (facts.refused, facts.contacts[0].blocked) == (True, frozenset())

    await consent.suppress_address(WECHAT, player.openid, at=NOW, reason="preference", source="link:1")
    await _reach(player, followed=True)
    assert (await _facts(player)).contacts[0].blocked == {WECHAT}


async def _facts(player: Player) -> Facts:
    return (await facts_for([player.member_id], NOW))[player.member_id]


async def _reach(player: Player, **told: object) -> None:
    await consent.record_reach(ReachChange("event", WECHAT, NOW, player.openid, **told))  # type: ignore[arg-type]
