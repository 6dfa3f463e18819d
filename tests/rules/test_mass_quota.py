"""A WeChat account may send four mass messages a month to one follower: known before the call."""

from datetime import UTC, datetime

import pytest

from campaigns.reach import MASS_A_MONTH, CampaignRules, mass_left, wechat_mode
from campaigns.terms import ChannelName, ContactFacts, MessageClass, WechatMode, WechatReach

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
RULES = CampaignRules(MessageClass.MARKETING, (ChannelName.WECHAT,), None, frozenset({WechatMode.MASS}))


@pytest.mark.parametrize(
    ("reach", "mode"),
    [
        (None, WechatMode.MASS),
        (WechatReach(followed=True), WechatMode.MASS),
        (WechatReach(followed=False), None),
        (WechatReach(followed=True, mass_month="2026-11", mass_used=3), WechatMode.MASS),
        (WechatReach(followed=True, mass_month="2026-11", mass_used=4), None),
        (WechatReach(followed=True, mass_month="2026-10", mass_used=4), WechatMode.MASS),
    ],
    ids=["imported", "follower", "gone", "three", "four", "four of last month"],
)
def test_a_mass_send_is_for_followers_with_some_of_the_month_left(
    reach: WechatReach | None, mode: WechatMode | None
) -> None:
    contact = ContactFacts(1, "L1", "王小明", "", None, None, "o1", is_primary=True, consent=True, wechat=reach)
    assert wechat_mode(contact, RULES, NOW) is mode


def test_the_month_of_a_mass_send_is_counted_in_shanghai() -> None:
    used = WechatReach(followed=True, mass_month="2026-11", mass_used=4)
    assert mass_left(used, datetime(2026, 11, 30, 15, 59, tzinfo=UTC)) == 0
    assert mass_left(used, datetime(2026, 11, 30, 16, 0, tzinfo=UTC)) == MASS_A_MONTH
